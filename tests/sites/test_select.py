"""Choosing k of n: equal to brute force, within constraints, never above its bound."""

from dataclasses import replace

import numpy as np
import pytest

from crmlib.core.errors import ModelError
from crmlib.sites import bound, forecast, huff, select, shares

ROUNDING = 1e-9


def task_of(seed: int, *, n: int = 14, k: int = 3, nest: float = 1.0, **limits) -> select.Task:
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 10, (2, 120))
    sx, sy = rng.uniform(0, 10, (2, n))
    pull = -1.8 * np.log(np.hypot(x[:, None] - sx, y[:, None] - sy) + 0.4) + rng.normal(0, 0.3, n)
    own = rng.normal(-1, 1, (120, 5))
    at = shares.stage(
        demand=rng.uniform(1e5, 2e6, 120), own=own, rivals=rng.normal(0, 1, (120, 4)), outside=0.5, nest=nest, sigma=0.3
    )
    new = shares.mean_attraction(at, shares.attraction(at, pull))
    made = select.task(
        at, new, margin=0.35, yearly_cost=rng.uniform(1e5, 6e5, n), capex=rng.uniform(4e5, 2e6, n), k=k,
        budget=limits.get("budget", float("inf")),
    )  # fmt: skip
    near = np.hypot(sx[:, None] - sx, sy[:, None] - sy) < limits.get("spacing", 0.0)
    np.fill_diagonal(near, val=False)
    return replace(made, near=near)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("limits", [{}, {"spacing": 2.5}, {"budget": 2.5e6}, {"nest": 0.6}], ids=str)
def test_greedy_with_swaps_finds_what_brute_force_finds(seed, limits):
    task = task_of(seed, **limits)
    found, best = select.select(task), select.brute_force(task)
    tolerance = 0.02 if "budget" in limits else 1e-9  # a knapsack inside: the bound says how far it is
    assert found.profit >= best.profit * (1 - tolerance) - ROUNDING
    assert found.profit <= best.profit + abs(best.profit) * ROUNDING + 1e-6


@pytest.mark.parametrize("limits", [{}, {"spacing": 2.5}, {"budget": 2.5e6}, {"nest": 0.6}], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_never_below_the_best_set(seed, limits):
    task = task_of(seed, **limits)
    best = select.brute_force(task)
    limit = bound.bound(task, select.select(task), seconds=3)
    assert limit.profit >= best.profit * (1 - 1e-6)
    assert limit.profit <= best.profit * 1.05


def test_spacing_and_budget_hold():
    task = task_of(3, k=6, spacing=3.0, budget=5e6)
    found = select.select(task)
    chosen = list(found.chosen)
    assert not task.near[np.ix_(chosen, chosen)].any()
    assert found.capex <= 5e6
    assert found.capex == pytest.approx(task.capex[chosen].sum())


def test_sites_that_lose_money_are_not_opened():
    task = task_of(1)
    dear = replace(task, cost=task.cost + 1e9)
    assert select.select(dear).chosen == ()
    assert select.select(dear).profit == 0


def test_adding_stand_alone_nets_overstates():
    found = select.select(task_of(2, k=8))
    assert found.alone > found.net * 1.01


def test_ranking_by_revenue_loses_profit_somewhere():
    losses = []
    for seed in range(6):
        task = task_of(seed, k=4)
        gross = shares.open_each(task.at, task.new).gross
        losses.append(1 - select.by_rank(task, -gross).profit / select.select(task).profit)
    assert min(losses) >= -ROUNDING
    assert max(losses) > 0.02


def test_more_sites_never_earn_less():
    profits = [select.select(task_of(5, k=k)).profit for k in range(1, 8)]
    assert np.all(np.diff(profits) >= -1e-6)


@pytest.mark.parametrize("k", [0, 15])
def test_an_impossible_number_of_sites_is_refused(k):
    with pytest.raises(ModelError) as raised:
        task_of(1, k=k)
    assert raised.value.code == "sites.bad_k"


def test_brute_force_refuses_what_it_cannot_finish():
    with pytest.raises(ModelError) as raised:
        select.brute_force(task_of(1, n=60, k=6))
    assert raised.value.code == "sites.too_many_sets"


def test_on_a_fitted_city_the_choice_is_within_half_a_percent_of_the_bound(world, fitted):
    at, new = forecast.candidate_attractions(world.market, fitted, world.candidates)
    offers = world.sites.filter(world.sites["kind"] == "candidate").sort("site_id")
    cost = 12 * (offers["rent_minor_month"] + offers["fixed_minor_month"]).to_numpy() / 100
    task = select.task(
        at, new, margin=0.35, yearly_cost=cost, capex=offers["capex_minor"].to_numpy() / 100, k=4,
        candidates=world.candidates, spacing_km=1.0,
    )  # fmt: skip
    found = select.select(task)
    assert bound.bound(task, found, seconds=3).gap < 0.006
    assert isinstance(fitted, huff.HuffFit)
