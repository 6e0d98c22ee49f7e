"""Points that are about to expire: first earned, first spent, so a redemption saves the oldest points first."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.frames import AnyFrame, timed


def left(points: AnyFrame, *, as_of: date, life_days: int | None = None) -> pl.DataFrame:
    """Earned lots and what is left of them.

    Parameters
    ----------
    points : customer_id, at, points (spent and expired are negative), and expires_on where lots carry it.
    life_days : days after earning on which a lot without expires_on expires; never if none.

    Returns
    -------
    customer_id, earned_on, expires_on, points, left; sorted by customer_id and earned_on.
    """
    table = timed(points, at="at", needs=("customer_id", "points"), name="points")
    day = pl.col("at") if table.schema["at"] == pl.Date else pl.col("at").dt.date()
    entries = table.with_columns(_day=day).filter(pl.col("_day") <= as_of)
    by_rule = pl.lit(None, dtype=pl.Date) if life_days is None else pl.col("_day") + pl.duration(days=life_days)
    own = pl.col("expires_on") if "expires_on" in table.columns else pl.lit(None, dtype=pl.Date)
    spent = entries.filter(pl.col("points") < 0).group_by("customer_id").agg(spent=-pl.col("points").sum())
    lots = (
        entries.filter(pl.col("points") > 0)
        .with_columns(expires_on=pl.coalesce(own, by_rule).cast(pl.Date))
        .join(spent, on="customer_id", how="left")
        .sort("customer_id", "at", maintain_order=True)
        .with_columns(until=pl.col("points").cum_sum().over("customer_id"))
    )
    unspent = pl.min_horizontal(pl.col("points"), (pl.col("until") - pl.col("spent").fill_null(0)).clip(0))
    return lots.select("customer_id", earned_on="_day", expires_on="expires_on", points="points", left=unspent)


def expiring(points: AnyFrame, *, as_of: date, ahead: int, life_days: int | None = None) -> pl.DataFrame:
    """customer_id, expiring (within `ahead` days from `as_of` on), next_on, balance; only those who lose some."""
    lots = left(points, as_of=as_of, life_days=life_days)
    soon = pl.col("expires_on").is_between(as_of, pl.lit(as_of) + pl.duration(days=ahead)) & (pl.col("left") > 0)
    return (
        lots.group_by("customer_id")
        .agg(
            expiring=pl.col("left").filter(soon).sum(),
            next_on=pl.col("expires_on").filter(soon).min(),
            balance=pl.col("left").filter(pl.col("expires_on").is_null() | (pl.col("expires_on") >= as_of)).sum(),
        )
        .filter(pl.col("expiring") > 0)
        .sort("customer_id")
    )
