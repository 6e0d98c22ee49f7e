"""Who is lost: no trip in (t0, t0 + h].

h is a number of days, by default the larger of 91 and the 90th percentile of the gaps; buyers who come only at
festivals get until 28 days after the next festival of theirs. A window that has not closed has no label.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl

from crmlib.churn.features.features import Options, features
from crmlib.churn.features.festivals import festival_buyers
from crmlib.churn.features.visits import Visits, trips
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels.visits import goods_days

MIN_HORIZON = 91


def default_horizon(seen: Visits, *, t0: date) -> int:
    """The larger of 91 days and the 90th percentile of the gaps between trips up to `t0`."""
    days = trips(seen).filter(pl.col("day_n") <= day_number(t0))
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    gaps = days.select(pl.when(same).then(pl.col("day_n") - pl.col("day_n").shift(1)).alias("gap")).drop_nulls()
    return MIN_HORIZON if gaps.is_empty() else max(MIN_HORIZON, math.ceil(gaps["gap"].quantile(0.9) or 0))


def horizon_by(lines: AnyFrame, groups: AnyFrame, *, by: str, t0: date) -> pl.DataFrame:
    """Horizon h of each group of goods: `by`, gaps (number seen), horizon.

    Parameters
    ----------
    lines : receipt lines with customer_id, product_id, day_n, quantity_milli.
    groups : products with product_id and the column `by`.
    """
    goods = to_polars(groups, needs=["product_id", by], name="products").select("product_id", by)
    kept = goods_days(lines, end=t0).join(goods, on="product_id")
    days = kept.select(by, "customer_id", "day_n").drop_nulls().unique().sort(by, "customer_id", "day_n")
    gap = pl.col("day_n").diff().over(by, "customer_id")
    p90 = pl.col("gap").quantile(0.9).ceil().fill_null(0).clip(MIN_HORIZON)
    return (
        days.with_columns(gap.alias("gap"))
        .group_by(by)
        .agg(pl.col("gap").count().alias("gaps"), p90.cast(pl.Int64).alias("horizon"))
        .sort(by)
    )


def label(
    table: pl.DataFrame, seen: Visits, *, t0: date, horizon: int, observed_until: date, options: Options | None = None
) -> pl.DataFrame:
    """Add `horizon` (days) and `y` (1 lost, 0 came back, null while a festival buyer's own window is open).

    Raises
    ------
    ModelError
        `churn.window_open` if `t0 + horizon` is not yet observed.
    """
    chosen, cut = options or Options(), day_number(t0)
    refuse_open_window(t0=t0, horizon=horizon, observed_until=observed_until)
    all_trips = trips(seen, paid=chosen.paid)
    due = pl.DataFrame(schema={"customer_id": table.schema["customer_id"], "due_n": pl.Int32})
    if chosen.festivals is not None:
        due = festival_buyers(all_trips, chosen.festivals, t0=t0)
    own = (pl.col("due_n") - cut).clip(horizon).fill_null(horizon).cast(pl.Int32)
    wide = (
        table.join(due, on="customer_id", how="left", maintain_order="left")
        .with_columns(own.alias("horizon"))
        .drop("due_n")
    )
    after = all_trips.filter(pl.col("day_n") > cut).group_by("customer_id").agg(pl.col("day_n").min().alias("next_n"))
    back = (pl.col("next_n") <= cut + pl.col("horizon")).fill_null(value=False)
    closed = cut + pl.col("horizon") <= day_number(observed_until)
    y = pl.when(back).then(0).when(closed).then(1).otherwise(None).cast(pl.Int8)
    return (
        wide.join(after, on="customer_id", how="left", maintain_order="left").with_columns(y.alias("y")).drop("next_n")
    )


def came_again(seen: Visits, *, t0: date, horizon: int, options: Options | None = None) -> float | None:
    """Share of those without a trip in a horizon who came again later: not coming for a while is not being lost.

    Counted from the day two horizons before `t0`: eligible then, absent for one horizon, and watched for another.
    None where the data do not reach so far back, or nobody was absent.
    """
    origin = t0 - timedelta(days=2 * horizon)
    cut, end = day_number(origin), day_number(t0)
    if seen.days.is_empty() or cut <= int(seen.days["day_n"].to_numpy().min()):
        return None
    table = features(seen, t0=origin, options=options)
    absent = label(table, seen, t0=origin, horizon=horizon, observed_until=t0, options=options).filter(pl.col("y") == 1)
    if absent.is_empty():
        return None
    paid = (options or Options()).paid
    later = trips(seen, paid=paid).filter(pl.col("day_n") > cut + horizon, pl.col("day_n") <= end)
    return float(absent["customer_id"].is_in(later["customer_id"].unique().implode()).mean())  # type: ignore[arg-type]


def dataset(
    seen: Visits, *, t0: date, horizon: int, observed_until: date, options: Options | None = None
) -> pl.DataFrame:
    """Features and labels of one origin, with `origin` as a column; rows whose own window is open are left out."""
    table = features(seen, t0=t0, options=options)
    labelled = label(table, seen, t0=t0, horizon=horizon, observed_until=observed_until, options=options)
    return labelled.filter(pl.col("y").is_not_null()).with_columns(pl.lit(t0).alias("origin"))


def refuse_open_window(*, t0: date, horizon: int, observed_until: date) -> None:
    """Refuse a label whose window (t0, t0 + h] has not closed."""
    needed, latest = t0 + timedelta(days=horizon), observed_until - timedelta(days=horizon)
    if needed > observed_until:
        raise ModelError(
            "churn.window_open",
            values={"t0": t0, "horizon": horizon, "until": observed_until, "needed": needed, "latest": latest},
        )
