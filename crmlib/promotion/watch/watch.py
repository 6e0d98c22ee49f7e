"""During the event: cumulative actual against the plan's band by day, alarms, and where it will end.

The plan's total is spread over the days by the weight of each weekday; the band around it narrows as days pass, since
only the days ahead are uncertain. The projection is what is sold so far + the plan's rest × how the days so far compare
with their plan, shrunk to the plan while few days have passed.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

PLAN_DAYS = 3.0
"""Days of sales that the plan's pace weighs as much as."""
STOCK_DAYS = 2.0
"""Cover below this many days of the present pace is a stock-out alarm."""
MARGIN_SLACK = 0.03
"""Margin rate this far below the plan is an alarm."""
SIBLING_SLACK = 0.15
"""Siblings this far below what they usually sell is an alarm."""
WEEKDAYS = 7


def weekday_weights(lines: AnyFrame) -> tuple[float, ...]:
    """Share of a week's units sold on each weekday, Monday first; lines: day, quantity_milli."""
    table = to_polars(lines, needs=["day", "quantity_milli"], name="lines")
    sums = table.group_by(pl.col("day").dt.weekday()).agg(pl.col("quantity_milli").sum())
    found = dict(sums.iter_rows())
    total = sum(found.values())
    if not total:
        return (1 / WEEKDAYS,) * WEEKDAYS
    return tuple(max(float(found.get(d, 0)), 0.0) / total for d in range(1, WEEKDAYS + 1))


def track(
    actual: AnyFrame,
    *,
    plan_milli: int,
    low_milli: int,
    high_milli: int,
    first_day: date,
    last_day: date,
    as_of: date,
    weights: tuple[float, ...] = (1 / WEEKDAYS,) * WEEKDAYS,
) -> pl.DataFrame:
    """Plan and actual by day.

    Parameters
    ----------
    actual : day, quantity_milli. plan_milli, low_milli, high_milli : the forecast's total and interval.

    Returns
    -------
    day, plan_milli, low_milli, high_milli, actual_milli (all cumulative; actual null after `as_of`), inside (null
    after), projected_milli (cumulative: actual until `as_of`, then the projection).
    """
    days = [first_day + timedelta(days=i) for i in range((last_day - first_day).days + 1)]
    share = np.array([weights[d.weekday()] for d in days])
    share = np.cumsum(share / share.sum())
    table = to_polars(actual, needs=["day", "quantity_milli"], name="actual")
    sold = dict(table.group_by("day").agg(pl.col("quantity_milli").sum()).iter_rows())
    run = np.cumsum([float(sold.get(d, 0)) for d in days])
    passed = sum(d <= as_of for d in days)
    done, gone = (run[passed - 1], share[passed - 1]) if passed else (0.0, 0.0)
    trust = PLAN_DAYS / len(days) * plan_milli
    pace = (done + trust) / (plan_milli * gone + trust) if plan_milli else 1.0
    ahead = done + plan_milli * (share - gone) * pace
    known = np.arange(len(days)) < passed
    frame = pl.DataFrame(
        {
            "day": days,
            "plan_milli": np.rint(plan_milli * share).astype(np.int64),
            "low_milli": np.rint(low_milli * share).astype(np.int64),
            "high_milli": np.rint(high_milli * share).astype(np.int64),
            "actual_milli": pl.Series([int(v) if k else None for v, k in zip(run, known, strict=True)], dtype=pl.Int64),
            "projected_milli": np.rint(np.where(known, run, ahead)).astype(np.int64),
        }
    )
    return frame.with_columns(inside=pl.col("actual_milli").is_between(pl.col("low_milli"), pl.col("high_milli")))


def projection(tracked: pl.DataFrame) -> dict[str, int | float]:
    """End of the event as it looks now: projected_milli, plan_milli, share of the plan."""
    end = tracked.row(-1, named=True)
    plan = int(end["plan_milli"])
    return {
        "projected_milli": int(end["projected_milli"]),
        "plan_milli": plan,
        "share": end["projected_milli"] / max(plan, 1),
    }


def alarms(
    tracked: pl.DataFrame,
    *,
    as_of: date,
    stock: AnyFrame | None = None,
    margin_rate: float | None = None,
    plan_margin_rate: float | None = None,
    sibling_ratio: float | None = None,
) -> pl.DataFrame:
    """Alarms of the day: kind (band, stock_out, margin, cannibalisation), store_id (null = all), value, limit.

    Parameters
    ----------
    stock : store_id, stock_milli, per_day_milli: what is left and what sells in a day.
    margin_rate, plan_margin_rate : of the event so far and as planned. sibling_ratio : siblings' sales against usual.
    """
    rows: list[tuple[str, str | None, float, float]] = []
    today = tracked.filter(pl.col("day") <= as_of).tail(1)
    if today.height and today["inside"].item() is False:
        low = today["actual_milli"].item() < today["low_milli"].item()
        limit = today["low_milli" if low else "high_milli"].item()
        rows.append(("band", None, float(today["actual_milli"].item()), float(limit)))
    if stock is not None:
        table = to_polars(stock, needs=["store_id", "stock_milli", "per_day_milli"], name="stock").sort("store_id")
        cover = table.filter(pl.col("per_day_milli") > 0).with_columns(
            cover=pl.col("stock_milli") / pl.col("per_day_milli")
        )
        short = cover.filter(pl.col("cover") < STOCK_DAYS).sort("cover")
        rows += [("stock_out", s, float(c), STOCK_DAYS) for s, c in short.select("store_id", "cover").iter_rows()]
    if margin_rate is not None and plan_margin_rate is not None and margin_rate < plan_margin_rate - MARGIN_SLACK:
        rows.append(("margin", None, margin_rate, plan_margin_rate - MARGIN_SLACK))
    if sibling_ratio is not None and sibling_ratio < 1 - SIBLING_SLACK:
        rows.append(("cannibalisation", None, sibling_ratio, 1 - SIBLING_SLACK))
    schema = {"kind": pl.String(), "store_id": pl.String(), "value": pl.Float64(), "limit": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")
