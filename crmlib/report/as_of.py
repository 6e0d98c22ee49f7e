"""What was known on a page's day, of every table, as its contract says.

A page of the newest day sees what is in the lake now. A page of a past day is made from the data of then: from the
version of each table that was in force on the morning after, where the lake is that old, and without rows that say
themselves that they became known later. Rows stamped at ingest say nothing of that kind and are taken as known when
they happened. A table whose rows ordinarily arrive days later than they happen (a nightly upload) keeps that delay.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

import polars as pl

from crmlib.core.contracts import Contract

LEAST_ROWS = 20
"""Fewer rows tell no ordinary delay."""
MOST_DELAY = 3
"""Days: what takes longer is late."""


def seen_by(as_of: date, *, now: datetime) -> datetime:
    """The moment until which data could have come into a page of `as_of`: the end of the next day, in `now`'s zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> seen_by(date(2026, 3, 31), now=datetime(2026, 11, 1, tzinfo=UTC)).isoformat()
    '2026-04-02T00:00:00+00:00'
    """
    return datetime(as_of.year, as_of.month, as_of.day, tzinfo=now.tzinfo) + timedelta(days=2)


def delivered(batches: pl.DataFrame, *, until: datetime) -> pl.DataFrame:
    """The ingests of a page of a past day: those until then, and those that first brought a table that is younger.

    Parameters
    ----------
    batches : table, at, … as `Lake.ingests` gives them.

    Examples
    --------
    >>> day = [datetime(2026, 1, n) for n in (5, 9, 9, 12)]
    >>> batches = pl.DataFrame({"table": ["lines", "lines", "stores", "stores"], "at": day})
    >>> delivered(batches, until=datetime(2026, 1, 7))["at"].dt.day().to_list()
    [5, 9, 12]
    """
    return batches.filter((pl.col("at") <= until) | (pl.col("at").min().over("table") > until))


def known(
    table: pl.LazyFrame, *, contract: Contract, as_of: date, newest: date, stamped: Collection[datetime] = ()
) -> pl.LazyFrame:
    """`table` without rows that happened, or became known, after `as_of`.

    Parameters
    ----------
    table : rows of the contract.
    newest : last day of the lake; of a page of that day or later nothing is held back that is known by now.
    stamped : times of the table's ingests: a row known at exactly such a time was stamped, not told.

    Examples
    --------
    >>> from crmlib.core.contracts import CONTRACTS
    >>> counts = pl.LazyFrame({"counted_on": [date(2026, 1, 1), date(2026, 1, 9)], "known_at": [None, None]},
    ...                       schema_overrides={"known_at": pl.Datetime("us", "UTC")})
    >>> known(counts, contract=CONTRACTS["stock"], as_of=date(2026, 1, 5), newest=date(2026, 1, 9)).collect().height
    1
    """
    happened = contract.happened
    if happened is not None:
        table = table.filter((happened <= as_of).fill_null(value=True))
    if as_of >= newest:
        return table
    told, until = _told(stamped), known_until(table, contract=contract, as_of=as_of, stamped=stamped)
    return table.filter((~told | (pl.col("known_at").dt.date() <= until)).fill_null(value=True))


def known_until(table: pl.LazyFrame, *, contract: Contract, as_of: date, stamped: Collection[datetime] = ()) -> date:
    """The day up to which rows must have become known for a page of `as_of`: later by the table's ordinary delay."""
    happened = contract.happened
    rows = table if happened is None else table.filter((happened <= as_of).fill_null(value=True))
    return as_of + timedelta(days=_delay(rows.filter(_told(stamped)), happened))


def _told(stamped: Collection[datetime]) -> pl.Expr:
    return ~pl.col("known_at").is_in(list(stamped)) if stamped else pl.lit(value=True)


def _delay(told: pl.LazyFrame, happened: pl.Expr | None) -> int:
    """Days that rows of a table ordinarily take to be known: the median, 0 for tables of things, plans, or few rows."""
    if happened is None:
        return 0
    days = (pl.col("known_at").dt.date() - happened).dt.total_days()
    found = told.select(pl.len().alias("rows"), days.quantile(0.5, interpolation="lower").alias("days"))
    rows, usual = found.collect(engine="streaming").row(0)
    return min(max(int(usual), 0), MOST_DELAY) if rows >= LEAST_ROWS and usual is not None else 0
