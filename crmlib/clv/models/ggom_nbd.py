"""GGom/NBD: Pareto/NBD whose clock ages: the longer a customer stays, the likelier (or not) they leave.

Source: Bemmaor & Glady (2012), Modeling purchasing behavior with sudden "death": a flexible customer lifetime
model, Management Science 58(5), 1012-1021. Lifetimes are Gompertz with ageing rate b, mixed by Gamma(s, beta):
S(τ) = (β / (β − 1 + e^bτ))^s. With b → 0 and β/b fixed this is Pareto/NBD, and CDNOW says just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, scale_of
from crmlib.clv.models import pareto_nbd
from crmlib.clv.numerics.arrays import Array, Values, as_rows, by_blocks
from crmlib.clv.numerics.clock import Clock, log_clock
from crmlib.clv.numerics.quadrature import NODES, WEIGHTS
from crmlib.clv.numerics.special import decay_mean, digamma_rising, log_add, log_rising
from crmlib.core.frames import AnyFrame
from crmlib.core.shapes import shaped

PANEL = 1.25
ROWS_AT_ONCE = 1024
DROP = 42.0
FAR = 30.0


_rows = shaped(x="customers", t_x="customers", T="customers")


@dataclass(frozen=True, slots=True)
class GgomNbdParams:
    """r, alpha: gamma shape and rate of the purchase rate; b: ageing [1/unit]; s, beta: gamma mixing of the clock."""

    r: float
    alpha: float
    b: float
    s: float
    beta: float


def fit(
    history: AnyFrame | PurchaseHistory,
    *,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[GgomNbdParams]:
    """Fit GGom/NBD by maximum likelihood; see `crmlib.clv.estimate.fitting.fit` for the arguments and the errors.

    Where customers do not age the fit runs to b = 0 and says so (`certificate.boundary`): use Pareto/NBD then.
    """
    return fitting.fit(MODEL, history, unit=unit, purchase=purchase, dropout=dropout, prior=prior)


@_rows
def log_likelihood(params: GgomNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Log-likelihood of each customer, shape (n,).

    L = Γ(r+x)/Γ(r) α^r { (α+T)^−(r+x) S(T) + ∫ (α+τ)^−(r+x) f(τ) dτ }, τ from t_x to T, f = −S'.
    """
    return _log_likelihood(astuple(params), x, t_x, T)


@_rows
def p_alive(params: GgomNbdParams, *, x: Array, t_x: Array, T: Array) -> Array:
    """Probability that each customer is still there at T, shape (n,)."""
    return _p_alive(astuple(params), x, t_x, T)


@_rows
def expected_purchases(params: GgomNbdParams, *, x: Array, t_x: Array, T: Array, t: float) -> Array:
    """Purchases each customer is expected to make in the next `t` [unit], shape (n,)."""
    values = astuple(params)
    return _p_alive(values, x, t_x, T) * _ahead(values, x, t_x, T).mean(t)


def later_beta(scale: Array, b: Array, t: Array) -> Array:
    """β/b of the clock of a customer who is still there after `t`: (β/b − 1/b) e^−bt + 1/b, shape (n,)."""
    y = b * t
    return np.asarray(scale * np.exp(-y) + t * decay_mean(y))


def _dead(*, k: Array, alpha: Array, s: Array, beta: Array, b: Array, gap: Array) -> tuple[Array, tuple[Array, ...]]:
    """Ln ∫ of the dropout between t_x and T, and means of the terms of the gradient.

    In w = ln(1 + h(σ)/β) the dropout density is s e^−sw and everything falls; panels are even in ln(1 + w/c) with
    c the length over which the integrand first falls by a factor e.
    """
    full = log_clock(gap, beta, b)
    end = np.minimum(full, DROP / s)
    c = 1.0 / (s + k * beta / alpha)
    v_end = np.log1p(end / c)
    panels = np.maximum(np.ceil(v_end / PANEL), 1.0)
    out = np.zeros((6, len(k)))
    out[0] = -np.inf
    for count in np.unique(panels[end > 0]):
        rows = np.flatnonzero((panels == count) & (end > 0))
        clock = (s[rows], beta[rows], b[rows])
        out[:, rows] = _integrate(k[rows], alpha[rows], clock, c[rows], v_end[rows], panels=int(count))
    return out[0], tuple(out[1:])


def _integrate(
    k: Array, alpha: Array, clock: tuple[Array, Array, Array], c: Array, v_end: Array, *, panels: int
) -> Array:
    s, beta, b = clock
    width = v_end / panels
    v = (np.arange(panels)[:, None] + 0.5 + 0.5 * NODES).ravel()[:, None] * width
    w = c * np.expm1(v)
    sigma = clock_time(w, beta, b)
    wait = np.log1p(sigma / alpha)
    log_f = np.log(s) - s * w - k * wait + v + np.log(c)
    top = log_f.max(axis=0)
    f = np.tile(0.5 * WEIGHTS, panels)[:, None] * np.exp(log_f - top)
    mass = f.sum(axis=0)
    share = -np.expm1(-w)
    means = [
        (f * term).sum(axis=0) / mass
        for term in (wait, w, sigma / (alpha + sigma), share, (s + 1.0) * share * _growth(sigma, b) - sigma)
    ]
    return np.array([top + np.log(mass * width), *means])


def clock_time(w: Array, beta: Array, b: Array) -> Array:
    """The time σ at which the clock has gathered ln(1 + h(σ)/β) = w; h is (e^bσ − 1)/b, or σ where b is 0."""
    grown = np.expm1(np.minimum(w, FAR)) * beta
    y = b * grown
    tiny = y < 1e-8
    near = np.where(tiny, grown * (1.0 - 0.5 * y), np.log1p(y) / np.where(tiny, 1.0, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.logaddexp(0.0, w + np.log(b * beta)) / b
    return np.where(w > FAR, np.where(b > 0, far, near), near)


def _growth(sigma: Array, b: Array) -> Array:
    """D ln h(σ) / db at fixed σ: σ (1/(1 − e^−y) − 1/y), y = bσ."""
    y = b * sigma
    small = y < 1e-2
    safe = np.where(small, 1.0, y)
    series = 0.5 + y / 12.0 - y**3 / 720.0
    return np.asarray(sigma * np.where(small, series, -1.0 / np.expm1(-safe) - 1.0 / safe))


def _branches(
    values: Values, x: Array, t_x: Array, T: Array
) -> tuple[Array, Array, tuple[Array, ...], tuple[Array, ...]]:
    """Log weights of "there at T" and "gone between", both relative to t_x; means; and what they were made of."""
    r, alpha, b, s, beta = (as_rows(v, len(x)) for v in values)
    gap, scale = T - t_x, beta / b
    later = later_beta(scale, b, t_x)
    k, later_alpha = r + x, alpha + t_x
    gone, means = _dead(k=k, alpha=later_alpha, s=s, beta=later, b=b, gap=gap)
    waited = log_clock(gap, later, b)
    alive = -k * np.log1p(gap / later_alpha) - s * waited
    return alive, gone, means, (gap, scale, later, k, later_alpha, waited)


def _known(values: Values, x: Array, t_x: Array, scale: Array) -> Array:
    r, alpha, b, s, _ = values
    purchases = log_rising(r, x) - x * np.log(alpha) - (r + x) * np.log1p(t_x / alpha)
    return np.asarray(purchases - s * log_clock(t_x, scale, as_rows(b, len(x))))


@by_blocks(ROWS_AT_ONCE)
def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    alive, gone, _, made = _branches(values, x, t_x, T)
    return _known(values, x, t_x, made[1]) + log_add(alive, gone)[0]


@by_blocks(ROWS_AT_ONCE)
def _p_alive(values: Values, x: Array, t_x: Array, T: Array) -> Array:
    alive, gone, _, _ = _branches(values, x, t_x, T)
    return log_add(alive, gone)[1]


@by_blocks(ROWS_AT_ONCE)
def _score(values: Values, x: Array, t_x: Array, T: Array) -> tuple[Array, Array]:
    r, alpha, b, s, _ = (as_rows(v, len(x)) for v in values)
    alive, log_gone, (wait_a, wait_b, share_a, share_b, by_b), made = _branches(values, x, t_x, T)
    gap, scale, later, k, later_alpha, waited = made
    mixed, there = log_add(alive, log_gone)
    gone = 1.0 - there
    share_now, share_then = -np.expm1(-waited), -np.expm1(-log_clock(t_x, scale, b))
    mean_wait = there * np.log1p(gap / later_alpha) + gone * wait_a
    mean_share = there * gap / (later_alpha + gap) + gone * share_a
    # derivatives of the two branches by ln(later β) and by b at fixed later β
    by_later = there * s * share_now + gone * ((s + 1.0) * share_b - 1.0)
    by_age = -there * s * share_now * _growth(gap, b) - gone * by_b
    later_by_scale, later_by_b = _later_slopes(scale, b, t_x)
    known_by_scale = s * share_then
    known_by_b = -s * share_then * _growth(t_x, b)
    by_scale = known_by_scale + by_later * later_by_scale / later
    total_by_b = b * (known_by_b + by_age + by_later * later_by_b / later)
    scores = np.empty((5, len(x)))
    scores[0] = r * (digamma_rising(values[0], x) - np.log1p(t_x / alpha) - mean_wait)
    scores[1] = k * t_x / later_alpha - x + k * alpha / later_alpha * mean_share
    scores[2] = total_by_b - by_scale  # β fixed: ln(β/b) falls as ln b grows
    scores[3] = s * (-log_clock(t_x, scale, b) - there * waited - gone * wait_b) + gone
    scores[4] = by_scale
    return _known(values, x, t_x, scale) + mixed, scores


def _later_slopes(scale: Array, b: Array, t: Array) -> tuple[Array, Array]:
    """D later/d ln(β/b) and d later/db, later = scale·e^−bt + (1 − e^−bt)/b."""
    y = b * t
    kept = scale * np.exp(-y)
    small = y < 1e-3
    safe = np.where(small, 1.0, y)
    bend = np.where(small, -0.5 + y / 3.0 - y * y / 8.0, (safe * np.exp(-safe) + np.expm1(-safe)) / safe**2)
    return kept, np.asarray(-t * kept + t * t * bend)


def _ahead(values: Values, x: Array, t_x: Array, T: Array) -> Clock:
    r, alpha, b, s, beta = values
    b_rows = as_rows(b, len(x))
    later = later_beta(as_rows(beta / b, len(x)), b_rows, T)
    return Clock(k=r + x, scale=alpha + T, s=s, beta=later, b=b_rows)


def _newcomer(values: Values, n: int) -> Clock:
    r, alpha, b, s, beta = values
    return Clock(k=as_rows(r, n), scale=as_rows(alpha, n), s=s, beta=as_rows(beta / b, n), b=as_rows(b, n))


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    """From an unaged clock (Pareto/NBD) and from one that ages within the observed time."""
    (r, alpha, s, beta), *_ = pareto_nbd.MODEL.starts(history)
    age, _ = scale_of(history)
    return [(r, alpha, b / age, s, beta * b / age) for b in (0.3, 3.0)]


MODEL = Model(
    name="ggom_nbd",
    params=GgomNbdParams,
    purchase=(("alpha", -1),),
    dropout=(("beta", -1),),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
