"""From tables in three coordinate systems to a plan that adds up, and what-ifs that agree with it."""

from dataclasses import asdict, replace

import numpy as np
import polars as pl
import pytest

from crmlib.core.coordinates import from_wgs84
from crmlib.core.errors import ModelError
from crmlib.simulate import city as simulated
from crmlib.sites import forecast, plan, select, shares, study, whatif
from tests.sites.conftest import PER_HEAD_MINOR, SMALL


def amap(frame: pl.DataFrame) -> pl.DataFrame:
    lat, lon = from_wgs84(frame["lat"].to_numpy(), frame["lon"].to_numpy(), crs="GCJ02")
    return frame.with_columns(lat=pl.Series(lat), lon=pl.Series(lon), crs=pl.lit("GCJ02"))


@pytest.fixture(scope="module")
def tables(world) -> dict[str, object]:
    city = world.city
    return {
        "cells": city.cells, "sites": amap(city.sites).with_columns(name=pl.lit("n") + pl.col("site_id")),
        "competitors": amap(city.competitors), "openings": city.openings, "card_flows": city.card_flows,
        "per_head_minor": PER_HEAD_MINOR, "as_of": SMALL.end,
    }  # fmt: skip


@pytest.fixture(scope="module")
def town(tables) -> study.Town:
    return study.town(**tables)


@pytest.fixture(scope="module")
def choice(town):
    return study.calibrate(town, rng=np.random.default_rng(1), draws=40)


@pytest.fixture(scope="module")
def planned(town, choice) -> plan.Plan:
    goal = plan.Goal(k=3, margin=0.35, spacing_km=1.0, rent_growth=0.03)
    return plan.make(town, choice, goal, rng=np.random.default_rng(2), draws=60)


def test_layers_in_different_systems_meet_in_one(town, world):
    assert np.abs(town.market.own.km - world.market.own.km).max() < 1e-3
    assert town.past is not None
    assert town.past.opened.height >= 3
    assert town.names["S001"] == "nS001"


def test_a_day_before_all_card_flows_is_refused(tables):
    with pytest.raises(ModelError) as raised:
        study.town(**tables | {"as_of": simulated.periods(SMALL)[0].replace(year=2020)})
    assert raised.value.code == "sites.no_period"


def test_the_plan_adds_up(planned, town):
    table = planned.table
    assert table.height == len(town.candidates.ids)
    assert table["choice"].drop_nulls().to_list() == list(range(1, len(planned.chosen) + 1))
    assert table["site_id"].head(len(planned.chosen)).to_list() == list(planned.chosen)
    assert planned.net_low_minor < planned.net_minor < planned.net_high_minor
    assert planned.alone_net_minor >= planned.net_minor
    assert planned.gap < 0.01
    chosen = table.filter(pl.col("choice").is_not_null())
    assert planned.capex_minor == chosen["capex_minor"].sum()
    own = planned.losses.filter(pl.col("from_kind") == "own")["loss_minor"].sum()
    assert own == chosen["cannibalised_minor"].sum()
    assert planned.joint["loss_minor"].sum() <= own
    # opened together, new stores also take from each other
    assert planned.joint["loss_minor"].sum() <= chosen["gross_minor"].sum() - planned.net_minor


def test_the_plan_beats_the_rule_of_thumb_under_its_own_model(planned):
    assert planned.better_minor >= 0
    assert (planned.curve["profit_minor"] >= planned.curve["feel_minor"]).all()
    assert planned.better_low_minor < planned.better_high_minor


def test_the_truth_agrees_with_the_choice(planned, world):
    """Paid by the city's truth, the chosen sites are among the better ones."""
    truth = world.city.truth.join(planned.table, on="site_id")
    rank = truth.with_columns(
        real=pl.col("net") * 0.35 - 12 * (pl.col("rent_minor_month") + pl.col("fixed_minor_month")) / 100
    )
    ours = rank.filter(pl.col("site_id").is_in(list(planned.chosen)))["real"].mean()
    assert ours > rank["real"].mean() + 0.5 * rank["real"].std()


def test_what_if_nothing_changes_is_the_plan(planned, town, choice):
    base = whatif.base(town.market, choice.fit, town.candidates)
    index = tuple(town.candidates.ids.index(i) for i in planned.chosen)
    assert 100 * whatif.evaluate(base, whatif.Scenario(index)).sum() == pytest.approx(planned.net_minor, rel=1e-9)


def test_what_ifs_move_the_right_way(planned, town, choice):
    base = whatif.base(town.market, choice.fit, town.candidates)
    index = tuple(town.candidates.ids.index(i) for i in planned.chosen)
    net = {
        name: whatif.evaluate(base, whatif.Scenario(index, **change)).sum()
        for name, change in {
            "as is": {}, "bigger": {"size": 1.3}, "smaller": {"size": 0.7}, "rivals": {"rivals": True},
            "closed": {"close": 0},
        }.items()
    }  # fmt: skip
    assert net["smaller"] < net["as is"] < net["bigger"]
    assert net["rivals"] < net["as is"]
    assert net["closed"] > net["as is"]  # a closed store leaves its customers to the new ones


def test_the_grid_holds_every_scenario_once(planned):
    keys = ["k", "spacing_km", "size", "rivals", "closes", "site_id"]
    assert not planned.grid.select(keys).is_duplicated().any()
    per_k = planned.grid.filter((pl.col("size") == 1.0) & ~pl.col("rivals") & (pl.col("closes") == ""))
    assert per_k.group_by("k", "spacing_km").len().filter(pl.col("len") > pl.col("k")).is_empty()


def test_an_affordable_rent_is_above_the_asked_one_exactly_where_payback_is_likely(planned):
    table = planned.table
    likely = table["p_lease"] > 0.55
    assert (table["affordable_minor_month"] > table["rent_minor_month"]).filter(likely).all()
    assert (table["affordable_minor_month"] < table["rent_minor_month"]).filter(table["p_lease"] < 0.4).all()


def test_where_nothing_pays_nothing_is_opened(town, choice):
    poor = plan.make(town, choice, plan.Goal(k=2, margin=0.02), rng=np.random.default_rng(2), draws=20)
    assert poor.chosen == ()
    assert poor.net_minor == 0
    assert poor.paid.is_empty()
    assert poor.grid.is_empty()


def test_a_budget_is_kept(town, choice):
    tight = plan.make(
        town, choice, plan.Goal(k=5, margin=0.35, budget_minor=150_000_000), rng=np.random.default_rng(2), draws=20
    )
    assert 0 < tight.capex_minor <= 150_000_000


def test_without_competitors_the_plan_says_so(tables):
    blind = study.town(**tables | {"competitors": "none-known"})
    assert not blind.rivals_known
    found = study.calibrate(blind, rng=np.random.default_rng(1), draws=20)
    assert not found.fit.nested  # a nest would stand in for the unknown rivals
    made = plan.make(blind, found, plan.Goal(k=2, margin=0.35), rng=np.random.default_rng(2), draws=20)
    assert made.blind is None


def test_the_same_generator_gives_the_same_plan(town, choice, planned):
    goal = plan.Goal(k=3, margin=0.35, spacing_km=1.0, rent_growth=0.03)
    again = plan.make(town, choice, goal, rng=np.random.default_rng(2), draws=60)
    for name, value in asdict(planned).items():
        other = getattr(again, name)
        if isinstance(value, pl.DataFrame):
            assert value.equals(other), name
    assert again.net_low_minor == planned.net_low_minor


def test_quadrature_stands_against_exact_means_of_the_joint_net(world, fitted):
    """The joint net of several stores uses each one's mean attraction; the exact mean over all effects is close."""
    at, new = forecast.candidate_attractions(world.market, fitted, world.candidates)
    drawn = forecast.simulate_sets(
        world.market, replace(fitted, covariance=fitted.covariance * 1e-12), world.candidates, [(0, 1, 2)], draws=3000,
        rng=np.random.default_rng(1),
    )[:, 0]  # fmt: skip
    error = drawn.std() / np.sqrt(len(drawn))
    assert shares.open_together(at, new[:, [0, 1, 2]]) == pytest.approx(drawn.mean(), abs=4 * error)
    assert select.MAX_BRUTE_FORCE == 200_000


def test_a_chain_with_three_stores_gets_a_score_instead(tables, world):
    few = tables["sites"].filter((pl.col("kind") == "candidate") | pl.col("site_id").is_in(["S001", "S002", "S003"]))
    with pytest.raises(ModelError) as raised:
        study.town(**tables | {"sites": few})
    assert raised.value.code in {"sites.too_few", "sites.unknown_ids"}
    found = study.scored(
        cells=tables["cells"], sites=few, competitors=tables["competitors"], card_flows=tables["card_flows"]
    )
    assert found.stores == 3
    assert found.table.height == len(world.candidates.ids)
    assert not [c for c in found.table.columns if "minor" in c]
