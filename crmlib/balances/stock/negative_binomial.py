"""Demand of some days as a negative binomial of given mean and variance/mean ratio; the Poisson where that ratio is 1.

With mean m and ratio phi > 1: r = m / (phi − 1), p = 1 / phi. Days of equal phi sum to the same family with the sum of
their means. Quantities are in selling units (pieces, kg), not thousandths.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, gammaincc
from scipy.stats import nbinom, poisson

from crmlib.core.apportion import Floats

POISSON = 1.0 + 1e-6  # ratios up to here are computed as Poisson


def sells_out(mean: Floats, phi: Floats, stock: Floats) -> Floats:
    """P(D ≥ Q) for stock Q, same shape; 1 where there is no stock.

    Examples
    --------
    >>> one = sells_out(np.array([10.0]), np.array([5.0]), np.array([12.0]))
    >>> one.round(4)
    array([0.339])
    """
    mean, phi, stock = np.broadcast_arrays(mean, phi, stock)
    return np.where(stock <= 0, 1.0, 1.0 - _up_to(mean, phi, stock - 1.0, more=0.0))


def left_over(mean: Floats, phi: Floats, stock: Floats) -> Floats:
    """E(Q − D)⁺ [units], same shape.

    Q·P(D ≤ Q−1) − m·P(D′ ≤ Q−2), where D′ has one success more (r + 1).

    Examples
    --------
    >>> left_over(np.array([10.0]), np.array([5.0]), np.array([12.0])).round(4)
    array([3.9969])
    """
    mean, phi, stock = np.broadcast_arrays(mean, phi, stock)
    below = stock * _up_to(mean, phi, stock - 1.0, more=0.0)
    return np.where(stock <= 0, 0.0, np.maximum(below - mean * _up_to(mean, phi, stock - 2.0, more=1.0), 0.0))


def left_squared(mean: Floats, phi: Floats, stock: Floats) -> Floats:
    """E((Q − D)⁺²) [units²], same shape: with the mean left over, the variance of what a stock leaves or lacks.

    Examples
    --------
    >>> left_squared(np.array([10.0]), np.array([5.0]), np.array([12.0])).round(4)
    array([30.3441])
    """
    mean, phi, stock = np.broadcast_arrays(mean, phi, stock)
    once = mean * _up_to(mean, phi, stock - 2.0, more=1.0)
    twice = mean * (mean + np.maximum(phi - 1.0, 0.0)) * _up_to(mean, phi, stock - 3.0, more=2.0)
    found = stock**2 * _up_to(mean, phi, stock - 1.0, more=0.0) - (2.0 * stock - 1.0) * once + twice
    return np.where(stock <= 0, 0.0, np.maximum(found, 0.0))


def quantile(mean: Floats, phi: Floats, level: float) -> Floats:
    """Smallest d with P(D ≤ d) ≥ level, same shape.

    Examples
    --------
    >>> quantile(np.array([10.0]), np.array([5.0]), 0.95)
    array([24.])
    """
    mean, phi = np.broadcast_arrays(np.asarray(mean, dtype=float), np.asarray(phi, dtype=float))
    spread = np.maximum(phi, POISSON)
    wide = nbinom.ppf(level, np.maximum(mean, 1e-12) / (spread - 1.0), 1.0 / spread)
    found = np.where(phi <= POISSON, poisson.ppf(level, mean), wide)
    return np.where(mean <= 0, 0.0, found)


def _up_to(mean: Floats, phi: Floats, d: Floats, *, more: float) -> Floats:
    """P(D ≤ d) with r + more successes (Poisson: the same mean), for any real d; 0 below 0."""
    spread, top = np.maximum(phi, POISSON), np.maximum(d, 0.0) + 1.0
    r = np.maximum(mean, 1e-12) / (spread - 1.0) + more
    wide = betainc(r, top, 1.0 / spread)
    return np.where(d < 0, 0.0, np.where(phi <= POISSON, gammaincc(top, np.maximum(mean, 1e-12)), wide))
