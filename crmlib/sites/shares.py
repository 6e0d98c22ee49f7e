"""Shares of a market at one set of parameters, and what new stores change in them.

U_j = β·x_j − λ·g(d_j) + ε_j for own stores, δ_chain + β·x − λ·g(d) for rivals, u0 outside. With the own-brand nest
(dissimilarity τ ≤ 1; τ = 1 is the plain logit), per cell

    A = Σ_own exp(U_j/τ),   B = Σ_rivals exp(U_r) + exp(u0),   P(A) = A^τ / (A^τ + B),   p_j = exp(U_j/τ)/A · P(A).

Utilities are exponentiated after the row maximum is subtracted. Σ_j p_j + Σ_r p_r + p_0 = 1 in every cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

QUADRATURE_NODES = 9  # Gauss-Hermite; the mean share is exact to 1e-7 up to σ = 0.6
NEWTON_STEPS = 30
SMALLEST = -600.0  # keeps the sum of own stores above zero in cells that none of them reaches
LARGEST = 30.0  # a share of 1 − 1e-13: a store that outdoes all others by more leaves them nothing anyway
NEWTON_TOLERANCE = 1e-13


@dataclass(frozen=True, slots=True)
class Stage:
    """A market at one set of parameters.

    demand : yuan a year per cell, shape (c,); own : exp((U − shift)/τ), shape (c, j); rivals, outside : exp(U − shift)
    summed, shape (c,); shift : the row maximum taken out, shape (c,); nest : τ; sigma : sd of a new store's effect.
    """

    demand: Array
    own: Array
    rivals: Array
    outside: Array
    shift: Array
    nest: float
    sigma: float


def stage(*, demand: Array, own: Array, rivals: Array, outside: float, nest: float, sigma: float) -> Stage:
    """A stage from utilities (`own` (c, j), `rivals` (c, r)) and the utility of staying outside."""
    shift = np.full(len(demand), outside)
    for block in (own, rivals):
        if block.shape[1]:
            shift = np.maximum(shift, block.max(axis=1))
    column = shift[:, None]
    return Stage(
        demand=demand,
        own=np.exp(np.maximum((own - column) / nest, SMALLEST)),
        rivals=np.exp(rivals - column).sum(axis=1),
        outside=np.exp(np.maximum(outside - shift, SMALLEST)),
        shift=shift,
        nest=nest,
        sigma=sigma,
    )


def attraction(at: Stage, utility: Array) -> Array:
    """exp((U − shift)/τ) of further own stores at this stage, shape of `utility` (c, n)."""
    return np.asarray(np.exp(np.minimum((utility - at.shift[:, None]) / at.nest, LARGEST)))


def own_share(total: Array, rest: Array, nest: float) -> Array:
    """P(A): share of the chain where its stores' attraction sums to `total` against `rest`."""
    strength = total if nest == 1 else total**nest
    return np.asarray(strength / (strength + rest))


def store_share(new: Array, before: Array, rest: Array, nest: float) -> Array:
    """Share of a store with attraction `new` beside own stores with attraction `before`."""
    total = before + new
    return np.asarray(new / total * own_share(total, rest, nest))


def mean_attraction(at: Stage, median: Array) -> Array:
    """Attraction whose share equals the mean share over the new store's unknown effect ε ~ N(0, σ²).

    E[share] = Σ_z w_z·share(median·e^{σz/τ}) by Gauss-Hermite, then solved for the attraction that gives this share:
    so that forecasts are means, and shares still add up to one.

    Parameters
    ----------
    median : attraction at ε = 0, shape (c, n).
    """
    if at.sigma == 0:
        return median
    before, rest = at.own.sum(axis=1)[:, None], (at.rivals + at.outside)[:, None]
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE_NODES)
    weights = weights / weights.sum()
    mean = np.zeros_like(median)
    for z, w in zip(nodes, weights, strict=True):
        mean += w * store_share(median * np.exp(at.sigma * z / at.nest), before, rest, at.nest)
    if at.nest == 1:
        return np.asarray(mean * (before + rest) / (1 - mean))
    return _solve(mean, median, before, rest, at.nest)


def _solve(share: Array, start: Array, before: Array, rest: Array, nest: float) -> Array:
    """The attraction that has this share: Newton's method on logarithms, where the slope lies between τ and 1."""
    tiny = np.finfo(float).tiny
    log_new, log_share = np.log(np.maximum(start, tiny)), np.log(np.maximum(share, tiny))
    for _ in range(NEWTON_STEPS):
        new = np.exp(log_new)
        total = before + new
        chain = own_share(total, rest, nest)
        inside = new / total
        slope = 1 - inside * (1 - nest * (1 - chain))
        step = (log_share - np.log(np.maximum(inside * chain, tiny))) / slope
        log_new = log_new + step
        if np.abs(step).max(initial=0) < NEWTON_TOLERANCE:
            break
    return np.asarray(np.exp(log_new))


def revenue(at: Stage) -> Array:
    """Modelled revenue of each own store [yuan a year], shape (j,)."""
    return np.asarray(flows(at).sum(axis=0))


def flows(at: Stage) -> Array:
    """Yuan a year from each cell to each own store, shape (c, j)."""
    total = at.own.sum(axis=1)
    chain = own_share(total, at.rivals + at.outside, at.nest)
    return np.asarray(at.own * (at.demand * chain / total)[:, None])


@dataclass(frozen=True, slots=True)
class Opened:
    """What each new store does on its own, yuan a year, shape (n,).

    gross : its revenue; own : what it takes from own stores; rivals, outside : where the rest comes from;
    net : gross − own. gross = own + rivals + outside to the last digit that floats keep.
    """

    gross: Array
    own: Array
    rivals: Array
    outside: Array
    net: Array


def open_each(at: Stage, new: Array) -> Opened:
    """Open every store of `new` (attractions, shape (c, n)), one at a time."""
    before = at.own.sum(axis=1)[:, None]
    rest = (at.rivals + at.outside)[:, None]
    chain_before = own_share(before, rest, at.nest)
    chain_after = own_share(before + new, rest, at.nest)
    gross = at.demand @ (new / (before + new) * chain_after)
    net = at.demand @ (chain_after - chain_before)
    lost_by_rest = at.demand @ ((chain_after - chain_before) * (at.rivals[:, None] / rest))
    return Opened(gross=gross, own=gross - net, rivals=lost_by_rest, outside=net - lost_by_rest, net=net)


def open_together(at: Stage, new: Array) -> float:
    """Net revenue of the chain [yuan a year] when all stores of `new` (c, k) open together."""
    before = at.own.sum(axis=1)
    rest = at.rivals + at.outside
    after = own_share(before + new.sum(axis=1), rest, at.nest)
    return float(at.demand @ (after - own_share(before, rest, at.nest)))
