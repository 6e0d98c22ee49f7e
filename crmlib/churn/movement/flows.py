"""New, lost, won back, total (H7): a table whose rows add up to the last customer.

A customer is active at the end of a day if the last trip is less than `active_days` ago (or is a festival buyer whose
next festival is still to come). In each period

    active_end = active_start + new + won_back − lost

with new = first trip ever in the period, won_back = inactive at its start, bought before and again in it, lost =
what the identity leaves for each customer, 0 or 1. Per store, and per owner (whoever looks after the customer that
day), there are moved_in and moved_out besides: another store visited last, a hand-over.

A loss is provisional until t0 + h has closed: those who came back by then are shown as revised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import polars as pl

from crmlib.churn.features.features import ELIGIBLE_DAYS
from crmlib.churn.features.festivals import festival_buyers, mark
from crmlib.churn.features.visits import Visits
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.runs import begins, ends, in_order, run

By = Literal["store_id", "owner"]
DAY = timedelta(days=1)
WHO = pl.col("customer_id")
EVER = -(2**31)
"""The first day of all time, for an owner whose first day nobody recorded."""
KNOWN_DAYS = 91
"""With less of the past every member looks new: so many days of it come before a period."""


def periods(*, end: date, days: int, count: int) -> list[tuple[date, date]]:
    """The last `count` periods of `days` days, first and last day included, in ascending order.

    Examples
    --------
    >>> periods(end=date(2024, 1, 14), days=7, count=2)[1]
    (datetime.date(2024, 1, 8), datetime.date(2024, 1, 14))
    """
    ends = [end - timedelta(days=days * k) for k in range(count - 1, -1, -1)]
    return [(e - timedelta(days=days - 1), e) for e in ends]


def since(spans: Sequence[tuple[date, date]], *, first: date) -> list[tuple[date, date]]:
    """The periods before which the data tell newcomers from old members.

    Raises
    ------
    ModelError
        `churn.no_before`: not even the last one.
    """
    told = [span for span in spans if (span[0] - first).days >= KNOWN_DAYS]
    if not told:
        days = max((spans[-1][0] - first).days, 0)
        raise ModelError("churn.no_before", values={"days": days, "needed": KNOWN_DAYS})
    return told


def flow(
    seen: Visits,
    spans: Sequence[tuple[date, date]],
    *,
    horizon: int,
    observed_until: date,
    active_days: int = ELIGIBLE_DAYS,
    festivals: AnyFrame | None = None,
    by: By | None = None,
    owned: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The flow table, one row per period (and store, or owner).

    Parameters
    ----------
    by : store_id (of the last visit) or owner (at the end of the day); none for the whole company.
    owned : from `owners`, where the flow is by owner.

    Returns
    -------
    starts_on, ends_on, (`by`,) active_start, new, won_back, lost, (moved_in, moved_out,) active_end, revised (lost, but
    came again within h of the period's end), closed (that window has closed: `lost` is final).

    Raises
    ------
    ModelError
        `churn.flow_broken` if the identity does not hold exactly: a bug, never rounded away.
    """
    moved = movements(seen, spans, horizon=horizon, active_days=active_days, festivals=festivals)
    return counted(moved, observed_until=observed_until, by=by, owned=owned)


@dataclass(frozen=True, slots=True)
class Movements:
    """Who moved in each period: `flow` by any group counts them.

    Parameters
    ----------
    spans : first and last day of each period. horizon : days after which a loss is final.
    people : ids of everybody who ever came; others are their places in it.
    parts : of each period, one row per customer touched by it: customer_id (the place), group_start, group_end (store
        of the last visit by then) and active_start, new, won_back, active_end, lost, revised (0 or 1).
    """

    spans: tuple[tuple[date, date], ...]
    horizon: int
    people: pl.Series
    parts: tuple[pl.DataFrame, ...]


def movements(
    seen: Visits,
    spans: Sequence[tuple[date, date]],
    *,
    horizon: int,
    active_days: int = ELIGIBLE_DAYS,
    festivals: AnyFrame | None = None,
) -> Movements:
    """Who is new, won back, lost and active in each period; counted by several groups, it is found once."""
    days, people = _store_days(seen)
    waiters = None if festivals is None else _only_festive(days, festivals)
    born = days.filter(begins(WHO)).select("customer_id", born_n="day_n")
    ends = sorted({end for first, last in spans for end in (first - DAY, last)})
    states = {end: _state(days, end, active_days=active_days, waiters=waiters, festivals=festivals) for end in ends}
    parts = tuple(
        _period(days, first, last, before=states[first - DAY], after=states[last], born=born, horizon=horizon)
        for first, last in spans
    )
    return Movements(tuple(spans), horizon, people, parts)


def counted(
    moved: Movements, *, observed_until: date, by: By | None = None, owned: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The table of `flow`, of those who moved."""
    keys = [by] if by else []
    placed = None if owned is None else _placed(owned, moved.people)
    tables = [
        _count(_with_owners(part, placed, span), by).with_columns(*_dates(span, moved.horizon, observed_until))
        for part, span in zip(moved.parts, moved.spans, strict=True)
    ]
    moves = ["moved_in", "moved_out"] if by else []
    columns = [
        "starts_on",
        "ends_on",
        *keys,
        "active_start",
        "new",
        "won_back",
        "lost",
        *moves,
        "active_end",
        "revised",
    ]
    table = pl.concat(tables).select(*columns, "closed")
    if by:
        table = table.with_columns(pl.col(by).cast(pl.String))
    table = table.sort("starts_on", *keys)
    check_identity(table)
    return table


def check_identity(table: pl.DataFrame) -> None:
    """Refuse a flow table that does not add up, in each row and from each period to the next."""
    moved = pl.col("moved_in") - pl.col("moved_out") if "moved_in" in table.columns else pl.lit(0)
    ends = pl.col("active_start") + pl.col("new") + pl.col("won_back") - pl.col("lost") + moved
    broken = table.filter(ends != pl.col("active_end"))
    if not broken.is_empty():
        raise ModelError("churn.flow_broken", values={"rows": broken.height})


def revision_share(table: pl.DataFrame) -> float | None:
    """Share of losses that were revised later, over the periods that have closed; none if none has."""
    closed = table.filter("closed")
    lost = int(closed["lost"].sum())
    return None if lost == 0 else float(closed["revised"].sum() / lost)


def owners(people: AnyFrame | None, assignments: AnyFrame | None = None) -> pl.DataFrame | None:
    """Who looks after whom from when on: customer_id, from_n, owner, sorted; none where nobody is named.

    Parameters
    ----------
    people : customer_id, owner_staff: today's owner, who counts for all time where no assignment is recorded.
    assignments : customer_id, staff_id, starts_on (and ends_on, after which nobody is).
    """
    parts = []
    if assignments is not None:
        table = to_polars(assignments, needs=["customer_id", "staff_id", "starts_on"], name="assignments")
        table = table.sort("customer_id", "starts_on")
        start, end = (pl.col(c).cast(pl.Date).cast(pl.Int32) for c in ("starts_on", "ends_on"))
        parts.append(table.select("customer_id", start.alias("from_n"), pl.col("staff_id").alias("owner")))
        if "ends_on" in table.columns:
            # an end after the next row's start says nothing: whoever took over has the member
            held = pl.col("starts_on").shift(-1).over("customer_id") > pl.col("ends_on")
            ended = table.filter(pl.col("ends_on").is_not_null() & held.fill_null(value=True))
            parts.append(
                ended.select("customer_id", (end + 1).alias("from_n"), pl.lit(None, dtype=pl.String).alias("owner"))
            )
    if people is not None and "owner_staff" in (frame := to_polars(people, needs=["customer_id"], name="customers")):
        told = parts[0]["customer_id"].unique() if parts else pl.Series([], dtype=pl.String)
        rest = frame.filter(pl.col("owner_staff").is_not_null() & ~pl.col("customer_id").is_in(told.implode()))
        always = pl.lit(EVER, dtype=pl.Int32).alias("from_n")
        parts.append(rest.select("customer_id", always, pl.col("owner_staff").alias("owner")))
    every = pl.concat(parts) if parts else pl.DataFrame()
    if every.is_empty():
        return None
    # who takes over on the day after the end is named, not the gap
    return every.sort("customer_id", "from_n", "owner", nulls_last=True).unique(
        ["customer_id", "from_n"], keep="first", maintain_order=True
    )


def owned_on(owned: pl.DataFrame, day: date) -> pl.DataFrame:
    """The owner of each customer at the end of `day`: customer_id, owner."""
    past = owned.filter(pl.col("from_n") <= day_number(day))
    return past.group_by("customer_id", maintain_order=True).agg(pl.col("owner").last())


def _store_days(seen: Visits) -> tuple[pl.DataFrame, pl.Series]:
    """One row per customer and trip day with its store (of the larger purchase), in order, and the customers' ids.

    A customer is the place in the ids: numbers are compared and joined many times faster than texts.
    """
    sold = in_order(seen.days.filter("sold").select("customer_id", "day_n", "bought_minor", "store_id"))
    keyed = sold.with_columns(run(pl.col("customer_id"), pl.col("day_n")).alias("_run"))
    at = pl.col("_run")
    several = (at == at.shift(1)).fill_null(value=False) | (at == at.shift(-1)).fill_null(value=False)
    in_many = keyed.filter(several).sort("_run", "bought_minor", "store_id")
    largest = in_many.filter(ends(at))
    days = pl.concat([keyed.filter(~several), largest]).sort("_run")
    people = days.filter(begins(WHO))["customer_id"].cast(pl.String)
    place = (run(pl.col("customer_id")) - run(pl.col("customer_id")).first()).cast(pl.UInt32)
    return days.select(place.alias("customer_id"), "day_n", "store_id"), people


def _only_festive(days: pl.DataFrame, festivals: AnyFrame) -> pl.DataFrame:
    """The days of whoever began at a festival: nobody else can have come at festivals only, on any day."""
    began = mark(days.filter(begins(WHO)), festivals).filter(pl.col("slot").is_not_null())["customer_id"]
    return days.filter(pl.col("customer_id").is_in(began.implode()))


def _state(
    days: pl.DataFrame,
    at: date,
    *,
    active_days: int,
    waiters: pl.DataFrame | None,
    festivals: AnyFrame | None,
) -> pl.DataFrame:
    """customer_id, last_n, active (at the end of `at`), group (store of the last trip) of all who had come by then."""
    cut = day_number(at)
    last = days.filter(pl.col("day_n") <= cut).filter(ends(WHO))
    active = cut - pl.col("day_n") < active_days
    if waiters is not None and festivals is not None:
        waiting = festival_buyers(waiters, festivals, t0=at).filter(pl.col("due_n") > cut)["customer_id"]
        active |= pl.col("customer_id").is_in(waiting.implode())
    return last.select("customer_id", last_n="day_n", active=active, group="store_id")


def _period(
    days: pl.DataFrame,
    first: date,
    last: date,
    *,
    before: pl.DataFrame,
    after: pl.DataFrame,
    born: pl.DataFrame,
    horizon: int,
) -> pl.DataFrame:
    """One row per customer touched by the period, with 0/1 columns of the flow and the store of either end."""
    cut = day_number(last)
    soon = days.filter(pl.col("day_n").is_between(cut + 1, cut + horizon))["customer_id"].unique()
    at_start = before.select("customer_id", start="active", group_start="group")
    at_end = after.rename({"active": "end", "group": "group_end"})
    table = at_end.join(at_start, on="customer_id", how="left").join(born, on="customer_id")
    start, end = pl.col("start").fill_null(value=False), pl.col("end")
    came = pl.col("last_n") >= day_number(first)
    new = pl.col("born_n") >= day_number(first)
    won = ~start & ~new & came
    lost = start.cast(pl.Int8) + new.cast(pl.Int8) + won.cast(pl.Int8) - end.cast(pl.Int8)
    back = pl.col("customer_id").is_in(soon.implode())
    flags = {"active_start": start, "new": new, "won_back": won, "active_end": end}
    marked = table.with_columns(*(e.cast(pl.Int8).alias(n) for n, e in flags.items()), lost.alias("lost"))
    marked = marked.with_columns((pl.col("lost") * back.cast(pl.Int8)).alias("revised"))
    touched = marked.filter(pl.any_horizontal(pl.col(c) != 0 for c in (*flags, "lost")))
    return touched.select("customer_id", "group_start", "group_end", *flags, "lost", "revised")


def _placed(owned: pl.DataFrame, people: pl.Series) -> pl.DataFrame:
    """`owners` of those who ever came, their places instead of ids, in order."""
    places = people.rename("_id").to_frame().with_row_index("customer_id")
    rows = owned.rename({"customer_id": "_id"}).join(places, on="_id").sort("customer_id", "from_n")
    return rows.select("customer_id", "from_n", "owner")


def _with_owners(part: pl.DataFrame, owned: pl.DataFrame | None, span: tuple[date, date]) -> pl.DataFrame:
    """`part` by the owner before the period and on its last day, instead of by stores."""
    if owned is None:
        return part
    made = part.drop("group_start", "group_end")
    for name, day in (("group_start", span[0] - DAY), ("group_end", span[1])):
        held = owned.filter(pl.col("from_n") <= day_number(day)).filter(ends(WHO))
        made = made.join(held.select("customer_id", pl.col("owner").alias(name)), on="customer_id", how="left")
    return made


def _count(part: pl.DataFrame, by: By | None) -> pl.DataFrame:
    sums = ["active_start", "new", "won_back", "lost", "active_end", "revised"]
    if by is None:
        return part.select(pl.col(sums).sum())
    stays = (
        (pl.col("active_start") == 1)
        & (pl.col("active_end") == 1)
        & pl.col("group_start").ne_missing(pl.col("group_end"))
    )
    moved = part.with_columns(stays.cast(pl.Int64).alias("moved"))
    begin = pl.when(pl.col("active_start") == 1).then("group_start").otherwise("group_end")
    rest = pl.when(pl.col("active_end") == 1).then("group_end").otherwise(begin)
    at_start = moved.group_by(begin.alias(by)).agg(
        pl.col("active_start", "lost", "revised").sum(), pl.col("moved").sum().alias("moved_out")
    )
    at_end = moved.group_by(rest.alias(by)).agg(
        pl.col("new", "won_back", "active_end").sum(), pl.col("moved").sum().alias("moved_in")
    )
    return at_start.join(at_end, on=by, how="full", coalesce=True, nulls_equal=True).with_columns(
        pl.exclude(by).fill_null(0)
    )


def _dates(span: tuple[date, date], horizon: int, observed_until: date) -> list[pl.Expr]:
    closed = span[1] + timedelta(days=horizon) <= observed_until
    return [pl.lit(span[0]).alias("starts_on"), pl.lit(span[1]).alias("ends_on"), pl.lit(closed).alias("closed")]
