"""Whether the probabilities can be taken at their word.

Expected calibration error on equal-mass bins is never 0, not even for a perfect model (.25 at n = 43, .024 at 4,297),
so its value under a simulated perfect model is taken off. The Brier score is split after Murphy (1973):
Brier = reliability − resolution + uncertainty (on the bins, plus what varies inside them).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.special import expit, logit

from crmlib.churn.metrics import Array, brier, refuse_one_class
from crmlib.core import lazy, proportions
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

sm, said = lazy.module("statsmodels.api"), lazy.module("statsmodels.tools.sm_exceptions")

BINS = 20
NULL_DRAWS = 200
EDGE = 1e-6
SLOPE_EFFECT, INTERCEPT_EFFECT = 0.2, 0.25
"""Departures of slope from 1 and of the intercept from 0 (log odds) from which recalibration is worth it.

From one origin to the next they drift by .18 and .17 where nothing has changed (the sample company, Online Retail), so
moving by less makes the next period worse: error beyond a perfect model's .020 -> .008 on the sample.
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probabilities p compare with what came.

    Parameters
    ----------
    rows, observed, expected : customers, share lost, mean p.
    ece, ece_null : expected calibration error and what a perfect model would score on as many rows.
    brier, reliability, resolution, uncertainty : Brier score and Murphy's parts.
    slope, slope_low, slope_high : of y on logit p (1 is right, below 1 too extreme), 95 % interval.
    intercept, intercept_low, intercept_high : log odds missing at slope 1 (0 is right), 95 % interval.
    """

    rows: int
    observed: float
    expected: float
    ece: float
    ece_null: float
    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_low: float
    intercept_high: float

    @property
    def ece_excess(self) -> float:
        """Calibration error beyond that of a perfect model."""
        return max(self.ece - self.ece_null, 0.0)


@dataclass(frozen=True, slots=True)
class Recalibration:
    """p' = expit(intercept + slope · logit p), and what was moved."""

    kind: Literal["none", "intercept", "slope"]
    intercept: float = 0.0
    slope: float = 1.0

    def apply(self, p: Array) -> Array:
        """Recalibrated probabilities."""
        return p if self.kind == "none" else _moved(p, self.intercept, self.slope)


@shaped(y="customers", p="customers")
def calibration(y: Array, p: Array, *, rng: np.random.Generator, bins: int = BINS) -> Calibration:
    """Compare probabilities `p` with outcomes `y`, shape (n,)."""
    refuse_one_class(int(y.sum()), int(len(y) - y.sum()))
    table = reliability_bins(y, p, bins=bins)
    n, seen, said = (table[c].to_numpy() for c in ("n", "observed", "expected"))
    base = float(y.mean())
    slope, intercept = _regress(y, p)
    return Calibration(
        rows=len(y),
        observed=base,
        expected=float(p.mean()),
        ece=ece(y, p, bins=bins),
        ece_null=null_ece(p, rng=rng, bins=bins),
        brier=brier(y, p),
        reliability=float(np.average((said - seen) ** 2, weights=n)),
        resolution=float(np.average((seen - base) ** 2, weights=n)),
        uncertainty=base * (1 - base),
        slope=slope[0],
        slope_low=slope[1],
        slope_high=slope[2],
        intercept=intercept[0],
        intercept_low=intercept[1],
        intercept_high=intercept[2],
    )


@shaped(y="customers", p="customers")
def reliability_bins(y: Array, p: Array, *, bins: int = BINS) -> pl.DataFrame:
    """Equal-mass bins by p: bin, n, expected (mean p), observed (share lost), low, high (Wilson, 95 %)."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(p))) if len(part)]
    n = np.array([len(part) for part in parts])
    hits = np.array([y[part].sum() for part in parts])
    low, high = proportions.wilson(hits, n, alpha=0.05)
    return pl.DataFrame(
        {
            "bin": np.arange(1, len(parts) + 1),
            "n": n,
            "expected": [float(p[part].mean()) for part in parts],
            "observed": hits / n,
            "low": low,
            "high": high,
        }
    )


@shaped(y="customers", p="customers")
def ece(y: Array, p: Array, *, bins: int = BINS) -> float:
    """Mean distance between said and seen over equal-mass bins.

    Examples
    --------
    >>> ece(np.array([0, 1, 0, 1]), np.array([0.5, 0.5, 0.5, 0.5]), bins=1)
    0.0
    """
    order = np.argsort(p, kind="stable")
    edges = np.linspace(0, len(p), min(bins, len(p)) + 1).astype(int)[:-1]
    return float(np.abs(np.add.reduceat((y - p)[order], edges)).sum() / len(p))


@shaped(p="customers")
def null_ece(p: Array, *, rng: np.random.Generator, bins: int = BINS, draws: int = NULL_DRAWS) -> float:
    """Mean calibration error if `p` were exactly right: outcomes drawn from `p` itself."""
    return float(np.mean([ece((rng.random(len(p)) < p).astype(float), p, bins=bins) for _ in range(draws)]))


def by_tier(table: AnyFrame, *, tier: str, y: str = "y", p: str = "p") -> pl.DataFrame:
    """Observed ÷ expected losses per tier with Wilson bounds: tier, n, lost, expected, ratio, low, high, holds.

    `holds` is whether the bounds contain 1; a calibration error per tier would mostly measure the tier's size.
    """
    frame = to_polars(table, needs=[tier, y, p], name="scored customers")
    sums = (
        frame.group_by(tier)
        .agg(pl.len().alias("n"), pl.col(y).sum().alias("lost"), pl.col(p).sum().alias("expected"))
        .sort(tier)
    )
    low, high = proportions.wilson(sums["lost"].to_numpy(), sums["n"].to_numpy(), alpha=0.05)
    scale = pl.col("n") / pl.col("expected").clip(EDGE)
    bounds = sums.with_columns(pl.Series("low", low) * scale, pl.Series("high", high) * scale)
    ratio = (pl.col("lost") / pl.col("expected").clip(EDGE)).alias("ratio")
    holds = ((pl.col("low") <= 1) & (pl.col("high") >= 1)).alias("holds")
    return bounds.select(tier, "n", "lost", "expected", ratio, "low", "high", holds)


@shaped(y="customers", p="customers")
def recalibrate(y: Array, p: Array, *, slope: bool = True) -> Recalibration:
    """Choose by effect size what to move, on the last closed origin: the slope, only the intercept, or nothing.

    The slope is moved if off by more than `SLOPE_EFFECT` and its interval excludes 1; else the intercept likewise.

    Parameters
    ----------
    slope : whether it may be moved: not where `p` comes from a model that memorised these rows.
    """
    try:
        tilt, intercept = _regress(y, p)
    except ModelError:  # too few rows tell the two apart completely: nothing to learn a slope from
        return Recalibration("none")
    if slope and abs(tilt[0] - 1) > SLOPE_EFFECT and not tilt[1] <= 1 <= tilt[2]:
        a, b = _free(y, p)
        return Recalibration("slope", a, b)
    if abs(intercept[0]) > INTERCEPT_EFFECT and not intercept[1] <= 0 <= intercept[2]:
        return Recalibration("intercept", intercept[0], 1.0)
    return Recalibration("none")


def _log_odds(p: Array) -> Array:
    return np.asarray(logit(np.clip(p, EDGE, 1 - EDGE)))


def _moved(p: Array, intercept: float, slope: float) -> Array:
    return np.asarray(expit(intercept + slope * _log_odds(p)))


def _fitted(model: Any) -> Any:
    """The fit of a GLM; where the risk parts the two groups completely there is none, and that is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", said.PerfectSeparationWarning)
        try:
            return model.fit()
        except said.PerfectSeparationWarning:
            raise ModelError("churn.separation", values={"rows": len(model.endog)}) from None


def _free(y: Array, p: Array) -> tuple[float, float]:
    x = sm.add_constant(_log_odds(p), has_constant="add")
    a, b = sm.GLM(y, x, family=sm.families.Binomial()).fit().params
    return float(a), float(b)


def _regress(y: Array, p: Array) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Slope (free intercept) and intercept (slope fixed at 1), each with its 95 % interval."""
    odds, binomial = _log_odds(p), sm.families.Binomial()
    ones = np.ones((len(y), 1))
    shift = _fitted(sm.GLM(y, ones, family=binomial, offset=odds))
    a = (float(shift.params[0]), *(float(v) for v in shift.conf_int()[0]))
    if np.ptp(odds) < EDGE:
        return (1.0, float("-inf"), float("inf")), (a[0], a[1], a[2])
    free = _fitted(sm.GLM(y, sm.add_constant(odds, has_constant="add"), family=binomial))
    b = (float(free.params[1]), *(float(v) for v in free.conf_int()[1]))
    return (b[0], b[1], b[2]), (a[0], a[1], a[2])
