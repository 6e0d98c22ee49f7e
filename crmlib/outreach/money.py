"""Money per head of contact against control: cut, post-stratified, pooled, CUPED.

Spend has whales, and with a small control the whale is usually on the contact side: Welch's test then calls one idle
list in seven effective. So, for y and last year's x alike, values are cut at the 99th percentile of both groups
together; y is reduced by θ(x − x̄) (CUPED, Deng et al. 2013); the difference is taken within strata and weighted by
their size (Miratrix, Sekhon & Yu 2013), with the variance of both groups pooled in each stratum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Codes: TypeAlias = npt.NDArray[np.int64]
CUT = 0.99
Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of means per head.

    Parameters
    ----------
    effect, low, high : contact − control, 95 %.
    se : standard error.
    cuped_gain : share of the variance that strata and last year's spend took away; null without the latter.
    """

    effect: float
    low: float
    high: float
    se: float
    cuped_gain: float | None


def difference(
    y: Array, contact: Flags, *, stratum: Codes | None = None, before: Array | None = None, cut: float = CUT
) -> Difference:
    """Cut, post-stratified difference of means with CUPED.

    Parameters
    ----------
    y : outcome per recipient [minor units], shape (n,).
    contact : whether contacted by the draw, shape (n,).
    stratum : code of the stratum 0 … k−1, shape (n,); one stratum without it.
    before : the same money a year before, shape (n,).
    cut : quantile of both groups together at which values end; 1 = none.
    """
    strata = np.zeros(y.size, dtype=np.int64) if stratum is None else _merged(stratum, contact)
    ended = _cut(y, cut)
    plain, plain_se = _stratified(ended, contact, strata)
    if before is None:
        return _wrapped(plain, plain_se, None)
    bare_se = _stratified(ended, contact, np.zeros(y.size, dtype=np.int64))[1]
    past = _cut(before, cut)
    inner_y, inner_x = _centred(ended, contact, strata), _centred(past, contact, strata)
    spread = float((inner_x**2).sum())
    theta = float((inner_x * inner_y).sum()) / spread if spread > 0 else 0.0
    effect, se = _stratified(ended - theta * (past - past.mean()), contact, strata)
    gain = 1 - (se / bare_se) ** 2 if bare_se > 0 else 0.0
    return _wrapped(effect, se, gain)


def _cut(values: Array, cut: float) -> Array:
    """Values up to their quantile, or that of the positive ones where so few are positive that it is 0."""
    limit = float(np.quantile(values, cut))
    if limit <= 0 and (values > 0).any():
        limit = float(np.quantile(values[values > 0], cut))
    return np.minimum(values, limit)


def raw_difference(y: Array, contact: Flags) -> Difference:
    """Difference of raw means with Welch's standard error, shown beside the cut one, never judged by."""
    one, none = y[contact], y[~contact]
    se = float(np.sqrt(one.var(ddof=1) / one.size + none.var(ddof=1) / none.size))
    return _wrapped(float(one.mean() - none.mean()), se, None)


def _wrapped(effect: float, se: float, gain: float | None) -> Difference:
    return Difference(effect, effect - Z * se, effect + Z * se, se, gain)


def _merged(stratum: Codes, contact: Flags) -> Codes:
    """Strata with fewer than two of either group go together into the nearest code before (or after) them."""
    count = int(stratum.max(initial=0)) + 1
    held, sent = (np.bincount(stratum[side], minlength=count) for side in (~contact, contact))
    target, home, waiting = np.arange(count), -1, []
    run_held = run_sent = 0
    for code in range(count):
        waiting.append(code)
        run_held, run_sent = run_held + int(held[code]), run_sent + int(sent[code])
        if run_held >= 2 and run_sent >= 2:
            target[waiting], home = code, code
            waiting, run_held, run_sent = [], 0, 0
    if waiting:
        target[waiting] = home if home >= 0 else 0
    return np.unique(target[stratum], return_inverse=True)[1].astype(np.int64)


def _centred(values: Array, contact: Flags, strata: Codes) -> Array:
    """Values less the mean of their stratum and group."""
    cell = strata * 2 + contact
    counts = np.bincount(cell)
    means = np.bincount(cell, values) / np.maximum(counts, 1)
    return np.asarray(values - means[cell])


def _stratified(values: Array, contact: Flags, strata: Codes) -> tuple[float, float]:
    cell = strata * 2 + contact
    size = int(strata.max(initial=0)) + 1
    counts = np.bincount(cell, minlength=2 * size).astype(np.float64).reshape(size, 2)
    sums = np.bincount(cell, values, minlength=2 * size).reshape(size, 2)
    means = sums / np.maximum(counts, 1)
    inner = np.bincount(strata, _centred(values, contact, strata) ** 2, minlength=size)
    weight = counts.sum(axis=1) / counts.sum()
    variance = inner / np.maximum(counts.sum(axis=1) - 2, 1)
    effect = float((weight * (means[:, 1] - means[:, 0])).sum())
    se = float(np.sqrt((weight**2 * variance * (1 / np.maximum(counts, 1)).sum(axis=1)).sum()))
    return effect, se
