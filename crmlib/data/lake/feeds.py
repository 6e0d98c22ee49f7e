"""Are the data fresh, whole, and about persons: the checks a planner should see before any other page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date

import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, timed, to_polars

LATE_INTERVALS = 2
"""A feed is late when it is more than two of its own intervals behind."""
WEEK, GAP_INTERVALS = 7, 3
"""Days without data are a gap beyond a week (a festival) and three of the feed's own intervals."""
MISSING = {"table": pl.String, "field": pl.String, "rows": pl.Int64, "missing": pl.Int64}
TERMS = ("kept", "replaced", "duplicate", "conflict", "quarantined", "excluded")
"""read = the sum of these, for every ingest."""


def freshness(feed_day: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """How far each feed of sales reaches, against its own interval.

    Parameters
    ----------
    feed_day : source, day; one row per feed and day with data.
    as_of : the report's day.

    Returns
    -------
    source; first_day, last_day; days (with data); interval_days (mean between days with data); late_days; late (more
    than two intervals); hole_days, hole_from, hole_until (the longest run of days without data in between, of the last
    thirteen months; null unless it is longer than a week and than three intervals); sorted by late_days, largest first.

    Examples
    --------
    >>> feed = pl.DataFrame({"source": ["till"] * 3, "day": [date(2026, 1, d) for d in (1, 2, 3)]})
    >>> freshness(feed, as_of=date(2026, 1, 6)).select("source", "interval_days", "late_days", "late").row(0)
    ('till', 1.0, 3, True)
    """
    as_of = a_day(as_of, name="as_of")
    table = timed(feed_day, at="day", needs=("source",), name="feed_day").with_columns(pl.col("day").cast(pl.Date))
    found = table.group_by("source").agg(
        first_day=pl.col("day").min(), last_day=pl.col("day").max(), days=pl.col("day").n_unique().cast(pl.Int64)
    )
    span = (pl.col("last_day") - pl.col("first_day")).dt.total_days()
    return (
        found.join(_gaps(table, as_of=as_of), on="source", how="left")
        .with_columns(
            interval_days=pl.when(pl.col("days") > 1).then(span / (pl.col("days") - 1)).otherwise(1.0),
            late_days=(pl.lit(as_of) - pl.col("last_day")).dt.total_days(),
        )
        .with_columns(
            late=pl.col("late_days") > LATE_INTERVALS * pl.col("interval_days"),
            long=(pl.col("hole_days") > WEEK) & (pl.col("hole_days") > GAP_INTERVALS * pl.col("interval_days")),
        )
        .with_columns(pl.when("long").then(c).alias(c) for c in ("hole_days", "hole_from", "hole_until"))
        .drop("long")
        .sort("late_days", "source", descending=[True, False])
    )


def _gaps(days: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """The longest run of days without data between two with, of the last thirteen months, of each source."""
    recent = days.filter(pl.col("day") > pl.lit(as_of).dt.offset_by("-13mo")).select("source", "day").unique()
    before = pl.col("day").shift().over("source", order_by="day")
    holes = recent.with_columns(
        hole_days=(pl.col("day") - before).dt.total_days() - 1,
        hole_from=before.dt.offset_by("1d"),
        hole_until=pl.col("day").dt.offset_by("-1d"),
    )
    longest = holes.drop_nulls("hole_days").sort("hole_days", "hole_until", descending=True)
    return longest.unique("source", keep="first", maintain_order=True).drop("day")


def ingest_sum(ingests: AnyFrame) -> pl.DataFrame:
    """The terms of every source's sum over all its ingests, and whether it adds up.

    Returns
    -------
    source, table, ingests, read, the six terms, quarantined_share, difference (read less the terms: 0 or something
    was lost); sorted by quarantined_share, largest first.
    """
    table = to_polars(ingests, needs=("source", "table", "read", *TERMS), name="ingests")
    return (
        table.group_by("source", "table")
        .agg(pl.len().cast(pl.Int64).alias("ingests"), *(pl.col(c).sum() for c in ("read", *TERMS)))
        .with_columns(
            quarantined_share=pl.when(pl.col("read") > 0).then(pl.col("quarantined") / pl.col("read")),
            difference=pl.col("read") - pl.sum_horizontal(TERMS),
        )
        .sort("quarantined_share", "source", "table", descending=[True, False, False], nulls_last=True)
    )


def broken_rules(ingests: AnyFrame) -> pl.DataFrame:
    """Rows set apart by source and rule, most first: source, rule, rows."""
    table = to_polars(ingests, needs=("source", "rules"), name="ingests")
    counts: Counter[tuple[str, str]] = Counter()
    for source, text in table.select("source", "rules").iter_rows():
        for rule, count in _rules(text).items():
            counts[source, rule] += count
    rows = sorted(((s, r, n) for (s, r), n in counts.items()), key=lambda row: (-row[2], row[0], row[1]))
    return pl.DataFrame(rows, schema={"source": pl.String, "rule": pl.String, "rows": pl.Int64}, orient="row")


def missing(table: pl.LazyFrame, fields: tuple[str, ...], *, name: str) -> pl.DataFrame:
    """Missing values of the fields that the table has: table (`name`), field, rows, missing."""
    present = [f for f in fields if f in table.collect_schema().names()]
    counted = table.select(pl.len().alias("rows"), *(pl.col(f).null_count().alias(f) for f in present))
    row = counted.collect(engine="streaming").row(0, named=True)
    parts = [{"table": name, "field": f, "rows": int(row["rows"]), "missing": int(row[f])} for f in present]
    return pl.DataFrame(parts, schema=MISSING)


def gaps(counts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Share of missing values in the columns that reports lean on: table, field, rows, missing, share.

    Parameters
    ----------
    counts : of each table, as `missing` gives them.
    """
    found = pl.concat([pl.DataFrame(schema=MISSING), *counts])
    share = pl.when(pl.col("rows") > 0).then(pl.col("missing") / pl.col("rows"))
    return found.with_columns(share=share).sort("share", "table", "field", descending=[True, False, False])


def _rules(text: str | None) -> dict[str, int]:
    """Rows that broke a rule in one ingest's record (a JSON list of kind, rule, rows), by rule."""
    found = json.loads(text) if text else []
    return {str(one["rule"]): int(one["rows"]) for one in found if one["kind"] == "quarantined"}
