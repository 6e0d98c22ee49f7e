"""The store's own recent residual, carried to the event and shrunk.

Sold / fitted − 1 of a store-product wanders around zero: an AR(1) with variance sigma² and correlation rho from one
week to the next, seen through counting noise of variance phi / fitted + omega. The Kalman recursions (Kalman 1960)
give, from clean weeks alone, its best linear guess for every week; a week's own count is hardly used for its own
guess, so the guess for a clean week is as honest as that for an event's week. The level of each store-product is left
free and found by generalised least squares along with it (restricted likelihood; de Jong 1991, Annals of Statistics
19(2), 1073-1083), or the mean taken out by the effects would make the residual look shorter-lived than it is. carry =
1 + level + guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats

Kind = TypeVar("Kind", bound=np.generic)
MAX_PAIRS_TO_TUNE = 1_500
"""Four numbers need no more store-products than this: they are learnt from an even sample."""
FLOOR = 0.05
"""No store is expected to sell less than this share of its fitted level."""
START = (-3.5, 1.5, 0.0, -7.0)
MAX_EVALUATIONS = 120
MIN_FITTED = 0.05
"""Cells expected to sell less than this [units] say nothing about the residual."""


@dataclass(frozen=True, slots=True)
class Carry:
    """sigma2, rho: variance and weekly correlation of the residual; phi, omega: noise, phi / fitted + omega."""

    sigma2: float
    rho: float
    phi: float
    omega: float


NO_CARRY = Carry(sigma2=0.0, rho=0.0, phi=1.0, omega=0.0)
"""Where no week is clean nothing is known of the residual: counting noise alone."""


def tune(units: Floats, expected: Floats, clean: Bools) -> Carry:
    """Maximum likelihood over all store-products at once (a sample of them), from one-week-ahead errors.

    Parameters
    ----------
    units, expected, clean : shape (stores, products, weeks).
    """
    _check(units, expected, clean)
    step = -(-units.shape[0] * units.shape[1] // MAX_PAIRS_TO_TUNE)
    residual, fitted, ok = _residuals(
        _by_week(units)[:, ::step], _by_week(expected)[:, ::step], _by_week(clean)[:, ::step]
    )
    cells = max(ok.sum(), 1)

    def loss(x: Floats) -> float:
        carry = _carry(x)
        noise = _noise(fitted, carry)
        ahead, ones, variance = _forward(residual, noise, ok, carry)
        total = np.where(ok, variance + noise, 1.0)
        miss, unit = np.where(ok, residual - ahead, 0.0), np.where(ok, 1 - ones, 0.0)
        level, weight = _level(miss, unit, total)
        square = (miss - level * unit) ** 2 / total
        return float(0.5 * (np.log(total).sum() + square.sum() + np.log(weight[weight > 0]).sum()) / cells)

    options = {"maxfev": MAX_EVALUATIONS, "xatol": 0.05, "fatol": 1e-6}
    start: Floats = np.array(START, dtype=np.float64)
    return _carry(minimize(loss, start, method="Nelder-Mead", options=options).x)  # type: ignore[call-overload]


def carried(units: Floats, expected: Floats, clean: Bools, *, carry: Carry) -> Floats:
    """1 + guess of the residual in every cell, from the other weeks of its store-product; shape (s, p, w)."""
    _check(units, expected, clean)
    residual, fitted, ok = _residuals(_by_week(units), _by_week(expected), _by_week(clean))
    noise = _noise(fitted, carry)
    ahead, ones, variance = _forward(residual, noise, ok, carry)
    total = np.where(ok, variance + noise, 1.0)
    level, _ = _level(np.where(ok, residual - ahead, 0.0), np.where(ok, 1 - ones, 0.0), total)
    back, back_ones, back_variance = (x[::-1] for x in _forward(residual[::-1], noise[::-1], ok[::-1], carry))
    # two guesses share one prior (mean 0, variance sigma2): add precisions, take the prior's out once
    precision = 1 / variance + 1 / back_variance - 1 / carry.sigma2
    guess = ((ahead - level * ones) / variance + (back - level * back_ones) / back_variance) / precision
    return np.ascontiguousarray(np.maximum(1 + level + guess, FLOOR).T).reshape(units.shape)


def _check(units: Floats, expected: Floats, clean: Bools) -> None:
    axes = "stores products weeks"
    check_shapes(units=(units, axes), expected=(expected, axes), clean=(clean, axes))


def _by_week(cells: npt.NDArray[Kind]) -> npt.NDArray[Kind]:
    """Cells of shape (stores, products, weeks) as (weeks, store-products), a week's side by side for the recursions."""
    return np.ascontiguousarray(cells.reshape(-1, cells.shape[2]).T)


def _level(miss: Floats, unit: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Level of each store-product by generalised least squares, and the information behind it, shape (pairs,)."""
    weight = (unit**2 / total).sum(axis=0)
    return np.divide((miss * unit / total).sum(axis=0), weight, out=np.zeros_like(weight), where=weight > 0), weight


def _residuals(units: Floats, expected: Floats, clean: Bools) -> tuple[Floats, Floats, Bools]:
    fitted = np.nan_to_num(expected)
    ok = clean & (fitted > MIN_FITTED)
    return np.where(ok, units / np.maximum(fitted, MIN_FITTED) - 1, 0.0), np.maximum(fitted, MIN_FITTED), ok


def _noise(fitted: Floats, carry: Carry) -> Floats:
    return carry.phi / fitted + carry.omega


def _forward(residual: Floats, noise: Floats, ok: Bools, carry: Carry) -> tuple[Floats, Floats, Floats]:
    """Guess from the earlier weeks for the residual and for a series of ones, and its variance, shape (w, pairs)."""
    ahead, ones, variance = np.empty_like(residual), np.empty_like(residual), np.empty_like(residual)
    state, unit = np.zeros(residual.shape[1]), np.zeros(residual.shape[1])
    spread = np.full(residual.shape[1], carry.sigma2)
    fresh = carry.sigma2 * (1 - carry.rho**2)
    for week in range(residual.shape[0]):
        ahead[week], ones[week], variance[week] = state, unit, spread
        gain = np.where(ok[week], spread / (spread + noise[week]), 0.0)
        state = carry.rho * (state + gain * (residual[week] - state))
        unit = carry.rho * (unit + gain * (1 - unit))
        spread = carry.rho**2 * (1 - gain) * spread + fresh
    return ahead, ones, variance


def _carry(x: Floats) -> Carry:
    """Parameters from the free scale of the search: logs, and rho = logistic."""
    return Carry(
        sigma2=float(np.exp(np.clip(x[0], -9, 1))),
        rho=float(0.995 / (1 + np.exp(-np.clip(x[1], -6, 6)))),
        phi=float(np.exp(np.clip(x[2], -3, 4))),
        omega=float(np.exp(np.clip(x[3], -12, 1))),
    )
