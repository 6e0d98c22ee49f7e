"""After how many weeks of silence is somebody gone? A discrete-time hazard by week since the last trip.

hazard_w = P(comes back in week w | silent for w weeks). From it, P(no trip in the next h | silent for w weeks) =
Π_{v=w}^{w+h-1} (1 − hazard_v): from where this is above .5, coming back unasked is less likely than staying away.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.features.visits import Visits, trips_of
from crmlib.core import proportions
from crmlib.core.dates import day_number

MAX_WEEKS = 52
TOO_LATE = 0.5


def return_hazard(
    seen: Visits, *, t0: date, since: date, horizon_weeks: int = 13, weeks: int = MAX_WEEKS
) -> pl.DataFrame:
    """Hazard of coming back by week of silence, from all trips in [since, t0]; the open silence is censored.

    Returns week (whole weeks silent), at_risk (silences that reached it), returned, hazard, low, high (Wilson, 95 %),
    gone (probability of no trip in the next `horizon_weeks`; null where the table ends before).
    """
    first, last = day_number(since), day_number(t0)
    days = trips_of(seen).filter(pl.col("day_n") <= last)
    same = pl.col("customer_id") == pl.col("customer_id").shift(-1)
    gaps = days.with_columns(pl.when(same).then(pl.col("day_n").shift(-1) - pl.col("day_n")).alias("gap")).filter(
        pl.col("day_n") >= first
    )
    ends = gaps.select(((pl.col("gap") - 1) // 7).alias("back"), ((last - pl.col("day_n")) // 7).alias("open"))
    back = ends.filter(pl.col("back").is_not_null()).group_by(week=pl.col("back")).agg(pl.len().alias("returned"))
    censored = ends.filter(pl.col("back").is_null()).group_by(week=pl.col("open")).agg(pl.len().alias("censored"))
    grid = pl.DataFrame({"week": range(max(weeks + horizon_weeks, 1))}, schema={"week": pl.Int32})
    both = back.join(censored, on="week", how="full", coalesce=True).with_columns(pl.col("week").cast(pl.Int32))
    table = grid.join(both, on="week", how="full", coalesce=True).fill_null(0).sort("week")
    leaving = pl.col("returned") + pl.col("censored")
    table = table.with_columns((leaving.sum() - leaving.cum_sum() + pl.col("returned")).alias("at_risk"))
    table = table.filter(pl.col("at_risk") > 0)
    low, high = proportions.wilson(table["returned"].to_numpy(), table["at_risk"].to_numpy(), alpha=0.05)
    table = table.with_columns(
        (pl.col("returned") / pl.col("at_risk")).alias("hazard"), pl.Series("low", low), pl.Series("high", high)
    )
    stays = (1 - pl.col("hazard")).clip(1e-12).log().cum_sum()
    gone = (stays.shift(-horizon_weeks) - stays).exp().shift(1, fill_value=None)
    first_gone = stays.shift(-(horizon_weeks - 1)).exp()
    result = table.with_columns(pl.when(pl.col("week") == 0).then(first_gone).otherwise(gone).alias("gone"))
    return result.filter(pl.col("week") < weeks).select("week", "at_risk", "returned", "hazard", "low", "high", "gone")


def first_late_week(hazard: pl.DataFrame) -> int | None:
    """Whole weeks of silence from which on coming back unasked is less likely than not; none if it never is.

    Every known week from there on has `gone` above one half, and the week before has not.

    Examples
    --------
    >>> first_late_week(pl.DataFrame({"week": [10, 11, 12, 13], "gone": [0.461, 0.484, 0.507, None]}))
    12
    """
    known = hazard.drop_nulls("gone").sort("week")
    still = known.filter(pl.col("gone") <= TOO_LATE)
    after = known if still.is_empty() else known.filter(pl.col("week") > still["week"].max())
    return None if after.is_empty() else int(after["week"].to_list()[0])
