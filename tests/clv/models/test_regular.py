"""Regular buyers: (M)BG/CNBD-k is BG/NBD and MBG/NBD at k = 1 to the bit, and right where k is not 1."""

from __future__ import annotations

import itertools
from dataclasses import astuple, replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from crmlib.clv import history, horizon
from crmlib.clv.estimate import regularity
from crmlib.clv.exchange import store
from crmlib.clv.forecast import intervals, posterior, predict
from crmlib.clv.models import bg_cnbd, bg_nbd, cnbd, mbg_cnbd, mbg_nbd
from crmlib.clv.numerics import regular_coin
from crmlib.core.errors import ModelError

FAMILIES = {"bg_cnbd": (bg_cnbd, bg_nbd), "mbg_cnbd": (mbg_cnbd, mbg_nbd)}
FAR = 4.0
"""Standard errors a true parameter may lie from its estimate."""


def world(n: int, rng: np.random.Generator, *, k: int, first: bool, truth: tuple[float, ...] = (0.9, 3.0, 0.8, 4.0)):
    """x, t_x, T, log_gaps and purchases in the year ahead [weeks], straight from the model's story."""
    r, alpha, a, b = truth
    T = rng.uniform(20.0, 104.0, n)
    rate, leave = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, t_x, later, clock, logs = np.zeros(n, int), np.zeros(n), np.zeros(n, int), np.zeros(n), np.zeros(n)
    going = np.flatnonzero(rng.random(n) >= leave) if first else np.arange(n)
    while going.size:
        gap = rng.gamma(k, 1 / rate[going])
        clock[going] += gap
        keep = clock[going] <= T[going] + 52.0
        going, gap = going[keep], gap[keep]
        now = clock[going] <= T[going]
        x[going[now]] += 1
        t_x[going[now]] = clock[going[now]]
        logs[going[now]] += np.log(gap[now])
        later[going[~now]] += 1
        going = going[rng.random(going.size) >= leave[going]]
    return pl.DataFrame({"x": x, "t_x": t_x, "T": T, "log_gaps": logs, "later": later})


@pytest.mark.parametrize("family", FAMILIES)
def test_k_of_one_is_the_irregular_model_to_the_bit(cdnow, family):
    module, irregular = FAMILIES[family]
    regular, plain = module.fit(cdnow, k=1), irregular.fit(cdnow)
    assert astuple(regular.params) == astuple(plain.params)
    assert replace(regular, model=plain.model, params=plain.params) == plain
    x, t_x, T = (cdnow[c].cast(pl.Float64).to_numpy() for c in ("x", "t_x", "T"))
    model, values = cnbd.model(family, 1), astuple(plain.params)
    assert (model.log_likelihood(values, x, t_x, T) == irregular.MODEL.log_likelihood(values, x, t_x, T)).all()
    for ours, theirs in zip(model.score(values, x, t_x, T), irregular.MODEL.score(values, x, t_x, T), strict=True):
        assert (ours == theirs).all()
    for what in (horizon.weeks(39), horizon.weeks(4)):
        assert predict.customers(regular, cdnow, horizon=what).equals(predict.customers(plain, cdnow, horizon=what))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("k", [2, 4])
def test_the_likelihood_is_the_integral_over_rates_and_dropouts(family, k):
    """Another way to the same number: Erlang gaps and their survival, integrated over λ and p by quadrature."""
    r, alpha, a, b = values = (0.9, 3.0, 0.8, 4.0)
    first = family == "mbg_cnbd"
    nodes, w = np.polynomial.legendre.leggauss(120)
    v, u = 1.75 * (nodes[:, None] + 1.0), 0.5 * (nodes[None, :] + 1.0)
    rate, p = v**2, u**3  # squares and cubes take the densities' corners at 0 away
    weights = 1.75 * w[:, None] * 2 * v * 0.5 * w[None, :] * 3 * u**2
    for gaps, T in (([3.0, 7.0, 2.5], 20.0), ([4.0], 30.0), ([], 15.0)):
        x, t_x = len(gaps), sum(gaps)
        coins = x + first

        density = np.prod([stats.gamma.pdf(g, k, scale=1 / rate) for g in gaps], axis=0)
        there = (1 - p) ** coins * stats.gamma.sf(T - t_x, k, scale=1 / rate)
        gone = p * (1 - p) ** max(coins - 1, 0) if coins else 0.0
        prior = stats.gamma.pdf(rate, r, scale=1 / alpha) * stats.beta.pdf(p, a, b)
        whole = (weights * density * (there + gone) * prior).sum()
        logs = (k - 1) * sum(np.log(gaps))
        ours = cnbd.model(family, k).log_likelihood(values, *(np.array([float(v)]) for v in (x, t_x, T)))[0] + logs
        assert ours == pytest.approx(np.log(whole), abs=2e-5)


@pytest.mark.parametrize(("family", "k"), list(itertools.product(FAMILIES, (2, 3, 7))))
def test_gradients_are_the_slopes_of_the_log_likelihood(family, k):
    model = cnbd.model(family, k)
    x, t_x, T = (np.array(v) for v in ([0.0, 2.0, 1.0, 25.0], [0.0, 30.4, 3.0, 39.0], [39.0, 38.9, 39.0, 39.0]))
    for values in ((0.55, 10.6, 0.6, 11.7), (0.9, 3.0, 1.0, 0.4)):
        ll, scores = model.score(values, x, t_x, T)
        np.testing.assert_allclose(ll, model.log_likelihood(values, x, t_x, T), rtol=1e-12)
        for i in range(4):
            up, down = list(values), list(values)
            up[i] *= np.exp(1e-5)
            down[i] *= np.exp(-1e-5)
            slope = (model.log_likelihood(tuple(up), x, t_x, T) - model.log_likelihood(tuple(down), x, t_x, T)) / 2e-5
            np.testing.assert_allclose(scores[i], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("family", "k"), list(itertools.product(FAMILIES, (2, 12))))
def test_nothing_on_the_grid_is_not_finite(family, k):
    x = np.array([0.0, 0.0, 1.0, 1.0, 7.0, 254.0, 1e4, 1e4])
    t_x = np.array([0.0, 0.0, 1e-4, 1e4, 20.0, 38.0, 5e3, 1e4])
    T = np.array([0.0, 1e4, 1e4, 1e4, 39.0, 39.0, 1e4, 1e4])
    model, grid = cnbd.model(family, k), list(itertools.product((1e-4, 0.5, 1.0, 30.0, 1e5), repeat=4))
    for values in grid[::7]:
        with np.errstate(all="ignore"):
            ll, scores = model.score(values, x, t_x, T)
            alive = model.p_alive(values, x, t_x, T)
        assert np.isfinite(ll).all(), values
        assert np.isfinite(scores).all(), values
        assert ((alive >= 0) & (alive <= 1 + 1e-12)).all(), values
    for values in grid[::60]:
        with np.errstate(all="ignore"):
            mean, pairs = model.ahead(values, x, t_x, T).moments(52.0)
        assert np.isfinite(mean).all(), values
        assert np.isfinite(pairs).all(), values
        assert (mean >= 0).all()


def coin(shape: float, *, k: int = 3, scale: float = 4.0, a: float = 0.6, b: float = 5.0) -> regular_coin.RegularCoin:
    weights = np.full((k, 1), 1.0 / k)
    return regular_coin.RegularCoin(k, weights, np.array([shape]), np.array([scale]), a, np.array([b]))


@pytest.mark.parametrize("shape", [0.3, 4.0, 60.0])
def test_purchases_to_come_are_those_of_a_hidden_stream_with_coins(shape):
    one, rng, n = coin(shape), np.random.default_rng(2), 400_000
    stage = rng.integers(0, 3, n)
    rate, p = rng.gamma(shape + stage, 1 / 4.0), rng.beta(0.6, 5.0, n)
    counts = np.minimum((rng.poisson(rate * 10.0) + stage) // 3, rng.geometric(p))
    for i, above in enumerate(one.exceed(10.0, most=6)[:, 0]):
        assert above == pytest.approx((counts > i).mean(), abs=4.0 * np.sqrt(0.25 / n))
    mean, pairs = one.moments(10.0)
    assert mean[0] == pytest.approx(counts.mean(), abs=4.0 * counts.std() / np.sqrt(n))
    assert pairs[0] == pytest.approx((counts * (counts - 1)).mean(), rel=0.02)


@pytest.mark.parametrize(
    ("shape", "scale", "a", "b"), [(2000.0, 50.0, 0.5, 40.0), (40.0, 0.05, 0.2, 3.0), (3.0, 0.004, 1.0, 9.0)]
)
def test_long_sums_are_integrals_to_six_digits(shape, scale, a, b):
    one = coin(shape, k=2, scale=scale, a=a, b=b)
    most = int(regular_coin._terms(one, t=52.0)[0]) + 2
    counts = np.arange(float(most))
    above = regular_coin.regular_exceed_at(one, t=52.0, i=counts[:, None])[:, 0]
    mean, pairs = one.moments(52.0)
    assert most > regular_coin.GROUPS[-1]
    assert mean[0] == pytest.approx(above.sum(), rel=1e-6)
    assert pairs[0] == pytest.approx((2 * counts * above).sum(), rel=1e-6)
    np.testing.assert_allclose(one.exceed(52.0, most=300)[:, 0], above[:301], atol=1e-9)


@pytest.mark.parametrize(("family", "k"), [("bg_cnbd", 2), ("mbg_cnbd", 2), ("mbg_cnbd", 4)])
def test_regularity_and_parameters_are_found_again_and_the_forecast_is_nearer(family, k):
    truth = (0.9, 1.5 * k, 0.8, 4.0)
    module, irregular = FAMILIES[family]
    base = world(6000, np.random.default_rng(k), k=k, first=family == "mbg_cnbd", truth=truth)
    fit, plain = module.fit(base), irregular.fit(base)
    assert fit.model == f"{family}_{k}"
    assert fit.certificate.converged
    errors = np.sqrt(np.diag(np.array(fit.theta_covariance)))
    assert (np.abs(np.array(fit.theta) - np.log(truth)) / errors).max() < FAR
    assert fit.log_likelihood > plain.log_likelihood + 100.0
    later = base["later"].to_numpy()
    ours, theirs = (predict.customers(f, base, horizon=horizon.weeks(52))["expected"].to_numpy() for f in (fit, plain))
    assert ours.sum() == pytest.approx(later.sum(), rel=0.06)
    assert np.abs(ours - later).mean() < np.abs(theirs - later).mean()


def test_intervals_of_regular_buyers_hold_what_they_promise():
    base = world(700, np.random.default_rng(9), k=3, first=True, truth=(0.9, 4.5, 0.8, 4.0))
    fit = mbg_cnbd.fit(base)
    draws = posterior.draw(fit, base, rng=np.random.default_rng(1))
    found = intervals.customers(fit, draws, base, horizon=horizon.weeks(52))
    inside = ((base["later"] >= found["low"]) & (base["later"] <= found["high"])).mean()
    assert inside >= 0.87  # 90 % less two standard errors of 700 customers
    whole = intervals.totals(fit, draws, base, horizon=horizon.weeks(52), rng=np.random.default_rng(2), level=0.99)
    assert whole["low"][0] <= base["later"].sum() <= whole["high"][0]


def test_the_choice_of_k_needs_the_gaps_and_says_so(cdnow):
    with pytest.raises(ModelError) as error:
        mbg_cnbd.fit(cdnow)
    assert error.value.code == "clv.regularity"
    assert "no_gaps" in mbg_cnbd.fit(cdnow, k=2).notes
    with pytest.raises(ModelError, match="k = 13"):
        mbg_cnbd.fit(cdnow, k=13)


def test_music_is_bought_irregularly_and_the_rule_stays_with_one(cdnow, cdnow_sample):
    """CDNOW: clumpy rather than regular; k = 1 has the best likelihood and Wheat–Morrison agrees."""
    days = cdnow_sample.filter(pl.col("day") <= pl.date(1997, 9, 30)).select("customer_id", "day_n").unique()
    known = regularity.with_log_gaps(cdnow, days)
    assert mbg_cnbd.fit(known).model == "mbg_cnbd_1"
    k, customers = regularity.wheat_morrison(days)
    assert k < 1.2
    assert customers > 300


def test_compressed_and_shared_rows_give_the_same_regular_fit():
    base = world(2000, np.random.default_rng(4), k=2, first=False)
    base = base.with_columns((pl.col("t_x") * 7).ceil() / 7, (pl.col("T") * 7).ceil() / 7)
    merged = base.group_by("x", "t_x", "T", maintain_order=True).agg(pl.col("log_gaps").mean(), customers=pl.len())
    assert bg_cnbd.fit(merged).params == bg_cnbd.fit(base).params
    assert history.read(base).n_rows == merged.height


def test_a_regular_fit_survives_the_disk():
    fit = bg_cnbd.fit(world(500, np.random.default_rng(5), k=2, first=False))
    assert store.from_json(store.to_json(fit)) == fit
