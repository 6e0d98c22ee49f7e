"""Rows in order of whose they are: where one's begin and end. Of millions it is several times quicker than by ids."""

from __future__ import annotations

import polars as pl


def in_order(days: pl.DataFrame) -> pl.DataFrame:
    """`days` sorted by customer and day; looks first, because looking is much cheaper than sorting ids."""
    who, day = pl.col("customer_id"), pl.col("day_n")
    same = who == who.shift(1)
    wrong = days.select(((who < who.shift(1)) | (same & (day < day.shift(1)))).any()).item()
    return days.sort("customer_id", "day_n") if wrong else days


def run(*columns: pl.Expr) -> pl.Expr:
    """Number of the run of equal values, for rows in order: grouping by it is several times faster than by ids."""
    changed = pl.any_horizontal(*(c.ne_missing(c.shift(1)) for c in columns))
    return changed.cum_sum().set_sorted()


def begins(column: pl.Expr) -> pl.Expr:
    """Whether a row is the first of a run of equal values, for rows in order."""
    return (column != column.shift(1)).fill_null(value=True)


def ends(column: pl.Expr) -> pl.Expr:
    """Whether a row is the last of a run of equal values, for rows in order."""
    return (column != column.shift(-1)).fill_null(value=True)
