"""Who came, when, and when we knew: receipt lines reduced once, for every cut-off day after.

Definitions are those of the project: a trip is a purchase day, i.e. a (customer, day) with at least one line of
quantity > 0; its value is net of that day's returns; a paid trip has value > 0.

A row counts as of `t0` (the last day included) only if it happened by `t0` and was known by `t0`: returns and
corrections arrive late, and a feature that reads them too early looks better in a test than it ever will at work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.dates import day_number, day_of
from crmlib.core.frames import AnyFrame
from crmlib.core.members import nobody
from crmlib.core.runs import ends, in_order, run
from crmlib.panels.visits import visit_days

ROWS = 2_000_000
"""Rows of visits that are looked at together, some customers after others': no step holds more beside all of them."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Receipt lines reduced to what churn needs.

    Parameters
    ----------
    days : one row per customer, day, day known and store, with `sold` (any line of quantity > 0), `net_minor`,
        `bought_minor` (quantity > 0), `returned_minor` (> 0), `promoted_minor` (bought under a promotion). Of millions
        the ids are Enums: each text is held once.
    store_days : store_id, day_n, known_n: days on which a store sold anything to anyone, card or no card.
    has : which optional columns the source has: known_at, store_id, promotion_id.
    """

    days: pl.DataFrame
    store_days: pl.DataFrame
    has: frozenset[str]


def visits(lines: AnyFrame, *, coded: bool = False) -> Visits:
    """Reduce receipt lines (lazy or eager, of any library) once; every cut-off reads the result.

    Lines without a customer count only as a sign of life of their store. Without `known_at` a line is taken as
    known on its day. Ids come as texts, with `coded` as Enums: of millions of rows each text is held once.

    Examples
    --------
    >>> lines = pl.DataFrame({"customer_id": ["a", "a", None], "day_n": [10, 10, 12],
    ...     "quantity_milli": [1000, -1000, 1000], "net_minor": [500, -200, 900], "store_id": ["s", "s", "s"]})
    >>> visits(lines).days.select("customer_id", "day_n", "sold", "net_minor", "returned_minor").rows()
    [('a', 10, True, 300, 200)]
    """
    seen = Visits(*visit_days(lines))
    return seen if coded else texts(seen)


def without(seen: Visits, customers: pl.Series) -> Visits:
    """The visits without the cards given (cashiers, staff, wholesalers): sales, but nobody's rhythm."""
    return Visits(seen.days.filter(~among(seen.days, customers)), seen.store_days, seen.has)


def among(days: pl.DataFrame, customers: pl.Series) -> pl.Series:
    """Whether each row is one of `customers` (texts); of Enums each id is looked for once."""
    who, few = days["customer_id"], customers.drop_nulls().implode()
    if not isinstance(who.dtype, pl.Enum):
        return who.is_in(few)
    return who.dtype.categories.is_in(few).gather(who.to_physical())


def only(days: pl.DataFrame, customers: pl.Series) -> pl.DataFrame:
    """The rows of some customers, ids as texts."""
    return days.filter(among(days, customers)).with_columns(pl.col("customer_id").cast(pl.String))


def whose(seen: Visits, customers: pl.Series) -> Visits:
    """The visits of some customers, ids as they are."""
    return Visits(seen.days.filter(among(seen.days, customers)), seen.store_days, seen.has)


def some(seen: Visits, *, most: int, rng: np.random.Generator) -> Visits:
    """The visits of `most` customers drawn by chance; of all where there are no more."""
    ids = seen.days["customer_id"].unique().sort().cast(pl.String)
    if ids.len() <= most:
        return seen
    drawn = ids.gather(np.sort(rng.choice(ids.len(), most, replace=False)))
    return whose(seen, drawn)


def texts(seen: Visits) -> Visits:
    """The same visits of a few customers, ids as texts: an Enum would carry those of all others along."""
    return Visits(seen.days.with_columns(pl.col("customer_id", "store_id").cast(pl.String)), seen.store_days, seen.has)


def blocks(seen: Visits, *, rows: int) -> Iterator[Visits]:
    """The visits of some customers after others', about `rows` at once: what is each customer's own needs no more."""
    days = in_order(seen.days)
    last = days.select(ends(pl.col("customer_id"))).to_series().arg_true().to_numpy() + 1
    if days.is_empty():
        yield seen
    start = 0
    while start < days.height:
        end = int(last[min(int(np.searchsorted(last, start + rows)), last.size - 1)])
        yield Visits(days.slice(start, end - start), seen.store_days, seen.has)
        start = end


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
    return _by_day(kept, pl.col("sold").any().alias("trip"), *(pl.col(c).sum() for c in sums))


def _by_day(rows: pl.DataFrame, *sums: pl.Expr) -> pl.DataFrame:
    """Rows in order as one per customer and day."""
    keyed = rows.with_columns(run(pl.col("customer_id"), pl.col("day_n")).alias("_run"))
    first = pl.col("customer_id", "day_n").first()
    return keyed.group_by("_run", maintain_order=True).agg(first, *sums).drop("_run")


def trips(seen: Visits, *, paid: bool = False) -> pl.DataFrame:
    """All trips (customer_id, day_n), in order, with everything known by now; `paid` keeps those with a value > 0."""
    return trips_of(seen, paid=paid).with_columns(pl.col("customer_id").cast(pl.String))


def trips_of(seen: Visits, *, paid: bool = False) -> pl.DataFrame:
    """`trips` with the ids as the visits have them."""
    days = bought(seen)
    return (days.filter(pl.col("net_minor") > 0) if paid else days).select("customer_id", "day_n")


def bought(seen: Visits) -> pl.DataFrame:
    """All trips with everything known by now and their value: the purchase days of `panels.customer_day`."""
    return pl.concat([_bought(part.days) for part in blocks(seen, rows=ROWS)])


def _bought(days: pl.DataFrame) -> pl.DataFrame:
    whole = _by_day(days, pl.col("sold").any(), pl.col("net_minor").sum())
    return whole.filter("sold").select("customer_id", "day_n", "net_minor")
