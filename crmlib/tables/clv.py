"""Tables of lifetime value set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.tables import style
from crmlib.text import Words

if TYPE_CHECKING:
    from great_tables import GT

_MONEY = (
    "future_minor",
    "value_low_minor",
    "value_high_minor",
    "per_customer_minor",
    "at_stake_minor",
    "value_worst_minor",
    "value_best_minor",
)
_COUNTS = ("customers", "actual_customers", "listed", "actual_purchases")
_SHARES = ("share_value", "share_customers", "p_alive", "p_buy", "rate", "low", "high", "share", "bias", "captured")
_NUMBERS = {
    "alive": 0,
    "expected_customers": 1,
    "expected_purchases": 1,
    "actual_each": 2,
    "expected_each": 2,
    "log_likelihood": 1,
    "aic": 1,
    "mae": 2,
    "rmse": 2,
    "gap_days": 0,
    "days_since": 0,
}


def readable(frame: pl.DataFrame, *, words: Words) -> GT:
    """`frame` under its column labels, every column in the format of its kind."""
    have = set(frame.columns)
    return style.table(
        frame,
        words=words,
        money=[c for c in _MONEY if c in have],
        counts=[c for c in _COUNTS if c in have],
        shares=[c for c in _SHARES if c in have],
        numbers={c: digits for c, digits in _NUMBERS.items() if c in have},
        days=[c for c in ("week_end", "due_on") if c in have],
    )
