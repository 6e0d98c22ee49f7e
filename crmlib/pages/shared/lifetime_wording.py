"""What must be said beside whatever rests on the probability of buying again."""

from __future__ import annotations

import polars as pl

from crmlib.clv.judge.backtest import Backtest
from crmlib.kit.finding import Status
from crmlib.kit.words import Words

OFF_WARN, OFF_FAIL = 4, 7
"""Tenths of customers (of ten) whose interval misses the predicted probability; one is expected by chance."""


def off_tenths(test: Backtest) -> tuple[int, Status]:
    """In how many tenths of customers the probability of buying was off, and the status of that check."""
    frame = test.calibration
    off = frame.filter((pl.col("p_buy") < pl.col("low")) | (pl.col("p_buy") > pl.col("high"))).height
    return off, "fail" if off >= OFF_FAIL else "warn" if off >= OFF_WARN else "ok"


def chance_words(test: Backtest, words: Words) -> str:
    """What must be said beside whatever rests on probabilities; empty where their check is green."""
    off, status = off_tenths(test)
    if status == "ok":
        return ""
    return words(f"clv.chance.{status}", off=str(off), tenths=str(test.calibration.height))
