"""Likelihood and gradient of Pareto/NBD along a calendar; formulas in `pareto_nbd_calendar`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from crmlib.clv.numerics.arrays import Array
from crmlib.clv.numerics.special import log_rising
from crmlib.clv.seasonal.calendar_pieces import Pieces

_nodes, _weights = np.polynomial.legendre.leggauss(8)
NODES: Array = 0.5 + 0.5 * _nodes
WEIGHTS: Array = 0.5 * _weights
"""Eight nodes on 0 … 1: a piece is a week at most, over which nothing bends much."""


def rates_of(theta: Array, pieces: Pieces) -> tuple[Array, Array]:
    """e^γᵀz and e^δᵀw of every piece."""
    k = pieces.z.shape[1]
    return np.exp(pieces.z @ theta[4 : 4 + k]), np.exp(pieces.w @ theta[4 + k :])


def running(values: Array, first: npt.NDArray[np.int64], customer: npt.NDArray[np.int64]) -> Array:
    """Sum over a customer's earlier pieces (this one not included)."""
    upto = np.cumsum(values, axis=0) - values
    return np.asarray(upto - upto[first][customer])


@dataclass(frozen=True, slots=True)
class Walk:
    """A and B at T of every customer, and ln of the dead integral with means of its gradient."""

    a_end: Array
    b_end: Array
    log_dead: Array
    means: Array


def walk_through(theta: Array, pieces: Pieces, *, gradient: bool) -> Walk:
    """Add up A and B over the pieces of every customer, and integrate the moment of leaving."""
    r, alpha, s, beta = (float(v) for v in np.exp(theta[:4]))
    rate_a, rate_b = rates_of(theta, pieces)
    run_a, run_b = rate_a * pieces.length, rate_b * pieces.length
    n = len(pieces.x)
    before_a, before_b = (running(v, pieces.first, pieces.customer) for v in (run_a, run_b))
    a_end = _per_customer(run_a, pieces)
    b_end = _per_customer(run_b, pieces)
    late = np.flatnonzero(~pieces.before)
    who = pieces.customer[late]
    node_a = before_a[late][:, None] + run_a[late][:, None] * NODES
    node_b = before_b[late][:, None] + run_b[late][:, None] * NODES
    k = (r + pieces.x)[who][:, None]
    with np.errstate(divide="ignore"):
        logs = np.log(s * WEIGHTS * run_b[late][:, None]) - k * np.log(alpha + node_a) - (s + 1) * np.log(beta + node_b)
    top = np.full(n, -np.inf)
    np.maximum.at(top, who, logs.max(axis=1, initial=-np.inf))
    safe_top = np.where(np.isfinite(top), top, 0.0)
    mass = np.exp(logs - safe_top[who][:, None])
    sums = np.bincount(who, weights=mass.sum(axis=1), minlength=n)
    with np.errstate(divide="ignore"):
        log_dead = safe_top + np.log(sums)
    if not gradient:
        return Walk(a_end, b_end, log_dead, np.empty((0, n)))
    share = mass / np.where(sums > 0, sums, 1.0)[who][:, None]
    means = _means(theta, pieces, late, share, (node_a, node_b), rates=(rate_a, rate_b))
    return Walk(a_end, b_end, log_dead, means)


def _means(
    theta: Array,
    pieces: Pieces,
    late: npt.NDArray[np.int64],
    share: Array,
    nodes: tuple[Array, Array],
    *,
    rates: tuple[Array, Array],
) -> Array:
    """Derivatives of the log dead integral by theta, shape (len(theta), n)."""
    r, alpha, s, beta = (float(v) for v in np.exp(theta[:4]))
    who, n = pieces.customer[late], len(pieces.x)
    node_a, node_b = nodes
    k = (r + pieces.x)[who][:, None]
    per_a, per_b = k / (alpha + node_a), (s + 1.0) / (beta + node_b)
    terms = [
        (share * t).sum(axis=1)
        for t in (-r * np.log(alpha + node_a), -alpha * per_a, 1.0 - s * np.log(beta + node_b), -beta * per_b)
    ]
    whole = share.sum(axis=1)
    for z, rate, per, is_dropout in ((pieces.z, rates[0], per_a, False), (pieces.w, rates[1], per_b, True)):
        # A and B grow evenly within a piece: an effect moves every node by what came before plus its part of the piece
        pull = share * per
        at_start, along = pull.sum(axis=1), pull @ NODES
        for j in range(z.shape[1]):
            slope = z[:, j] * rate * pieces.length
            upto = running(slope, pieces.first, pieces.customer)
            moved = -(at_start * upto[late] + along * slope[late])
            terms.append(moved + whole * z[late, j] if is_dropout else moved)
    return np.array([np.bincount(who, weights=t, minlength=n) for t in terms])


def score(theta: Array, pieces: Pieces) -> tuple[Array, Array]:
    """Log-likelihood of each customer (n,) and its derivatives by theta (len(theta), n)."""
    r, alpha, s, beta = (float(v) for v in np.exp(theta[:4]))
    x = pieces.x
    walk = walk_through(theta, pieces, gradient=True)
    log_alive = -(r + x) * np.log(alpha + walk.a_end) - s * np.log(beta + walk.b_end)
    top = np.maximum(log_alive, walk.log_dead)
    mixed = top + np.log(np.exp(log_alive - top) + np.exp(walk.log_dead - top))
    there = np.exp(log_alive - mixed)
    gamma = theta[4 : 4 + pieces.z.shape[1]]
    front = log_rising(r, x) + r * np.log(alpha) + s * np.log(beta) + pieces.bought @ gamma
    per_a, per_b = (r + x) / (alpha + walk.a_end), s / (beta + walk.b_end)
    alive = [-r * np.log(alpha + walk.a_end), -alpha * per_a, -s * np.log(beta + walk.b_end), -beta * per_b]
    rate_a, rate_b = rates_of(theta, pieces)
    for z, rate, per in ((pieces.z, rate_a, per_a), (pieces.w, rate_b, per_b)):
        for j in range(z.shape[1]):
            slope = _per_customer(z[:, j] * rate * pieces.length, pieces)
            alive.append(-per * slope)
    scores = there * np.array(alive) + (1.0 - there) * walk.means
    scores[0] += r * (digamma(r + x) - digamma(r) + np.log(alpha))
    scores[1] += r
    scores[2] += s * np.log(beta)
    scores[3] += s
    scores[4 : 4 + pieces.z.shape[1]] += pieces.bought.T
    return np.asarray(front + mixed), scores


def alive_at_end(theta: Array, pieces: Pieces) -> tuple[Array, Array, Array]:
    """P(alive) at T, A(T), B(T)."""
    r, alpha, s, beta = (float(v) for v in np.exp(theta[:4]))
    walk = walk_through(theta, pieces, gradient=False)
    log_alive = -(r + pieces.x) * np.log(alpha + walk.a_end) - s * np.log(beta + walk.b_end)
    return 1.0 / (1.0 + np.exp(np.minimum(walk.log_dead - log_alive, 700.0))), walk.a_end, walk.b_end


def _per_customer(values: Array, pieces: Pieces) -> Array:
    return np.bincount(pieces.customer, weights=values, minlength=len(pieces.x)).astype(np.float64)
