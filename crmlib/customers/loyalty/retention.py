"""Cohort retention: of those who came first in a month, how many bought again 1, 2, … months later."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import a_day, day_number
from crmlib.core.frames import AnyFrame
from crmlib.core.members import purchases

SETTLING_MONTHS = 6
"""In the first months of the data old customers look new."""


def cohorts(customer_day: AnyFrame, *, as_of: date, months: int = 12) -> pl.DataFrame:
    """Share of each month's newcomers who bought in each later month.

    A month that had not ended by `as_of` is left out, so that the last diagonal is not a false drop.

    Parameters
    ----------
    customer_day : customer_id, day_n, is_purchase; one row per customer and day, from the beginning.
    as_of : last day included.
    months : how far to follow.

    Returns
    -------
    cohort (first day of the month of the first purchase), newcomers, after [months], customers, share; `after` 0 is 1
    by definition. Sorted by cohort and after.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a", "a", "b"], "day_n": [0, 31, 5], "is_purchase": [True] * 3})
    >>> cohorts(days, as_of=date(1970, 2, 28)).select("after", "customers", "share").rows()
    [(0, 2, 1.0), (1, 1, 0.5)]
    """
    as_of = a_day(as_of, name="as_of")
    last = (as_of.year * 12 + as_of.month - 1) - (0 if _ends_month(as_of) else 1)
    day = pl.col("day_n").cast(pl.Int32).cast(pl.Date)
    newcomer = (pl.col("customer_id") != pl.col("customer_id").shift(1)).fill_null(value=True)
    month = pl.col("month")
    visits = (  # in order of customers and days, so that nobody has to be looked up
        purchases(customer_day, until=day_number(as_of))
        .select(newcomer=newcomer, month=day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1)
        .filter(pl.col("newcomer") | (month != month.shift(1)))
        .with_columns(first=pl.when("newcomer").then(month).forward_fill())
        .filter(month <= last)
    )
    newcomers = (
        visits.filter(pl.col("month") == pl.col("first")).group_by("first").agg(newcomers=pl.len().cast(pl.Int64))
    )
    grid = newcomers.join(pl.DataFrame({"after": range(months + 1)}, schema={"after": pl.Int64}), how="cross").filter(
        pl.col("first") + pl.col("after") <= last
    )
    counted = (
        visits.with_columns(after=pl.col("month") - pl.col("first"))
        .group_by("first", "after")
        .agg(customers=pl.len().cast(pl.Int64))
    )
    return (
        grid.join(counted, on=["first", "after"], how="left")
        .with_columns(pl.col("customers").fill_null(0))
        .with_columns(
            share=pl.col("customers") / pl.col("newcomers"),
            cohort=pl.date(pl.col("first") // 12, pl.col("first") % 12 + 1, 1),
        )
        .select("cohort", "newcomers", "after", "customers", "share")
        .sort("cohort", "after")
    )


def settled(table: pl.DataFrame) -> pl.DataFrame:
    """Cohorts without those of the data's first `SETTLING_MONTHS`: there, who came before counts as new.

    Parameters
    ----------
    table : as `cohorts` gives it.
    """
    if table.is_empty():
        return table
    first = pl.col("cohort").min().dt.offset_by(f"{SETTLING_MONTHS}mo")
    return table.filter(pl.col("cohort") >= first)


def kept(table: pl.DataFrame, *, after: tuple[int, ...] = (3, 6, 12)) -> dict[int, float | None]:
    """Of all newcomers who had the time, the share that bought in the n-th month after; null where none had.

    Parameters
    ----------
    table : as `cohorts` gives it; after : n [months].

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a", "a", "b"], "day_n": [0, 31, 5], "is_purchase": [True] * 3})
    >>> kept(cohorts(days, as_of=date(1970, 2, 28)), after=(1, 12))
    {1: 0.5, 12: None}
    """
    sums = table.group_by("after").agg(pl.col("customers", "newcomers").sum())
    known = {n: customers / newcomers for n, customers, newcomers in sums.iter_rows() if newcomers}
    return {n: known.get(n) for n in after}


def _ends_month(day: date) -> bool:
    return (date.fromordinal(day.toordinal() + 1)).month != day.month
