"""Cohorts at equal age: what customers bought in their first months, whenever they came.

Whoever came two years ago is either gone or a regular by now; whoever came last month is still undecided. Their value
to come differs even if all are alike, so it says nothing about which cohort was better. What may be compared is the
same stretch of life: purchases and spend within so many days after the first purchase, of those alone who were
watched that long. A difference is said only where chance would rarely make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from scipy import stats

from crmlib.clv.numerics.arrays import Array
from crmlib.core import runs
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

EARLY_DAYS, GAPS = 30, 0.95
"""Who first bought so soon after the data begin, or within the gap that 95 % of gaps stay below, may have been a
customer long before: old regulars would else pass for a good first cohort."""
LONGEST, HALF = 365, 182
"""Days of life compared at most: every festival once. Where cohorts of half a year have lived so long it is taken."""
LEAST = 30
"""Customers in a cohort, or it is left out."""
SURE = 0.01
"""Chance of a difference at least as large among cohorts that are alike, below which one is said."""
Z90 = 1.6449


@dataclass(frozen=True, slots=True)
class EqualAge:
    """Cohorts over the same days of life.

    Parameters
    ----------
    cohorts : in the order of time: `cohort` (quarter of the first purchase), `customers`, `purchases` after the first
        and `net_minor` in the first `age` days per head, each with the 90 % interval `…_low`, `…_high` of the mean.
    age : days of life compared.
    young : customers who came too recently to be watched that long.
    p_purchases, p_net : chance of differences at least as large if all cohorts were alike; none with fewer than two.
    """

    cohorts: pl.DataFrame
    age: int
    young: int
    p_purchases: float | None
    p_net: float | None

    @property
    def differ(self) -> bool:
        """Whether purchases or spend of the cohorts differ beyond chance."""
        return any(p is not None and p < SURE for p in (self.p_purchases, self.p_net))


def equal_age(days: AnyFrame, *, as_of: date, age: int | None = None) -> EqualAge:
    """Compare cohorts over their first `age` days.

    Parameters
    ----------
    days : purchase days: `customer_id`, `day_n`, `net_minor`, and, where other days are in it, `is_purchase`.
    as_of : last day known.
    age : days; without it a year, or half of the time the data cover where that is too short for a year.

    Raises
    ------
    ModelError
        `clv.age` for an age below a day, or longer than the data.
    """
    frame = to_polars(days, needs=["customer_id", "day_n", "net_minor"], name="days", texts=False)
    if "is_purchase" in frame.columns:
        frame = frame.filter(pl.col("is_purchase"))
    end = day_number(as_of)
    who = pl.col("customer_id")
    seen = runs.in_order(frame.filter(pl.col("day_n") <= end))
    seen = seen.with_columns(first=pl.when(runs.begins(who)).then("day_n").forward_fill(), number=runs.run(who))
    begin = int(seen["first"].to_numpy().min()) if seen.height else end
    early = _early(seen, span=end - begin)
    left = end - begin - early
    length = age if age is not None else LONGEST if left >= LONGEST + HALF else left // 2
    if not 1 <= length <= max(end - begin, 0):
        raise ModelError("clv.age", values={"age": length, "days": end - begin})
    new = seen.filter(pl.col("first") > begin + early)
    after = pl.col("day_n") - pl.col("first")
    each = new.group_by("number", maintain_order=True).agg(
        pl.col("first").first(),
        purchases=((after > 0) & (after <= length)).sum().cast(pl.Float64),
        net_minor=pl.col("net_minor").filter(after <= length).sum().cast(pl.Float64),
    )
    watched = each.filter(pl.col("first") + length <= end)
    quarter = pl.col("first").cast(pl.Int32).cast(pl.Date)
    named = watched.with_columns(cohort=pl.format("{}-Q{}", quarter.dt.year(), quarter.dt.quarter()))
    table = _means(named)
    return EqualAge(
        cohorts=table,
        age=length,
        young=each.height - watched.height,
        p_purchases=alike(*(table[c].to_numpy() for c in ("purchases", "purchases_error"))),
        p_net=alike(*(table[c].to_numpy() for c in ("net_minor", "net_minor_error"))),
    )


def _early(seen: pl.DataFrame, *, span: int) -> int:
    """Days after the data begin within which an old customer would have shown, at most a quarter of the data."""
    same = pl.col("number") == pl.col("number").shift(1)
    gaps = seen.select(gap=pl.when(same).then(pl.col("day_n") - pl.col("day_n").shift(1))).filter(pl.col("gap") > 0)
    gap = gaps["gap"].quantile(GAPS)
    return max(min(int(gap or 0), span // 4), EARLY_DAYS)


def _means(named: pl.DataFrame) -> pl.DataFrame:
    """Mean per head of each cohort that is large enough, its standard error and its 90 % interval."""
    what = ("purchases", "net_minor")
    errors = {f"{c}_error": pl.col(c).std() / pl.len().sqrt() for c in what}
    means = named.group_by("cohort").agg(pl.len().alias("customers"), *(pl.col(c).mean() for c in what), **errors)
    bounds = {
        f"{c}_{edge}": pl.col(c) + sign * Z90 * pl.col(f"{c}_error")
        for c in what
        for edge, sign in (("low", -1.0), ("high", 1.0))
    }
    return means.filter(pl.col("customers") >= LEAST).sort("cohort").with_columns(**bounds)


@shaped(means="groups", errors="groups")
def alike(means: Array, errors: Array) -> float | None:
    """Chance that means with these standard errors lie so far apart if all are the same (Welch's χ²); none below two.

    Parameters
    ----------
    means, errors : shape (groups,); a group without any variation is left out.

    Examples
    --------
    >>> round(alike(np.array([1.0, 1.1]), np.array([0.1, 0.1])), 2), alike(np.array([1.0]), np.array([0.1]))
    (0.48, None)
    """
    known = errors > 0
    mean, weight = means[known], 1.0 / errors[known] ** 2
    if len(mean) < 2:
        return None
    centre = float(np.average(mean, weights=weight))
    return float(stats.chi2.sf(float(weight @ (mean - centre) ** 2), len(mean) - 1))
