"""Whole units shared out so that nothing is lost: largest remainder, and the flows between two margins."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[np.float64]
SAFE = 2**62
"""Products above this leave 64 bits; such rows are computed with unbounded integers."""


def largest_remainder(total: Ints, weights: Ints) -> Ints:
    """Each row's `total` over its `weights`, whole and exact: floors, then one more to the largest remainders.

    Ties go to the larger weight, then to the earlier column.

    Parameters
    ----------
    total : shape (n,), not negative; 0 where the weights are all 0.
    weights : shape (n, k), not negative.

    Examples
    --------
    >>> largest_remainder(np.array([80, 0]), np.array([[0, 70, 40], [0, 0, 0]]))
    array([[ 0, 51, 29],
           [ 0,  0,  0]])
    """
    large = total.astype(np.float64) * weights.max(axis=1, initial=0) >= SAFE
    if not large.any():
        return np.asarray(_largest_remainder(total, weights))
    shares = np.empty_like(weights)
    shares[~large] = _largest_remainder(total[~large], weights[~large])
    shares[large] = _largest_remainder(total[large].astype(object), weights[large].astype(object))
    return shares


def flows(out: Ints, into: Ints) -> Ints:
    """What went from j to k, shape (n, k, k): ⌊out_j · in_k / S⌋, the rest filled in row order.

    Parameters
    ----------
    out, into : shape (n, k), rows with equal sums S.

    Examples
    --------
    >>> flows(np.array([[1, 2, 0]]), np.array([[0, 0, 3]]))[0].tolist()
    [[0, 0, 1], [0, 0, 2], [0, 0, 0]]
    """
    large = out.max(axis=1, initial=0).astype(np.float64) * into.max(axis=1, initial=0) >= SAFE
    if not large.any():
        return np.asarray(_flows(out, into))
    found = np.empty((*out.shape, out.shape[1]), dtype=np.int64)
    found[~large] = _flows(out[~large], into[~large])
    found[large] = _flows(out[large].astype(object), into[large].astype(object))
    return found


def _largest_remainder(total: Any, weights: Any) -> Any:
    sums = weights.sum(axis=1)
    scale = np.where(sums == 0, 1, sums)[:, None]
    products = total[:, None] * weights
    shares = products // scale
    left = products - shares * scale
    missing = total - shares.sum(axis=1)
    order = _places(left, weights)
    return (shares + ((order < missing[:, None]) & (weights > 0))).astype(np.int64)


def _places(left: Any, weights: Any) -> npt.NDArray[np.int64]:
    """Place of each column by remainder, then weight (both descending), then column."""
    columns = weights.shape[1]
    places = np.zeros(weights.shape, dtype=np.int64)
    for j in range(columns):
        for k in range(columns):
            if j != k:
                tied = left[:, k] == left[:, j]
                first = weights[:, k] >= weights[:, j] if k < j else weights[:, k] > weights[:, j]
                places[:, j] += ((left[:, k] > left[:, j]) | (tied & first)).astype(np.int64)
    return places


def _flows(out: Any, into: Any) -> Any:
    total = out.sum(axis=1)
    scale = np.where(total == 0, 1, total)[:, None, None]
    found = out[:, :, None] * into[:, None, :] // scale
    rows, columns = out - found.sum(axis=2), into - found.sum(axis=1)
    for j in range(out.shape[1]):
        for k in range(out.shape[1]):
            extra = np.minimum(rows[:, j], columns[:, k])
            found[:, j, k] += extra
            rows[:, j] -= extra
            columns[:, k] -= extra
    return found.astype(np.int64)
