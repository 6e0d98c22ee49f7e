"""Importance sampling: a proposal with fat tails, weights smoothed at the top, and whether they may be trusted.

Source: Vehtari, Simpson, Gelman, Yao & Gabry (2024), Pareto smoothed importance sampling, JMLR 25. The largest weights
follow a generalised Pareto distribution; from a shape k of .5 on their variance is not finite.
"""

from __future__ import annotations

import numpy as np

from crmlib.clv.numerics.arrays import Array

DEGREES = 7.0
"""Degrees of freedom of the proposal."""


def moments(points: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted mean and covariance of draws: the next proposal, wide enough for a skewed tail."""
    middle = weights @ points
    away = points - middle
    return middle, np.asarray(1.5 * (away * weights[:, None]).T @ away)


def propose(centre: Array, root: Array, *, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Student t draws (n, k) around `centre` and their log density up to a constant (n,)."""
    k = len(centre)
    z = rng.standard_normal((n, k)) / np.sqrt(rng.chisquare(DEGREES, n) / DEGREES)[:, None]
    log_density = -0.5 * (DEGREES + k) * np.log1p((z * z).sum(axis=1) / DEGREES)
    return centre + z @ root.T, log_density


def smooth(logs: Array) -> tuple[Array, float]:
    """Normalised weights with the largest ones smoothed by a generalised Pareto tail, and its k.

    Examples
    --------
    >>> weights, k = smooth(np.zeros(100))
    >>> bool(np.allclose(weights, 0.01)), k
    (True, -inf)
    """
    logs = np.where(np.isfinite(logs), logs, -np.inf)
    logs = logs - logs.max()
    n = len(logs)
    tail = int(min(n / 5, 3.0 * np.sqrt(n)))
    order = np.argsort(logs, kind="stable")
    cutoff = logs[order[-tail - 1]]
    top = order[-tail:]
    over = np.exp(logs[top]) - np.exp(cutoff)
    if over.max() <= 1e-12:
        weights = np.exp(logs)
        return weights / weights.sum(), float("-inf")
    if over[len(over) // 4] <= 0.0:  # all but a few weights vanish: no tail to fit
        return np.exp(logs) / np.exp(logs).sum(), float("inf")
    k, sigma = pareto_fit(over)
    steps = (np.arange(1, tail + 1) - 0.5) / tail
    size = -np.log1p(-steps) if abs(k) < 1e-12 else np.expm1(-k * np.log1p(-steps)) / k
    smoothed = logs.copy()
    smoothed[top] = np.minimum(np.log(sigma * size + np.exp(cutoff)), 0.0)
    weights = np.exp(smoothed - smoothed.max())
    return weights / weights.sum(), k


def pareto_fit(over: Array) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto tail: Zhang & Stephens (2009), with the JMLR paper's weak prior.

    Examples
    --------
    >>> u = (np.arange(4000) + 0.5) / 4000
    >>> k, sigma = pareto_fit(2.0 * ((1 - u) ** -0.3 - 1) / 0.3)  # quantiles of k = .3, σ = 2
    >>> round(k, 1), round(sigma, 1)
    (0.3, 2.0)
    """
    x = np.sort(over)
    n = len(x)
    count = 30 + int(np.sqrt(n))
    grid = 1.0 - np.sqrt(count / (np.arange(1, count + 1) - 0.5))
    grid = grid / (3.0 * x[int(n / 4 + 0.5) - 1]) + 1.0 / x[-1]
    shape = np.log1p(-grid[:, None] * x).mean(axis=1)
    fits = n * (np.log(-grid / shape) - shape - 1.0)
    weights = np.exp(fits - fits.max())
    weights = weights / weights.sum()
    b = float(np.sum(grid * weights))
    k = float(np.log1p(-b * x).mean())
    sigma = -k / b
    return (k * n + 0.5 * 10.0) / (n + 10.0), sigma


def resample(weights: Array, *, n: int, rng: np.random.Generator) -> Array:
    """Indices of `n` equally weighted draws, systematic, then shuffled."""
    places = (np.arange(n) + rng.random()) / n
    index = np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)
    return np.asarray(rng.permutation(index))
