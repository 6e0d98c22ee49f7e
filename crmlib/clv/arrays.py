"""Array types of the package and work in blocks, so that no temporary array outgrows the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
"""Floats, usually of shape (n,): one value per row."""

Value: TypeAlias = "float | Array"
"""A parameter: the same for every row, or one value per row (shape (n,)) where covariates move it."""

Values: TypeAlias = tuple[Value, ...]
"""The parameters of a model in the order of its dataclass."""

BLOCK = 8192


def blocks(n: int, *, size: int = BLOCK) -> Iterator[slice]:
    """Slices that cover 0 … n in order.

    Examples
    --------
    >>> [(s.start, s.stop) for s in blocks(5, size=2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def cut(value: Value, part: slice) -> Value:
    """The rows `part` of a parameter; a parameter that is the same for every row stays as it is."""
    return value[part] if isinstance(value, np.ndarray) else value


def cut_values(values: Values, part: slice) -> Values:
    """The rows `part` of all parameters."""
    return tuple(cut(v, part) for v in values)


def as_rows(value: Value, n: int) -> Array:
    """A parameter as one value per row, shape (n,)."""
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (n,))


def in_blocks(work: Callable[[slice], Array], n: int, *, size: int = BLOCK) -> Array:
    """`work(rows)` for every block of rows, put together again, shape (n,).

    Examples
    --------
    >>> numbers = np.arange(5.0)
    >>> in_blocks(lambda rows: numbers[rows] * 2, 5, size=2)
    array([0., 2., 4., 6., 8.])
    """
    out = np.empty(n)
    for part in blocks(n, size=size):
        out[part] = work(part)
    return out
