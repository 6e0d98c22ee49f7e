"""Chain ladder with Mack's standard error, for reference beside `ultimate`.

Source: Mack (1993), Distribution-free calculation of the standard error of chain ladder reserve estimates, ASTIN
Bulletin 23(2), 213-225; the last variance by his extrapolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.apportion import Floats


@dataclass(frozen=True, slots=True)
class ChainLadder:
    """factors, sigma2: of every step, shape (ages − 1,); ultimate: by cohort; reserve, error: of the total."""

    factors: Floats
    sigma2: Floats
    ultimate: Floats
    reserve: float
    error: float


def mack(triangle: Floats) -> ChainLadder:
    """Ultimates and the standard error of their total.

    Parameters
    ----------
    triangle : cumulated amounts, shape (n, n), NaN below the last diagonal.
    """
    n = triangle.shape[0]
    factors, sigma2 = np.ones(n - 1), np.zeros(n - 1)
    for j in range(n - 1):
        here, there = triangle[: n - 1 - j, j], triangle[: n - 1 - j, j + 1]
        factors[j] = there.sum() / here.sum()
        if n - 2 - j > 0:
            sigma2[j] = (here * (there / here - factors[j]) ** 2).sum() / (n - 2 - j)
    if n > 3:
        a, b = sigma2[n - 3], sigma2[n - 4]
        sigma2[n - 2] = min(a * a / b if b > 0 else 0.0, a, b)
    full = triangle.copy()
    for j in range(1, n):
        full[n - j :, j] = full[n - j :, j - 1] * factors[j - 1]
    ultimate = full[:, -1]
    latest = np.array([triangle[i, n - 1 - i] for i in range(n)])
    return ChainLadder(
        factors, sigma2, ultimate, float((ultimate - latest).sum()), _error(triangle, full, factors, sigma2)
    )


def _error(triangle: Floats, full: Floats, factors: Floats, sigma2: Floats) -> float:
    """Square root of the mean squared error of the total reserve: process and estimation, with covariances."""
    n = triangle.shape[0]
    ratio = sigma2 / factors**2
    sums = np.array([triangle[: n - 1 - j, j].sum() for j in range(n - 1)])
    total = 0.0
    for i in range(1, n):
        steps = np.arange(n - 1 - i, n - 1)
        own = full[i, -1] ** 2 * (ratio[steps] * (1 / full[i, steps] + 1 / sums[steps])).sum()
        shared = full[i, -1] * full[i + 1 :, -1].sum() * (2 * ratio[steps] / sums[steps]).sum()
        total += float(own + shared)
    return float(np.sqrt(total))
