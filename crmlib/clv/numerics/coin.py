"""Purchases to come when a coin decides after each one whether the customer stays: BG/NBD and MBG/NBD.

A customer who is there now will buy at a rate λ ~ Gamma(k, scale) and drops out after each purchase with
probability p ~ Beta(a, b). Let N be the purchases of the rate alone in the next t (negative binomial) and G the
number of the purchase at which the coin falls. Then Y = min(N, G), and since N and the coins are independent

    P(Y > i) = P(N > i) · E[(1 − p)^i],   i = 0, 1, 2, …

All predictions are sums of these positive terms: E[Y] = Σ P(Y > i), E[Y(Y−1)] = 2 Σ i P(Y > i). No hypergeometric
function, no cancellation, no singularity at a = 1. Where the sum would be long (a very busy customer, or a horizon
of thousands of ages) the same expectation is an integral over p.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import betainc, betaln

from crmlib.clv.numerics.arrays import Array, Value, as_rows
from crmlib.clv.numerics.quadrature import NODES, WEIGHTS
from crmlib.clv.numerics.special import log_rising
from crmlib.core.shapes import rows_of

SAFE = 600.0
"""Up to here e^−x is far from the end of double precision, so that a recursion may start at it."""
LONG = 3000.0
"""Above this many terms the integral takes over from the sum."""
GROUPS = (0.0, 30.0, 100.0, 300.0, 1000.0, LONG, np.inf)
STEP_COST, INTEGRAL_COST = 1500.0, 800.0
"""A step of the sum costs as much as 1,500 rows in it; the integral as much per row as 800 steps."""
TINY = 1e-17
PANEL_WIDTH, PANEL_SPREADS = 4.0, 3.0
"""A panel of 20 nodes is exact to double precision over 4 units of logit p (the nearest pole lies at a distance of π)
and over 3 standard deviations of a sharp beta density."""


@dataclass(frozen=True, slots=True)
class Coin:
    """k, scale: gamma shape and rate of the purchase rate now; a, b: beta shapes of the dropout probability now.

    Each a scalar or of shape (n,). `first` is a coin that falls before anything else: 1 minus the chance of being
    there at all (MBG/NBD, whose newcomers may leave right after their first purchase).
    """

    k: Value
    scale: Value
    a: Value
    b: Value
    stays: Value = 1.0

    def mean(self, t: float) -> Array:
        """E[Y(t)], shape (n,)."""
        return coin_moments(self.k, self.scale, self.a, self.b, t=t, pairs=False)[0] * self.stays

    def moments(self, t: float) -> tuple[Array, Array]:
        """E[Y(t)] and E[Y(Y − 1)], each of shape (n,)."""
        mean, pairs = coin_moments(self.k, self.scale, self.a, self.b, t=t)
        return mean * self.stays, pairs * self.stays

    def exceed(self, t: float, *, most: int) -> Array:
        """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
        return coin_exceed(self.k, self.scale, self.a, self.b, t=t, most=most) * self.stays

    def exceed_at(self, t: float, i: Array) -> Array:
        """P(Y > i) at each row's own count `i`, shape (n,)."""
        return coin_exceed_at(self.k, self.scale, self.a, self.b, t=t, i=i) * self.stays


def coin_moments(k: Value, scale: Value, a: Value, b: Value, *, t: float, pairs: bool = True) -> tuple[Array, Array]:
    """E[Y] and E[Y(Y − 1)] over the next `t`, each of shape (n,); the second is 0 if `pairs` is not wanted.

    Examples
    --------
    >>> coin_moments(np.array([0.243]), 4.414, 0.793, 2.426, t=39.0)[0].round(3)
    array([1.197])
    """
    n = rows_of(k=k, scale=scale, a=a, b=b)
    if t <= 0:
        return np.zeros(n), np.zeros(n)
    k, scale, a, b = (as_rows(v, n) for v in (k, scale, a, b))
    z = t / scale
    terms = _terms(k, z)
    out = np.zeros((2, n))
    # rows of similar length together, so that a few busy customers do not make everybody's sum long
    for low, high in pairwise(GROUPS):
        rows = np.flatnonzero((terms > low) & (terms <= high))
        if not rows.size:
            continue
        longest = float(terms[rows].max())
        if longest <= LONG and longest * (STEP_COST + rows.size) <= INTEGRAL_COST * (STEP_COST / 10 + rows.size):
            out[:, rows] = _sum(k[rows], z[rows], a[rows], b[rows], terms=int(longest) + 1, pairs=pairs)
            continue
        for some in np.array_split(rows, rows.size // 256 + 1):
            out[:, some] = _integral(k[some], z[some], a[some], b[some], pairs=pairs)
    return out[0], out[1]


def coin_exceed(k: Value, scale: Value, a: Value, b: Value, *, t: float, most: int) -> Array:
    """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
    n = rows_of(k=k, scale=scale, a=a, b=b)
    out = np.zeros((most + 1, n))
    if t <= 0:
        return out
    k, scale, a, b = (as_rows(v, n) for v in (k, scale, a, b))
    z = t / scale
    busy = np.flatnonzero(k * np.log1p(z) > SAFE)  # P(N = 0) underflows: a recursion from it would never start
    above, pmf, stay = _first_term(k, z)
    ratio = z / (1.0 + z)
    for i in range(most + 1):
        out[i] = above * stay
        pmf = pmf * ratio * (k + i) / (i + 1.0)
        above = np.maximum(above - pmf, 0.0)
        stay = stay * (b + i) / (a + b + i)
    for i in range(most + 1 if busy.size else 0):
        count = np.full(busy.size, float(i))
        out[i, busy] = coin_exceed_at(k[busy], scale[busy], a[busy], b[busy], t=t, i=count)
    return out


def coin_exceed_at(k: Value, scale: Value, a: Value, b: Value, *, t: float, i: Array) -> Array:
    """P(Y > i) at each row's own `i`, closed: P(N > i) is an incomplete beta integral; shape (n,).

    Examples
    --------
    >>> coin_exceed_at(np.array([1460.0]), 1460.0, 0.5, np.array([1e9]), t=1460.0, i=np.array([1459.0])).round(2)
    array([0.5])
    """
    rows_of(k=k, scale=scale, a=a, b=b, i=i)
    if t <= 0:
        return np.zeros_like(i)
    z = t / np.asarray(scale)
    return np.asarray(betainc(i + 1.0, k, z / (1.0 + z)) * np.exp(log_stays(a, b, i)))


def _terms(k: Array, z: Array) -> Array:
    """Terms after which the rest of the sum is below double precision: mean and tail of the negative binomial."""
    decay = np.log1p(1.0 / z)  # −ln(z / (1 + z)) of the tail
    typical = k * z + 9.0 * np.sqrt(k * z * (1.0 + z))
    return np.asarray(typical + 40.0 / decay + 5.0)


def _first_term(k: Array, z: Array) -> tuple[Array, Array, Array]:
    """P(N > 0), P(N = 0) and E[(1 − p)^0]."""
    log_none = -k * np.log1p(z)
    return -np.expm1(log_none), np.exp(log_none), np.ones_like(z)


def _sum(k: Array, z: Array, a: Array, b: Array, *, terms: int, pairs: bool) -> tuple[Array, Array]:
    above, pmf, stay = _first_term(k, z)
    if bool((pmf < 1e-290).any()):  # P(N = 0) underflows for busy customers: walk in logs instead
        return _sum_in_logs(k, z, a, b, terms=terms)
    ratio, both = z / (1.0 + z), a + b
    total, second = np.zeros_like(z), np.zeros_like(z)
    for i in range(terms):
        term = above * stay
        total += term
        if pairs:
            second += (2.0 * i) * term
        pmf *= ratio * ((k + i) / (i + 1.0))
        above = np.maximum(above - pmf, 0.0)
        stay *= (b + i) / (both + i)
    return total, second


def _sum_in_logs(k: Array, z: Array, a: Array, b: Array, *, terms: int) -> tuple[Array, Array]:
    """The same sum with P(N = i) kept as a logarithm; P(N > i) still by subtraction from one."""
    log_pmf = -k * np.log1p(z)
    log_ratio = -np.log1p(1.0 / z)
    above, stay = np.ones_like(z), np.ones_like(z)
    total, second = np.zeros_like(z), np.zeros_like(z)
    for i in range(terms):
        above = np.maximum(above - np.exp(log_pmf), 0.0)
        total += above * stay
        second += (2.0 * i) * above * stay
        log_pmf = log_pmf + log_ratio + np.log((k + i) / (i + 1.0))
        stay = stay * (b + i) / (a + b + i)
    return total, second


def _integral(k: Array, z: Array, a: Array, b: Array, *, pairs: bool) -> Array:
    """E over p of the conditional moments, in w = logit p, where the beta density is log-concave; shape (2, n)."""
    lowest = np.log(TINY / (z * (k + 2.0) + 1.0))
    mode = np.log(a / b)
    spread = 14.0 * np.sqrt(1.0 / a + 1.0 / b) + 45.0 * (1.0 / a + 1.0 / b)
    low = np.maximum(mode - spread, lowest)
    high = np.maximum(np.minimum(mode + spread, 39.0), low + 1e-9)
    widest = np.minimum(PANEL_WIDTH, PANEL_SPREADS * np.sqrt(1.0 / a + 1.0 / b))
    panels = int(np.ceil(((high - low) / widest).max()))
    width = (high - low) / panels
    front = betaln(a, b)
    total = np.zeros((2, len(z)))
    for panel in range(panels):
        w = low + width * (panel + 0.5 + 0.5 * NODES[:, None])
        log_p, log_q = -np.logaddexp(0.0, -w), -np.logaddexp(0.0, w)
        weight = WEIGHTS[:, None] * 0.5 * width * np.exp(a * log_p + b * log_q - front)
        total += (weight * _given_p(k, z, np.exp(log_p), pairs=pairs)).sum(axis=1)
    p_low, q_high = np.exp(-np.logaddexp(0.0, -low)), np.exp(-np.logaddexp(0.0, high))
    total += betainc(a, b, p_low) * _given_p(k, z, p_low * 0.5, pairs=pairs)
    total += betainc(b, a, q_high) * _given_p(k, z, np.ones_like(z), pairs=pairs)
    return np.asarray(total)


def _given_p(k: Array, z: Array, p: Array, *, pairs: bool) -> Array:
    """E[Y | p] = (1 − (1 + pz)^−k) / p =: M and E[Y(Y − 1) | p] = 2(1 − p)(−dM/dp), stacked."""
    reach = np.log1p(p * z)
    mean = -np.expm1(-k * reach) / p
    if not pairs:
        return np.array([mean, np.zeros_like(mean)])
    slope = mean / p - k * z * np.exp(-(k + 1.0) * reach) / p
    small = p * z * (k + 2.0) < 1e-5
    slope = np.where(small, 0.5 * k * (k + 1.0) * z * z * (1.0 - 2.0 / 3.0 * (k + 2.0) * p * z), slope)
    return np.array([mean, 2.0 * (1.0 - p) * slope])


def log_stays(a: Value, b: Value, times: Array) -> Array:
    """Ln E[(1 − p)^times]: the chance that none of so many coins falls."""
    return log_rising(b, times) - log_rising(a + b, times)
