"""Small shares: intervals, shrinkage, funnel limits, and the gate before any ranking."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from crmlib.core.proportions import benjamini_hochberg, beta_prior, equal_shares, limits, newcombe, shrink, wilson


def test_wilson_agrees_with_newcombes_published_interval():
    """Newcombe (1998), Statistics in Medicine 17: 81/263 .2553 to .3662, 0/20 0 to .1611."""
    low, high = wilson(np.array([81, 0, 0]), np.array([263, 20, 0]))
    assert low == pytest.approx([0.2553, 0.0, 0.0], abs=5e-5)
    assert high == pytest.approx([0.3662, 0.1611, 1.0], abs=5e-5)


def test_wilson_agrees_with_statsmodels_to_the_bit():
    rng = np.random.default_rng(5)
    trials = rng.integers(1, 10 ** rng.integers(1, 7, 2000))
    hits = rng.binomial(trials, rng.random(2000))
    for alpha in (0.2, 0.05, 0.002):
        theirs = proportion_confint(hits, trials, alpha=alpha, method="wilson")
        assert np.array_equal(wilson(hits, trials, alpha=alpha), theirs)
        assert wilson(8, 10, alpha=alpha) == proportion_confint(8, 10, alpha=alpha, method="wilson")


def test_the_difference_of_two_shares_is_newcombes():
    """Newcombe (1998), Statistics in Medicine 17, table II, method 10: six pairs; and statsmodels on many more."""
    pairs = np.array([[56, 70, 48, 80], [9, 10, 3, 10], [6, 7, 2, 7], [5, 56, 0, 29], [0, 10, 0, 20], [10, 10, 0, 20]])
    _, low, high = newcombe(*pairs.T)
    assert low == pytest.approx([0.0524, 0.1705, 0.0582, -0.0381, -0.1611, 0.6791], abs=5e-5)
    assert high == pytest.approx([0.3339, 0.8090, 0.8062, 0.1926, 0.2775, 1.0], abs=5e-5)
    rng = np.random.default_rng(6)
    n1, n0 = rng.integers(1, 5000, (2, 300))
    k1, k0 = rng.binomial(n1, rng.random(300)), rng.binomial(n0, rng.random(300))
    peer = np.array([
        confint_proportions_2indep(*row, method="newcomb", compare="diff") for row in zip(k1, n1, k0, n0, strict=True)
    ])  # fmt: skip
    effect, low, high = newcombe(k1, n1, k0, n0)
    assert effect == pytest.approx(k1 / n1 - k0 / n0, abs=1e-12)
    assert np.column_stack([low, high]) == pytest.approx(peer, abs=1e-12)


def test_benjamini_hochberg_agrees_with_scipy():
    p = np.random.default_rng(1).beta(0.5, 3, 200)
    assert benjamini_hochberg(p, level=0.1).tolist() == (false_discovery_control(p) <= 0.1).tolist()


def test_shrinkage_finds_the_law_it_was_drawn_from():
    rng = np.random.default_rng(2)
    n = rng.integers(20, 400, 2000)
    prior = beta_prior(rng.binomial(n, rng.beta(12, 8, 2000)), n)
    assert prior.mean == pytest.approx(0.6, abs=0.01)
    assert prior.alpha + prior.beta == pytest.approx(20, rel=0.15)


@pytest.mark.real_data
def test_thirty_agents_differ_no_more_than_chance(real_data):
    deals = pl.read_parquet(real_data / "crm_pipeline" / "sales_pipeline.parquet")
    closed = deals.filter(pl.col("deal_stage").is_in(["Won", "Lost"]))
    by = closed.group_by("sales_agent").agg(won=(pl.col("deal_stage") == "Won").sum(), n=pl.len()).cast({"won": int})
    won, n = by["won"].to_numpy(), by["n"].to_numpy().astype(np.int64)
    test = equal_shares(won, n)
    assert (test.statistic, test.freedom) == (pytest.approx(33.348, abs=1e-3), 29)
    assert test.p == pytest.approx(0.26, abs=0.01)
    raw, shrunk = won / n, shrink(won, n)
    assert (raw.min(), raw.max()) == (pytest.approx(0.550, abs=1e-3), pytest.approx(0.704, abs=1e-3))
    assert (shrunk.min(), shrunk.max()) == (pytest.approx(0.626, abs=1e-3), pytest.approx(0.636, abs=1e-3))
    prior = beta_prior(won, n)
    pair = shrink(np.array([107, 127]), np.array([152, 231]), prior=prior)
    assert pair == pytest.approx([0.635, 0.626], abs=5e-4)


def test_with_no_difference_somebody_leaves_the_usual_limits_most_of_the_time():
    """30 people of one share: best and worst differ by .4, 95 % limits name somebody in most periods, 99.8 % hardly."""
    rng = np.random.default_rng(3)
    named = {0.95: 0, 0.998: 0}
    apart, periods = [], 400
    for _ in range(periods):
        n = rng.integers(8, 201, 30)
        share = rng.binomial(n, 0.6) / n
        apart.append(share.max() - share.min())
        for level in named:
            low, high = limits(n, share=0.6, level=level)
            named[level] += bool(((share < low) | (share > high)).any())
    assert np.mean(apart) > 0.3
    assert named[0.95] / periods > 0.6
    assert named[0.998] / periods < 0.08


def test_shrunk_shares_name_more_of_the_truly_best_than_raw_ones():
    rng = np.random.default_rng(4)
    raw_hits, shrunk_hits = 0, 0
    for _ in range(200):
        n, ability = rng.integers(8, 201, 30), rng.beta(30, 20, 30)
        won = rng.binomial(n, ability)
        best = set(np.argsort(-ability)[:5])
        raw_hits += len(best & set(np.argsort(-won / n, kind="stable")[:3]))
        shrunk_hits += len(best & set(np.argsort(-shrink(won, n), kind="stable")[:3]))
    assert shrunk_hits > raw_hits * 1.05
