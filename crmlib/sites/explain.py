"""Why does this site earn what it earns? A waterfall in yuan that sums.

From an average candidate to this one: population → income → access → rivals → own stores nearby, then what is taken
from own stores. Each factor is set to what candidates see on average at the same distance, or to the site's own; the
steps are Shapley values (Shapley 1953) over the 2^5 states, so they do not depend on an order and add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import factorial

import numpy as np
import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.sites import forecast, huff, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market, Stores

FACTORS = ("population", "income", "access", "rivals", "own")
EDGES_KM = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Per cell, as seen from one site: its own value and the mean of all candidates at the same distance."""

    people: tuple[Array, Array]
    wealth: tuple[Array, Array]
    pull: tuple[Array, Array]
    rest: tuple[Array, Array]
    own: tuple[Array, Array]


def waterfall(
    market: Market, fitted: HuffFit, candidates: Stores, *, which: tuple[int, ...], currency: str = "CNY"
) -> pl.DataFrame:
    """site_id, step, step_minor, order: ``average``, the five factors (sum: gross), ``cannibalised``, ``net``.

    average + population + income + access + rivals + own + cannibalised = net, exact to the minor unit.
    """
    at, new = forecast.candidate_attractions(market, fitted, candidates)
    opened = shares.open_each(at, new)
    frames = []
    for n in which:
        scene = _scene(market, fitted, at, candidates, n)
        steps = _shapley({state: _gross(scene, state, at) for state in product((0, 1), repeat=len(FACTORS))})
        base = float(opened.gross[n]) - sum(steps)
        values = np.array([base, *steps, -float(opened.own[n])]) * minor_per_unit(currency)
        whole = forecast.whole_parts(values[None, :])[0]
        names = ["average", *FACTORS, "cannibalised", "net"]
        frames.append(
            pl.DataFrame(
                {
                    "site_id": [candidates.ids[n]] * len(names),
                    "order": list(range(len(names))),
                    "step": names,
                    "step_minor": [*whole.tolist(), int(whole.sum())],
                }
            )
        )
    empty = pl.DataFrame(schema={"site_id": pl.String, "order": pl.Int64, "step": pl.String, "step_minor": pl.Int64})
    return pl.concat([empty, *frames])


def _scene(market: Market, fitted: HuffFit, at: shares.Stage, candidates: Stores, n: int) -> _Scene:
    """Own values and ring means. Attractions leave the row shift, so that cells can be compared."""
    income = fitted.coefficients["income"]
    wealth = np.exp(income * market.log_income)
    scale = np.exp(at.shift)
    ring = np.searchsorted(EDGES_KM, candidates.km)  # (c, n)
    mine = ring[:, n]
    rings = len(EDGES_KM) + 1

    def at_distance(values: Array, weights: Array) -> Array:
        """Mean over candidates of the ring's weighted mean, for the cells of this site."""
        top = np.array([np.sum((values * weights)[:, None] * (ring == r)) for r in range(rings)])
        bottom = np.array([np.sum(weights[:, None] * (ring == r)) for r in range(rings)])
        return np.asarray((top / np.maximum(bottom, 1e-12))[mine])

    count = np.bincount(mine, minlength=rings)
    typical = np.array([np.sum(market.demand[:, None] * (ring == r)) for r in range(rings)]) / ring.shape[1]
    people = typical[mine] / np.maximum(count[mine], 1)
    utility = huff.utility_of(market, fitted, candidates)[:, n]
    beta = np.array([fitted.coefficients[a] for a in market.attributes])
    usual = utility + (candidates.attributes.mean(axis=0) - candidates.attributes[n]) @ beta
    rest = (at.rivals + at.outside) * scale
    own = at.own.sum(axis=1) * scale ** (1 / at.nest)
    return _Scene(
        people=(people, market.demand),
        wealth=(at_distance(wealth, market.demand), wealth),
        pull=(np.exp(usual / at.nest), np.exp(utility / at.nest)),
        rest=(np.exp(at_distance(np.log(rest), market.demand)), rest),
        own=(np.exp(at_distance(np.log(own), market.demand)), own),
    )


def _gross(scene: _Scene, state: tuple[int, ...], at: shares.Stage) -> float:
    """Mean revenue with each factor as on average (0) or as here (1) [yuan a year]."""
    population, income, access, rivals, own = state
    demand = scene.people[population] * scene.wealth[income]
    pull, rest, before = scene.pull[access], scene.rest[rivals], scene.own[own]
    nodes, weights = np.polynomial.hermite_e.hermegauss(shares.QUADRATURE_NODES)
    mean = np.zeros(len(demand))
    for z, w in zip(nodes, weights / weights.sum(), strict=True):
        mean += w * shares.store_share(pull * np.exp(at.sigma * z / at.nest), before, rest, at.nest)
    return float(demand @ mean)


def _shapley(value: dict[tuple[int, ...], float]) -> list[float]:
    """Shapley value of each factor."""
    n = len(FACTORS)
    out = []
    for i in range(n):
        total = 0.0
        for state, without in value.items():
            if not state[i]:
                size = sum(state)
                weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                total += weight * (value[*state[:i], 1, *state[i + 1 :]] - without)
        out.append(total)
    return out
