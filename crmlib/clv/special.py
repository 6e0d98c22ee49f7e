"""Special functions that keep their digits where the textbook forms cancel: large arguments, small steps."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from crmlib.clv.arrays import Array, Value

STIRLING_FROM = 20.0
"""From here on Stirling's series, cut after four terms, is exact to double precision."""


def log_rising(a: Value, x: Value) -> Array:
    """Ln Γ(a + x) − ln Γ(a), the log of the rising factorial, without cancellation for large `a`.

    Parameters
    ----------
    a : positive, scalar or shape (n,).
    x : ≥ 0, scalar or shape (n,); whole numbers are looked up in a table when `a` is a scalar.

    Examples
    --------
    >>> log_rising(2.0, np.array([0.0, 3.0])).round(6)  # ln(2·3·4) = 3.178054
    array([0.      , 3.178054])
    >>> float(log_rising(1e15, 1.0).round(6))  # ln 1e15; the difference of two gammaln gives 34.5 here
    34.538776
    """
    return _by_table(_log_rising, a, x)


def digamma_rising(a: Value, x: Value) -> Array:
    """ψ(a + x) − ψ(a), the derivative of `log_rising` by `a`.

    Examples
    --------
    >>> digamma_rising(2.0, np.array([0.0, 2.0])).round(6)  # 1/2 + 1/3
    array([0.      , 0.833333])
    """
    return _by_table(_digamma_rising, a, x)


def decay_mean(z: Array) -> Array:
    """(1 − e^−z) / z, the mean of e^−zu over u in 0 … 1; 1 at z = 0, and defined for negative z.

    Examples
    --------
    >>> decay_mean(np.array([0.0, 1.0])).round(6)
    array([1.      , 0.632121])
    """
    tiny = np.abs(z) < 1e-8
    safe = np.where(tiny, 1.0, z)
    return np.where(tiny, 1.0 - 0.5 * z, -np.expm1(-safe) / safe)


def log_add(first: Array, second: Array) -> tuple[Array, Array]:
    """ln(e^first + e^second) and the share of the first: one exponential serves the sum and the responsibility.

    Examples
    --------
    >>> total, share = log_add(np.array([0.0]), np.array([-np.inf]))
    >>> float(total[0]), float(share[0])
    (0.0, 1.0)
    """
    with np.errstate(invalid="ignore"):
        gap = second - first
    smaller = np.exp(-np.abs(gap))
    share_of_larger = 1.0 / (1.0 + smaller)
    total = np.maximum(first, second) + np.log1p(smaller)
    return total, np.where(gap > 0, smaller * share_of_larger, share_of_larger)


def _by_table(function: object, a: Value, x: Value) -> Array:
    """Evaluate on 0 … max(x) and look up, where that is less work than one evaluation per row."""
    call = _log_rising if function is _log_rising else _digamma_rising
    if isinstance(a, np.ndarray) and a.ndim:
        return call(a, np.asarray(x, dtype=np.float64))
    rows = np.asarray(x, dtype=np.float64)
    whole = rows.astype(np.intp)
    if rows.size < 64 or int(whole.max(initial=0)) >= rows.size or not bool((whole == rows).all()):
        return call(np.asarray(a, dtype=np.float64), rows)
    table = call(np.asarray(a, dtype=np.float64), np.arange(int(whole.max()) + 1, dtype=np.float64))
    return np.asarray(table[whole])


def _log_rising(a: Array, x: Array) -> Array:
    small = gammaln(a + x) - gammaln(a)
    if not bool(np.any(a >= STIRLING_FROM)):
        return np.asarray(small)
    large = (a - 0.5) * np.log1p(x / a) + x * np.log(a + x) - x + _stirling(a + x) - _stirling(a)
    return np.where(a >= STIRLING_FROM, large, small)


def _digamma_rising(a: Array, x: Array) -> Array:
    small = digamma(a + x) - digamma(a)
    if not bool(np.any(a >= STIRLING_FROM)):
        return np.asarray(small)
    large = np.log1p(x / a) + 0.5 * x / (a * (a + x)) + _digamma_tail(a + x) - _digamma_tail(a)
    return np.where(a >= STIRLING_FROM, large, small)


def _stirling(z: Array) -> Array:
    w = 1.0 / (z * z)
    return (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w / 1680))) / z


def _digamma_tail(z: Array) -> Array:
    w = 1.0 / (z * z)
    return -w * (1 / 12 - w * (1 / 120 - w * (1 / 252 - w / 240)))
