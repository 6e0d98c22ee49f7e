"""Tables of lifetime value set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as style
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

_MONEY = (
    "future_minor",
    "value_low_minor",
    "value_high_minor",
    "per_customer_minor",
    "at_stake_minor",
    "early_net_minor",
    "value_worst_minor",
    "value_best_minor",
)
_COUNTS = ("customers", "actual_customers", "listed", "actual_purchases")
_SHARES = ("share_value", "share_customers", "p_alive", "p_buy", "rate", "low", "high", "share", "bias", "captured")
_NUMBERS = {
    "alive": 0,
    "expected_customers": 1,
    "expected_purchases": 1,
    "early_purchases": 1,
    "actual_each": 2,
    "expected_each": 2,
    "log_likelihood": 1,
    "aic": 1,
    "deviance": 3,
    "mae": 2,
    "rmse": 2,
    "gap_days": 0,
    "days_since": 0,
}
_WIDTHS = {"reason": "13em", "suggestion": "9em"}
"""Sentences keep room to be read on a phone; the table scrolls."""


def readable(frame: pl.DataFrame, *, words: Words) -> GT:
    """`frame` under its column labels, every column in the format of its kind."""
    from great_tables.loc import body  # noqa: PLC0415 - a third of a second, only where a table is shown
    from great_tables.style import css  # noqa: PLC0415

    have = set(frame.columns)
    view = style.table(
        frame,
        words=words,
        money=[c for c in _MONEY if c in have],
        counts=[c for c in _COUNTS if c in have],
        shares=[c for c in _SHARES if c in have],
        numbers={c: digits for c, digits in _NUMBERS.items() if c in have},
        days=[c for c in ("week_end", "due_on") if c in have],
    )
    view = view.cols_align("center", columns=[c for c in ("tier",) if c in have])
    for column in [c for c in _WIDTHS if c in have]:
        view = view.tab_style(css(f"min-width: {_WIDTHS[column]}"), body(columns=column))
    return view
