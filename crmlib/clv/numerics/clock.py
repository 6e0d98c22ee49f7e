"""Purchases to come when a clock decides how long the customer stays: Pareto/NBD and GGom/NBD.

A customer who is there now buys at a rate λ ~ Gamma(k, scale) until a moment ω that does not depend on λ, with

    P(ω > τ) = S(τ) = (1 + h(τ)/β)^−s,   h(τ) = τ (Pareto/NBD) or (e^bτ − 1)/b (GGom/NBD, Gompertz).

Given λ the purchases up to min(t, ω) are Poisson, so E[Y] = k/scale ∫_0^t S, E[Y(Y−1)] = k(k+1)/scale² · 2∫_0^t τ S,
and P(Y > i) = P(N(t) > i) S(t) + ∫_0^t P(N(τ) > i) f(τ) dτ, with N negative binomial and f = −S'.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaln, log_expit

from crmlib.clv.numerics.arrays import Array, Value, as_rows, blocks
from crmlib.clv.numerics.quadrature import NODES, WEIGHTS
from crmlib.clv.numerics.special import decay_mean
from crmlib.core.shapes import rows_of

PANELS = 8
SAFE = 600.0
"""Up to here e^−x is far from the end of double precision, so that a recursion may start at it."""
PANEL_WIDTH, PANEL_SPREADS, TAIL = 4.0, 3.0, 45.0
"""As in `coin`: a panel of 20 nodes over 4 units of ln τ and 3 standard deviations; beyond e^−45 nothing counts."""
FAR = 30.0
"""From e^30 on a Gompertz clock's 1 is lost in its exponential: logs take over."""


@dataclass(frozen=True, slots=True)
class Clock:
    """k, scale: gamma shape and rate of the purchase rate now; s, beta: gamma shape and rate of the clock now.

    `beta` is in units of h (time); `b` [1/unit] is the ageing rate of GGom/NBD, 0 for Pareto/NBD.
    """

    k: Value
    scale: Value
    s: Value
    beta: Value
    b: Value

    def mean(self, t: float) -> Array:
        """E[Y(t)], shape (n,)."""
        return clock_mean(self.k, self.scale, self.s, self.beta, self.b, t=t)

    def moments(self, t: float) -> tuple[Array, Array]:
        """E[Y(t)] and E[Y(Y − 1)], each of shape (n,)."""
        return self.mean(t), clock_pairs(self.k, self.scale, self.s, self.beta, self.b, t=t)

    def exceed(self, t: float, *, most: int) -> Array:
        """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
        return clock_exceed(self.k, self.scale, self.s, self.beta, self.b, t=t, most=most)

    def exceed_at(self, t: float, i: Array) -> Array:
        """P(Y > i) at each row's own count `i`, shape (n,)."""
        return clock_exceed_at(self.k, self.scale, self.s, self.beta, self.b, t=t, i=i)


def log_clock(tau: Array, beta: Array, b: Array) -> Array:
    """ln(1 + h(τ)/β), the hazard a clock has gathered, without overflow.

    Examples
    --------
    >>> log_clock(np.array([3.0, 2000.0]), np.array([1.0, 1.0]), np.array([0.0, 1.0])).round(4)
    array([1.3863e+00, 2.0000e+03])
    """
    y = b * tau
    plain = np.log1p(tau * decay_mean(-np.minimum(y, FAR)) / beta)
    with np.errstate(divide="ignore"):
        far = y - np.log(b * beta) + np.log1p((b * beta - 1.0) * np.exp(-np.maximum(y, FAR)))
    return np.where(y > FAR, far, plain)


def clock_mean(k: Value, scale: Value, s: Value, beta: Value, b: Value, *, t: float) -> Array:
    """E[Y(t)], shape (n,): closed for Pareto/NBD, with its limit at s = 1; by panels for GGom/NBD.

    Examples
    --------
    >>> clock_mean(0.5533, 10.578, 0.6061, np.array([11.669]), 0.0, t=52.0).round(3)
    array([1.474])
    """
    n = rows_of(k=k, scale=scale, s=s, beta=beta, b=b)
    if not np.any(b):
        reach = np.log1p(t / as_rows(beta, n))
        return np.asarray(k / scale * (beta * reach * decay_mean((s - 1.0) * reach)))
    return np.asarray(k / scale * _over_time(s, beta, b, t=t, n=n, power=0))


def clock_pairs(k: Value, scale: Value, s: Value, beta: Value, b: Value, *, t: float) -> Array:
    """E[Y(Y − 1)], shape (n,)."""
    n = rows_of(k=k, scale=scale, s=s, beta=beta, b=b)
    return np.asarray(k * (k + 1.0) / (np.asarray(scale) ** 2) * 2.0 * _over_time(s, beta, b, t=t, n=n, power=1))


def clock_exceed(k: Value, scale: Value, s: Value, beta: Value, b: Value, *, t: float, most: int) -> Array:
    """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
    n = rows_of(k=k, scale=scale, s=s, beta=beta, b=b)
    out = np.zeros((most + 1, n))
    rows = [as_rows(v, n) for v in (k, scale, s, beta, b)]
    for part in blocks(n, size=1024):
        out[:, part] = _exceed_block(*(v[part] for v in rows), t=t, most=most)
    busy = np.flatnonzero((rows[0] + 1.0) * np.log1p(t / rows[1]) > SAFE)  # the recursion would start at nothing
    for i in range(most + 1 if busy.size else 0):
        out[i, busy] = clock_exceed_at(*(v[busy] for v in rows), t=t, i=np.full(busy.size, float(i)))
    return out


def clock_exceed_at(k: Value, scale: Value, s: Value, beta: Value, b: Value, *, t: float, i: Array) -> Array:
    """P(Y > i) at each row's own `i`, shape (n,): E[S(τ); τ ≤ t], τ the time of purchase i + 1.

    τ/(scale + τ) is Beta(i + 1, k), log-concave in ln τ, so that the range that matters is known beforehand.

    Examples
    --------
    >>> clock_exceed_at(1460.0, 1460.0, 0.5, np.array([1e9]), 0.0, t=1460.0, i=np.array([1459.0])).round(2)
    array([0.5])
    """
    n = rows_of(k=k, scale=scale, s=s, beta=beta, b=b, i=i)
    if t <= 0:
        return np.zeros(n)
    k, scale, s, beta, b = (as_rows(v, n) for v in (k, scale, s, beta, b))
    end = np.log(t / scale)
    mode, spread = np.log((i + 1.0) / k), np.sqrt(1.0 / (i + 1.0) + 1.0 / k)
    low = np.maximum(mode - 14.0 * spread - TAIL * spread**2, np.minimum(np.minimum(mode, end), 0.0) - TAIL)
    high = np.maximum(np.minimum(mode + 14.0 * spread + TAIL * spread**2, end), low)
    panels = max(int(np.ceil(((high - low) / np.minimum(PANEL_WIDTH, PANEL_SPREADS * spread)).max(initial=0.0))), 1)
    width, front, total = (high - low) / panels, betaln(i + 1.0, k), np.zeros(n)
    for panel in range(panels):
        w = low + width * (panel + 0.5 + 0.5 * NODES[:, None])
        density = (i + 1.0) * log_expit(w) + k * log_expit(-w) - front
        alive = -s * log_clock(scale * np.exp(w), beta, b)
        total += (WEIGHTS[:, None] * 0.5 * width * np.exp(density + alive)).sum(axis=0)
    return np.asarray(np.minimum(total, betainc(i + 1.0, k, t / (scale + t))))


def _over_time(s: Value, beta: Value, b: Value, *, t: float, n: int, power: int) -> Array:
    """∫_0^t τ^power S(τ) dτ, shape (n,), with panels even in ln(1 + τ/c), c the clock's own scale."""
    s, beta, b = (as_rows(v, n) for v in (s, beta, b))
    out = np.zeros(n)
    if t <= 0:
        return out
    for part in blocks(n, size=1024):
        tau, weight = _time_nodes(beta[part], b[part], s[part], t=t)
        alive = np.exp(-s[part] * log_clock(tau, beta[part], b[part]))
        out[part] = (weight * tau**power * alive).sum(axis=0)
    return out


def _time_nodes(beta: Array, b: Array, s: Array, *, t: float) -> tuple[Array, Array]:
    """Nodes τ in 0 … t and their weights, shape (20·PANELS, n)."""
    scale = beta / (1.0 + s)
    width = np.log1p(t / scale) / PANELS
    v = (np.arange(PANELS)[:, None] + 0.5 + 0.5 * NODES).ravel()[:, None] * width
    weight = np.tile(0.5 * WEIGHTS, PANELS)[:, None] * width * scale * np.exp(v)
    return scale * np.expm1(v), weight


def _exceed_block(k: Array, scale: Array, s: Array, beta: Array, b: Array, *, t: float, most: int) -> Array:
    """P(Y > i) = ∫_0^t S(τ) dP(N(τ) > i): the (i+1)-th purchase must come before the clock runs out.

    Its time has density k (k+1)_i / i! · scale^k τ^i / (scale + τ)^(k+i+1), a beta in y = τ/(scale + τ).
    """
    tau, weight = _time_nodes(np.minimum(beta, scale), b, s, t=t)
    y = tau / (scale + tau)
    alive = np.exp(-s * log_clock(tau, beta, b))
    density = weight * np.exp(np.log(k / scale) - (k + 1.0) * np.log1p(tau / scale)) * alive
    out = np.empty((most + 1, len(k)))
    for i in range(most + 1):
        out[i] = density.sum(axis=0)
        density = density * y * ((k + i + 1.0) / (i + 1.0))
    return np.asarray(np.minimum(out, betainc(np.arange(1.0, most + 2.0)[:, None], k, t / (scale + t))))
