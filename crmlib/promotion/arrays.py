"""Rounding at the till, and the types of its arrays; sums by run and exact splits are in `core.apportion`.

Source: half-up rounding of positive rationals, floor((2a + b) / 2b).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from crmlib.core.shapes import check_shapes

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
    if np.ndim(denominator):
        check_shapes(numerator=(numerator, "n"), denominator=(denominator, "n"))
    return np.asarray((2 * numerator + denominator) // (2 * np.asarray(denominator)), dtype=np.int64)
