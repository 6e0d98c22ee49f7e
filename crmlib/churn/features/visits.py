"""Who came, when, and when we knew: receipt lines reduced once, for every cut-off day after.

Definitions are those of the project: a trip is a purchase day, i.e. a (customer, day) with at least one line of
quantity > 0; its value is net of that day's returns; a paid trip has value > 0.

A row counts as of `t0` (the last day included) only if it happened by `t0` and was known by `t0`: returns and
corrections arrive late, and a feature that reads them too early looks better in a test than it ever will at work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.dates import day_number, day_of
from crmlib.core.frames import AnyFrame
from crmlib.core.members import nobody
from crmlib.panels.visits import visit_days


@dataclass(frozen=True, slots=True)
class Visits:
    """Receipt lines reduced to what churn needs.

    Parameters
    ----------
    days : one row per customer, day, day known and store, with `sold` (any line of quantity > 0), `net_minor`,
        `bought_minor` (quantity > 0), `returned_minor` (> 0), `promoted_minor` (bought under a promotion).
    store_days : store_id, day_n, known_n: days on which a store sold anything to anyone, card or no card.
    has : which optional columns the source has: known_at, store_id, promotion_id.
    """

    days: pl.DataFrame
    store_days: pl.DataFrame
    has: frozenset[str]


def visits(lines: AnyFrame) -> Visits:
    """Reduce receipt lines (lazy or eager, of any library) once; every cut-off reads the result.

    Lines without a customer count only as a sign of life of their store. Without `known_at` a line is taken as
    known on its day.

    Examples
    --------
    >>> lines = pl.DataFrame({"customer_id": ["a", "a", None], "day_n": [10, 10, 12],
    ...     "quantity_milli": [1000, -1000, 1000], "net_minor": [500, -200, 900], "store_id": ["s", "s", "s"]})
    >>> visits(lines).days.select("customer_id", "day_n", "sold", "net_minor", "returned_minor").rows()
    [('a', 10, True, 300, 200)]
    """
    return Visits(*visit_days(lines))


def without(seen: Visits, customers: pl.Series) -> Visits:
    """The visits without the cards given (cashiers, staff, wholesalers): sales, but nobody's rhythm."""
    return Visits(seen.days.filter(~pl.col("customer_id").is_in(customers.implode())), seen.store_days, seen.has)


def some(seen: Visits, *, most: int, rng: np.random.Generator) -> Visits:
    """The visits of `most` customers drawn by chance; of all where there are no more."""
    ids = seen.days["customer_id"].unique().sort()
    if ids.len() <= most:
        return seen
    drawn = ids.gather(np.sort(rng.choice(ids.len(), most, replace=False)))
    return Visits(seen.days.filter(pl.col("customer_id").is_in(drawn.implode())), seen.store_days, seen.has)


def first_day(seen: Visits) -> date:
    """The first day with a line of a customer.

    Raises
    ------
    ModelError
        `scoring.empty`: nobody came.
    """
    if seen.days.is_empty():
        raise nobody("visits")
    return day_of(int(seen.days["day_n"].to_numpy().min()))


def known_days(seen: Visits, *, t0: date) -> pl.DataFrame:
    """Customer-days as they stood at the end of `t0`: one row per customer and day, sorted by both.

    Columns: customer_id, day_n, trip (quantity > 0 seen), net_minor, returned_minor, bought_minor, promoted_minor.
    """
    cut = day_number(t0)
    sums = ("net_minor", "returned_minor", "bought_minor", "promoted_minor")
    kept = in_order(seen.days.filter((pl.col("day_n") <= cut) & (pl.col("known_n") <= cut)))
    keyed = kept.with_columns(run(pl.col("customer_id"), pl.col("day_n")).alias("_run"))
    first = (pl.col("customer_id").first(), pl.col("day_n").first(), pl.col("sold").any().alias("trip"))
    return keyed.group_by("_run", maintain_order=True).agg(*first, *(pl.col(c).sum() for c in sums)).drop("_run")


def in_order(days: pl.DataFrame) -> pl.DataFrame:
    """`days` sorted by customer and day; looks first, because looking is much cheaper than sorting ids."""
    who, day = pl.col("customer_id"), pl.col("day_n")
    same = who == who.shift(1)
    wrong = days.select(((who < who.shift(1)) | (same & (day < day.shift(1)))).any()).item()
    return days.sort("customer_id", "day_n") if wrong else days


def run(*columns: pl.Expr) -> pl.Expr:
    """Number of the run of equal values, for rows in order: grouping by it is several times faster than by ids."""
    changed = pl.any_horizontal(*(c.ne_missing(c.shift(1)) for c in columns))
    return changed.cum_sum()


def trips(seen: Visits, *, paid: bool = False) -> pl.DataFrame:
    """All trips (customer_id, day_n) with everything known by now; `paid` keeps those with a value > 0."""
    days = seen.days.group_by("customer_id", "day_n").agg(pl.col("sold").any(), pl.col("net_minor").sum())
    kept = days.filter(pl.col("sold") & ((pl.col("net_minor") > 0) | (not paid)))
    return kept.select("customer_id", "day_n").sort("customer_id", "day_n")
