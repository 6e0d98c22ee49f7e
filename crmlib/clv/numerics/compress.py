"""Equal rows merged by sorting: of whole days by one integer per customer, of other times column by column.

x, t_x and T in days, 21 bits each, make one integer; sorting a million of them takes milliseconds, a group-by of
three columns of floats some hundreds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from crmlib.clv.numerics.arrays import Array, blocks

Keys = npt.NDArray[np.int64]

_BITS = 21
_LIMIT = 1 << _BITS
_AT_ONCE = 1 << 16


def pack(x: Array, t_x: Array, T: Array, *, days_per_unit: int) -> Keys | None:
    """One integer per customer, ascending by x, then t_x, then T; none where times are no whole days.

    Parameters
    ----------
    x, t_x, T : shape (n,), in a unit of `days_per_unit` days; NaN where missing.

    Examples
    --------
    >>> keys = pack(np.array([2.0]), np.array([1.0]), np.array([9 / 7]), days_per_unit=7)
    >>> [v.tolist() for v in unpack(keys, days_per_unit=7)]
    [[2.0], [1.0], [1.2857142857142858]]
    >>> pack(np.array([2.0]), np.array([1.0]), np.array([1.3]), days_per_unit=7) is None
    True
    """
    keys = np.empty(len(x), dtype=np.int64)
    for part in blocks(len(x), size=_AT_ONCE):
        key = np.zeros(part.stop - part.start, dtype=np.int64)
        for column, per in ((x, 1), (t_x, days_per_unit), (T, days_per_unit)):
            given = column[part]
            whole = np.rint(given * per)
            if not bool(((whole / per == given) & (whole >= 0.0) & (whole < _LIMIT)).all()):
                return None
            key = (key << _BITS) | whole.astype(np.int64)
        keys[part] = key
    return keys


def unpack(keys: Keys, *, days_per_unit: int) -> tuple[Array, Array, Array]:
    """x, t_x and T of the integers, to the same bits that were packed, each of shape (n,)."""
    mask = _LIMIT - 1
    x, t_x, T = (((keys >> shift) & mask).astype(np.float64) for shift in (2 * _BITS, _BITS, 0))
    return x, t_x / days_per_unit, T / days_per_unit


def merge(
    columns: Sequence[npt.NDArray[Any]], *, shared: Array | None, index: bool
) -> tuple[list[npt.NDArray[Any]], Array, Keys]:
    """The unique rows of the columns in order, the customers on each, and each row's place among them (if `index`).

    Parameters
    ----------
    columns : keys, or the numbers themselves, each of shape (n,).
    shared : customers per row where the table is merged already, shape (n,).

    Examples
    --------
    >>> (unique,), weight, row_of = merge([np.array([7, 3, 7])], shared=None, index=True)
    >>> unique.tolist(), weight.tolist(), row_of.tolist()
    ([3, 7], [1.0, 2.0], [1, 0, 1])
    """
    n, alone = len(columns[0]), len(columns) == 1
    row_of = np.empty(0, dtype=np.int64)
    if alone and shared is None and not index:
        ordered = [np.sort(columns[0])]
    else:
        order = np.argsort(columns[0]) if alone else np.lexsort(columns[::-1])
        ordered = [column[order] for column in columns]
    new = np.zeros(n, dtype=np.bool_)
    new[0] = True
    for column in ordered:
        new[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(new)
    weight: Array = np.diff(starts, append=n).astype(np.float64)
    if shared is not None or index:
        row_of = np.empty(n, dtype=np.int64)
        row_of[order] = np.cumsum(new) - 1
    if shared is not None:
        weight = np.bincount(row_of, weights=shared, minlength=len(starts)).astype(np.float64)
    return [column[starts] for column in ordered], weight, row_of if index else row_of[:0]
