"""At which stage was somebody lost (H3), and how long after the first follow-up (H5).

Stage = the last one reached: lead, first_follow_up, first_purchase, second_purchase (within h of the first), regular,
tier_ab. A loss is dated by the recorded day where somebody recorded it, else by the last trip + h (for a lead never
seen in a store: the last contact + h).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.features.visits import only
from crmlib.core import runs
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

STAGES = ("lead", "first_follow_up", "first_purchase", "second_purchase", "regular", "tier_ab")
REGULAR_TRIPS = 4
LOST_OUTCOMES = ("lost", "gave_up", "refused")
FOLLOW_UPS = ("follow_up", "care", "invite", "sale")
NOT_MADE = (*LOST_OUTCOMES, "not_done", "holdout")
"""Outcomes that make an entry of the log no follow-up: the call was not made, or it only recorded the loss."""
SCHEMA = {"customer_id": pl.String, "at_n": pl.Int32, "purpose": pl.String, "outcome": pl.String, "reason": pl.String}


def contact_days(contacts: AnyFrame | None, *, t0: date) -> pl.DataFrame:
    """Contacts up to `t0`: customer_id, at_n, purpose, outcome, reason, sorted."""
    if contacts is None:
        return pl.DataFrame(schema=SCHEMA)
    table = to_polars(contacts, needs=["customer_id", "at", "purpose"], name="contacts")
    optional = [
        pl.col(c).cast(pl.String) if c in table.columns else pl.lit(None, dtype=pl.String).alias(c)
        for c in ("outcome", "reason")
    ]
    day = pl.col("at").dt.date().cast(pl.Int32).alias("at_n")
    chosen = table.select(pl.col("customer_id").cast(pl.String), day, pl.col("purpose").cast(pl.String), *optional)
    return chosen.filter((pl.col("at_n") <= day_number(t0)) & pl.col("customer_id").is_not_null()).sort(
        "customer_id", "at_n", "purpose"
    )


def people(
    trips: pl.DataFrame,
    *,
    t0: date,
    horizon: int,
    active_days: int,
    leads: AnyFrame | None = None,
    contacts: AnyFrame | None = None,
    tiers: AnyFrame | None = None,
) -> pl.DataFrame:
    """Everybody known by `t0`, with the stage reached and the state.

    Parameters
    ----------
    trips : customer_id, day_n.
    leads : customer_id, joined_on: members and prospects, also those who never bought.
    contacts : the table of follow-ups; a loss recorded there has an outcome among `LOST_OUTCOMES`.
    tiers : customer_id, tier (A to D).
    active_days : days without a trip (for a lead: without a contact) after which somebody is lost.

    Returns
    -------
    customer_id, stage, first_n, last_n, trips, followed_n (first follow-up), lost, lost_n, recorded (bool), settled
    (the loss can no longer be revised: lost_n + h <= t0).
    """
    cut = day_number(t0)
    bought = _bought(trips, cut=cut, horizon=horizon)
    talked = contact_days(contacts, t0=t0)
    made = pl.col("purpose").is_in(FOLLOW_UPS) & ~pl.col("outcome").is_in(NOT_MADE).fill_null(value=False)
    followed = (
        talked.filter(made)
        .group_by("customer_id")
        .agg(pl.col("at_n").min().alias("followed_n"), pl.col("at_n").max().alias("touched_n"))
    )
    recorded = (
        talked.filter(pl.col("outcome").is_in(LOST_OUTCOMES))
        .group_by("customer_id")
        .agg(pl.col("at_n").max().alias("recorded_n"))
    )
    everybody = _everybody(bought, leads, followed, cut=cut)
    table = everybody.join(bought, on="customer_id", how="left").join(followed, on="customer_id", how="left")
    table = table.join(recorded, on="customer_id", how="left").join(_tiers(tiers), on="customer_id", how="left")
    last_sign = pl.coalesce("last_n", "touched_n", "joined_n")
    told = (pl.col("recorded_n") >= pl.col("last_n").fill_null(0)).fill_null(value=False)
    lost_n = pl.when(told).then("recorded_n").otherwise(last_sign + active_days)
    return (
        table.with_columns(lost_n.cast(pl.Int32).alias("lost_n"), told.alias("recorded"), _stage().alias("stage"))
        .with_columns((pl.col("lost_n") <= cut).alias("lost"))
        .with_columns(
            pl.when("lost").then(pl.col("lost_n")).alias("lost_n"),
            (pl.col("lost") & (pl.col("lost_n") + horizon <= cut)).alias("settled"),
        )
        .select(
            "customer_id", "stage", "first_n", "last_n", "trips", "followed_n", "lost", "lost_n", "recorded", "settled"
        )
        .sort("customer_id")
    )


def lost_since(table: pl.DataFrame, first: date) -> pl.DataFrame:
    """The people whose loss is dated on or after `first`."""
    return table.filter(pl.col("lost") & (pl.col("lost_n") >= day_number(first)))


def funnel(table: pl.DataFrame) -> pl.DataFrame:
    """Per stage: stage, reached (got at least that far), lost there, share lost of those reached, still (not lost)."""
    order = pl.DataFrame({"stage": STAGES, "rank": range(len(STAGES))})
    ranked = table.join(order, on="stage")
    counts = [
        {
            "stage": stage,
            "reached": ranked.filter(pl.col("rank") >= k).height,
            "lost": ranked.filter((pl.col("rank") == k) & pl.col("lost")).height,
            "still": ranked.filter((pl.col("rank") == k) & ~pl.col("lost")).height,
        }
        for k, stage in enumerate(STAGES)
    ]
    share = pl.when(pl.col("reached") > 0).then(pl.col("lost") / pl.col("reached")).alias("share")
    return pl.DataFrame(counts).with_columns(share)


def follow_up_times(table: pl.DataFrame, trips: pl.DataFrame, *, t0: date, horizon: int) -> pl.DataFrame:
    """Time from the first follow-up to being lost or won, for `competing.cumulative_incidence`.

    Somebody is won by the first trip after the follow-up, lost by the recorded loss or after h days without a trip
    (counted from the later of follow-up and last trip before it), else still open at `t0`.

    Returns customer_id, days, event (0 open, 1 lost, 2 won).

    Raises
    ------
    ModelError
        `churn.no_follow_up` if nobody was followed up.
    """
    cut = day_number(t0)
    watched = table.filter(pl.col("followed_n").is_not_null())
    if watched.is_empty():
        raise ModelError("churn.no_follow_up", values={"people": table.height})
    theirs = only(trips, watched["customer_id"])
    later = watched.join(theirs, on="customer_id").filter(pl.col("day_n") > pl.col("followed_n"))
    won = later.group_by("customer_id").agg(pl.col("day_n").min().alias("won_n"))
    silent = pl.when("recorded").then("lost_n").otherwise(pl.col("followed_n") + horizon)
    both = watched.join(won, on="customer_id", how="left").with_columns(silent.alias("gone_n"))
    first = pl.min_horizontal("won_n", "gone_n")
    event = pl.when(first > cut).then(0).when(pl.col("won_n") <= pl.col("gone_n")).then(2).otherwise(1)
    days = (pl.min_horizontal(first, pl.lit(cut)) - pl.col("followed_n")).clip(0)
    return both.select("customer_id", days.cast(pl.Int32).alias("days"), event.cast(pl.Int8).alias("event")).sort(
        "customer_id"
    )


def _bought(trips: pl.DataFrame, *, cut: int, horizon: int) -> pl.DataFrame:
    days = runs.in_order(trips.filter(pl.col("day_n") <= cut))
    day, who = pl.col("day_n"), pl.col("customer_id")
    by_customer = days.with_columns(number=runs.run(who)).group_by("number", maintain_order=True)
    return by_customer.agg(
        who.first().cast(pl.String),
        day.first().alias("first_n"),
        day.last().alias("last_n"),
        pl.len().cast(pl.Int32).alias("trips"),
        ((pl.len() > 1) & ((day.get(1, null_on_oob=True) - day.first()) <= horizon))
        .fill_null(value=False)
        .alias("second"),
    ).drop("number")


def _everybody(bought: pl.DataFrame, leads: AnyFrame | None, followed: pl.DataFrame, *, cut: int) -> pl.DataFrame:
    joined = pl.DataFrame(schema={"customer_id": bought.schema["customer_id"], "joined_n": pl.Int32})
    if leads is not None:
        day = pl.col("joined_on").cast(pl.Date).cast(pl.Int32).alias("joined_n")
        joined = to_polars(leads, needs=["customer_id", "joined_on"], name="customers").select("customer_id", day)
    ids = pl.concat([joined["customer_id"], bought["customer_id"], followed["customer_id"]]).unique().sort()
    known = pl.DataFrame({"customer_id": ids}).join(joined.unique("customer_id"), on="customer_id", how="left")
    return known.filter(pl.col("joined_n").fill_null(cut) <= cut)


def _tiers(tiers: AnyFrame | None) -> pl.DataFrame:
    if tiers is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "tier": pl.String})
    return to_polars(tiers, needs=["customer_id", "tier"], name="tiers").select(
        "customer_id", pl.col("tier").cast(pl.String)
    )


def _stage() -> pl.Expr:
    count = pl.col("trips").fill_null(0)
    best = (count > 0) & pl.col("tier").is_in(["A", "B"]).fill_null(value=False)
    return (
        pl.when(best)
        .then(pl.lit("tier_ab"))
        .when(count >= REGULAR_TRIPS)
        .then(pl.lit("regular"))
        .when((count > 1) & pl.col("second").fill_null(value=False))
        .then(pl.lit("second_purchase"))
        .when(count > 0)
        .then(pl.lit("first_purchase"))
        .when(pl.col("followed_n").is_not_null())
        .then(pl.lit("first_follow_up"))
        .otherwise(pl.lit("lead"))
    )
