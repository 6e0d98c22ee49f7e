"""The integral of the clock models: the customer left at an unknown moment after the last purchase.

With σ the time since t_x, Δ = T − t_x, α' = α + t_x, β' = β + t_x and k = r + x the likelihood of Pareto/NBD is, apart
from factors known at t_x, (1 + Δ/α')^−k (1 + Δ/β')^−s + J with

    J = s/β' ∫_0^Δ (1 + σ/α')^−k (1 + σ/β')^−(s+1) dσ.

The papers write J as a difference of two 2F1; that difference cancels and overflows. Here the variable is
u = ln(1 + σ / min(α', β')), in which the log integrand is concave, so that the range that matters is known
beforehand and short panels of 20 Gauss–Legendre nodes (12 where little happens) give twelve digits and more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.clv.numerics.arrays import Array
from crmlib.clv.numerics.quadrature import FEW_NODES, FEW_WEIGHTS, NODES, WEIGHTS

PANEL = 2.5
"""Longest panel in u: e-folds of time."""
DROP = 42.0
"""Ignore what is e^−42 below the peak."""
GENTLE, NARROW = 8.0, 1.6
"""An integrand that falls by no more than e^−8 over one panel of this length needs twelve nodes only."""
FEW = 0.5
"""What such a row counts as instead of panels."""


@dataclass(frozen=True, slots=True)
class DeadTime:
    """ln J and means under its integrand, each of shape (n,); zero mass where t_x = T.

    log_a, log_b : mean of ln(1 + σ/α') and ln(1 + σ/β').
    share_a, share_b : mean of σ/(α' + σ) and σ/(β' + σ).
    """

    log_mass: Array
    log_a: Array
    log_b: Array
    share_a: Array
    share_b: Array


def dead_time(k: Array, alpha: Array, s: Array, beta: Array, gap: Array, *, moments: bool = True) -> DeadTime:
    """Ln J and its moments for rows of k = r + x, α' [unit], s, β' [unit] and Δ [unit], each of shape (n,).

    Examples
    --------
    >>> one = [np.array([v]) for v in (1.5, 12.0, 0.6, 13.0, 0.0)]
    >>> float(dead_time(*one).log_mass[0])
    -inf
    """
    by_alpha = alpha <= beta
    small = np.minimum(alpha, beta)
    ratio = small / np.maximum(alpha, beta)
    slope = np.where(by_alpha, k - 1.0, s)
    power = np.where(by_alpha, s + 1.0, k)
    end = np.log1p(gap / small)
    fall = np.abs(slope) * end + power * np.log1p(ratio * (gap / small))
    if bool((fall > DROP).any()):
        end = _end(slope, power, ratio, end)
    panels = np.where((fall <= GENTLE) & (end <= NARROW), FEW, np.ceil(end / PANEL))
    out = np.zeros((5, len(gap)))
    out[0] = -np.inf
    for count in np.unique(panels[end > 0.0]):
        rows = np.flatnonzero((panels == count) & (end > 0.0))
        out[:, rows] = _integrate(slope[rows], power[rows], ratio[rows], end[rows], panels=count, moments=moments)
    log_mass, first, second, share_first, share_second = out
    return DeadTime(
        log_mass=log_mass + np.log(s) + np.where(by_alpha, np.log(ratio), 0.0),
        log_a=np.where(by_alpha, first, second),
        log_b=np.where(by_alpha, second, first),
        share_a=np.where(by_alpha, share_first, share_second),
        share_b=np.where(by_alpha, share_second, share_first),
    )


def _end(slope: Array, power: Array, ratio: Array, full: Array) -> Array:
    """Where the integrand e^(−slope·u) (1 + ratio·(e^u − 1))^−power has fallen by DROP for good."""
    falling = slope >= 0.0
    at_once = np.where(falling, DROP / np.maximum(slope + ratio * power, 1e-300), np.inf)
    by_power = np.log1p(np.expm1(np.minimum(DROP / power, 700.0)) / ratio)
    first = np.where(falling, np.minimum(at_once, by_power), np.inf)
    # rising at first (k < 1): the peak is where the slopes balance; beyond it the concave log falls ever faster
    climb = np.where(falling, 0.0, -slope)
    balance = climb * (1.0 - ratio) / (ratio * np.maximum(power - climb, 1e-300))
    peak = np.log(np.maximum(balance, 1.0))
    beyond = peak + 2.0
    grown = ratio * np.exp(np.minimum(beyond, 700.0))
    steep = power * grown / (1.0 - ratio + grown) - climb
    second = beyond + (DROP + 2.0) / np.maximum(steep, 1e-300)
    return np.asarray(np.minimum(full, np.where(falling, first, second)))


def _integrate(slope: Array, power: Array, ratio: Array, end: Array, *, panels: float, moments: bool) -> Array:
    """Ln ∫ and four means, shape (5, n), for rows that need the same number of panels (or `FEW`)."""
    nodes, weights = (FEW_NODES, FEW_WEIGHTS) if panels == FEW else (NODES, WEIGHTS)
    count = max(int(panels), 1)
    offsets = (np.arange(count)[:, None] + 0.5 + 0.5 * nodes).ravel()[:, None]
    width = end / count
    u = offsets * width
    grown = np.expm1(u)
    scaled = ratio * grown
    other = np.log1p(scaled)
    log_f = -slope * u
    log_f -= power * other
    top = log_f.max(axis=0)
    log_f -= top
    f = np.exp(log_f, out=log_f)
    f *= np.tile(0.5 * weights, count)[:, None]
    mass = f.sum(axis=0)
    out = np.zeros((5, len(end)))
    out[0] = top + np.log(mass * width)
    if moments:
        for i, term in enumerate((u, other, grown / (1.0 + grown), scaled / (1.0 + scaled)), start=1):
            out[i] = np.einsum("ij,ij->j", f, term) / mass
    return out
