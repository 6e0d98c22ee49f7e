"""How sure a mean is when people came in bunches: the same person on several lists, one list, one store.

People of one bunch are alike, so their number says too much. The variance of a mean over G bunches is
G/(G − 1) · Σ_g (Σ_{i in g} (x_i − x̄))² / n², with t of G − 1 degrees of freedom (Cameron & Miller 2015, J. Human
Resources 50(2), Eq. 11 for a mean). Which bunching matters nobody knows beforehand, so the widest interval counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.stats import t as student

from crmlib.churn.metrics import Array
from crmlib.core.shapes import shaped

MIN_CLUSTERS = 5
"""Fewer bunches say nothing about how bunches differ."""
UPPER = 0.975


def labels(frame: pl.DataFrame, clusters: Sequence[str]) -> list[Array]:
    """Bunches of each column as numbers; who belongs to none is alone."""
    alone = pl.format("alone {}", pl.int_range(pl.len()))
    named = [pl.coalesce(pl.col(c).cast(pl.String), alone).rank("dense").alias(c) for c in clusters]
    return [column.to_numpy() for column in frame.select(named).iter_columns()]


@shaped(values="customers")
def half_width(values: Array, *, clusters: Sequence[Array] = ()) -> float:
    """Half of the 95 % interval of the mean, the widest over people one by one and over each bunching.

    Parameters
    ----------
    values : shape (n,).
    clusters : labels of the bunches, each of shape (n,).

    Examples
    --------
    >>> alike = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 50)
    >>> lists = np.repeat(np.arange(6), 50)
    >>> round(half_width(alike), 2), round(half_width(alike, clusters=[lists]), 2)
    (0.06, 0.57)
    """
    n = len(values)
    centred = values - values.mean()
    codes = [np.arange(n), *(np.unique(labels, return_inverse=True)[1] for labels in clusters)]
    return max(_half(centred, code) for code in codes if code.max() + 1 >= min(MIN_CLUSTERS, n))


def _half(centred: Array, code: Array) -> float:
    groups = int(code.max()) + 1
    if groups < 2:
        return float("inf")
    sums = np.bincount(code, weights=centred)
    variance = groups / (groups - 1) * float((sums**2).sum()) / len(centred) ** 2
    return float(student.ppf(UPPER, groups - 1) * np.sqrt(variance))


@shaped(values="customers", there="customers")
def mean_of_those(values: Array, there: Array, *, clusters: Sequence[Array] = ()) -> tuple[float, float]:
    """Mean of `values` over those who are `there` (0/1), and half of its 95 % interval, shape (n,).

    A ratio of two sums; its spread is that of the residuals value − mean · there (the delta method).
    """
    mean = float((values * there).sum() / there.sum())
    return mean, half_width((values - mean) * there, clusters=clusters) * len(there) / float(there.sum())


def product(
    effect: float, low: float, high: float, *, worth: float, worth_half: float = 0.0
) -> tuple[float, float, float]:
    """The product effect · worth with its interval: the sides of both add in squares (Zou & Donner 2008).

    Examples
    --------
    >>> [round(x, 2) for x in product(0.1, 0.05, 0.15, worth=100)]
    [10.0, 5.0, 15.0]
    >>> [round(x, 2) for x in product(0.1, 0.05, 0.15, worth=100, worth_half=50)]
    [10.0, 2.93, 17.07]
    """
    whole = effect * worth
    lower = np.hypot((effect - low) * worth, effect * worth_half)
    upper = np.hypot((high - effect) * worth, effect * worth_half)
    return whole, float(whole - lower), float(whole + upper)
