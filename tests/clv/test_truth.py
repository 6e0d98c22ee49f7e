"""Simulated customers: the truth is found again, covariates included, and intervals hold what they promise.

The long version with stated coverage is `benchmarks/bench_clv_coverage.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from crmlib.clv import horizon
from crmlib.clv.forecast import intervals, posterior, predict
from crmlib.clv.models import bg_nbd, gamma_gamma, mbg_nbd, pareto_nbd

FAR = 4.0
"""Standard errors a true parameter may lie from its estimate: once in 16,000."""


def worst_gap(fit, truth) -> float:
    estimates = np.log([getattr(fit.params, n) for n in fit.params.__dataclass_fields__])
    errors = np.sqrt(np.diag(np.array(fit.theta_covariance)))[: len(truth)]
    return float(np.abs((estimates - np.log(truth)) / errors).max())


@pytest.mark.parametrize(
    ("model", "world", "truth"),
    [
        (bg_nbd, "bg", (0.6, 8.0, 0.8, 3.0)),
        (pareto_nbd, "pareto", (0.8, 8.0, 0.9, 20.0)),
    ],
)
def test_parameters_are_found_again(worlds, model, world, truth):
    history = getattr(worlds, world)(4000, np.random.default_rng(11), truth=truth)
    fit = model.fit(history)
    assert fit.certificate.converged
    assert worst_gap(fit, truth) < FAR
    forecast = predict.customers(fit, history, horizon=horizon.weeks(26))["expected"].sum()
    assert forecast == pytest.approx(history["later"].sum(), rel=0.08)


def test_mbg_finds_customers_who_left_after_the_first_purchase(worlds):
    truth = (0.9, 6.0, 0.9, 2.0)
    fit = mbg_nbd.fit(worlds.bg(4000, np.random.default_rng(12), truth=truth, first_coin=True))
    assert worst_gap(fit, truth) < FAR


def test_the_spend_model_finds_its_truth(worlds):
    truth = (6.0, 4.0, 15.0)
    fit = gamma_gamma.fit(worlds.spend(3000, np.random.default_rng(13), truth=truth))
    assert fit.certificate.converged
    assert worst_gap(fit, truth) < FAR


def test_static_covariates_move_both_processes_of_pareto(worlds):
    history = worlds.pareto(4000, np.random.default_rng(14), effects=(0.7, -0.8))
    fit = pareto_nbd.fit(history, purchase=["vip"], dropout=["vip"])
    effects = dict(fit.effects)
    assert list(effects) == ["alpha:vip", "beta:vip"]
    assert effects["alpha:vip"] == pytest.approx(0.7, abs=FAR * fit.standard_errors["alpha:vip"])
    assert effects["beta:vip"] == pytest.approx(-0.8, abs=FAR * fit.standard_errors["beta:vip"])
    without = pareto_nbd.fit(history)
    assert fit.aic < without.aic - 20
    expected = predict.customers(fit, history, horizon=horizon.weeks(26))["expected"].to_numpy()
    vip = history["vip"].to_numpy() == 1
    later = history["later"].to_numpy()
    assert expected[vip].sum() == pytest.approx(later[vip].sum(), rel=0.1)


@pytest.mark.parametrize("model", [bg_nbd, mbg_nbd])
def test_static_covariates_move_the_rate_of_the_coin_models(worlds, model):
    history = worlds.bg(3000, np.random.default_rng(15), effect=0.6, first_coin=model is mbg_nbd)
    fit = model.fit(history, purchase=["vip"], dropout=["vip"])
    effects = dict(fit.effects)
    assert list(effects) == ["alpha:vip", "a:vip", "b:vip"]
    assert effects["alpha:vip"] == pytest.approx(0.6, abs=FAR * fit.standard_errors["alpha:vip"])


def test_predictive_intervals_hold_what_they_promise(worlds):
    history = worlds.bg(4000, np.random.default_rng(16))
    fit = bg_nbd.fit(history)
    draws = posterior.draw(fit, history, rng=np.random.default_rng(1))
    frame = intervals.customers(fit, draws, history, horizon=horizon.weeks(26))
    later = history["later"].to_numpy()
    inside = (frame["low"].to_numpy() <= later) & (later <= frame["high"].to_numpy())
    assert 0.89 <= inside.mean() <= 0.99  # counts are whole: at least 90 %, never much less
    assert (frame["expected_low"] <= frame["expected"]).mean() > 0.98
    total = intervals.totals(
        fit, draws, history, horizon=horizon.weeks(26), rng=np.random.default_rng(2), level=0.99
    ).row(0, named=True)
    assert total["low"] < later.sum() < total["high"]
