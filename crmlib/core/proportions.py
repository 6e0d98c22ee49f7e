"""Shares of small numbers: intervals, shrinkage, limits, and whether there is anything to rank at all.

Order of use: `equal_shares` asks whether units differ more than chance; only then `shrink` ranks them, and
`limits` names those beyond. Sources: Wilson (1927); Newcombe (1998), Statistics in
Medicine 17, 873–890; Spiegelhalter (2005), Funnel plots for comparing institutional
performance; Skellam (1948) for the beta-binomial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betaln, ndtri
from scipy.stats import binom, chi2

Array = npt.NDArray[Any]
NO_SPREAD = 1e7
"""α + β beyond which units are taken as equal."""


def wilson(hits: Array | float, trials: Array | int, *, alpha: float = 1 - 0.95) -> tuple[Array, Array]:
    """Wilson's interval of a share; 0 to 1 where there were no trials; each of the shape given.

    Parameters
    ----------
    alpha : chance that the share lies outside.

    Examples
    --------
    >>> low, high = wilson(np.array([8, 0]), np.array([10, 0]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.49, 0.0], [0.943, 1.0])
    """
    n = np.asarray(trials)
    m = np.maximum(n, 1)
    share, z = np.asarray(hits) / m, -ndtri(alpha / 2.0)
    wide = 1 + z**2 / m
    middle = (share + z**2 / (2 * m)) / wide
    half = z * np.sqrt(share * (1.0 - share) / m + z**2 / (4.0 * m**2)) / wide
    low, high = np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def newcombe(
    hits: Array | float, trials: Array | int, other_hits: Array | float, other_trials: Array | int
) -> tuple[Array, Array, Array]:
    """Difference of two shares with its 95 % interval from both of Wilson's (hybrid score): effect, low, high.

    Examples
    --------
    >>> [round(float(v), 4) for v in newcombe(56, 70, 48, 80)]
    [0.2, 0.0524, 0.3339]
    """
    p, q = np.asarray(hits) / trials, np.asarray(other_hits) / other_trials
    (low, high), (other_low, other_high) = wilson(hits, trials), wilson(other_hits, other_trials)
    effect = p - q
    return effect, effect - np.hypot(p - low, other_high - q), effect + np.hypot(high - p, q - other_low)


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """Beta law of shares over units: α, β; both infinite in effect where units do not differ."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """Share of the average unit."""
        return self.alpha / (self.alpha + self.beta)


def beta_prior(hits: Array, trials: Array) -> BetaPrior:
    """Fit α, β of a beta-binomial by maximum likelihood, over (mean, α + β).

    Parameters
    ----------
    hits, trials : counts by unit, shape (units,); units without trials say nothing.
    """
    seen = trials > 0
    x, n = hits[seen].astype(float), trials[seen].astype(float)
    p = float(np.clip(x.sum() / max(n.sum(), 1.0), 1e-6, 1 - 1e-6))

    def loss(theta: Array) -> float:
        mean, size = 1 / (1 + np.exp(-theta[0])), np.exp(np.clip(theta[1], -7, np.log(NO_SPREAD)))
        a, b = mean * size, (1 - mean) * size
        return -float((betaln(a + x, b + n - x) - betaln(a, b)).sum())

    best = minimize(
        loss, [np.log(p / (1 - p)), 4.0], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 2000}
    )
    mean, size = 1 / (1 + np.exp(-best.x[0])), np.exp(np.clip(best.x[1], -7, np.log(NO_SPREAD)))
    return BetaPrior(float(mean * size), float((1 - mean) * size))


def shrink(hits: Array, trials: Array, *, prior: BetaPrior | None = None) -> Array:
    """Empirical Bayes shares: each unit moved to the mean as far as its few trials demand, shape (units,).

    Examples
    --------
    >>> prior = BetaPrior(6.0, 4.0)
    >>> shrink(np.array([10, 0]), np.array([10, 0]), prior=prior).tolist()
    [0.8, 0.6]
    """
    law = beta_prior(hits, trials) if prior is None else prior
    return np.asarray((hits + law.alpha) / (trials + law.alpha + law.beta))


def limits(trials: Array, *, share: float | Array, level: float) -> tuple[Array, Array]:
    """Funnel limits: shares that a unit of this size reaches by chance, exact binomial, each shape (units,).

    Outside is only what is strictly below the lower or above the upper one.
    """
    n = np.maximum(trials, 1)
    tail = (1 - level) / 2
    low, high = binom.ppf(tail, n, share), binom.ppf(1 - tail, n, share)
    return np.where(trials > 0, low / n, 0.0), np.where(trials > 0, high / n, 1.0)


@dataclass(frozen=True, slots=True)
class EqualShares:
    """χ² test that all units have one share: statistic, degrees of freedom, p, and that share."""

    statistic: float
    freedom: int
    p: float
    share: float


def equal_shares(hits: Array, trials: Array, *, expected: Array | None = None) -> EqualShares:
    """Whether units differ more than chance makes them.

    Parameters
    ----------
    expected : hits expected of each unit for the customers it was given, shape (units,); the common share if none.

    Examples
    --------
    >>> equal_shares(np.array([10, 10]), np.array([20, 20])).p
    1.0
    """
    seen = trials > 0
    x, n = hits[seen].astype(float), trials[seen].astype(float)
    common = float(x.sum() / n.sum()) if n.sum() else 0.0
    mean = n * common if expected is None else expected[seen].astype(float)
    spread = mean * (1 - mean / n)
    use = spread > 0
    statistic = float(((x - mean)[use] ** 2 / spread[use]).sum())
    freedom = max(int(use.sum()) - 1, 0)
    return EqualShares(statistic, freedom, float(chi2.sf(statistic, freedom)) if freedom else 1.0, common)


def benjamini_hochberg(p: Array, *, level: float) -> npt.NDArray[np.bool_]:
    """Which hypotheses fall when a share `level` of those felled may be wrong, shape (n,).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.001, 0.04, 0.9]), level=0.1).tolist()
    [True, True, False]
    """
    if p.size == 0:
        return np.zeros(0, dtype=bool)
    order = np.argsort(p)
    passed = np.flatnonzero(p[order] <= level * np.arange(1, p.size + 1) / p.size)
    result = np.zeros(p.size, dtype=bool)
    if passed.size:
        result[order[: passed[-1] + 1]] = True
    return result
