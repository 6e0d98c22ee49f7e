"""Tables of promotions set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as style
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

_SHARES = (
    "extra_share",
    "pooled_lift",
    *("share", "at_plan", "tipping_low", "fakeable", "coverage"),
    *("power", "smallest_lift", "dip", "cannibalised", "halo", "margin_rate"),
)
_NUMBERS = {"roi": 2, "output_per_input": 2, "factor": 3, "error": 2, "days_left": 1, "mean_min": 0, "max_min": 0}
_COUNTS = ("empty", "stores", "events", "lines", "receipts", "members", "held_out", "products", "days")
_DAYS = ("first_day", "last_day", "day", "due_on")


def readable(frame: pl.DataFrame, *, words: Words, exact: bool = False) -> GT:
    """`frame` under its column labels; thousandths of a unit as whole units, money in three digits or exact."""
    units = [c for c in frame.columns if c.endswith("_milli")]
    shown = frame.with_columns((pl.col(c) / 1000).round(0) for c in units)
    have = set(frame.columns)
    money = [c for c in frame.columns if c.endswith("_minor")]
    return style.table(
        shown,
        words=words,
        money=() if exact else money,
        exact_money=money if exact else (),
        counts=[c for c in _COUNTS if c in have],
        shares=[c for c in _SHARES if c in have],
        numbers={c: d for c, d in _NUMBERS.items() if c in have} | dict.fromkeys(units, 0),
        days=[c for c in _DAYS if c in have],
    )
