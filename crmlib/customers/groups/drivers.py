"""What goes with a group's spend, and by how much: described by default, tested only where an experiment exists.

1. `decompose` splits the ratio of two groups' spend per member exactly into frequency, units per visit and price:

    ln(spend_g / spend_r) = ln(trips ratio) + ln(units-per-trip ratio) + ln(price ratio).

2. `importance` shares the explained variance of log spend among traits, averaging over all orders in which they may
   enter (Lindeman, Merenda & Gold 1980, "LMG"; a Shapley value), less what as many classes explain by chance: with p
   columns among n members R² = 0 becomes p/(n - 1), so each trait gives up (1 - R²) p_j / (n - p - 1) and the parts add
   up to the adjusted R². It describes; it does not say what would happen if a trait were changed.
3. `experiment` compares those treated with those held back at random: the only one of the three that speaks of effects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import t as student

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import flag, members

Array: TypeAlias = npt.NDArray[np.float64]

PARTS = ("trips", "units_per_trip", "price")
MOST_TRAITS = 10
"""All subsets of the traits are fitted, so their number is limited."""
LEAST_KNOWN = 30
"""Members with all traits known below which nothing is explained."""
PER_CLASS = 3
"""Members needed for each class of a trait."""
LEAST_ARM = 20
"""Members per arm below which no effect is stated."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Difference of means between treated members and those held back at random.

    Parameters
    ----------
    treated, held_back : members; mean_treated, mean_held_back, difference, low, high : the outcome's own unit
        (Welch's 95 % interval).
    """

    treated: int
    held_back: int
    mean_treated: float
    mean_held_back: float
    difference: float
    low: float
    high: float


def decompose(frame: AnyFrame, *, group: str) -> pl.DataFrame:
    """Split the ratio of spend per member, group against rest, into frequency, quantity and price.

    Parameters
    ----------
    frame : customer_id, net_minor, purchase_days, quantity_milli and the Boolean column `group`.

    Returns
    -------
    part (``trips``, ``units_per_trip``, ``price``, ``spend``); value_group, value_rest (mean per member, per trip, per
    unit in minor units); ratio; share_of_difference (the logarithms' shares; they add up to 1, null if spend is equal).

    Raises
    ------
    ModelError
        `scoring.cannot_decompose` if a side is empty or has no positive sum.

    Examples
    --------
    >>> frame = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [400, 100], "purchase_days": [4, 1],
    ...     "quantity_milli": [8000, 2000], "g": [True, False]})
    >>> decompose(frame, group="g").select("part", "ratio").rows()
    [('trips', 4.0), ('units_per_trip', 1.0), ('price', 1.0), ('spend', 4.0)]
    """
    table = flag(members(frame, needs=("net_minor", "purchase_days", "quantity_milli"), present=(group,)), group)
    sides = [_means(table.filter(pl.col(group))), _means(table.filter(~pl.col(group)))]
    if any(side is None for side in sides):
        raise ModelError("scoring.cannot_decompose")
    left, right = (side for side in sides if side is not None)
    ratios = [a / b for a, b in zip(left, right, strict=True)]
    logs = [float(np.log(ratio)) for ratio in ratios]
    shares = [log / logs[-1] if abs(logs[-1]) > 1e-12 else None for log in logs]
    return pl.DataFrame(
        {
            "part": [*PARTS, "spend"],
            "value_group": left,
            "value_rest": right,
            "ratio": ratios,
            "share_of_difference": pl.Series(shares, dtype=pl.Float64),
        }
    )


def importance(frame: AnyFrame, *, outcome: str, traits: Iterable[str]) -> pl.DataFrame:
    """Share each trait's part of the explained variance of log spend; descriptive.

    Parameters
    ----------
    frame : customer_id, `outcome` (minor units) and the trait columns (text). Members with a value above 0 and all
        traits known are used: a class of unknowns would stand for those who rarely come.
    outcome : the column explained.
    traits : at most ten.

    Returns
    -------
    trait; explained (its part of the adjusted R², at least 0); classes; best, best_ratio (the class whose geometric
    mean is highest for sure, by its lower 95 % bound, and that mean over the overall one). Sorted by explained, largest
    first.
    """
    names = tuple(traits)
    if not 0 < len(names) <= MOST_TRAITS:
        raise ModelError("scoring.too_many_traits", values={"traits": len(names), "most": MOST_TRAITS})
    table = to_polars(frame, needs=(outcome, *names), name="members").filter(pl.col(outcome) > 0).drop_nulls(names)
    blocks = [_dummies(table[name]) for name in names]
    least = max(LEAST_KNOWN, PER_CLASS * sum(block.shape[1] for block in blocks))
    if table.height < least:
        raise ModelError("scoring.too_few_known", values={"members": table.height, "least": least})
    y = np.log(table[outcome].to_numpy().astype(np.float64))
    parts = beyond_chance(lmg(y, blocks), [block.shape[1] for block in blocks], members=table.height)
    rows = [
        {"trait": name, "explained": float(part), **_best(table[name], y)}
        for name, part in zip(names, parts, strict=True)
    ]
    return pl.DataFrame(rows).sort("explained", "trait", descending=[True, False])


def lmg(y: Array, blocks: list[Array]) -> Array:
    """Part of R² that each block of regressors adds, averaged over all orders of entry; shape (blocks,).

    Parameters
    ----------
    y : outcome, shape (n,); blocks : regressors of each trait, shape (n, columns).

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [0.0], [1.0]])
    >>> lmg(np.array([0.0, 1.0, 0.0, 1.0]), [x, x]).round(2)
    array([0.5, 0.5])
    """
    k = len(blocks)
    gram, cross = _moments(y, blocks)
    edges = np.cumsum([0, *(b.shape[1] for b in blocks)])
    explained = {
        subset: _r_squared(gram, cross, edges, subset) for r in range(k + 1) for subset in combinations(range(k), r)
    }
    total = max(float(((y - y.mean()) ** 2).sum()), 1e-300)
    parts = np.zeros(k)
    for j in range(k):
        others = [i for i in range(k) if i != j]
        for r in range(k):
            weight = factorial(r) * factorial(k - r - 1) / factorial(k)
            for subset in combinations(others, r):
                with_j = tuple(sorted((*subset, j)))
                parts[j] += weight * (explained[with_j] - explained[subset])
    return parts / total


def beyond_chance(parts: Array, columns: list[int], *, members: int) -> Array:
    """Parts of R² without what regressors explain by chance; they add up to the adjusted R² before clipping at 0.

    Parameters
    ----------
    parts : of R², shape (blocks,); columns : regressors of each block; members : n, above the sum of columns + 1.

    Examples
    --------
    >>> beyond_chance(np.array([0.2, 0.1]), [1, 4], members=46).round(4)
    array([0.1825, 0.03  ])
    """
    spare = members - sum(columns) - 1
    return np.asarray(np.maximum(parts - (1 - parts.sum()) * np.array(columns) / spare, 0.0))


def experiment(frame: AnyFrame, *, outcome: str, treated: str) -> Effect:
    """Say what a treatment given at random did to the outcome: difference of means with Welch's interval.

    Parameters
    ----------
    frame : one row per member of the experiment: `outcome` (number; unknown outcomes are left out) and the Boolean
        `treated`.

    Raises
    ------
    ModelError
        `scoring.small_experiment` if an arm has fewer than 20 members.
    """
    table = flag(to_polars(frame, needs=(outcome, treated), name="experiment"), treated, name="experiment")
    values = pl.col(outcome).cast(pl.Float64).fill_nan(None).alias(outcome)
    known = table.select(treated, values).drop_nulls()
    arms = [known.filter(pl.col(treated) == arm)[outcome].to_numpy() for arm in (True, False)]
    if min(arm.size for arm in arms) < LEAST_ARM:
        raise ModelError(
            "scoring.small_experiment", values={"treated": arms[0].size, "held_back": arms[1].size, "least": LEAST_ARM}
        )
    means, variances = [float(a.mean()) for a in arms], [float(a.var(ddof=1)) / a.size for a in arms]
    error = float(np.sqrt(sum(variances)))
    df = sum(variances) ** 2 / sum(v**2 / (a.size - 1) for v, a in zip(variances, arms, strict=True)) if error else 1.0
    reach = float(student.ppf(0.975, df)) * error
    difference = means[0] - means[1]
    return Effect(
        treated=int(arms[0].size),
        held_back=int(arms[1].size),
        mean_treated=means[0],
        mean_held_back=means[1],
        difference=difference,
        low=difference - reach,
        high=difference + reach,
    )


def _means(side: pl.DataFrame) -> list[float] | None:
    net, trips, units = (float(side[c].sum()) for c in ("net_minor", "purchase_days", "quantity_milli"))
    if min(net, trips, units) <= 0:
        return None
    return [trips / side.height, units / 1000 / trips, net / (units / 1000), net / side.height]


def _dummies(values: pl.Series) -> Array:
    text = values.cast(pl.String)
    levels = text.unique().sort().to_list()[1:]
    codes = text.to_numpy()
    return (
        np.column_stack([codes == level for level in levels]).astype(np.float64) if levels else np.zeros((len(text), 0))
    )


def _moments(y: Array, blocks: list[Array]) -> tuple[Array, Array]:
    x = np.hstack(blocks)
    x = x - x.mean(axis=0)
    return x.T @ x, x.T @ (y - y.mean())


def _r_squared(gram: Array, cross: Array, edges: npt.NDArray[np.int64], subset: tuple[int, ...]) -> float:
    """Explained sum of squares of the traits in `subset`."""
    columns = [c for j in subset for c in range(edges[j], edges[j + 1])]
    if not columns:
        return 0.0
    beta = np.linalg.lstsq(gram[np.ix_(columns, columns)], cross[columns], rcond=None)[0]
    return float(beta @ cross[columns])


def _best(values: pl.Series, y: Array) -> dict[str, object]:
    table = pl.DataFrame({"value": values.cast(pl.String), "y": y}).drop_nulls("value")
    by = table.group_by("value").agg(mean=pl.col("y").mean(), sd=pl.col("y").std(), n=pl.len()).filter(pl.col("n") >= 5)
    if by.is_empty():
        return {"classes": 0, "best": None, "best_ratio": None}
    # the highest mean of many is high by luck; the highest lower bound is not
    surely = pl.col("mean") - 1.96 * pl.col("sd") / pl.col("n").sqrt()
    top = by.with_columns(surely=surely).sort("surely", "value").row(-1, named=True)
    return {"classes": by.height, "best": top["value"], "best_ratio": float(np.exp(top["mean"] - y.mean()))}
