"""NBD: purchases at a gamma rate, nobody ever leaves. The yardstick: a dropout model must beat it.

Source: Ehrenberg (1959), The pattern of consumer purchases, Applied Statistics 8(1), 26-41.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, scale_of
from crmlib.clv.numerics.arrays import Array, Values, as_rows
from crmlib.clv.numerics.coin import Coin
from crmlib.clv.numerics.special import digamma_rising, log_rising
from crmlib.core.frames import AnyFrame

NEVER = 1e-300
"""Dropout probability that is none."""


@dataclass(frozen=True, slots=True)
class NbdParams:
    """r, alpha: gamma shape and rate of the purchase rate."""

    r: float
    alpha: float


def fit(history: AnyFrame | PurchaseHistory, *, unit: Unit = "week", prior: float | None = None) -> ModelFit[NbdParams]:
    """Fit NBD by maximum likelihood; see `crmlib.clv.estimate.fitting.fit` for the arguments and the errors."""
    return fitting.fit(MODEL, history, unit=unit, prior=prior)


def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    r, alpha = values
    return np.asarray(log_rising(r, x) - x * np.log(alpha) - (r + x) * np.log1p(T / alpha))


def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha = values
    by_r = r * (digamma_rising(r, x) - np.log1p(T / alpha))
    by_alpha = (r + x) * T / (alpha + T) - x
    return _log_likelihood(values, x, t_x, T), np.array([by_r, by_alpha])


def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    return np.ones(len(x))


def _ahead(values: Values, x: Array, t_x: Array, T: Array) -> Coin:
    r, alpha = values
    return Coin(k=r + x, scale=alpha + T, a=NEVER, b=np.ones(len(x)))


def _newcomer(values: Values, n: int) -> Coin:
    r, alpha = values
    return Coin(k=as_rows(r, n), scale=as_rows(alpha, n), a=NEVER, b=np.ones(n))


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    _, rate = scale_of(history)
    return [(0.5, 0.5 / rate)]


MODEL = Model(
    name="nbd",
    params=NbdParams,
    purchase=(("alpha", -1),),
    dropout=(),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
