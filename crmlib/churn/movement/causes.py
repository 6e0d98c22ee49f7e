"""Why people left (H4): what somebody recorded, else what closed, else what the model saw, else unknown.

The order matters. A recorded reason is a fact; a closed home store is a fact that excuses the customer; the model's
top group is an association, and is named so; what none of them explains is shown as unknown, never spread.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.movement.stages import contact_days
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.runs import ends

UNKNOWN = "unknown"
NOT_REACHED = "not_reached"
STORE_CLOSED = "store_closed"
TOLD = pl.Schema({"customer_id": pl.String, "at_n": pl.Int32, "reason": pl.String})
CLOSED_DAYS = 14
"""Days without any sale at the home store, or of a recorded closure, after which the store counts as closed."""


def closed_stores(
    store_days: pl.DataFrame, *, t0: date, stores: AnyFrame | None = None, closures: AnyFrame | None = None
) -> pl.DataFrame:
    """Closed spells of stores up to `t0`: store_id, start_n, end_n.

    From the stores' closing day, the recorded closures, and gaps of more than 14 days without a sale to anyone.
    """
    cut = day_number(t0)
    seen = store_days.filter(pl.col("day_n") <= cut).select("store_id", "day_n").unique().sort("store_id", "day_n")
    following = pl.when(pl.col("store_id") == pl.col("store_id").shift(-1)).then(pl.col("day_n").shift(-1))
    gaps = seen.with_columns(following.fill_null(cut + 1).alias("next_n")).filter(
        pl.col("next_n") - pl.col("day_n") > CLOSED_DAYS
    )
    spells = [gaps.select("store_id", start_n=pl.col("day_n") + 1, end_n=pl.col("next_n") - 1)]
    if stores is not None:
        closed = to_polars(stores, needs=["store_id"], name="stores")
        if "closed_on" in closed.columns:
            spells.append(_spells(closed, start="closed_on", end=None, cut=cut))
    if closures is not None:
        table = to_polars(closures, needs=["store_id", "starts_on"], name="closures")
        end = "ends_on" if "ends_on" in table.columns else None
        spells.append(_spells(table, start="starts_on", end=end, cut=cut))
    every = pl.concat([s.cast({"store_id": pl.String, "start_n": pl.Int32, "end_n": pl.Int32}) for s in spells])
    return every.filter((pl.col("end_n") - pl.col("start_n")) >= CLOSED_DAYS).unique().sort("store_id", "start_n")


def lost_by_closure(lost: pl.DataFrame, homes: pl.DataFrame, spells: pl.DataFrame, *, within: int) -> pl.DataFrame:
    """Lost customers whose home store closed within `within` days after their last trip: customer_id, store_id.

    Parameters
    ----------
    lost : customer_id, last_n.
    homes : customer_id, store_id: the store of most trips.
    spells : from `closed_stores`.
    """
    near = lost.join(homes, on="customer_id").join(spells, on="store_id")
    after = (pl.col("start_n") > pl.col("last_n")) & (pl.col("start_n") <= pl.col("last_n") + within)
    return (
        near.filter(after)
        .select("customer_id", "store_id")
        .unique("customer_id", maintain_order=True)
        .sort("customer_id")
    )


def now_closed(spells: pl.DataFrame, *, t0: date) -> pl.Series:
    """Stores whose closed spell still lasts at the end of `t0`."""
    return spells.filter(pl.col("end_n") >= day_number(t0))["store_id"].unique().sort()


def homes(days: pl.DataFrame, *, t0: date) -> pl.DataFrame:
    """The store of most trips of each customer up to `t0` (ties: the later visit): customer_id, store_id."""
    cut = day_number(t0)
    visited = days.filter((pl.col("day_n") <= cut) & pl.col("sold") & pl.col("store_id").is_not_null())
    counted = visited.group_by("customer_id", "store_id").agg(pl.len().alias("n"), pl.col("day_n").max().alias("last"))
    home = counted.sort("customer_id", "n", "last", "store_id").filter(ends(pl.col("customer_id")))
    return home.select(pl.col("customer_id", "store_id").cast(pl.String))


def causes(
    lost: pl.DataFrame,
    *,
    told: pl.DataFrame | None = None,
    closed: pl.DataFrame | None = None,
    model: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One cause per lost customer: customer_id, cause, source (recorded, closure, model, unknown).

    Parameters
    ----------
    lost : customer_id, last_n.
    told : from `told_reasons`; those recorded on or after the last trip count, and the latest wins.
    closed : from `lost_by_closure`.
    model : customer_id, reason_1 as of the last day the customer was active (`crmlib.churn.models.reasons`).
    """
    heard = pl.DataFrame(schema=TOLD) if told is None else told
    recent = heard.join(lost.select("customer_id", "last_n"), on="customer_id").filter(
        pl.col("at_n") >= pl.col("last_n").fill_null(0)
    )
    recorded = (
        recent.sort("at_n").group_by("customer_id", maintain_order=True).agg(pl.col("reason").last().alias("told"))
    )
    shut = (closed if closed is not None else pl.DataFrame(schema={"customer_id": pl.String})).select(
        "customer_id", pl.lit(STORE_CLOSED).alias("shut")
    )
    said = pl.DataFrame(schema={"customer_id": pl.String, "reason_1": pl.String}) if model is None else model
    table = (
        lost.select("customer_id").join(recorded, on="customer_id", how="left").join(shut, on="customer_id", how="left")
    )
    table = table.join(said.select("customer_id", "reason_1"), on="customer_id", how="left")
    cause = pl.coalesce("told", "shut", "reason_1", pl.lit(UNKNOWN)).alias("cause")
    source = (
        pl.when(pl.col("told").is_not_null())
        .then(pl.lit("recorded"))
        .when(pl.col("shut").is_not_null())
        .then(pl.lit("closure"))
        .when(pl.col("reason_1").is_not_null())
        .then(pl.lit("model"))
        .otherwise(pl.lit(UNKNOWN))
    )
    return table.select("customer_id", cause, source.alias("source")).sort("customer_id")


def told_reasons(contacts: AnyFrame | None, *, t0: date, answers: pl.DataFrame | None = None) -> pl.DataFrame:
    """Reasons of loss that somebody wrote down up to `t0`: customer_id, at_n, reason, sorted.

    Parameters
    ----------
    contacts : what somebody complained about is no reason of loss.
    answers : from `crmlib.churn.movement.forms.answers`; "not reached" is no reason.
    """
    told = pl.col("reason").is_not_null() & (pl.col("purpose") != "complaint")
    heard = [contact_days(contacts, t0=t0).filter(told).select(TOLD.names())]
    if answers is not None:
        heard.append(answers.filter(pl.col("at_n") <= day_number(t0)).select(TOLD.names()).cast(TOLD))
    return pl.concat(heard).filter(pl.col("reason") != NOT_REACHED).sort("customer_id", "at_n", "reason")


def ranked(table: pl.DataFrame, *, values: AnyFrame | None = None) -> pl.DataFrame:
    """Causes by number of customers: cause, source, customers, share, value_minor (null without `values`).

    Parameters
    ----------
    values : customer_id, value_minor: what the customers were worth a year.
    """
    worth = pl.DataFrame(schema={"customer_id": pl.String, "value_minor": pl.Int64})
    if values is not None:
        worth = to_polars(values, needs=["customer_id", "value_minor"], name="values")
    joined = table.join(worth.select("customer_id", "value_minor"), on="customer_id", how="left")
    value = (pl.col("value_minor").sum() if values is not None else pl.lit(None, dtype=pl.Int64)).alias("value_minor")
    counted = joined.group_by("cause", "source").agg(pl.len().alias("customers"), value)
    share = (pl.col("customers") / max(table.height, 1)).alias("share")
    return counted.with_columns(share).sort("customers", "cause", "source", descending=[True, False, False])


def _spells(table: pl.DataFrame, *, start: str, end: str | None, cut: int) -> pl.DataFrame:
    last = pl.col(end).cast(pl.Date).cast(pl.Int32).fill_null(cut) if end else pl.lit(cut, dtype=pl.Int32)
    return (
        table.filter(pl.col(start).is_not_null())
        .select(
            pl.col("store_id").cast(pl.String),
            pl.col(start).cast(pl.Date).cast(pl.Int32).alias("start_n"),
            pl.min_horizontal(last, pl.lit(cut)).alias("end_n"),
        )
        .filter(pl.col("start_n") <= cut)
    )
