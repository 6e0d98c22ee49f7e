"""Draws: reproducible, calibrated against the likelihood, and honest about their own quality."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from crmlib.clv.exchange import store
from crmlib.clv.forecast import posterior
from crmlib.clv.models import bg_nbd, gamma_gamma, ggom_nbd, mbg_nbd, pareto_nbd, sbg
from crmlib.core.errors import ModelError


@pytest.fixture(scope="module")
def fit(cdnow):
    return bg_nbd.fit(cdnow)


def test_draws_follow_the_likelihood_beyond_its_quadratic_part(cdnow, fit):
    """Spreads near Laplace's where the likelihood is nearly quadratic (r, alpha), skewed to the right where not (a)."""
    found = posterior.draw(fit, cdnow, rng=np.random.default_rng(3), draws=4000, ess=2500.0)
    assert found.method == "importance"
    assert found.pareto_k < 0.5
    assert found.ess >= 2500
    table = found.frame()
    laplace = np.sqrt(np.diag(np.array(fit.covariance)))
    np.testing.assert_allclose(table.std().row(0)[:2], laplace[:2], rtol=0.1)
    assert table["a"].mean() > fit.params.a  # the posterior of the dropout is skewed to the right
    assert abs(table["r"].mean() - fit.params.r) < 0.3 * laplace[0]


def test_many_rows_take_what_is_beyond_the_quadratic_from_a_sample(cdnow, fit, monkeypatch):
    full = posterior.draw(fit, cdnow, rng=np.random.default_rng(5), draws=2000, ess=1500.0).frame()
    monkeypatch.setattr(posterior, "SAMPLED_FROM", 10)
    monkeypatch.setattr(posterior, "SAMPLE", 1200)  # half of the customers
    half = posterior.draw(fit, cdnow, rng=np.random.default_rng(5), draws=2000, ess=1500.0).frame()
    np.testing.assert_allclose(half.mean().row(0), full.mean().row(0), rtol=0.05)
    np.testing.assert_allclose(half.std().row(0), full.std().row(0), rtol=0.25)


def test_the_same_generator_gives_the_same_bits(cdnow, fit):
    first, second = (posterior.draw(fit, cdnow, rng=np.random.default_rng(5)) for _ in range(2))
    assert (first.theta == second.theta).all()


def test_a_bad_proposal_is_seen_and_replaced_by_a_chain():
    """A mixture far from its Laplace approximation: k is high, so Metropolis takes over and says so."""

    def log_density(theta):
        return -(abs(float(theta[0])) ** 0.25) * 4.0

    _, method, k, _, _ = posterior.sample(
        log_density, np.zeros(1), np.array([[1e-6]]), rng=np.random.default_rng(6), draws=200, ess=400.0
    )
    assert method == "metropolis" or k < 0.5


def test_chain_and_importance_sampler_agree_on_a_normal():
    def log_density(theta):
        return -0.5 * float(theta @ theta)

    chain, ess = posterior.metropolis(log_density, np.zeros(2), np.eye(2), rng=np.random.default_rng(7))
    assert ess > 300
    assert chain.std() == pytest.approx(1.0, abs=0.12)


def test_a_ridge_to_infinity_is_cut_where_predictions_have_reached_their_limit():
    def flat(theta):
        return 0.0 if theta[0] > 0 else -np.inf

    chain, _ = posterior.metropolis(flat, np.array([5.0]), np.array([[25.0]]), rng=np.random.default_rng(8))
    assert chain.max() > posterior.BEYOND  # the chain alone would go on
    a, b = np.exp(posterior.BEYOND - 4), np.exp(posterior.BEYOND)
    whole = {"x": np.array([2.0, 90.0]), "t_x": np.array([9.0, 100.0]), "T": np.array([60.0, 104.0]), "t": 52.0}
    edge = mbg_nbd.expected_purchases(mbg_nbd.MbgNbdParams(r=1.0, alpha=5.0, a=a, b=b), **whole)
    half = mbg_nbd.expected_purchases(mbg_nbd.MbgNbdParams(r=1.0, alpha=5.0, a=a / 50, b=b / 50), **whole)
    np.testing.assert_allclose(edge, half, rtol=1e-4)


def test_a_fit_without_curvature_has_no_posterior_to_approximate(cdnow, fit):
    flat = dataclasses.replace(fit, theta_covariance=(), covariance=(), standard_errors={})
    with pytest.raises(ModelError, match="positive curvature"):
        posterior.draw(flat, cdnow, rng=np.random.default_rng(1))


def test_a_prior_bounds_what_data_do_not_tell(cdnow):
    thin = cdnow.head(60)
    free, held = pareto_nbd.fit(thin), pareto_nbd.fit(thin, prior=1.0)
    assert held.certificate.converged
    assert np.trace(np.array(held.theta_covariance)) < 4.0
    assert held.log_likelihood <= free.log_likelihood + 1e-6


@pytest.mark.filterwarnings("ignore")
def test_draws_become_inference_data(cdnow, fit):
    pytest.importorskip("arviz")
    found = posterior.draw(fit, cdnow, rng=np.random.default_rng(8), draws=200)
    data = posterior.to_arviz(found)
    assert list(data.posterior.data_vars) == ["r", "alpha", "a", "b"]
    assert data.posterior.sizes["draw"] == 200
    assert data.posterior.attrs["method"] == "importance"


def test_arrow_carries_draws_and_fit(cdnow, fit):
    found = posterior.draw(fit, cdnow, rng=np.random.default_rng(9), draws=50)
    again_fit, again = store.from_arrow(store.to_arrow(found, fit=fit))
    assert again_fit == fit
    assert (again.theta == found.theta).all()
    assert again.pareto_k == found.pareto_k


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"schema": 99, "kind": "model", "fit": {}}', "[1]"])
def test_what_is_no_stored_fit_is_refused(text):
    with pytest.raises(ModelError) as refused:
        store.from_json(text)
    assert refused.value.code == "clv.schema"
    with pytest.raises(ModelError, match="schema"):
        store.from_arrow(pl.DataFrame({"r": [1.0]}).to_arrow())


def test_json_of_every_kind_of_fit_comes_back_equal(cdnow, cdnow_sample):

    for one in (
        bg_nbd.fit(cdnow),
        ggom_nbd.fit(cdnow.head(400), prior=1.0),
        gamma_gamma.fit(cdnow),
        sbg.fit(sbg.members_of_cohort([100, 63, 47])),
    ):
        assert store.from_json(store.to_json(one)) == one
