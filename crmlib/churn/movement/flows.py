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
from datetime import date, timedelta
from typing import Literal

import polars as pl

from crmlib.churn.features.features import ELIGIBLE_DAYS
from crmlib.churn.features.festivals import festival_buyers
from crmlib.churn.features.visits import Visits
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

By = Literal["store_id", "owner"]
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
    days = _store_days(seen)
    rules = {"horizon": horizon, "active_days": active_days, "festivals": festivals, "owned": owned}
    parts = [_period(days, *span, **rules) for span in spans]  # type: ignore[arg-type]
    keys = [by] if by else []
    tables = [
        _count(part, by).with_columns(*_dates(span, horizon, observed_until))
        for part, span in zip(parts, spans, strict=True)
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
    table = pl.concat(tables).select(*columns, "closed").sort("starts_on", *keys)
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


def _store_days(seen: Visits) -> pl.DataFrame:
    """One row per customer and trip day with its store (of the larger purchase), sorted."""
    sold = seen.days.filter("sold").sort("customer_id", "day_n", "bought_minor", "store_id")
    return sold.group_by("customer_id", "day_n", maintain_order=True).agg(pl.col("store_id").last())


def _state(
    days: pl.DataFrame,
    at: date,
    *,
    active_days: int,
    festivals: AnyFrame | None,
    owned: pl.DataFrame | None,
    name: str,
) -> pl.DataFrame:
    """customer_id, <name> (active at the end of `at`), group_<name> (store of the last trip, or owner on that day)."""
    cut = day_number(at)
    past = days.filter(pl.col("day_n") <= cut)
    last = past.group_by("customer_id", maintain_order=True).agg(
        pl.col("day_n").last().alias("last_n"), pl.col("store_id").last().alias(f"group_{name}")
    )
    active = cut - pl.col("last_n") < active_days
    if festivals is not None:
        waiting = festival_buyers(past, festivals, t0=at).filter(pl.col("due_n") > cut)["customer_id"]
        active |= pl.col("customer_id").is_in(waiting.implode())
    made = last.select("customer_id", active.alias(name), f"group_{name}")
    if owned is None:
        return made
    named = owned_on(owned, at).rename({"owner": f"group_{name}"})
    return made.drop(f"group_{name}").join(named, on="customer_id", how="left")


def _period(
    days: pl.DataFrame,
    first: date,
    last: date,
    *,
    horizon: int,
    active_days: int,
    festivals: AnyFrame | None,
    owned: pl.DataFrame | None,
) -> pl.DataFrame:
    """One row per customer touched by the period, with 0/1 columns of the flow and the group each belongs to."""
    cut = day_number(last)
    rules = {"active_days": active_days, "festivals": festivals, "owned": owned}
    before = _state(days, first - timedelta(days=1), name="start", **rules)  # type: ignore[arg-type]
    after = _state(days, last, name="end", **rules)  # type: ignore[arg-type]
    born = days.group_by("customer_id", maintain_order=True).agg(pl.col("day_n").first().alias("born_n"))
    inside = days.filter(pl.col("day_n").is_between(day_number(first), cut)).select("customer_id").unique()
    soon = days.filter(pl.col("day_n").is_between(cut + 1, cut + horizon)).select("customer_id").unique()
    table = after.join(before, on="customer_id", how="left").join(born, on="customer_id")
    start, end = pl.col("start").fill_null(value=False), pl.col("end")
    came = pl.col("customer_id").is_in(inside["customer_id"].implode())
    new = pl.col("born_n") >= day_number(first)
    won = ~start & ~new & came
    lost = start.cast(pl.Int64) + new.cast(pl.Int64) + won.cast(pl.Int64) - end.cast(pl.Int64)
    back = pl.col("customer_id").is_in(soon["customer_id"].implode())
    flags = {"active_start": start, "new": new, "won_back": won, "active_end": end}
    marked = table.with_columns(*(e.cast(pl.Int64).alias(n) for n, e in flags.items()), lost.alias("lost"))
    marked = marked.with_columns((pl.col("lost") * back.cast(pl.Int64)).alias("revised"))
    return marked.filter(pl.any_horizontal(pl.col(c) != 0 for c in (*flags, "lost")))


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
