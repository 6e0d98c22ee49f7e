"""Sales of product-weeks as a sum of shrunk effects on the logarithm, for events that no store is without.

Penalised quasi-likelihood (Breslow & Clayton 1993, Journal of the American Statistical Association 88(421), 9-25): the
working response of a Poisson model with extra swings is fitted by weighted least squares in which random effects are
drawn to 0, and their variances follow by EM (Laird & Ware 1982, Biometrics 38(4), 963-974).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array, hstack

from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.panel import Index, Panel

YEAR, WAVES = 52.18, 2
"""Weeks of a year; waves of a product's season in it."""
STILL = 0.05
"""Relative change of the variances that ends the rounds."""
WEAK, START = 4.0, 0.01
"""Prior variance of effects that are not shrunk; first guess of the variance of those that are."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Product-weeks, those of an event apart from those without: sums over stores.

    event : position of the event, -1 without one. after : 1 in the dip weeks. sold, usual : shape (rows,).
    """

    product: Index
    week: Index
    event: Index
    after: Floats
    sold: Floats
    usual: Floats


@dataclass(frozen=True, slots=True)
class Design:
    """Columns of the model, shape (rows, columns), and of each row its category × week, shape (rows,).

    block : random effect each column belongs to, -1 for those not shrunk. offer : how many of the first columns are the
    offer's, zero without one; the next one is the dip's. sizes : how many mechanics and products.
    busy : 1 for a category × week in a festival's weeks, which swing more, shape (cells,).
    """

    x: csr_array
    block: Index
    offer: int
    cell: Index
    busy: Index
    sizes: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fit:
    """Effects and what is left of the data.

    beta, covariance : of the columns. cell : effect of each category × week, mass : its precision, pull : what the
    columns' effects take from it, shape (cells, columns). residual, leverage, weight : shape (rows,).
    """

    beta: Floats
    covariance: Floats
    cell: Floats
    mass: Floats
    pull: Floats
    residual: Floats
    leverage: Floats
    weight: Floats
    state: State


@dataclass(frozen=True, slots=True)
class State:
    """Where the fit stands.

    eta : log of sold against usual, shape (rows,). variance : of the random effects, the last two category × week
    without and with a festival. tau2 : of a product-week without and with an offer.
    """

    eta: Floats
    variance: Floats
    tau2: Floats


def designed(cells: Rows, panel: Panel, depth: Floats, kind: Index, *, feasts: Index) -> Design:
    """Columns of the model: offer, dip, product, week, season; category × week beside them.

    depth : of every event, as a share. kind : number of its mechanic, shape (events,). feasts : positions of the weeks
    in which people buy for a festival.
    """
    on, off = cells.event >= 0, np.where(cells.event >= 0, depth[cells.event], 0.0)
    group = np.where(panel.group >= 0, panel.group, panel.group.max() + 1)[cells.product]
    angle = 2 * np.pi * np.outer(cells.week, np.arange(1, WAVES + 1)) / YEAR
    goods, weeks, ones = panel.units.shape[1], panel.weeks, np.ones(cells.sold.size)
    sizes = (int(kind.max(initial=0)) + 1, goods)
    parts = [
        (offer_columns(cells, kind[cells.event], on=on.astype(np.float64), off=off, sizes=sizes), -1),
        (_columns(np.zeros(ones.size, dtype=np.int64), 1, cells.after), -1),
        (_columns(cells.product, goods, ones), -1),
        (_columns(cells.week, weeks, ones), 2),
        *((_columns(cells.product, goods, w), 3) for w in (*np.sin(angle).T, *np.cos(angle).T)),
    ]
    key, cell = np.unique(group * weeks + cells.week, return_inverse=True)
    busy = np.isin(key % weeks, feasts).astype(np.int64)
    block = np.concatenate([np.full(x.shape[1], b) for x, b in parts])
    block[3 : 3 + sizes[0]], block[3 + sizes[0] : 3 + sum(sizes)] = 0, 1
    return Design(
        csr_array(hstack([x for x, _ in parts])),
        block,
        3 + sum(sizes),
        cell.astype(np.int64),
        busy.astype(np.int64),
        sizes,
    )


def offer_columns(cells: Rows, kind: Index, *, on: Floats, off: Floats, sizes: tuple[int, int]) -> csr_array:
    """Columns of an offer: on, depth, depth², mechanic, the product's own slope; shape (rows, 3 + sum of sizes).

    kind : mechanic of each row. on : 1 with an offer. off : its depth as a share; all of shape (rows,).
    """
    one = np.zeros(on.size, dtype=np.int64)
    first = [_columns(one, 1, v) for v in (on, off, off**2)]
    return csr_array(hstack([*first, _columns(kind, sizes[0], on), _columns(cells.product, sizes[1], off)]))


def _columns(level: Index, size: int, value: Floats) -> csr_array:
    """A column for each level, holding `value` in its rows."""
    return csr_array((value, (np.arange(level.size), level)), shape=(level.size, size))


def fitted(design: Design, cells: Rows, phi: float, *, rounds: int, start: State | None = None) -> Fit:
    """Penalised quasi-likelihood; variances of the random effects and of product-weeks by EM.

    Category × week is one effect a row: it is solved for exactly, and only the other columns are inverted.
    """
    usual, event = np.maximum(cells.usual, 1e-9), cells.event >= 0
    state = start or State(
        np.log((cells.sold + 0.5) / (usual + 0.5)), np.full(int(design.block.max()) + 3, START), np.full(2, START)
    )
    for _ in range(rounds):
        mean = usual * np.exp(state.eta)
        weight = 1 / (phi / mean + state.tau2[event.astype(np.int64)])
        fit = _solved(design, state.eta + (cells.sold - mean) / mean, weight, state)
        fresh = State(
            np.clip(state.eta + (cells.sold - mean) / mean - fit.residual, -12, 12),
            _variances(design, fit),
            _swing(fit.residual, fit.leverage, phi / mean, event, state.tau2),
        )
        moved = np.abs(np.log(np.concatenate([fresh.variance, fresh.tau2]) / [*state.variance, *state.tau2])).max()
        state = fresh
        if moved < STILL:
            break
    return replace(fit, state=state)


def _solved(design: Design, working: Floats, weight: Floats, state: State) -> Fit:
    """One weighted, penalised least-squares step."""
    x, cells = design.x, int(design.cell.max()) + 1
    prior = np.where(design.block < 0, WEAK, state.variance[np.maximum(design.block, 0)])
    heavy = diags_array(weight) @ x
    within = _columns(design.cell, cells, np.ones(weight.size))
    mass = np.bincount(design.cell, weights=weight, minlength=cells) + 1 / state.variance[-2:][design.busy]
    sums = (within.T @ heavy).toarray()
    pull = sums / mass[:, None]
    system = (x.T @ heavy).toarray() - sums.T @ pull + np.diag(1 / prior)
    total = np.bincount(design.cell, weights=weight * working, minlength=cells)
    covariance = np.linalg.inv(system)
    beta = covariance @ (heavy.T @ working - pull.T @ total)
    cell = total / mass - pull @ beta
    return Fit(
        beta=beta, covariance=covariance, cell=cell, mass=mass, pull=pull,
        residual=working - x @ beta - cell[design.cell],
        leverage=weight * _spreads(x, pull, covariance, mass, design.cell),
        weight=weight, state=state,
    )  # fmt: skip


def _spreads(x: csr_array, pull: Floats, covariance: Floats, mass: Floats, cell: Index) -> Floats:
    """Variance of each row's fitted log, shape (rows,)."""
    apart = pull @ covariance
    own = (x @ covariance * x.toarray()).sum(axis=1)
    crossed = np.asarray((x.multiply(apart[cell])).sum(axis=1)).ravel()
    return np.asarray(own - 2 * crossed + (apart * pull).sum(axis=1)[cell] + 1 / mass[cell])


def _variances(design: Design, fit: Fit) -> Floats:
    """EM step: mean of squares and posterior variances of each block; the last two of category × week."""
    spread = fit.beta**2 + np.diag(fit.covariance)
    shared = fit.cell**2 + 1 / fit.mass + ((fit.pull @ fit.covariance) * fit.pull).sum(axis=1)
    blocks = [spread[design.block == k] for k in range(int(design.block.max()) + 1)]
    blocks += [shared[design.busy == k] for k in (0, 1)]
    return np.array([max(float(b.mean()), 1e-6) if b.size else START for b in blocks])


def _swing(residual: Floats, leverage: Floats, noise: Floats, event: Bools, old: Floats) -> Floats:
    """Variance of product-weeks without and with an offer, by moments; an offer never makes a week steadier."""
    fresh = []
    for mine in (~event, event):
        free = float((1 - leverage[mine]).sum())
        if free < 5:
            fresh.append(np.nan)
            continue
        fresh.append(max(float((residual[mine] ** 2).sum() - (noise[mine] * (1 - leverage[mine])).sum()) / free, 1e-6))
    quiet = fresh[0] if np.isfinite(fresh[0]) else fresh[1] / 2  # without quiet weeks nothing tells the two apart
    busy = fresh[1] if np.isfinite(fresh[1]) else quiet
    return 0.5 * old + 0.5 * np.array([quiet, max(busy, quiet)])
