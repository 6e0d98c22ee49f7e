"""The flows between two margins, in whole units, so that nothing is lost."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from crmlib.core.apportion import Ints

Flags: TypeAlias = npt.NDArray[np.bool_]
Array: TypeAlias = npt.NDArray[np.float64]
SAFE = 2**62
"""Products above this leave 64 bits; such rows are computed with unbounded integers."""


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


def _flows(out: Any, into: Any) -> Any:
    out, into = (np.ascontiguousarray(side.T) for side in (out, into))  # groups first: each step runs over all rows
    total = out.sum(axis=0)
    found = out[:, None] * into[None] // np.where(total == 0, 1, total)
    rows, columns = out - found.sum(axis=1), into - found.sum(axis=0)
    for j in range(out.shape[0]):
        for k in range(out.shape[0]):
            extra = np.minimum(rows[j], columns[k])
            found[j, k] += extra
            rows[j] -= extra
            columns[k] -= extra
    return found.astype(np.int64, copy=False).transpose(2, 0, 1)
