"""Whether as much came in as usual: store-days that are empty or nearly so, months without sales, sales without money.

A store's ordinary day is the median of the same weekday in the eight weeks before those looked at, empty days counted
as zero. Empty days count where so many receipts are usual over their whole run that chance leaves none of it empty: a
day of a busy store, a week of a small counter. So nothing is inferred of a quiet day of a store that sells little.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars

WATCHED, BEFORE = 28, 56
"""Days looked at, and the days before them that say what is ordinary: four and eight weeks."""
ENOUGH = 12
"""So many receipts usual over a run of empty days, or on one thin day: chance leaves that out once in 160,000 times."""
HARDLY = 0.1
"""At most this share of an ordinary day is hardly anything."""
LEAST_MONTHS = 3
"""Months needed to say what an ordinary month is."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What is missing from the sales.

    Parameters
    ----------
    stores : one row per store with such days among the last four weeks: store_id, usual_receipts (a day), empty_days,
        thin_days (at most a tenth of usual), unpaid_days (receipts, but no money), first_day, last_day; most days
        first.
    store_days : ordinary store-days looked at; 0 where the data are too thin or too short to tell.
    months : months between the first and the last that have no line, or at most a tenth of an ordinary month: month,
        lines.
    """

    stores: pl.DataFrame
    store_days: int
    months: pl.DataFrame

    @property
    def bad_days(self) -> int:
        """Store-days that are empty, thin or without money."""
        return int(self.stores.select(pl.sum_horizontal("empty_days", "thin_days", "unpaid_days").sum()).item() or 0)


def volume(store_day: AnyFrame, *, as_of: date, closures: pl.DataFrame | None = None) -> Volume:
    """Compare the last four weeks, store by store, with the eight before, and every month with the others.

    Parameters
    ----------
    store_day : store_id, day_n, receipts, lines, net_minor; one row per store and day with sales.
    as_of : the last day looked at.
    closures : store_id, starts_on, ends_on: days on which a store was shut are none of these.

    Examples
    --------
    >>> from datetime import timedelta
    >>> days = pl.DataFrame({"store_id": "a", "day_n": range(20_000, 20_083), "receipts": 20,
    ...     "lines": 30, "net_minor": 900})
    >>> found = volume(days, as_of=date(1970, 1, 1) + timedelta(days=20_083))
    >>> found.stores.select("store_id", "empty_days").rows(), found.store_days
    ([('a', 1)], 28)
    """
    table = to_polars(store_day, needs=("store_id", "day_n", "receipts", "lines", "net_minor"), name="store_day")
    table = table.filter(pl.col("day_n") <= day_number(as_of)).with_columns(pl.col("day_n").cast(pl.Int64))
    grid = _grid(table, last=day_number(as_of), shut=_shut(closures, last=as_of))
    came, usual = pl.col("receipts"), pl.col("usual")
    run = (came == 0).rle_id().over("store_id")
    known = grid.sort("store_id", "day_n").with_columns(run=run)
    states = known.with_columns(
        empty=(came == 0) & (usual.sum().over("store_id", "run") >= ENOUGH),
        thin=(came > 0) & (came <= HARDLY * usual) & (usual >= ENOUGH),
        unpaid=(came > HARDLY * usual) & (pl.col("net_minor") == 0) & (usual >= ENOUGH),
    )
    bad = pl.any_horizontal("empty", "thin", "unpaid")
    stores = (
        states.group_by("store_id")
        .agg(
            pl.col("usual").median().alias("usual_receipts"),
            *(pl.col(kind).sum().cast(pl.Int64).alias(f"{kind}_days") for kind in ("empty", "thin", "unpaid")),
            pl.col("day_n").filter(bad).min().cast(pl.Int32).cast(pl.Date).alias("first_day"),
            pl.col("day_n").filter(bad).max().cast(pl.Int32).cast(pl.Date).alias("last_day"),
        )
        .drop_nulls("first_day")
        .sort(pl.sum_horizontal("empty_days", "thin_days", "unpaid_days"), "store_id", descending=[True, False])
    )
    return Volume(stores, grid.height, _months(table))


def _grid(table: pl.DataFrame, *, last: int, shut: pl.DataFrame) -> pl.DataFrame:
    """Ordinary store-days of the last four weeks: store_id, day_n, receipts (0 where none), net_minor, usual."""
    begins = last - WATCHED - BEFORE + 1
    recent = (
        table.filter(pl.col("day_n") >= begins)
        .group_by("store_id", "day_n")
        .agg(pl.col("receipts", "net_minor").sum().cast(pl.Int64))
    )
    if recent.is_empty() or table.filter(pl.col("day_n") <= begins).is_empty():
        return recent.clear().with_columns(usual=pl.lit(0.0))
    days = pl.DataFrame({"day_n": pl.int_range(begins, last + 1, eager=True)})
    whole = (
        recent.select("store_id").unique().join(days, how="cross")
        .join(recent, on=["store_id", "day_n"], how="left", nulls_equal=True)
        .with_columns(pl.col("receipts", "net_minor").fill_null(0), weekday=pl.col("day_n") % 7)
        .join(shut, on=["store_id", "day_n"], how="anti")
    )  # fmt: skip
    before = whole.filter(pl.col("day_n") <= last - WATCHED)
    usual = before.group_by("store_id", "weekday").agg(usual=pl.col("receipts").median())
    watched = whole.filter(pl.col("day_n") > last - WATCHED)
    known = watched.join(usual, on=["store_id", "weekday"], nulls_equal=True).filter(pl.col("usual") > 0)
    busy = known.filter(pl.col("usual").sum().over("store_id") >= ENOUGH)
    return busy.select("store_id", "day_n", "receipts", "net_minor", "usual")


def _shut(closures: pl.DataFrame | None, *, last: date) -> pl.DataFrame:
    """Days on which a store was shut: store_id, day_n."""
    if closures is None or closures.is_empty():
        return pl.DataFrame(schema={"store_id": pl.String, "day_n": pl.Int64})
    ends = pl.col("ends_on").fill_null(last)
    spans = closures.filter(pl.col("starts_on") <= ends)
    days = spans.select("store_id", day_n=pl.date_ranges("starts_on", ends)).explode("day_n").drop_nulls()
    return days.select("store_id", pl.col("day_n").cast(pl.Int32).cast(pl.Int64)).unique()


def _months(table: pl.DataFrame) -> pl.DataFrame:
    """Months inside the history with no line, or hardly any: month, lines."""
    month = pl.col("day_n").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo").alias("month")
    by = table.group_by(month).agg(pl.col("lines").sum().cast(pl.Int64)).sort("month")
    if by.height < LEAST_MONTHS:
        return by.clear()
    every = pl.DataFrame({"month": pl.date_range(by["month"][0], by["month"][-1], "1mo", eager=True)})
    inner = every.join(by, on="month", how="left").with_columns(pl.col("lines").fill_null(0))[1:-1]
    ordinary = by["lines"].median()
    return inner.filter(pl.col("lines") <= HARDLY * pl.lit(ordinary))
