"""Arrays that belong together have the shapes that a function was promised, or are refused by name.

A transposed or shortened array often broadcasts in silence and gives a number that means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np

from crmlib.core.errors import ModelError

Shaped: TypeAlias = tuple[Any, str]
"""An array and the names of its axes, e.g. ``(units, "stores weeks")``; "" for a single number."""


def check_shapes(**arrays: Shaped) -> dict[str, int]:
    """Sizes of the axes; an axis has one size wherever its name stands, the first array that has it decides.

    Raises
    ------
    ModelError
        frame.shape: an array with another number of axes, or an axis of another size, than named.

    Examples
    --------
    >>> check_shapes(treated=(np.zeros(3), "periods"), others=(np.zeros((3, 5)), "periods units"))
    {'periods': 3, 'units': 5}
    >>> check_shapes(treated=(np.zeros(3), "periods"), others=(np.zeros((5, 3)), "periods units"))
    Traceback (most recent call last):
    ...
    crmlib.core.errors.ModelError: given: others of shape (5, 3)
    expected: (periods, units) with periods = 3
    mend: transpose it, or give the array that belongs to the others
    """
    sizes: dict[str, int] = {}
    for name, (array, axes) in arrays.items():
        names, shape = axes.split(), np.shape(array)
        fits = len(names) == len(shape) and all(
            sizes.get(n, size) == size for n, size in zip(names, shape, strict=True)
        )
        if not fits or _repeated(names, shape):
            raise _wrong(name, shape, names, sizes)
        sizes |= dict(zip(names, shape, strict=True))
    return sizes


P = ParamSpec("P")
R = TypeVar("R")


def shaped(**axes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function refuse arrays of other shapes than promised: argument → names of its axes; none is left alone.

    Examples
    --------
    >>> @shaped(y="customers", p="customers")
    ... def error(y, p):
    ...     return float(np.mean((p - y) ** 2))
    >>> error(np.array([0.0, 1.0]), np.array([0.0, 0.5]))
    0.125
    >>> error(np.array([0.0, 1.0]), np.array([[0.0], [0.5]]))
    Traceback (most recent call last):
    ...
    crmlib.core.errors.ModelError: given: p of shape (2, 1)
    expected: (customers,) with customers = 2
    mend: transpose it, or give the array that belongs to the others
    """

    def decorate(work: Callable[P, R]) -> Callable[P, R]:
        bind = signature(work).bind

        @wraps(work)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = bind(*args, **kwargs).arguments
            check_shapes(**{name: (given[name], axes[name]) for name in axes if given.get(name) is not None})
            return work(*args, **kwargs)

        return checked

    return decorate


def rows_of(**values: Any) -> int:
    """How many rows values have that are each one number, or one number per row.

    Raises
    ------
    ModelError
        frame.shape: an array of more than one axis, or of another length than the first.

    Examples
    --------
    >>> rows_of(k=2.0, scale=np.zeros(3), a=1.0), rows_of(k=2.0)
    (3, 1)
    """
    arrays = {name: (value, "rows") for name, value in values.items() if np.ndim(value)}
    return check_shapes(**arrays).get("rows", 1)


def _repeated(names: list[str], shape: tuple[int, ...]) -> bool:
    """Whether one array gives one axis two sizes."""
    pairs = set(zip(names, shape, strict=False))
    return len(pairs) != len(set(names))


def _wrong(name: str, shape: tuple[int, ...], names: list[str], sizes: dict[str, int]) -> ModelError:
    known = ", ".join(f"{n} = {sizes[n]}" for n in dict.fromkeys(names) if n in sizes)
    form = f"({', '.join(names)}{',' if len(names) == 1 else ''})"
    expected = f"{form} with {known}" if known else form
    return ModelError("frame.shape", values={"name": name, "shape": str(shape), "expected": expected})
