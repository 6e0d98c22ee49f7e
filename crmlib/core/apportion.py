"""Whole numbers split without a rest: by weights on runs of lines, over levels, and by parts that are known exactly.

A *run* is a stretch of equal keys in a sorted array (the lines of one receipt, the stores of one region).
Source: the largest-remainder method of Hamilton (1792).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]


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
    weights : eligible amounts [whole units], ≥ 0, shape (n,).
    totals : amount to split in each run [whole units], shape (runs,), of either sign; 0 where the weights sum to 0.
    starts : first position of each run, shape (runs,).

    Examples
    --------
    >>> largest_remainder(np.array([1000, 1000, 1000]), np.array([1000]), np.array([0]))
    array([334, 333, 333])
    """
    if weights.size == 0:
        return weights
    run = run_of(starts, weights.size)
    whole = np.maximum(run_sums(weights, starts), 1)
    # product of weight and total in two halves: the quotient first, so that Int64 holds sums of a company's size
    base, rest = totals // whole, totals % whole
    share, remainder = _times(weights, rest[run], whole[run])
    share = share + weights * base[run]
    left = totals - run_sums(share, starts)
    rows = np.flatnonzero((left > 0)[run] & (remainder > 0))
    if rows.size:
        order = rows[np.lexsort((rows, -weights[rows], -remainder[rows], run[rows]))]
        ones = np.ones(order.size, dtype=np.int64)
        rank = before_in_run(ones, run_starts(run[order]))
        share[order[rank < left[run[order]]]] += 1
    return np.asarray(share, dtype=np.int64)


def shared_rows(totals: Ints, weights: Ints) -> Ints:
    """`largest_remainder` of every row: totals, shape (n,), over weights, shape (n, k).

    Examples
    --------
    >>> shared_rows(np.array([80, 0]), np.array([[0, 70, 40], [0, 0, 0]])).tolist()
    [[0, 51, 29], [0, 0, 0]]
    """
    n, k = weights.shape
    return largest_remainder(weights.reshape(-1), totals, np.arange(n if k else 0) * k).reshape(n, k)


def _times(a: Ints, b: Ints, whole: Ints) -> tuple[Ints, Ints]:
    """Quotient and remainder of a·b / whole, by Python's integers where the product would leave Int64."""
    if float(a.max(initial=0)) * float(b.max(initial=0)) < 2**62:
        product = a * b
        return product // whole, product % whole
    pairs = [divmod(int(x) * int(y), int(z)) for x, y, z in zip(a, b, whole, strict=True)]
    quotient, remainder = zip(*pairs, strict=True)
    return np.array(quotient, dtype=np.int64), np.array(remainder, dtype=np.int64)


def whole_parts(exact: Floats, total: int) -> Ints:
    """Whole numbers next to `exact` that add up to `total`: floors, then one each to the largest remainders.

    Ties go to the earlier part. `exact`, shape (n,), sums to `total` up to the rounding of floats.

    Examples
    --------
    >>> whole_parts(np.array([1.5, 1.5, -1.0]), 2).tolist()
    [2, 1, -1]
    """
    floors = np.floor(exact).astype(np.int64)
    left = int(total - floors.sum())
    order = np.argsort(-(exact - floors), kind="stable")
    floors[order[: max(left, 0)]] += 1
    floors[order[::-1][: max(-left, 0)]] -= 1  # only where floats of 1e15 and more cannot hold single units
    return floors


def whole_rows(exact: Floats, totals: Ints) -> Ints:
    """`whole_parts` of every row: exact, shape (n, k), totals, shape (n,).

    Examples
    --------
    >>> whole_rows(np.array([[0.5, 0.5], [1.2, -0.2]]), np.array([1, 1])).tolist()
    [[1, 0], [1, 0]]
    """
    floors = np.floor(exact).astype(np.int64)
    left = totals - floors.sum(axis=1)
    rank = np.argsort(np.argsort(floors - exact, axis=1, kind="stable"), axis=1)
    floors += rank < left[:, None]
    k = exact.shape[1]
    return np.asarray(floors - (rank >= k + np.minimum(left, 0)[:, None]))


def over_levels(total: int, weights: pl.DataFrame, *, levels: Sequence[str], part: str, step: int = 1) -> pl.DataFrame:
    """`weights` with the column `part`: `total` split over the first level, each part over the next, and so on.

    Parameters
    ----------
    weights : one row per leaf: the level columns and `weight` (whole number ≥ 0).
    step : every part at every level is a multiple of it; `total` too.
    """
    whole = pl.DataFrame({part: [total // step]}, schema={part: pl.Int64})
    keys: list[str] = []
    for level in levels:
        parts = weights.group_by([*keys, level], maintain_order=True).agg(pl.col("weight").sum().cast(pl.Int64))
        parts = parts.join(whole, on=keys, maintain_order="left") if keys else parts.join(whole, how="cross")
        parts = parts.sort(keys, maintain_order=True) if keys else parts
        starts = run_starts(_ranks(parts, keys))
        given = largest_remainder(parts["weight"].to_numpy(), parts[part].to_numpy()[starts], starts)
        keys.append(level)
        whole = parts.select(keys).with_columns(pl.Series(part, given, dtype=pl.Int64))
    return weights.join(whole.with_columns(pl.col(part) * step), on=keys, how="left", maintain_order="left")


def _ranks(parts: pl.DataFrame, keys: list[str]) -> Ints:
    """Number of each row's group of `keys`; without keys all rows are one group."""
    if not keys:
        return np.zeros(parts.height, dtype=np.int64)
    return parts.select(pl.struct(keys).rank("dense").cast(pl.Int64)).to_series().to_numpy()
