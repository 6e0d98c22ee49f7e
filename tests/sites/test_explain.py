"""The waterfall sums, analogs are alike, the score shows its weights, networks of any size add up."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sites import explain, features, forecast, huff, information, score, select, shapes, shares
from crmlib.sites.classics import network

SAME_CITY = 2e-3  # plane against sphere, inside a city


def test_every_waterfall_sums_to_the_net_to_the_fen(world, fitted, stage):
    at, new = stage
    steps = explain.waterfall(world.market, fitted, world.candidates, which=(0, 1, 2, 7))
    opened = shares.open_each(at, new)
    for site, rows in steps.group_by("site_id", maintain_order=True):
        parts = rows.filter(pl.col("step") != "net")["step_minor"].sum()
        net = rows.filter(pl.col("step") == "net")["step_minor"][0]
        assert parts == net
        index = world.candidates.ids.index(site[0])
        assert net == pytest.approx(100 * opened.net[index], abs=2)
        gross = rows.filter(pl.col("order") < 6)["step_minor"].sum()
        assert gross == pytest.approx(100 * opened.gross[index], abs=2)


def test_a_nested_waterfall_sums_too(nested_world):
    fit = huff.fit(nested_world.market, nested=True)
    steps = explain.waterfall(nested_world.market, fit, nested_world.candidates, which=(0,))
    assert steps.filter(pl.col("step") != "net")["step_minor"].sum() == steps["step_minor"][-1]


def test_the_average_hardly_depends_on_the_site(world, fitted):
    steps = explain.waterfall(world.market, fitted, world.candidates, which=tuple(range(10)))
    base = steps.filter(pl.col("step") == "average")["step_minor"]
    assert base.std() / base.mean() < 0.25


def test_a_bigger_site_gets_more_from_access_and_nothing_else(world, fitted):
    steps = explain.waterfall(world.market, fitted, world.candidates, which=tuple(range(20)))
    access = steps.filter(pl.col("step") == "access")["step_minor"].to_numpy()
    pull = world.candidates.attributes[:20] @ [fitted.coefficients["log_area"], fitted.coefficients["transit"]]
    assert np.corrcoef(access, pull)[0, 1] > 0.8


def test_the_nearest_analog_of_a_store_is_itself(world):
    own = features.catchment(world.market, world.market.own, own_included=False)
    found = features.analogs(own, world.market.revenue, own, n=3)
    nearest = found.group_by("site_id", maintain_order=True).first()
    assert (nearest["site_id"] == nearest["analog_id"]).all()
    assert found.group_by("site_id").len()["len"].unique().to_list() == [3]


def test_catchments_count_what_lies_within(world):
    table = features.catchment(world.market, world.candidates)
    near = world.candidates.km[:, 0] <= 3
    assert table["people_3km"][0] == pytest.approx(world.market.population[near].sum())
    assert (table["people_1km"] <= table["people_3km"]).all()
    alone = features.catchment(world.market, world.market.own, own_included=False)
    with_self = features.catchment(world.market, world.market.own)
    assert (with_self["own_3km"] - alone["own_3km"] == 1).all()


def test_points_sum_to_the_score_and_show_every_weight(world):
    table = score.weighted(features.catchment(world.market, world.candidates))
    points = table.select(pl.sum_horizontal(pl.col("^points_.*$"))).to_series()
    assert np.allclose(points, table["score"])
    assert table["score"].is_between(0, 100).all()
    assert table["rank"].to_list() == list(range(1, table.height + 1))
    assert not [c for c in table.columns if "minor" in c]  # no yuan


def test_weights_that_do_not_sum_are_refused(world):
    with pytest.raises(ModelError) as raised:
        score.weighted(features.catchment(world.market, world.candidates), weights={"people_1km": 0.7})
    assert raised.value.code == "sites.weights"


def test_the_chunked_network_is_the_dense_one(world, fitted):
    market_ = world.market
    at = huff.stage_at(market_, fitted)
    centre = (float(market_.cell_lat.mean()), float(market_.cell_lon.mean()))
    lat, lon = (np.concatenate([getattr(market_.own, c), getattr(market_.rivals, c)]) for c in ("lat", "lon"))
    beta = [fitted.coefficients[a] for a in market_.attributes]
    chains = [fitted.coefficients[f"chain:{market_.chains[i]}"] for i in market_.rival_chain]
    base = np.concatenate(
        [
            market_.own.attributes @ beta + fitted.store_effects["effect"].to_numpy(),
            market_.rivals.attributes @ beta + chains,
        ]
    )
    found, outside = network.totals(
        demand=at.demand, within_km=market_.within_km, base=base, form="power",
        cells=network.plane(market_.cell_lat, market_.cell_lon, centre=centre),
        stores=network.plane(lat, lon, centre=centre),
        coefficients=np.array([fitted.coefficients["lambda"]]), outside=fitted.coefficients["outside"],
    )  # fmt: skip
    assert np.allclose(found[: len(market_.own.ids)], shares.revenue(at), rtol=SAME_CITY)
    assert found.sum() + outside == pytest.approx(at.demand.sum(), rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(cells=st.integers(1, 400), stores=st.integers(1, 40), chunk=st.integers(1, 500))
def test_the_size_of_the_chunk_does_not_matter(cells, stores, chunk):
    rng = np.random.default_rng(cells)
    given_ = {
        "demand": rng.uniform(0, 1e6, cells), "within_km": np.full(cells, 0.3),
        "cells": tuple(rng.uniform(0, 9, (2, cells))),
        "stores": tuple(rng.uniform(0, 9, (2, stores))), "base": rng.normal(0, 1, stores), "form": "exponential",
        "coefficients": np.array([0.4]), "outside": 0.2,
    }  # fmt: skip
    whole, stayed = network.totals(**given_)
    old, network.CHUNK = network.CHUNK, chunk
    try:
        parts, also = network.totals(**given_)
    finally:
        network.CHUNK = old
    assert np.allclose(parts, whole, rtol=1e-12)
    assert also == pytest.approx(stayed)


def test_losing_competitors_costs_profit_never_gains_it(world, fitted, stage):
    at, new = stage
    offers = world.sites.filter(pl.col("kind") == "candidate").sort("site_id")
    cost = 12 * (offers["rent_minor_month"] + offers["fixed_minor_month"]).to_numpy() / 100
    task = select.task(at, new, margin=0.35, yearly_cost=cost, capex=cost, k=3)
    value = information.of_competitors(
        world.market, fitted, world.candidates, task, missing=0.5, repeats=4, rng=np.random.default_rng(1)
    )
    assert value.repeats == 4
    assert -1e-6 <= value.lost <= value.worst
    assert 0 <= value.changed <= 1
    none = information.of_competitors(
        world.market, fitted, world.candidates, task, missing=0.0, repeats=1, rng=np.random.default_rng(1)
    )
    assert none.lost == pytest.approx(0, abs=1)
    assert none.net_bias == pytest.approx(0, abs=1e-6)


def test_polygons_run_with_the_clock_and_are_few(world):
    cells = shapes.polygons(world.market)
    assert cells.height == len(world.market.cell_ids)
    for ring in cells["ring"].to_list():
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
        assert area < 0
        assert ring[0] == ring[-1]
    few = shapes.polygons(world.market, most=100)
    assert few.height <= 100
    assert few["people"].sum() == pytest.approx(cells["people"].sum())


def test_cells_that_are_no_hexagons_are_drawn_as_squares(world):
    from dataclasses import replace  # noqa: PLC0415

    named = replace(world.market, cell_ids=tuple(f"c{i}" for i in range(len(world.market.cell_ids))))
    cells = shapes.polygons(named)
    assert {len(r) for r in cells["ring"].to_list()} == {5}
    merged = shapes.polygons(named, most=200)
    assert merged.height <= 200
    assert merged["people"].sum() == pytest.approx(cells["people"].sum())
    assert forecast.INTERVAL == (0.1, 0.9)
