"""What if: another size, a rival beside each new store, one of our stores closed. One evaluation takes milliseconds.

The page holds a grid of these scenarios, computed beforehand; rent, margin and the payback limit are linear and are
worked out in the page itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import polars as pl

from crmlib.sites import huff, select, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market, Stores

SIZES = (0.7, 0.85, 1.0, 1.15, 1.3)
SPACINGS_KM = (0.0, 1.5, 3.0)
MOST_SITES = 5
CLOSABLE = 3
_GRID = {
    "k": pl.Int64, "spacing_km": pl.Float64, "size": pl.Float64, "rivals": pl.Boolean, "closes": pl.String,
    "site_id": pl.String, "order": pl.Int64, "net": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Base:
    """What scenarios start from.

    at : the stage; median : candidates' attractions at effect 0, shape (c, n); rival : exp(U − shift) of a typical
    rival at each candidate's place, shape (c, n); area_power : β/τ of area.
    """

    at: shares.Stage
    median: Array
    rival: Array
    area_power: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question.

    chosen : candidates that open, in order; size : factor of their area; rivals : one opens beside each of them;
    close : index of the own store that closes, none if none.
    """

    chosen: tuple[int, ...]
    size: float = 1.0
    rivals: bool = False
    close: int | None = None


def base(market: Market, fitted: HuffFit, candidates: Stores) -> Base:
    """Prepare the scenarios of a market."""
    at = huff.stage_at(market, fitted)
    utility = huff.utility_of(market, fitted, candidates)
    beta = np.array([fitted.coefficients[a] for a in market.attributes])
    if market.rivals.ids:
        chain = np.mean([fitted.coefficients[f"chain:{market.chains[i]}"] for i in market.rival_chain])
        typical = market.rivals.attributes.mean(axis=0) @ beta + chain
    else:
        typical = market.own.attributes.mean(axis=0) @ beta
    rival = utility - candidates.attributes @ beta + typical
    area_power = fitted.coefficients["log_area"] / at.nest
    return Base(at, shares.attraction(at, utility), np.exp(rival - at.shift[:, None]), float(area_power))


def evaluate(start: Base, scenario: Scenario) -> Array:
    """Net revenue each chosen site adds to the chain, in order [yuan a year], shape (k,); it sums to the joint net."""
    at, index = start.at, list(scenario.chosen)
    own = at.own if scenario.close is None else np.delete(at.own, scenario.close, axis=1)
    rivals = at.rivals + (start.rival[:, index].sum(axis=1) if scenario.rivals else 0.0)
    stage = shares.Stage(at.demand, own, rivals, at.outside, at.shift, at.nest, at.sigma)
    new = shares.mean_attraction(stage, start.median[:, index] * scenario.size**start.area_power)
    rest = rivals + at.outside
    totals = own.sum(axis=1)[:, None] + np.column_stack([np.zeros(len(new)), np.cumsum(new, axis=1)])
    revenue = at.demand @ shares.own_share(totals, rest[:, None], at.nest)
    return np.asarray(np.diff(revenue))


def grid(
    start: Base, task: select.Task, candidates: Stores, *, own_ids: tuple[str, ...], closable: tuple[int, ...]
) -> pl.DataFrame:
    """All scenarios of the page: k, spacing_km, size, rivals, closes, site_id, order, net (yuan a year).

    Sites are chosen anew for every k and spacing, under the costs and the budget of `task`.
    """
    rows: list[tuple[object, ...]] = []
    for spacing in SPACINGS_KM:
        for k in range(1, min(MOST_SITES, len(candidates.ids)) + 1):
            chosen = _choose(task, candidates, k=k, spacing_km=spacing)
            ids = [candidates.ids[i] for i in chosen]
            for size, rivals, close in product(SIZES, (False, True), (None, *closable)):
                net = evaluate(start, Scenario(chosen, size, rivals, close)) if chosen else np.zeros(0)
                closes = "" if close is None else own_ids[close]
                named = enumerate(zip(ids, net.tolist(), strict=True))
                rows += [(k, spacing, size, rivals, closes, site, order, one) for order, (site, one) in named]
    return pl.DataFrame(rows, schema=_GRID, orient="row")


def with_k(task: select.Task, k: int) -> select.Task:
    """The same choice with another number of sites."""
    return replace(task, k=k)


def _choose(task: select.Task, candidates: Stores, *, k: int, spacing_km: float) -> tuple[int, ...]:
    other = select.task(
        task.at, task.new, margin=task.margin, yearly_cost=task.cost, capex=task.capex, k=k, candidates=candidates,
        spacing_km=spacing_km, budget=task.budget,
    )  # fmt: skip
    return select.select(other).chosen


def most_overlapping(losses: Array, *, n: int = CLOSABLE) -> tuple[int, ...]:
    """Own stores that lose most to the new ones: the ones whose closing is worth trying."""
    return tuple(int(i) for i in np.argsort(-losses, kind="stable")[:n])
