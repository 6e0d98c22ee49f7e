"""What a sold-out day would have sold more.

Demand of a day is Poisson with a gamma rate (mean λ, shape k by category). On a day that sold Q and was empty after
the share F of its traffic, the rate is known better than on average: (k+Q)/(k/λ+F), and the rest 1−F went without.
λ·(1−F) ignores what the day itself showed; "a whole mean day" counts what was sold twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import nbinom

from crmlib.core.apportion import Floats, Ints

STEPS = 200
CLOSE = 1e-8


@dataclass(frozen=True, slots=True)
class Rates:
    """rate: mean demand of a day [units], shape (items,); shape: k of the category."""

    rate: Floats
    shape: float


def lost(sold: Floats, share: Floats, *, rate: Floats, shape: float) -> Floats:
    """Expected demand after the last unit [units], same shape; 0 on days that were never empty (share 1).

    Examples
    --------
    >>> lost(np.array([10.0]), np.array([0.6]), rate=np.array([10.0]), shape=4.0).round(3)
    array([5.6])
    """
    return np.asarray((shape + sold) / (shape / rate + share) * (1.0 - share))


def fit(sold: Ints, share: Floats, *, shape: float | None = None) -> Rates:
    """Rates of the items and shape of their category by one likelihood over whole and sold-out days.

    Parameters
    ----------
    sold : units of each item and day, shape (items, days). share : traffic share until the last unit, 1 on days that
        were never empty, 0 on days to leave out; same shape.
    """
    if shape is not None:
        return Rates(_rates(sold, share, shape), shape)

    def loss(log_k: float) -> float:
        k = float(np.exp(log_k))
        mean = _rates(sold, share, k)[:, None] * share
        each = gammaln(k + sold) - gammaln(k) + k * np.log(k / (k + mean))
        each += sold * np.log(np.maximum(mean, 1e-300) / (k + mean))
        return -float(np.where(share > 0, each, 0.0).sum())

    found = float(np.exp(minimize_scalar(loss, bounds=(-2.0, 6.0), method="bounded").x))
    return Rates(_rates(sold, share, found), found)


def lost_without_times(sold: Ints, empty: Floats, *, shape: float) -> tuple[Floats, Floats]:
    """Lost sales where only "sold out" is known and not when: the demand is at least what was sold (censored).

    Parameters
    ----------
    sold, empty : units and whether the day ended empty (1 or 0), shape (items, days).

    Returns
    -------
    Expected lost units, shape (items, days); rates, shape (items,). Measured to overstate by about a sixth, because
    days that run empty are the days with more demand.
    """
    rate = np.maximum(sold.mean(axis=1), 1e-9)
    more = np.zeros(sold.shape)
    for _ in range(STEPS):
        more = empty * _beyond(sold, rate[:, None], shape)
        new = np.maximum((sold + more).mean(axis=1), 1e-9)
        if np.max(np.abs(new / rate - 1)) < 1e-5:
            break
        rate = new
    return more, rate


def _rates(sold: Ints, share: Floats, k: float) -> Floats:
    """λ of Σ Q/λ = Σ (k+Q)·F/(k+λF), by its fixed point, shape (items,)."""
    total = np.where(share > 0, sold, 0).sum(axis=1)
    rate = np.maximum(total / np.maximum(share.sum(axis=1), 1e-12), 1e-12)
    for _ in range(STEPS):
        weight = (np.where(share > 0, k + sold, 0.0) * share / (k + rate[:, None] * share)).sum(axis=1)
        new = np.maximum(total / np.maximum(weight, 1e-12), 1e-12)
        done = np.max(np.abs(new / rate - 1), initial=0.0) < CLOSE
        rate = new
        if done:
            break
    return np.asarray(rate)


def _beyond(sold: Ints, rate: Floats, k: float) -> Floats:
    """E(D − Q | D ≥ Q) of a negative binomial with mean λ and shape k."""
    p = k / (k + rate)
    at_least = np.maximum(nbinom.sf(sold - 1, k, p), 1e-300)
    above = rate * nbinom.sf(sold - 2, k + 1, p)
    return np.asarray(np.maximum(above / at_least - sold, 0.0))
