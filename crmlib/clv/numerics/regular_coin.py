"""Purchases to come of regular buyers: every k-th event of a hidden Poisson stream is a purchase, a coin follows each.

A customer who is there now has j = 0 … k − 1 hidden events behind the last purchase with probability w_j; given j the
rate of hidden events is λ ~ Gamma(κ + j, scale), κ = r + kx. With N hidden events in the next t

    P(Y > i | j) = P(N ≥ k(i + 1) − j) · E[(1 − p)^i],   p ~ Beta(a, b),

so that all predictions are sums of positive terms, as in `coin`; the paper approximates the expectation, here it is
exact. Where the sum would be long (a very busy customer) its far part is an integral over i with the midpoint
correction of Euler and Maclaurin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from crmlib.clv.numerics.arrays import Array, Value, as_rows
from crmlib.clv.numerics.coin import SAFE, log_stays
from crmlib.clv.numerics.quadrature import NODES, WEIGHTS

GROUPS = (0.0, 15.0, 50.0, 150.0, 500.0)
"""Rows whose sums are about as long are walked together; above the last the far part is an integral."""
NEAR = 64
"""Terms of a long sum that are added one by one before the integral takes over."""
WIDEST, SPREADS = 1.0, 3.0
"""A panel of 20 nodes: one e-fold of the count, or three standard deviations where the count is sharp."""


@dataclass(frozen=True, slots=True)
class RegularCoin:
    """A customer who is there now.

    Parameters
    ----------
    k : hidden events per purchase.
    weights : P(j hidden events behind the last purchase), shape (j, n).
    shape, scale : κ and rate of the hidden stream now, each of shape (n,).
    a, b : beta shapes of the dropout probability now.
    stays : chance of being there at all (MBG's newcomers may leave right after their first purchase).
    """

    k: int
    weights: Array
    shape: Array
    scale: Array
    a: Value
    b: Array
    stays: Value = 1.0

    def mean(self, t: float) -> Array:
        """E[Y(t)], shape (n,)."""
        return regular_moments(self, t=t, pairs=False)[0] * self.stays

    def moments(self, t: float) -> tuple[Array, Array]:
        """E[Y(t)] and E[Y(Y − 1)], each of shape (n,)."""
        mean, pairs = regular_moments(self, t=t, pairs=True)
        return mean * self.stays, pairs * self.stays

    def exceed(self, t: float, *, most: int) -> Array:
        """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
        return regular_exceed(self, t=t, most=most) * self.stays

    def exceed_at(self, t: float, i: Array) -> Array:
        """P(Y > i) at each row's own count `i`, shape (n,)."""
        return regular_exceed_at(self, t=t, i=i) * self.stays


def regular_moments(coin: RegularCoin, *, t: float, pairs: bool) -> tuple[Array, Array]:
    """E[Y] and E[Y(Y − 1)] over the next `t`, each of shape (n,)."""
    n = len(coin.shape)
    out = np.zeros((2, n))
    if t <= 0:
        return out[0], out[1]
    terms = _terms(coin, t=t)
    safe = (coin.shape + coin.k) * np.log1p(t / coin.scale) <= SAFE
    for low, high in pairwise(GROUPS):
        rows = np.flatnonzero((terms > low) & (terms <= high) & safe)
        if rows.size:
            out[:, rows] = _sum(_rows(coin, rows), t=t, terms=int(terms[rows].max()) + 1, pairs=pairs)
    busy = np.flatnonzero((terms > GROUPS[-1]) | ~safe)
    for some in np.array_split(busy, busy.size // 128 + 1):
        if some.size:
            out[:, some] = _far_sum(_rows(coin, some), t=t, terms=terms[some])
    return out[0], out[1]


def regular_exceed(coin: RegularCoin, *, t: float, most: int) -> Array:
    """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
    n = len(coin.shape)
    out = np.zeros((most + 1, n))
    if t <= 0:
        return out
    stay = np.exp(log_stays(coin.a, coin.b[None, :], np.arange(most + 1.0)[:, None] + 0.0 * coin.b))
    for j, weight in enumerate(coin.weights):
        for i, above in enumerate(_walk(coin, j, t=t, count=most + 1)):
            out[i] += weight * above * stay[i]
    busy = np.flatnonzero((coin.shape + coin.k) * np.log1p(t / coin.scale) > SAFE)
    for i in range(most + 1 if busy.size else 0):
        out[i, busy] = regular_exceed_at(_rows(coin, busy), t=t, i=np.full(busy.size, float(i)))
    return out


def regular_exceed_at(coin: RegularCoin, *, t: float, i: Array) -> Array:
    """P(Y > i) at each row's own `i` (or several of them, shape (…, n)), by incomplete beta integrals.

    Examples
    --------
    >>> one = RegularCoin(2, np.ones((1, 1)), np.array([2000.0]), np.array([1000.0]), 1e-9, np.ones(1))
    >>> regular_exceed_at(one, t=1000.0, i=np.array([999.0])).round(2)
    array([0.5])
    """
    if t <= 0:
        return np.zeros_like(i)
    q, total = t / (coin.scale + t), np.zeros_like(i)
    for j, weight in enumerate(coin.weights):
        total = total + weight * betainc(coin.k * (i + 1.0) - j, coin.shape + j, q)
    return np.asarray(total * np.exp(log_stays(coin.a, coin.b + 0.0 * i, i)))


def _rows(coin: RegularCoin, rows: npt.NDArray[np.intp]) -> RegularCoin:
    """Some rows of a coin."""
    a = as_rows(coin.a, len(coin.shape))[rows]
    return RegularCoin(coin.k, coin.weights[:, rows], coin.shape[rows], coin.scale[rows], a, coin.b[rows])


def _terms(coin: RegularCoin, *, t: float) -> Array:
    """Purchases after which the rest of the sum is below double precision."""
    shape, z = coin.shape + coin.k, t / coin.scale
    hidden = shape * z + 9.0 * np.sqrt(shape * z * (1.0 + z)) + 40.0 / np.log1p(1.0 / z)
    return np.asarray(hidden / coin.k + 3.0)


def _walk(coin: RegularCoin, j: int, *, t: float, count: int) -> Iterator[Array]:
    """P(N ≥ k(i + 1) − j) for i = 0 … count − 1, N negative binomial, by recursion over hidden events."""
    z, shape = t / coin.scale, coin.shape + j
    ratio = z / (1.0 + z)
    log_none = -shape * np.log1p(z)
    above, pmf, m = -np.expm1(log_none), np.exp(log_none), 0
    for i in range(count):
        while m < coin.k * (i + 1) - j - 1:
            pmf = pmf * (ratio * ((shape + m) / (m + 1.0)))
            above = np.maximum(above - pmf, 0.0)
            m += 1
        yield above


def _sum(coin: RegularCoin, *, t: float, terms: int, pairs: bool) -> Array:
    """The two sums, term by term; shape (2, n)."""
    out = np.zeros((2, len(coin.shape)))
    for j, weight in enumerate(coin.weights):
        stay = weight.copy()
        for i, above in enumerate(_walk(coin, j, t=t, count=terms)):
            term = above * stay
            out[0] += term
            if pairs:
                out[1] += (2.0 * i) * term
            stay *= (coin.b + i) / (coin.a + coin.b + i)
    return out


def _far_sum(coin: RegularCoin, *, t: float, terms: Array) -> Array:
    """The two sums of busy customers: `NEAR` terms, then an integral in ln i, narrow where the count is sharp."""
    counts = np.arange(NEAR + 1.0)[:, None] + 0.0 * coin.b
    above = regular_exceed_at(coin, t=t, i=counts)
    factor = np.array([np.ones_like(counts), 2.0 * counts])
    total = (factor[:, :NEAR] * above[:NEAR]).sum(axis=1)
    last = factor[:, -2:] * above[-2:]
    total += (last[:, 1] - last[:, 0]) / 24.0
    z = t / coin.scale
    centre = coin.shape * z / coin.k
    spread = np.sqrt(coin.shape * z * (1.0 + z)) / coin.k + 1.0
    begin = np.full(len(z), NEAR - 0.5)
    end = np.maximum(terms, begin)
    edges = [np.clip(v, begin, end) for v in (begin, centre - 10.0 * spread, centre + 10.0 * spread, end)]
    for low, high in pairwise(np.log(edges)):
        narrow = np.minimum(WIDEST, SPREADS * spread / np.maximum(centre, spread))
        panels = int(np.ceil(((high - low) / narrow).max()))
        width = (high - low) / max(panels, 1)
        for panel in range(panels):
            v = low + width * (panel + 0.5 + 0.5 * NODES[:, None])
            i = np.exp(v)
            f = WEIGHTS[:, None] * 0.5 * width * i * regular_exceed_at(coin, t=t, i=i)
            total += np.array([f.sum(axis=0), (2.0 * i * f).sum(axis=0)])
    return np.asarray(total)
