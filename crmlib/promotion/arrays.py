"""Whole-number arithmetic on runs of lines: half-up rounding, sums by run, exact splits.

A *run* is a stretch of equal keys in a sorted array (the lines of one receipt). All amounts are Int64 minor units.
Sources: half-up rounding of positive rationals, floor((2a + b) / 2b); the largest-remainder method of Hamilton (1792).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]


def half_up(numerator: Ints, denominator: Ints | int) -> Ints:
    """Numerator / denominator rounded half up to a whole number; both ≥ 0, denominator > 0, shape (n,).

    Examples
    --------
    >>> half_up(np.array([5, 14, 15]), 10)
    array([1, 1, 2])
    """
    return np.asarray((2 * numerator + denominator) // (2 * np.asarray(denominator)), dtype=np.int64)


def run_starts(keys: Ints) -> Ints:
    """Positions where a new run of `keys` begins, shape (runs,); `keys` sorted, shape (n,).

    Examples
    --------
    >>> run_starts(np.array([4, 4, 7]))
    array([0, 2])
    """
    if keys.size == 0:
        return np.zeros(0, dtype=np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(keys)) + 1]).astype(np.int64)


def run_sums(values: Ints, starts: Ints) -> Ints:
    """Sum of `values` in each run, shape (runs,).

    Examples
    --------
    >>> run_sums(np.array([1, 2, 5]), np.array([0, 2]))
    array([3, 5])
    """
    return np.add.reduceat(values, starts) if starts.size else np.zeros(0, dtype=np.int64)


def run_of(starts: Ints, n: int) -> Ints:
    """Number of the run each of `n` positions belongs to, shape (n,).

    Examples
    --------
    >>> run_of(np.array([0, 2]), 3)
    array([0, 0, 1])
    """
    marks = np.zeros(n, dtype=np.int64)
    marks[starts[1:]] = 1
    return np.cumsum(marks)


def before_in_run(values: Ints, starts: Ints) -> Ints:
    """Sum of the earlier values of the same run, shape (n,): where each line begins when units are counted through.

    Examples
    --------
    >>> before_in_run(np.array([1, 2, 5, 1]), np.array([0, 2]))
    array([0, 1, 0, 5])
    """
    if values.size == 0:
        return values
    before = np.cumsum(values) - values
    return np.asarray(before - before[starts][run_of(starts, values.size)], dtype=np.int64)


def largest_remainder(weights: Ints, totals: Ints, starts: Ints) -> Ints:
    """Split each run's total over its lines in proportion to `weights`, exact to the unit.

    Every line gets the floor of its exact share; what is left goes, one unit each, to the largest remainders, ties to
    the larger weight, then to the earlier line. With 0 ≤ total ≤ sum of weights every share lies in 0 … weight.

    Parameters
    ----------
    weights : eligible amounts [minor units], ≥ 0, shape (n,).
    totals : amount to split in each run [minor units], shape (runs,); 0 where the weights sum to 0.
    starts : first position of each run, shape (runs,).

    Examples
    --------
    >>> largest_remainder(np.array([1000, 1000, 1000]), np.array([1000]), np.array([0]))
    array([334, 333, 333])
    """
    if weights.size == 0:
        return weights
    run = run_of(starts, weights.size)
    whole = np.maximum(run_sums(weights, starts), 1)[run]
    product = weights * totals[run]
    share, remainder = product // whole, product % whole
    left = totals - run_sums(share, starts)
    rows = np.flatnonzero((left > 0)[run] & (remainder > 0))
    if rows.size:
        order = rows[np.lexsort((rows, -weights[rows], -remainder[rows], run[rows]))]
        ones = np.ones(order.size, dtype=np.int64)
        rank = before_in_run(ones, run_starts(run[order]))
        share[order[rank < left[run[order]]]] += 1
    return np.asarray(share, dtype=np.int64)
