"""Forecasts against the truth of simulated cities; yuan add up; extrapolation is marked."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crmlib.sites import cannibal, forecast, huff, market, shares
from tests.sites.conftest import SMALL, make

FLOOR = 1.12  # small cities; the benchmark holds 1.06 over 8 full-size seeds
NET_BIAS = 0.12  # one small city of 30 candidates: their own effects alone move the mean by 6 %
ADDS_UP = 1e-9


def test_gross_is_as_near_as_the_noise_allows_and_net_is_unbiased(world, stage):
    at, new = stage
    opened, truth = shares.open_each(at, new), world.city.truth
    gross, net = truth["gross"].to_numpy(), truth["net"].to_numpy()
    mape = np.mean(np.abs(opened.gross / gross - 1))
    floor = np.mean(np.abs(truth["gross_mean"].to_numpy() / gross - 1))
    assert mape < FLOOR * floor
    assert abs(opened.net.sum() / net.sum() - 1) < NET_BIAS
    assert gross.sum() / net.sum() > 1.2  # taking gross for net would be far off


def test_without_noise_the_net_is_the_truth():
    quiet = make(replace(SMALL, sigma=0.02), seed=8)
    fit = huff.fit(quiet.market)
    opened = shares.open_each(*forecast.candidate_attractions(quiet.market, fit, quiet.candidates))
    assert opened.net.sum() / quiet.city.truth["net"].sum() == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(opened.gross / quiet.city.truth["gross"].to_numpy() - 1)) < 0.05


def test_an_exponential_city_read_as_power_hides_in_gross_but_not_in_net():
    plan = replace(SMALL, sigma=0.02, decay="exponential", lambda_=0.5, nest=0.6)
    city = make(plan, seed=9)
    right, wrong = huff.fit(city.market, form="exponential", nested=True), huff.fit(city.market, form="power")
    errors = []
    for fit in (right, wrong):
        opened = shares.open_each(*forecast.candidate_attractions(city.market, fit, city.candidates))
        errors.append(abs(opened.net.sum() / city.city.truth["net"].sum() - 1))
    assert errors[0] < 0.08
    assert errors[1] > 2 * errors[0]


def test_80_percent_intervals_hold_about_80_percent(world, fitted):
    drawn = forecast.simulate(world.market, fitted, world.candidates, draws=300, rng=np.random.default_rng(1))
    low, high = np.quantile(drawn.net, [0.1, 0.9], axis=0)
    truth = world.city.truth["net"].to_numpy()
    share = np.mean((truth >= low) & (truth <= high))
    assert 0.6 <= share <= 0.97  # 30 candidates: 80 % ± 15 points


def test_the_table_adds_up_to_the_fen(world, fitted):
    drawn = forecast.simulate(world.market, fitted, world.candidates, draws=20, rng=np.random.default_rng(1))
    table = forecast.table(world.market, fitted, world.candidates, simulated=drawn)
    parts = table.select("cannibalised_minor", "rivals_minor", "outside_minor").sum_horizontal()
    assert (parts == table["gross_minor"]).all()
    assert (table["gain_minor"] == table["gross_minor"] - table["cannibalised_minor"]).all()
    assert (table["gain_low_minor"] < table["gain_high_minor"]).all()


def test_losses_of_all_origins_sum_to_the_gross(world, fitted, stage):
    at, new = stage
    own, others = cannibal.losses(at, new)
    gross = shares.open_each(at, new).gross
    assert np.abs((own.sum(axis=1) + others.sum(axis=1)) / gross - 1).max() < ADDS_UP
    few = market.subset(world.candidates, np.array([0, 3]))
    long = cannibal.matrix(world.market, fitted, few, draws=10, rng=np.random.default_rng(1))
    drawn = forecast.simulate(world.market, fitted, world.candidates, draws=5, rng=np.random.default_rng(1))
    table = forecast.table(world.market, fitted, world.candidates, simulated=drawn)
    sums = dict(long.group_by("site_id").agg(pl.col("loss_minor").sum()).rows())
    for site in few.ids:
        assert sums[site] == table.filter(table["site_id"] == site)["gross_minor"][0]


def test_losses_in_a_nest_add_up_too(nested_world):
    fit = huff.fit(nested_world.market, nested=True)
    at, new = forecast.candidate_attractions(nested_world.market, fit, nested_world.candidates)
    own, others = cannibal.losses(at, new)
    assert np.abs((own.sum(axis=1) + others.sum(axis=1)) / shares.open_each(at, new).gross - 1).max() < ADDS_UP


def test_joint_losses_are_less_than_the_sum_and_fit_the_joint_net(stage):
    at, new = stage
    lost = cannibal.joint(at, new[:, :4])
    alone, _ = cannibal.losses(at, new[:, :4])
    assert lost.sum() < alone.sum()
    after = shares.Stage(
        at.demand, np.column_stack([at.own, new[:, :4]]), at.rivals, at.outside, at.shift, at.nest, at.sigma
    )
    moved = shares.revenue(after)[at.own.shape[1] :].sum() - lost.sum()
    assert moved == pytest.approx(shares.open_together(at, new[:, :4]), rel=ADDS_UP)


def test_candidates_beyond_the_stores_or_their_sizes_are_marked(world):
    sites = world.candidates
    far = replace(sites, lat=sites.lat.copy(), attributes=sites.attributes.copy())
    far.lat[0] += 1.0
    far.attributes[1, 0] += 5.0
    marks = forecast.extrapolated(world.market, far)
    assert "place" in marks[0]
    assert "size" in marks[1]
    inside = [m for m in forecast.extrapolated(world.market, world.market.own)]
    assert set(inside) == {"beside"}  # each next to itself, none beyond the others


def test_whole_parts_keep_the_sum_and_move_no_part_by_more_than_one():
    rng = np.random.default_rng(1)
    parts = rng.uniform(-50, 1e6, (200, 7))
    whole = forecast.whole_parts(parts)
    assert np.array_equal(whole.sum(axis=1), np.rint(parts.sum(axis=1)).astype(int))
    assert np.abs(whole - parts).max() <= 1
