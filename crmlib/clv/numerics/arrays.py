"""Array types of the package and work in blocks, so that no temporary array outgrows the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
"""Floats, usually of shape (n,): one value per row."""

Value: TypeAlias = "float | Array"
"""A parameter: the same for every row, or one value per row (shape (n,)) where covariates move it."""

Values: TypeAlias = tuple[Value, ...]
"""The parameters of a model in the order of its dataclass."""

Out = TypeVar("Out", bound="Array | tuple[Array, ...]")
OfRows: TypeAlias = Callable[[Values, Array, Array, Array], Out]
"""A function of the parameters, x, t_x and T."""

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


def by_blocks(size: int) -> Callable[[OfRows[Out]], OfRows[Out]]:
    """Make a function of (parameters, x, t_x, T) work in blocks of `size` rows, its results put together again.

    Results are arrays, or tuples of arrays, with the rows along the last axis.

    Examples
    --------
    >>> @by_blocks(2)
    ... def later(values, x, t_x, T):
    ...     return values[0] + T - t_x
    >>> later((np.arange(3.0),), np.ones(3), np.ones(3), np.full(3, 5.0))
    array([4., 5., 6.])
    """

    def in_blocks(work: OfRows[Out]) -> OfRows[Out]:
        def whole(values: Values, x: Array, t_x: Array, T: Array) -> Out:
            if len(x) <= size:
                return work(values, x, t_x, T)
            parts = [work(cut_values(values, p), x[p], t_x[p], T[p]) for p in blocks(len(x), size=size)]
            if isinstance(parts[0], tuple):
                return cast(Out, tuple(np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)))
            return cast(Out, np.concatenate(cast(list[Array], parts), axis=-1))

        return whole

    return in_blocks
