"""BG/BB: repeat buying at occasions (yearly donations, weekly markets, festival sales) instead of at any time.

Source: Fader, Hardie & Shang (2010), Customer-base analysis in a discrete-time noncontractual setting, Marketing
Science 29(6), 1086-1108. Symbols: n occasions since the first purchase, x of them with a purchase, t_x the last
such occasion. At each occasion a customer first leaves for good with probability θ ~ Beta(gamma, delta), then, if
still there, buys with probability p ~ Beta(alpha, beta).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.numerics.arrays import Array, Value, Values, as_rows, by_blocks
from crmlib.clv.numerics.special import digamma_rising, log_rising
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

ROWS_AT_ONCE = 2048
"""Rows times occasions that fit into the cache."""
MOST_OCCASIONS = 2000
"""The longest horizon: forty years of weeks."""


_rows = shaped(x="customers", t_x="customers", n="customers")


@dataclass(frozen=True, slots=True)
class BgBbParams:
    """alpha, beta: beta shapes of the purchase probability; gamma, delta: of the dropout probability."""

    alpha: float
    beta: float
    gamma: float
    delta: float


def fit(history: AnyFrame, *, prior: float | None = None) -> ModelFit[BgBbParams]:
    """Fit BG/BB to `x`, `t_x` and `n` occasions; a column `customers` may give the number who share a row.

    The result's `unit` does not apply: time is counted in occasions.

    Examples
    --------
    >>> import polars as pl
    >>> h = pl.DataFrame({"x": [0, 1, 2, 1], "t_x": [0, 1, 6, 3], "n": [6] * 4, "customers": [30, 12, 5, 9]})
    >>> fit(h, prior=1.0).n_customers
    56
    """
    frame = to_polars(history, needs=["x", "t_x", "n"], name="purchase_history").rename({"n": "T"})
    if frame.height and bool((frame["x"] > frame["t_x"]).any() or (frame["T"] != frame["T"].round()).any()):
        raise ModelError("clv.not_occasions")
    return fitting.fit(MODEL, frame, prior=prior)


@_rows
def log_likelihood(params: BgBbParams, *, x: Array, t_x: Array, n: Array) -> Array:
    """Log of the paper's Eq. (8), shape (n customers,).

    Examples
    --------
    >>> paper = BgBbParams(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
    >>> log_likelihood(paper, x=np.array([0.0]), t_x=np.array([0.0]), n=np.array([6.0])).round(4)
    array([-1.1673])
    """
    return _log_likelihood(astuple(params), x, t_x, n)


@_rows
def p_alive(params: BgBbParams, *, x: Array, t_x: Array, n: Array) -> Array:
    """Probability of being there just after occasion n, shape (n customers,).

    The paper's Eq. (11) asks one occasion later; `p_alive_next` is that.
    """
    return _p_alive(astuple(params), x, t_x, n)


@_rows
def p_alive_next(params: BgBbParams, *, x: Array, t_x: Array, n: Array) -> Array:
    """Probability of being there at occasion n + 1, the paper's Eq. (11), shape (n customers,)."""
    stays = (params.delta + n) / (params.gamma + params.delta + n)
    return _p_alive(astuple(params), x, t_x, n) * stays


@_rows
def expected_purchases(params: BgBbParams, *, x: Array, t_x: Array, n: Array, t: int) -> Array:
    """Purchases to expect in the next `t` occasions, the paper's Eq. (13), shape (n customers,)."""
    values = astuple(params)
    return _p_alive(values, x, t_x, n) * _ahead(values, x, t_x, n).mean(t)


@dataclass(frozen=True, slots=True)
class Occasions:
    """Purchases to come over whole occasions: alpha, beta and gamma, delta as they are after n occasions."""

    alpha: Array
    beta: Array
    gamma: Value
    delta: Array

    def mean(self, t: float) -> Array:
        """E[Y(t)], shape (n,)."""
        return occasions_moment(self.alpha, self.beta, self.gamma, self.delta, t=t, pairs=False)

    def moments(self, t: float) -> tuple[Array, Array]:
        """E[Y(t)] and E[Y(Y − 1)], each of shape (n,)."""
        return self.mean(t), occasions_moment(self.alpha, self.beta, self.gamma, self.delta, t=t, pairs=True)

    def exceed(self, t: float, *, most: int) -> Array:
        """P(Y > i), shape (most + 1, n)."""
        return occasions_exceed(self.alpha, self.beta, self.gamma, self.delta, t=t, most=most)

    def exceed_at(self, t: float, i: Array) -> Array:
        """P(Y > i) at each row's own count `i`, shape (n,)."""
        return occasions_exceed_at(self.alpha, self.beta, self.gamma, self.delta, t=t, i=i)


def whole_occasions(t: float) -> int:
    """The occasions within `t`, at most `MOST_OCCASIONS`."""
    if not t <= MOST_OCCASIONS:
        raise ModelError("clv.many_occasions", values={"occasions": t, "most": MOST_OCCASIONS})
    return int(t)


def occasions_moment(alpha: Array, beta: Array, gamma: Value, delta: Array, *, t: float, pairs: bool) -> Array:
    """E[Y] = E[p] Σ_i P(there at i), or E[Y(Y−1)] = E[p²] · 2 Σ_i (i − 1) P(there at i), i = 1 … t."""
    stays, total = np.ones_like(delta), np.zeros_like(delta)
    for i in range(whole_occasions(t)):
        stays = stays * (delta + i) / (gamma + delta + i)
        total = total + (2.0 * i if pairs else 1.0) * stays
    chance = alpha / (alpha + beta)
    return np.asarray(total * chance * ((alpha + 1.0) / (alpha + beta + 1.0) if pairs else 1.0))


def occasions_exceed(alpha: Array, beta: Array, gamma: Value, delta: Array, *, t: float, most: int) -> Array:
    """P(Y > i) from the beta-binomial number of purchases in each possible number of occasions."""
    out, stays = np.zeros((most + 1, len(delta))), np.ones_like(delta)
    for length in range(1, whole_occasions(t) + 1):
        stays = stays * (delta + length - 1.0) / (gamma + delta + length - 1.0)
        last = stays * (1.0 if length == int(t) else gamma / (gamma + delta + length))
        out += last * _beta_binomial_exceed(alpha, beta, trials=length, most=most)
    return out


def occasions_exceed_at(alpha: Array, beta: Array, gamma: Value, delta: Array, *, t: float, i: Array) -> Array:
    """P(Y > i) at each row's own `i`, shape (n,); none buys more often than there are occasions."""
    most = min(int(i.max(initial=0.0)), whole_occasions(t))
    above = occasions_exceed(alpha, beta, gamma, delta, t=t, most=most)
    return np.where(i <= most, above[np.minimum(i, most).astype(np.intp), np.arange(len(i))], 0.0)


def _beta_binomial_exceed(alpha: Array, beta: Array, *, trials: int, most: int) -> Array:
    y = np.arange(trials + 1.0)[:, None]
    ways = log_rising(np.ones(1), np.array([float(trials)])) - log_rising(np.ones_like(y), y)
    ways = ways - log_rising(np.ones_like(y), trials - y)
    log_pmf = ways + log_rising(alpha + 0 * y, y + 0 * alpha) + log_rising(beta + 0 * y, trials - y + 0 * beta)
    pmf = np.exp(log_pmf - log_rising(alpha + beta, np.full_like(alpha, float(trials))))
    above = np.flip(np.cumsum(np.flip(pmf, axis=0), axis=0), axis=0)[1:]
    out = np.zeros((most + 1, len(alpha)))
    out[: min(most + 1, trials)] = above[: most + 1]
    return out


def _branches(values: Values, x: Array, t_x: Array, n: Array) -> tuple[Array, Array]:
    """Log weight of "there at n" (first row) and of "left just before occasion t_x + i + 1" (others), and j of each.

    Shape (1 + longest gap, rows); −inf where the gap is shorter.
    """
    alpha, beta, gamma, delta = values
    gap = n - t_x
    longest = int(gap.max(initial=0.0))
    logs = np.full((longest + 1, len(x)), -np.inf)
    times = np.tile(n, (longest + 1, 1))
    logs[0] = (
        log_rising(beta, n - x) - log_rising(alpha + beta, n) + log_rising(delta, n) - log_rising(gamma + delta, n)
    )
    for i in range(longest):
        j = np.minimum(t_x + i, n)
        times[i + 1] = j
        left = np.log(gamma) + log_rising(delta, j) - log_rising(gamma + delta, j + 1.0)
        term = log_rising(beta, j - x) - log_rising(alpha + beta, j) + left
        logs[i + 1] = np.where(i < gap, term, -np.inf)
    return logs, times


def _log_likelihood(values: Values, x: Array, t_x: Array, n: Array) -> Array:
    logs, _ = _branches(values, x, t_x, n)
    top = logs.max(axis=0)
    return np.asarray(log_rising(values[0], x) + top + np.log(np.exp(logs - top).sum(axis=0)))


def _p_alive(values: Values, x: Array, t_x: Array, n: Array) -> Array:
    logs, _ = _branches(values, x, t_x, n)
    top = logs.max(axis=0)
    shares = np.exp(logs - top)
    return np.asarray(shares[0] / shares.sum(axis=0))


@by_blocks(ROWS_AT_ONCE)
def _score(values: Values, x: Array, t_x: Array, n: Array) -> tuple[Array, Array]:
    alpha, beta, gamma, delta = values
    logs, times = _branches(values, x, t_x, n)
    top = logs.max(axis=0)
    shares = np.exp(logs - top)
    mass = shares.sum(axis=0)
    scores = np.zeros((4, len(x)))
    scores[0] = digamma_rising(alpha, x)
    for row, j in enumerate(times):
        w = shares[row] / mass
        tail = j if row == 0 else j + 1.0
        both, stay = digamma_rising(alpha + beta, j), digamma_rising(gamma + delta, tail)
        scores[0] -= w * both
        scores[1] += w * (digamma_rising(beta, np.maximum(j - x, 0.0)) - both)
        scores[2] += w * ((0.0 if row == 0 else 1.0 / gamma) - stay)
        scores[3] += w * (digamma_rising(delta, j) - stay)
    ll = log_rising(alpha, x) + top + np.log(mass)
    return np.asarray(ll), scores * np.array([np.asarray(v) * np.ones(len(x)) for v in values])


def _ahead(values: Values, x: Array, t_x: Array, n: Array) -> Occasions:
    alpha, beta, gamma, delta = values
    return Occasions(alpha=alpha + x, beta=np.asarray(beta + n - x), gamma=gamma, delta=np.asarray(delta + n))


def _newcomer(values: Values, n: int) -> Occasions:
    alpha, beta, gamma, delta = values
    return Occasions(alpha=as_rows(alpha, n), beta=as_rows(beta, n), gamma=gamma, delta=as_rows(delta, n))


def _starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
    return [(1.0, 1.0, 0.7, 3.0), (0.5, 2.0, 1.0, 10.0)]


MODEL = Model(
    name="bg_bb",
    params=BgBbParams,
    purchase=(),
    dropout=(),
    starts=_starts,
    score=_score,
    log_likelihood=_log_likelihood,
    p_alive=_p_alive,
    ahead=_ahead,
    newcomer=_newcomer,
)
