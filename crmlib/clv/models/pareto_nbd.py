"""Pareto/NBD: customers buy at a gamma rate and leave at an exponential, gamma-mixed moment.

Source: Schmittlein, Morrison & Colombo (1987), Counting Your Customers: who are they and what will they do next?,
Management Science 33(1), 1-24; formulas of Fader & Hardie (2005), note 009.
Symbols: x repeat purchases, t_x time of the last one, T observed age, all in one time unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, scale_of
from crmlib.clv.numerics.arrays import Array, Values, as_rows, by_blocks
from crmlib.clv.numerics.clock import Clock
from crmlib.clv.numerics.dead_time import DeadTime, dead_time
from crmlib.clv.numerics.special import digamma_rising, log_add, log_rising, whole_numbers
from crmlib.core.frames import AnyFrame
from crmlib.core.shapes import shaped

ROWS_AT_ONCE = 2048
"""Rows times nodes that fit into the cache."""


_rows = shaped(x="customers", t_x="customers", T="customers")


@dataclass(frozen=True, slots=True)
class ParetoNbdParams:
    """r, alpha: gamma shape and rate of the purchase rate; s, beta: gamma shape and rate of the dropout rate."""

    r: float
    alpha: float
    s: float
    beta: float


def fit(
    history: AnyFrame | PurchaseHistory,
    *,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[ParetoNbdParams]:
    """Fit Pareto/NBD by maximum likelihood; see `crmlib.clv.estimate.fitting.fit` for the arguments and the errors."""
    return fitting.fit(MODEL, history, unit=unit, purchase=purchase, dropout=dropout, prior=prior)


@_rows
def log_likelihood(params: ParetoNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Log-likelihood of each customer, shape (n,).

    L = Γ(r+x)/Γ(r) α^r β^s { (α+T)^−(r+x) (β+T)^−s + s ∫ (α+τ)^−(r+x) (β+τ)^−(s+1) dτ }, τ from t_x to T.

    Examples
    --------
    >>> paper = ParetoNbdParams(r=0.5533, alpha=10.578, s=0.6061, beta=11.669)
    >>> log_likelihood(paper, x=np.array([2.0]), t_x=np.array([30.43]), T=np.array([38.86])).round(4)
    array([-9.5541])
    """
    return _log_likelihood(astuple(params), x, t_x, T)


@_rows
def p_alive(params: ParetoNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that each customer is still there at T, shape (n,).

    Examples
    --------
    >>> paper = ParetoNbdParams(r=0.5533, alpha=10.578, s=0.6061, beta=11.669)
    >>> p_alive(paper, x=np.array([26.0]), t_x=np.array([30.86]), T=np.array([31.0])).round(4)
    array([0.9979])
    """
    return _p_alive(astuple(params), x, t_x, T)


@_rows
def expected_purchases(params: ParetoNbdParams, *, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Purchases each customer is expected to make in the next `t` [unit]: E[Y(t) | x, t_x, T], shape (n,).

    Examples
    --------
    >>> paper = ParetoNbdParams(r=0.5533, alpha=10.578, s=0.6061, beta=11.669)
    >>> expected_purchases(paper, x=np.array([26.0]), t_x=np.array([30.86]), T=np.array([31.0]), t=52.0).round(2)
    array([25.46])
    """
    values = astuple(params)
    return _p_alive(values, x, t_x, T) * _ahead(values, x, t_x, T).mean(t)


@dataclass(frozen=True, slots=True)
class _Branches:
    """The two stories after t_x, each of shape (n,): "there at T" and "gone between t_x and T".

    alive : log weight of the first; dead : log weight of the second and its moments.
    alpha, beta, k : what is known of both rates at t_x; wait_a, wait_b : ln(1 + gap/alpha) and ln(1 + gap/beta).
    """

    alive: Array
    dead: DeadTime
    gap: Array
    alpha: Array
    beta: Array
    k: Array
    wait_a: Array
    wait_b: Array


def _branches(values: Values, x: Array, t_x: Array, T: Array, *, moments: bool) -> _Branches:
    r, alpha, s, beta = (as_rows(v, len(x)) for v in values)
    gap, k, alpha, beta = T - t_x, r + x, alpha + t_x, beta + t_x
    wait_a, wait_b = np.log1p(gap / alpha), np.log1p(gap / beta)
    dead = dead_time(k, alpha, s, beta, gap, moments=moments)
    return _Branches(-k * wait_a - s * wait_b, dead, gap, alpha, beta, k, wait_a, wait_b)


@by_blocks(ROWS_AT_ONCE)
def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    two = _branches(values, x, t_x, T, moments=False)
    return _known(values, x, t_x) + log_add(two.alive, two.dead.log_mass)[0]


def _known(values: Values, x: Array, t_x: Array) -> Array:
    """The factors of the likelihood that are known at t_x."""
    r, alpha, s, beta = values
    purchases = log_rising(r, x) - x * np.log(alpha) - (r + x) * np.log1p(t_x / alpha)
    return np.asarray(purchases - s * np.log1p(t_x / beta))


@by_blocks(ROWS_AT_ONCE)
def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    two = _branches(values, x, t_x, T, moments=False)
    return log_add(two.alive, two.dead.log_mass)[1]


@by_blocks(ROWS_AT_ONCE)
def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, s, beta = values
    two = _branches(values, x, t_x, T, moments=True)
    dead, n = two.dead, whole_numbers(x)
    mixed, there = log_add(two.alive, dead.log_mass)
    gone = 1.0 - there
    since_a, since_b = np.log1p(t_x / alpha), np.log1p(t_x / beta)
    share_a = there * two.gap / (two.alpha + two.gap) + gone * dead.share_a
    share_b = there * s * two.gap / (two.beta + two.gap) + gone * ((s + 1.0) * dead.share_b - 1.0)
    scores = np.empty((4, len(x)))
    scores[0] = r * (digamma_rising(r, n) - since_a - there * two.wait_a - gone * dead.log_a)
    scores[1] = two.k * (t_x + alpha * share_a) / two.alpha - x
    scores[2] = gone - s * (since_b + there * two.wait_b + gone * dead.log_b)
    scores[3] = (s * t_x + beta * share_b) / two.beta
    known = log_rising(r, n) - x * np.log(alpha) - two.k * since_a - s * since_b
    return np.asarray(known + mixed), scores


def _ahead(values: Values, x: Array, t_x: Array, T: Array) -> Clock:
    r, alpha, s, beta = values
    return Clock(k=r + x, scale=alpha + T, s=s, beta=beta + T, b=0.0)


def _newcomer(values: Values, n: int) -> Clock:
    r, alpha, s, beta = values
    return Clock(k=as_rows(r, n), scale=as_rows(alpha, n), s=s, beta=as_rows(beta, n), b=0.0)


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    age, rate = scale_of(history)
    return [(0.6, min(0.5 / rate, 10.0 * age), 0.6, 0.4 * age)]


MODEL = Model(
    name="pareto_nbd",
    params=ParetoNbdParams,
    purchase=(("alpha", -1),),
    dropout=(("beta", -1),),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
