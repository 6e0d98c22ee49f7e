"""Special functions that keep their digits where the textbook forms cancel: large arguments, small steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from crmlib.clv.numerics.arrays import Array, Value

STIRLING_FROM = 20.0
"""From here on Stirling's series, cut after four terms, is exact to double precision."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Whole numbers of a block of rows as an index into the table least … most of those that occur.

    Rows are sorted by x, so the table of a block is short, and one special function serves thousands of rows.
    """

    table: Array
    index: npt.NDArray[np.intp]


def whole_numbers(x: Array) -> Whole | Array:
    """`x` as an index into a short table, or `x` itself where it is no whole numbers or the table would be long."""
    if x.size < 64:
        return x
    least, most = float(x.min()), float(x.max())
    if most - least >= x.size or least != np.floor(least):
        return x
    index = (x - least).astype(np.intp)
    table = np.arange(least, most + 1.0)
    return Whole(table, index) if bool((table[index] == x).all()) else x


def log_rising(a: Value, x: Value | Whole) -> Array:
    """Ln Γ(a + x) − ln Γ(a), the log of the rising factorial, without cancellation for large `a`.

    Parameters
    ----------
    a : positive, scalar or shape (n,).
    x : ≥ 0, scalar, shape (n,), or `Whole`.

    Examples
    --------
    >>> log_rising(2.0, np.array([0.0, 3.0])).round(6)  # ln(2·3·4) = 3.178054
    array([0.      , 3.178054])
    >>> float(log_rising(1e15, 1.0).round(6))  # ln 1e15; the difference of two gammaln gives 34.5 here
    34.538776
    """
    return _looked_up(_log_rising, a, x)


def digamma_rising(a: Value, x: Value | Whole) -> Array:
    """ψ(a + x) − ψ(a), the derivative of `log_rising` by `a`.

    Examples
    --------
    >>> digamma_rising(2.0, np.array([0.0, 2.0])).round(6)  # 1/2 + 1/3
    array([0.      , 0.833333])
    """
    return _looked_up(_digamma_rising, a, x)


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


def _looked_up(function: Callable[[Array, Array], Array], a: Value, x: Value | Whole) -> Array:
    """Evaluate on the table and look up, unless `a` differs from row to row."""
    shape = np.asarray(a, dtype=np.float64)
    if not isinstance(x, Whole):
        rows = np.asarray(x, dtype=np.float64)
        x = whole_numbers(rows) if rows.ndim and not shape.ndim else rows
    if not isinstance(x, Whole):
        return function(shape, x)
    if shape.ndim:
        return function(shape, x.table[x.index])
    return np.asarray(function(shape, x.table)[x.index])


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
