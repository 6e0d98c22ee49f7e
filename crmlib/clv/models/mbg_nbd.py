"""MBG/NBD: BG/NBD in which a customer may also leave right after the first purchase.

Source: Batislam, Denizel & Filiztekin (2007), Empirical validation and comparison of models for customer base
analysis, International Journal of Research in Marketing 24(3), 201-209; Hoppe & Wagner (2007).
Symbols as in `bg_nbd`. Retail has many one-time buyers: BG/NBD calls them all alive, this model does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, scale_of
from crmlib.clv.numerics.arrays import Array, Values, as_rows
from crmlib.clv.numerics.coin import Coin
from crmlib.clv.numerics.special import digamma_rising, log_add, log_rising, whole_numbers
from crmlib.core.frames import AnyFrame
from crmlib.core.shapes import shaped

_rows = shaped(x="customers", t_x="customers", T="customers")


@dataclass(frozen=True, slots=True)
class MbgNbdParams:
    """r, alpha: gamma shape and rate of the purchase rate; a, b: beta shapes of the dropout probability."""

    r: float
    alpha: float
    a: float
    b: float


def fit(
    history: AnyFrame | PurchaseHistory,
    *,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[MbgNbdParams]:
    """Fit MBG/NBD by maximum likelihood; see `crmlib.clv.estimate.fitting.fit` for the arguments and the errors."""
    return fitting.fit(MODEL, history, unit=unit, purchase=purchase, dropout=dropout, prior=prior)


@_rows
def log_likelihood(params: MbgNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Log-likelihood of each customer, shape (n,).

    L = Γ(r+x)/Γ(r) · B(a, b+x+1)/B(a, b) · α^r · { (α+T)^−(r+x) + a/(b+x) · (α+t_x)^−(r+x) }

    Examples
    --------
    >>> cdnow = MbgNbdParams(r=0.525, alpha=6.183, a=0.891, b=1.614)
    >>> log_likelihood(cdnow, x=np.array([2.0]), t_x=np.array([30.43]), T=np.array([38.86])).round(4)
    array([-9.4856])
    """
    return _log_likelihood(astuple(params), x, t_x, T)


@_rows
def p_alive(params: MbgNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that each customer is still there at T, shape (n,); below 1 for one-time buyers too."""
    return _p_alive(astuple(params), x, t_x, T)


@_rows
def expected_purchases(params: MbgNbdParams, *, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Purchases each customer is expected to make in the next `t` [unit], shape (n,)."""
    values = astuple(params)
    return _p_alive(values, x, t_x, T) * _ahead(values, x, t_x, T).mean(t)


def _branches(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array, Array]:
    r, alpha, a, b = values
    at_T, at_t = np.log1p(T / alpha), np.log1p(t_x / alpha)
    times = r + x
    return -times * at_T, np.log(a / (b + x)) - times * at_t, at_T, at_t


def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    r, alpha, a, b = values
    alive, dropped, _, _ = _branches(values, x, t_x, T)
    coins = log_rising(b, x + 1.0) - log_rising(a + b, x + 1.0)
    return np.asarray(log_rising(r, x) - x * np.log(alpha) + coins + log_add(alive, dropped)[0])


def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    alive, dropped, _, _ = _branches(values, x, t_x, T)
    return log_add(alive, dropped)[1]


def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, a, b = values
    alive, dropped, at_T, at_t = _branches(values, x, t_x, T)
    mixed, there = log_add(alive, dropped)
    gone, n, flips = 1.0 - there, whole_numbers(x), whole_numbers(x + 1.0)
    coins = log_rising(b, flips) - log_rising(a + b, flips)
    by_ab = digamma_rising(a + b, flips)
    pull = there * (T / (alpha + T)) + gone * (t_x / (alpha + t_x))
    scores = np.empty((4, len(x)))
    scores[0] = r * (digamma_rising(r, n) - there * at_T - gone * at_t)
    scores[1] = (r + x) * pull - x
    scores[2] = gone - a * by_ab
    scores[3] = b * (digamma_rising(b, flips) - by_ab - gone / (b + x))
    return np.asarray(log_rising(r, n) - x * np.log(alpha) + coins + mixed), scores


def _ahead(values: Values, x: Array, t_x: Array, T: Array) -> Coin:
    r, alpha, a, b = values
    return Coin(k=r + x, scale=alpha + T, a=a, b=b + x + 1.0)


def _newcomer(values: Values, n: int) -> Coin:
    """A coin falls right after the first purchase; whoever stays has shown one success."""
    r, alpha, a, b = values
    return Coin(k=as_rows(r, n), scale=as_rows(alpha, n), a=a, b=as_rows(b, n) + 1.0, stays=b / (a + b))


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    age, rate = scale_of(history)
    return [(0.7, min(0.7 / rate, 10.0 * age), 0.9, 2.0)]


MODEL = Model(
    name="mbg_nbd",
    params=MbgNbdParams,
    purchase=(("alpha", -1),),
    dropout=(("a", 1), ("b", 1)),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
