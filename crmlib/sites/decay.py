"""How the pull of a store falls with distance: four forms, each with its utility and its gradient.

power        −λ·ln(d + d0)        d0 is the mean distance inside the home cell, given, never a clip
exponential  −λ·d
offset       −λ·ln(d + d1)        d1 is estimated (its logarithm is the second coefficient)
spline       −Σ λ_k·B_k(ln(d + d0))   natural cubic spline, for truths that none of the others fits

d is in km, or in minutes where the user brings a matrix of minutes.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Form = Literal["power", "exponential", "offset", "spline"]
FORMS: tuple[Form, ...] = get_args(Form)
SPLINE_KNOTS_KM = (0.7, 2.0, 5.0, 12.0)
"""Where the spline may bend; beyond the outer knots it goes straight on in ln d, as power does."""
START: dict[Form, tuple[float, ...]] = {
    "power": (1.5,),
    "exponential": (0.5,),
    "offset": (1.5, 0.0),
    "spline": (1.5, 0.0, 0.0),
}
NAMES: dict[Form, tuple[str, ...]] = {
    "power": ("lambda",),
    "exponential": ("lambda",),
    "offset": ("lambda", "log_offset"),
    "spline": ("lambda", "bend_1", "bend_2"),
}


def utility(form: Form, coefficients: Array, km: Array, *, within_km: Array) -> Array:
    """Utility of distance, shape of `km`.

    Parameters
    ----------
    coefficients : in the order of `NAMES[form]`.
    km : distance from cell (row) to store (column) [km], shape (cells, stores).
    within_km : mean distance inside each cell [km], shape (cells,).

    Examples
    --------
    >>> utility("power", np.array([2.0]), np.array([[0.5]]), within_km=np.array([0.5])).round(3)
    array([[-0.]])
    """
    if form == "exponential":
        return np.asarray(-coefficients[0] * km)
    if form == "offset":
        return np.asarray(-coefficients[0] * np.log(km + np.exp(coefficients[1])))
    log_km = np.log(km + within_km[:, None])
    if form == "power":
        return np.asarray(-coefficients[0] * log_km)
    total = -coefficients[0] * log_km
    for coefficient, basis in zip(coefficients[1:], _bends(log_km), strict=True):
        total = total - coefficient * basis
    return np.asarray(total)


def gradient(form: Form, coefficients: Array, km: Array, *, within_km: Array) -> tuple[Array, ...]:
    """Derivative of `utility` with respect to each coefficient, each of the shape of `km`."""
    if form == "exponential":
        return (-km,)
    if form == "offset":
        offset = float(np.exp(coefficients[1]))
        return -np.log(km + offset), -coefficients[0] * offset / (km + offset)
    log_km = np.log(km + within_km[:, None])
    if form == "power":
        return (-log_km,)
    return (-log_km, *(-basis for basis in _bends(log_km)))


def slope(form: Form, coefficients: Array, *, at_km: float, within_km: float) -> float:
    """Local power exponent −∂U/∂ln d at a distance: what λ means in any form, comparable between forms.

    Examples
    --------
    >>> slope("exponential", np.array([0.5]), at_km=3.0, within_km=0.4)
    1.5
    """
    step, within = 1e-4, np.array([within_km])
    near, far = (
        utility(form, coefficients, np.array([[at_km * np.exp(s)]]), within_km=within)[0, 0] for s in (-step, step)
    )
    return round(float((near - far) / (2 * step)), 6)


def _bends(log_km: Array) -> tuple[Array, ...]:
    """Natural cubic spline beyond its straight part (Hastie, Tibshirani & Friedman, Eq. 5.4-5.5): K − 2 functions."""
    knots = np.log(np.asarray(SPLINE_KNOTS_KM))
    last = knots[-1]

    def cubic(k: int) -> Array:
        rise = np.maximum(log_km - knots[k], 0) ** 3 - np.maximum(log_km - last, 0) ** 3
        return np.asarray(rise / (last - knots[k]))

    tail = cubic(len(knots) - 2)
    return tuple(cubic(k) - tail for k in range(len(knots) - 2))
