"""Pareto/NBD: customers buy at a gamma rate and leave at an exponential, gamma-mixed moment.

Source: Schmittlein, Morrison & Colombo (1987), Counting Your Customers: who are they and what will they do next?,
Management Science 33(1), 1-24; formulas of Fader & Hardie (2005), note 009.
Symbols: x repeat purchases, t_x time of the last one, T observed age, all in one time unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from crmlib.clv import fitting
from crmlib.clv.arrays import Array, Values, as_rows, blocks, cut
from crmlib.clv.clock import Clock
from crmlib.clv.dead_time import DeadTime, dead_time
from crmlib.clv.history import PurchaseHistory, Unit
from crmlib.clv.result import Model, ModelFit
from crmlib.clv.special import digamma_rising, log_add, log_rising
from crmlib.core.frames import AnyFrame

ROWS_AT_ONCE = 2048
"""Rows times nodes that fit into the cache."""


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
    """Fit Pareto/NBD by maximum likelihood; see `crmlib.clv.fitting.fit` for the arguments and the errors."""
    return fitting.fit(MODEL, history, unit=unit, purchase=purchase, dropout=dropout, prior=prior)


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


def p_alive(params: ParetoNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that each customer is still there at T, shape (n,).

    Examples
    --------
    >>> paper = ParetoNbdParams(r=0.5533, alpha=10.578, s=0.6061, beta=11.669)
    >>> p_alive(paper, x=np.array([26.0]), t_x=np.array([30.86]), T=np.array([31.0])).round(4)
    array([0.9979])
    """
    return _p_alive(astuple(params), x, t_x, T)


def expected_purchases(params: ParetoNbdParams, *, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Purchases each customer is expected to make in the next `t` [unit]: E[Y(t) | x, t_x, T], shape (n,).

    Examples
    --------
    >>> paper = ParetoNbdParams(r=0.5533, alpha=10.578, s=0.6061, beta=11.669)
    >>> expected_purchases(paper, x=np.array([26.0]), t_x=np.array([30.86]), T=np.array([31.0]), t=52.0).round(2)
    array([25.46])
    """
    values = astuple(params)
    return _p_alive(values, x, t_x, T) * _ahead(values, x, T).mean(t)


def _branches(
    values: Values, x: Array, t_x: Array, T: Array, *, moments: bool
) -> tuple[Array, Array, DeadTime, tuple[Array, Array, Array, Array]]:
    """Log weights of "there at T" and "gone between t_x and T", both relative to what is known at t_x."""
    n = len(x)
    r, alpha, s, beta = (as_rows(v, n) for v in values)
    gap = T - t_x
    later_alpha, later_beta = alpha + t_x, beta + t_x
    dead = dead_time(r + x, later_alpha, s, later_beta, gap, moments=moments)
    alive = -(r + x) * np.log1p(gap / later_alpha) - s * np.log1p(gap / later_beta)
    return alive, dead.log_mass, dead, (gap, later_alpha, later_beta, r + x)


def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    out = np.empty(len(x))
    for part in blocks(len(x), size=ROWS_AT_ONCE):
        some = tuple(cut(v, part) for v in values)
        alive, gone, _, _ = _branches(some, x[part], t_x[part], T[part], moments=False)
        out[part] = _known(some, x[part], t_x[part]) + log_add(alive, gone)[0]
    return out


def _known(values: Values, x: Array, t_x: Array) -> Array:
    """The factors of the likelihood that are known at t_x."""
    r, alpha, s, beta = values
    purchases = log_rising(r, x) - x * np.log(alpha) - (r + x) * np.log1p(t_x / alpha)
    return np.asarray(purchases - s * np.log1p(t_x / beta))


def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    out = np.empty(len(x))
    for part in blocks(len(x), size=ROWS_AT_ONCE):
        some = tuple(cut(v, part) for v in values)
        alive, gone, _, _ = _branches(some, x[part], t_x[part], T[part], moments=False)
        out[part] = log_add(alive, gone)[1]
    return out


def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    ll, scores = np.empty(len(x)), np.empty((4, len(x)))
    for part in blocks(len(x), size=ROWS_AT_ONCE):
        some = tuple(cut(v, part) for v in values)
        ll[part], scores[:, part] = _score_block(some, x[part], t_x[part], T[part])
    return ll, scores


def _score_block(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, s, beta = values
    alive, log_gone, dead, (gap, later_alpha, later_beta, k) = _branches(values, x, t_x, T, moments=True)
    mixed, there = log_add(alive, log_gone)
    gone = 1.0 - there
    scores = np.empty((4, len(x)))
    wait_a = there * np.log1p(gap / later_alpha) + gone * dead.log_a
    wait_b = there * np.log1p(gap / later_beta) + gone * dead.log_b
    share_a = there * gap / (later_alpha + gap) + gone * dead.share_a
    share_b = there * s * gap / (later_beta + gap) + gone * ((s + 1.0) * dead.share_b - 1.0)
    scores[0] = r * (digamma_rising(r, x) - np.log1p(t_x / alpha) - wait_a)
    scores[1] = k * t_x / later_alpha - x + k * alpha / later_alpha * share_a
    scores[2] = s * (-np.log1p(t_x / beta) - wait_b) + gone
    scores[3] = s * t_x / later_beta + beta / later_beta * share_b
    return _known(values, x, t_x) + mixed, scores


def _ahead(values: Values, x: Array, T: Array) -> Clock:
    r, alpha, s, beta = values
    return Clock(k=r + x, scale=alpha + T, s=s, beta=beta + T, b=0.0)


def _newcomer(values: Values, n: int) -> Clock:
    r, alpha, s, beta = values
    return Clock(k=as_rows(r, n), scale=as_rows(alpha, n), s=s, beta=as_rows(beta, n), b=0.0)


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    age = float(np.median(history.T[history.T > 0]))
    rate = float(history.weight @ history.x) / max(float(history.weight @ history.T), 1e-12)
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
