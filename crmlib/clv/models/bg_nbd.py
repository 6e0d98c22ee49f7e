"""BG/NBD: how many purchases each customer will still make.

Source: Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), 275-284.
Symbols are the paper's: x repeat purchases, t_x time of the last one, T observed age, all in one time unit.
Purchases come at a gamma-distributed rate; after each repeat purchase the customer drops out with a
beta-distributed probability.
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
class BgNbdParams:
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
) -> ModelFit[BgNbdParams]:
    """Fit BG/NBD by maximum likelihood; see `crmlib.clv.estimate.fitting.fit` for the arguments and the errors.

    Examples
    --------
    >>> import polars as pl
    >>> h = pl.DataFrame({"x": [2, 1, 0, 0, 5, 0], "t_x": [30.4, 1.7, 0, 0, 24.4, 0], "T": [38.9] * 6})
    >>> fit(h, prior=1.0).n_rows
    4
    """
    return fitting.fit(MODEL, history, unit=unit, purchase=purchase, dropout=dropout, prior=prior)


@_rows
def log_likelihood(params: BgNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Log of the paper's Eq. (6), one value per customer, shape (n,).

    Parameters
    ----------
    x : repeat purchases [count], shape (n,).
    t_x : time from first to last purchase [unit], shape (n,); 0 where x is 0.
    T : time from first purchase to the cutoff [unit], shape (n,).

    Examples
    --------
    >>> paper = BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> one = dict(x=np.array([2.0]), t_x=np.array([30.43]), T=np.array([38.86]))
    >>> log_likelihood(paper, **one).round(4)
    array([-9.4586])
    """
    return _log_likelihood(astuple(params), x, t_x, T)


@_rows
def p_alive(params: BgNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that each customer is still there at T, shape (n,); 1 where x is 0 (nobody could drop out yet).

    Examples
    --------
    >>> paper = BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> p_alive(paper, x=np.array([2.0]), t_x=np.array([30.43]), T=np.array([38.86])).round(4)
    array([0.7266])
    """
    return _p_alive(astuple(params), x, t_x, T)


@_rows
def expected_purchases(params: BgNbdParams, *, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Purchases each customer is expected to make in the next `t`: E[Y(t) | x, t_x, T], Eq. (10).

    Parameters
    ----------
    t : horizon after the cutoff [unit].

    Examples
    --------
    >>> paper = BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)
    >>> one = dict(x=np.array([2.0]), t_x=np.array([30.43]), T=np.array([38.86]))
    >>> expected_purchases(paper, **one, t=39).round(3)
    array([1.226])
    """
    values = astuple(params)
    return _p_alive(values, x, t_x, T) * _ahead(values, x, t_x, T).mean(t)


def _branches(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array, Array, Array]:
    """Log weights of "still there at T" and "dropped out at t_x", and ln(1 + time/α) at both times."""
    r, alpha, a, b = values
    at_T, at_t = np.log1p(T / alpha), np.log1p(t_x / alpha)
    times = r + x
    alive = -times * at_T
    dropped = np.log(a / (b + np.maximum(x, 1.0) - 1.0)) - times * at_t
    dropped = np.where(x > 0, dropped, -np.inf)  # nobody drops out before a first repeat purchase
    return alive, dropped, at_T, at_t


def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    r, alpha, a, b = values
    alive, dropped, _, _ = _branches(values, x, t_x, T)
    n = whole_numbers(x)
    coins = log_rising(b, n) - log_rising(a + b, n)
    return np.asarray(log_rising(r, n) - x * np.log(alpha) + coins + log_add(alive, dropped)[0])


def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    alive, dropped, _, _ = _branches(values, x, t_x, T)
    return log_add(alive, dropped)[1]


def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, a, b = values
    alive, dropped, at_T, at_t = _branches(values, x, t_x, T)
    mixed, there = log_add(alive, dropped)
    gone, n = 1.0 - there, whole_numbers(x)
    coins = log_rising(b, n) - log_rising(a + b, n)
    ll = log_rising(r, n) - x * np.log(alpha) + coins + mixed
    by_ab = digamma_rising(a + b, n)
    pull = there * (T / (alpha + T)) + gone * (t_x / (alpha + t_x))
    scores = np.empty((4, len(x)))
    scores[0] = r * (digamma_rising(r, n) - there * at_T - gone * at_t)
    scores[1] = (r + x) * pull - x
    scores[2] = gone - a * by_ab
    scores[3] = b * (digamma_rising(b, n) - by_ab - gone / (b + np.maximum(x, 1.0) - 1.0))
    return np.asarray(ll), scores


def _ahead(values: Values, x: Array, t_x: Array, T: Array) -> Coin:
    r, alpha, a, b = values
    return Coin(k=r + x, scale=alpha + T, a=a, b=b + x)


def _newcomer(values: Values, n: int) -> Coin:
    r, alpha, a, b = values
    return Coin(k=as_rows(r, n), scale=as_rows(alpha, n), a=a, b=as_rows(b, n))


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    """Unit shapes for the dropout, and a rate scale from the median age: two levels of heterogeneity."""
    age, rate = scale_of(history)
    return [(0.5, min(0.5 / rate, 10.0 * age), 0.8, 2.5)]


MODEL = Model(
    name="bg_nbd",
    params=BgNbdParams,
    purchase=(("alpha", -1),),
    dropout=(("a", 1), ("b", 1)),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
