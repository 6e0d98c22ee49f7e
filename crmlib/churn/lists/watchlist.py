"""The early-warning list (H2): who of the good customers turned overdue since the last list, and what to do today.

New entries are those whose state moved from on rhythm or due to overdue or silent, in the tiers asked for, in order of
value at risk (risk × what is at stake over the horizon), capped by what each owner can call. Yesterday's list comes
back with what became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from crmlib.churn.features.visits import only
from crmlib.churn.models.rules import refuse_alive
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

LATE = ("overdue", "silent")
DUE_DAYS = {"A": 2, "B": 4}
OTHER_DUE_DAYS = 7
NEEDS = ("customer_id", "state", "state_before", "tier", "risk", "stake_minor")


def watchlist(
    table: AnyFrame,
    *,
    as_of: date,
    capacity: int,
    tiers: Sequence[str] = ("A", "B"),
    risk: str = "risk",
    festival_buyers: AnyFrame | None = None,
) -> pl.DataFrame:
    """The list of the day, in order of value at risk.

    Parameters
    ----------
    table : customer_id, state, state_before (of the last list; null = not seen then), tier, risk, stake_minor
        (`snapshot.with_value`: margin over the horizon, net of what comes back later), and what the page shows beside
        (owner, reason_1, last_day, …); a column `owner` caps per owner.
    capacity : calls an owner can make; without owners, of all together.
    festival_buyers : customer_id of those who wait for their next festival; never listed before it.

    Returns
    -------
    The rows listed with at_risk_minor, action (key), due_on, rank; then see `left_out` for who did not fit.
    """
    refuse_alive(risk)
    if capacity < 1:
        raise ModelError("churn.no_capacity", values={"capacity": capacity})
    ranked = candidates(table, tiers=tiers, risk=risk, festival_buyers=festival_buyers)
    place = pl.int_range(pl.len())
    place = place.over("owner") if "owner" in ranked.columns else place
    kept = ranked.filter(place < capacity)
    return kept.with_columns(
        due_on(pl.col("tier"), as_of=as_of).alias("due_on"), pl.int_range(1, pl.len() + 1).alias("rank")
    )


def due_on(tier: pl.Expr, *, as_of: date) -> pl.Expr:
    """Until when to be in touch with a member of a class: two days for A, four for B, a week for others."""
    days = tier.replace_strict(DUE_DAYS, default=OTHER_DUE_DAYS, return_dtype=pl.Int32)
    return (pl.lit(as_of) + pl.duration(days=days)).cast(pl.Date)


def candidates(
    table: AnyFrame, *, tiers: Sequence[str], risk: str = "risk", festival_buyers: AnyFrame | None = None
) -> pl.DataFrame:
    """Everybody who could be on the list, before the cap, with at_risk_minor and action."""
    everybody = late(table, risk=risk, festival_buyers=festival_buyers)
    turned = ~pl.col("state_before").is_in(LATE).fill_null(value=False)
    return everybody.filter(turned & pl.col("tier").is_in(list(tiers)))


def late(table: AnyFrame, *, risk: str = "risk", festival_buyers: AnyFrame | None = None) -> pl.DataFrame:
    """Everybody who is late by now, since whenever, with at_risk_minor and action; the largest first."""
    frame = to_polars(table, needs=[*NEEDS[:5], risk, "stake_minor"], name="scored customers")
    entries = frame.filter(pl.col("state").is_in(LATE))
    if festival_buyers is not None:
        waiting = to_polars(festival_buyers, needs=["customer_id"], name="festival buyers")["customer_id"]
        entries = entries.filter(~pl.col("customer_id").is_in(waiting.implode()))
    at_risk = (pl.col(risk) * pl.col("stake_minor").clip(0)).round().cast(pl.Int64)  # nobody loses by losing a loss
    with_value = entries.with_columns(at_risk.alias("at_risk_minor"), _action(entries.columns).alias("action"))
    return with_value.sort("at_risk_minor", "customer_id", descending=[True, False])


def outcomes(listed: AnyFrame, trips: pl.DataFrame, *, listed_on: date, as_of: date) -> pl.DataFrame:
    """What became of an earlier list: its rows with state_now (came, not_yet) and came_on.

    Parameters
    ----------
    listed : the stored list (customer_id and what else was stored).
    trips : customer_id, day_n.
    """
    frame = to_polars(listed, needs=["customer_id"], name="last list")
    after = trips.filter(pl.col("day_n").is_between(day_number(listed_on) + 1, day_number(as_of)))
    since = only(after, frame["customer_id"])
    first = since.group_by("customer_id").agg(pl.col("day_n").min().cast(pl.Int32).cast(pl.Date).alias("came_on"))
    joined = frame.join(first, on="customer_id", how="left", maintain_order="left")
    came = pl.when(pl.col("came_on").is_not_null()).then(pl.lit("came")).otherwise(pl.lit("not_yet"))
    return joined.with_columns(came.alias("state_now"))


def as_state(listed: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """What the next run needs to say what became of this list."""
    kept = listed.select("customer_id", "tier", "at_risk_minor", "owner", "action", "due_on")
    return kept.with_columns(pl.lit(as_of).alias("listed_on"))


def previous_day(as_of: date, *, rhythm: str) -> date:
    """The day of the last list: yesterday, a week or four weeks ago.

    Examples
    --------
    >>> previous_day(date(2024, 3, 8), rhythm="weekly")
    datetime.date(2024, 3, 1)
    """
    return as_of - timedelta(days={"daily": 1, "weekly": 7, "monthly": 28}[rhythm])


def _action(columns: Sequence[str]) -> pl.Expr:
    """What to say, by the customer's own reason, most urgent first; keys are worded by the findings.

    By which means it is said is another question, and one for all lists (`outreach.means`).
    """

    def column(name: str) -> pl.Expr:
        return pl.col(name) if name in columns else pl.lit(None)

    reason, best = column("reason_1"), pl.col("tier") == "A"
    complaint = column("complaints_open").cast(pl.Float64).fill_null(0) > 0
    closed = column("store_idle").cast(pl.Float64).fill_null(0) > 14
    return (
        pl.when(complaint)
        .then(pl.lit("solve_complaint"))
        .when(closed)
        .then(pl.lit("other_store"))
        .when(best)
        .then(pl.lit("taste"))
        .when(reason == "promotion")
        .then(pl.lit("offer"))
        .when(reason == "trend")
        .then(pl.lit("new_goods"))
        .otherwise(pl.lit("ask"))
    )
