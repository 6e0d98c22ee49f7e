"""The fit recovers the truth of simulated cities, accepts any frame, and refuses what cannot be."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.sites import huff, market, shares
from tests.sites.conftest import SMALL, make

LAMBDA = 0.01  # the spec's goal: λ within 1 %
INDEPENDENT = 1e-9  # two implementations of one formula


def truth_of(plan) -> dict[str, float]:
    chains = {"Baiwei": 0.35, "Linfu": 0.1, "Sanyuan": -0.15, "Yonghe": 0.2, "independent": -0.5}
    return {
        "lambda": plan.lambda_, "log_area": plan.area_exponent, "transit": plan.transit_effect,
        "income": plan.income_elasticity, "outside": plan.outside,
    } | {f"chain:{c}": v for c, v in sorted(chains.items())}  # fmt: skip


def test_distance_and_size_are_recovered(world, fitted):
    assert fitted.coefficients["lambda"] == pytest.approx(SMALL.lambda_, rel=LAMBDA)
    place = list(fitted.coefficients).index("log_area")
    error = float(np.sqrt(fitted.covariance.to_numpy()[place, place]))  # 26 stores and 28 rivals
    assert abs(fitted.coefficients["log_area"] - SMALL.area_exponent) < 3 * error
    assert error < 0.15
    assert fitted.coefficients["income"] == pytest.approx(SMALL.income_elasticity, abs=0.1)
    assert fitted.sigma == pytest.approx(SMALL.sigma, rel=0.35)  # 26 stores


def test_the_interval_of_the_slope_holds_the_truth(world, fitted):
    within = float(np.median(world.market.within_km))
    true_slope = SMALL.lambda_ * 2 / (2 + within)
    assert abs(fitted.slope - true_slope) < 3 * fitted.slope_se + 0.01 * true_slope


def test_an_exponential_city_is_recovered_by_the_exponential_form():
    plan = replace(SMALL, decay="exponential", lambda_=0.5)
    found = huff.fit(make(plan, seed=5).market, form="exponential")
    assert found.coefficients["lambda"] == pytest.approx(0.5, rel=LAMBDA)


def test_an_own_brand_nest_is_recovered(nested_world):
    found = huff.fit(nested_world.market, nested=True)
    nest = 1 / (1 + np.exp(-found.coefficients["logit_nest"]))
    assert nest == pytest.approx(0.6, abs=0.04)
    assert found.coefficients["lambda"] == pytest.approx(SMALL.lambda_, rel=2 * LAMBDA)


def test_uneven_card_enrolment_cancels():
    even, uneven = (huff.fit(make(replace(SMALL, enrolment_sd=sd), seed=6).market) for sd in (0.0, 0.8))
    assert uneven.coefficients["lambda"] == pytest.approx(even.coefficients["lambda"], rel=LAMBDA)
    assert even.coefficients["lambda"] == pytest.approx(SMALL.lambda_, rel=LAMBDA)


def test_unscaled_flows_would_bias_the_forecast(world):
    """The scaling matters: taking visits as revenue per store would move store effects by the enrolment."""
    raw = replace(world.market, revenue=world.market.visits.sum(axis=0) * 130.0)
    scaled, unscaled = huff.fit(world.market), huff.fit(raw)
    assert unscaled.sigma > 1.15 * scaled.sigma


def test_at_the_true_parameters_the_model_is_the_simulator(world):
    """Two implementations of one formula: the simulator computes its truth on its own."""
    plan = SMALL
    fit = huff.fit(world.market)
    names = list(fit.coefficients)
    truth = truth_of(plan)
    income_shift = 0.0  # the simulator's mean income is weighted by people, as the market's
    vector = np.array([truth[n] + income_shift for n in names] + [0.0] * len(world.market.own.ids))
    at = huff.stage_at(world.market, replace(fit, sigma=0.0), vector=vector)
    utility = huff.utility_of(world.market, fit, world.candidates, vector=vector)
    mine = shares.store_share(
        shares.attraction(at, utility), at.own.sum(axis=1)[:, None], (at.rivals + at.outside)[:, None], 1.0
    )
    km, within = world.candidates.km, world.market.within_km[:, None]
    pull = (
        np.exp(
            plan.area_exponent * world.candidates.attributes[:, 0]
            + plan.transit_effect * world.candidates.attributes[:, 1]
        )
        * (km + within) ** -plan.lambda_
    )
    own = (
        np.exp(
            plan.area_exponent * world.market.own.attributes[:, 0]
            + plan.transit_effect * world.market.own.attributes[:, 1]
        )
        * (world.market.own.km + within) ** -plan.lambda_
    )
    effects = np.array([truth[f"chain:{world.market.chains[i]}"] for i in world.market.rival_chain])
    rivals = (
        np.exp(plan.area_exponent * world.market.rivals.attributes[:, 0] + effects)
        * (world.market.rivals.km + within) ** -plan.lambda_
    )
    total = own.sum(axis=1) + rivals.sum(axis=1) + np.exp(plan.outside)
    assert np.abs(mine - pull / (total[:, None] + pull)).max() < INDEPENDENT


def test_pandas_and_pyarrow_tables_give_the_same_fit(world, fitted):
    frames = {
        "cells": world.city.cells,
        "sites": world.sites,
        "flows": world.flows,
        "competitors": world.city.competitors,
    }
    as_pandas = world.build(**{k: pd.DataFrame(v.to_dict(as_series=False)) for k, v in frames.items()})
    as_arrow = world.build(**{k: v.to_arrow() for k, v in frames.items()})
    for made in (as_pandas, as_arrow):
        assert huff.fit(made).coefficients == pytest.approx(fitted.coefficients, rel=1e-9)


def test_the_order_of_rows_does_not_matter(world, fitted):
    shuffled = world.build(
        cells=world.city.cells.sample(fraction=1, shuffle=True, seed=1), sites=world.sites.reverse(),
        flows=world.flows.sample(fraction=1, shuffle=True, seed=2), competitors=world.city.competitors.reverse(),
    )  # fmt: skip
    assert huff.fit(shuffled).coefficients == pytest.approx(fitted.coefficients, rel=1e-9)


def test_draws_have_the_covariance_of_the_fit(fitted):
    drawn = huff.draw(fitted, draws=4000, rng=np.random.default_rng(1))
    sd = np.sqrt(np.diag(fitted.covariance.to_numpy()))
    assert np.allclose(drawn.std(axis=0) / sd, 1, atol=0.08)
    assert np.all(np.abs(drawn.mean(axis=0) - fitted.vector) < 5 * sd / np.sqrt(4000))


def test_held_out_flows_do_not_touch_the_fit(world):
    use = np.ones_like(world.market.visits, dtype=bool)
    use[::5] = False
    spoiled = world.market.visits.copy()
    clean = huff.fit(world.market, use=use)
    spoiled[::5] = spoiled[::5][::-1]  # the same totals per store, other cells
    assert huff.fit(replace(world.market, visits=spoiled), use=use).coefficients == pytest.approx(clean.coefficients)


def test_a_user_matrix_replaces_the_straight_line(world, fitted):
    cells, stores = world.market.cell_ids, (*world.market.own.ids, *world.market.rivals.ids)
    km = np.column_stack([world.market.own.km, world.market.rivals.km])
    matrix = pl.DataFrame(
        {
            "cell_id": np.repeat(cells, len(stores)), "site_id": list(stores) * len(cells),
            "km": km.ravel(),
        }
    )  # fmt: skip
    same = huff.fit(world.build(distances=matrix))
    assert same.coefficients == pytest.approx(fitted.coefficients, rel=1e-6)
    minutes = huff.fit(world.build(distances=matrix.with_columns(km=pl.col("km") * 3 + 2)), form="offset")
    assert minutes.slope > 0.3


def test_flows_without_any_pull_of_distance_fail_the_calibration(world):
    flat = replace(world.market, visits=np.tile(world.market.visits.mean(axis=0), (len(world.market.cell_ids), 1)))
    with pytest.raises(ModelError) as raised:
        huff.fit(flat)
    assert raised.value.code == "sites.calibration_failed"


def test_stores_whose_size_repels_fail_the_calibration(world):
    small_is_big = replace(
        world.market,
        own=replace(world.market.own, attributes=world.market.own.attributes * [-1, 1]),
        rivals=replace(world.market.rivals, attributes=world.market.rivals.attributes * [-1, 1]),
    )
    with pytest.raises(ModelError, match="exponent of size"):
        huff.fit(small_is_big)


def test_the_fit_is_plain(fitted):
    kept = asdict(fitted)
    assert all(isinstance(v, float) for v in kept["coefficients"].values())
    assert all(isinstance(kept[k], float) for k in ("sigma", "dispersion", "deviance", "slope", "slope_se"))
    assert market.no_rivals().height == 0
