"""Shares add up, means over the store's effect are means, and every yuan of a new store has an origin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.sites import shares

EXACT = 1e-9  # adding-up, relative to the new store's revenue


def scene(seed: int, nest: float, *, spread: float = 2.0, sigma: float = 0.3) -> tuple[shares.Stage, np.ndarray]:
    rng = np.random.default_rng(seed)
    at = shares.stage(
        demand=rng.uniform(1e5, 1e7, 30), own=rng.normal(0, spread, (30, 6)), rivals=rng.normal(0, spread, (30, 5)),
        outside=0.5, nest=nest, sigma=sigma,
    )  # fmt: skip
    return at, shares.attraction(at, rng.normal(0, spread, (30, 4)))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), nest=st.floats(0.3, 1), spread=st.floats(0.1, 30))
def test_the_shares_of_all_alternatives_sum_to_one(seed, nest, spread):
    at, _ = scene(seed, nest, spread=spread)
    chain = shares.own_share(at.own.sum(axis=1), at.rivals + at.outside, at.nest)
    rest = (1 - chain) / (at.rivals + at.outside)
    whole = shares.flows(at).sum(axis=1) / at.demand + rest * at.rivals + rest * at.outside
    assert np.abs(whole - 1).max() < EXACT


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), nest=st.floats(0.3, 1))
def test_every_yuan_of_a_new_store_comes_from_somewhere(seed, nest):
    at, new = scene(seed, nest)
    opened = shares.open_each(at, shares.mean_attraction(at, new))
    missing = opened.gross - opened.own - opened.rivals - opened.outside
    assert np.abs(missing / opened.gross).max() < EXACT
    assert np.all(opened.own >= 0)
    assert np.all(opened.net >= 0)
    assert np.all(opened.net <= opened.gross * (1 + EXACT))


@pytest.mark.parametrize("nest", [1.0, 0.6])
def test_the_mean_share_is_the_mean_over_many_stores_of_unknown_quality(nest):
    at, new = scene(5, nest, sigma=0.5)
    effects = np.random.default_rng(1).normal(0, 0.5, 20_000)
    before, rest = at.own.sum(axis=1)[:, None], (at.rivals + at.outside)[:, None]
    drawn = shares.store_share(new[:, :1] * np.exp(effects / nest), before, rest, nest)
    found = shares.store_share(shares.mean_attraction(at, new)[:, :1], before, rest, nest)[:, 0]
    error = drawn.std(axis=1) / np.sqrt(len(effects))
    assert np.all(np.abs(found - drawn.mean(axis=1)) < 4 * error)


def test_median_times_half_variance_would_overstate_where_shares_are_large():
    at, new = scene(5, 1.0, sigma=0.6)
    before, rest = at.own.sum(axis=1)[:, None], (at.rivals + at.outside)[:, None]
    lognormal = shares.store_share(new, before, rest, 1.0) * np.exp(0.18)
    assert np.all(lognormal > shares.store_share(shares.mean_attraction(at, new), before, rest, 1.0))


def test_a_nest_of_one_is_the_plain_logit():
    at, new = scene(7, 1.0)
    almost = shares.Stage(at.demand, at.own, at.rivals, at.outside, at.shift, 1 - 1e-9, at.sigma)
    plain, nested = (shares.open_each(s, shares.mean_attraction(s, new)) for s in (at, almost))
    assert np.allclose(plain.gross, nested.gross, rtol=1e-6)
    assert np.allclose(plain.net, nested.net, rtol=1e-6)


def test_a_nest_takes_more_from_own_stores():
    utilities = np.random.default_rng(1).normal(0, 1, (30, 6))
    given = {"demand": np.ones(30), "rivals": np.zeros((30, 5)), "outside": 0.5, "sigma": 0.0}
    plain, nested = (shares.stage(own=utilities, nest=n, **given) for n in (1.0, 0.5))
    lost = [shares.open_each(s, shares.attraction(s, np.zeros((30, 1)))) for s in (plain, nested)]
    assert lost[1].own[0] / lost[1].gross[0] > lost[0].own[0] / lost[0].gross[0]


def test_huge_utilities_neither_overflow_nor_lose_the_sum():
    at, new = scene(1, 0.7, spread=400.0)
    assert np.isfinite(shares.flows(at)).all()
    assert np.isfinite(shares.open_each(at, new).net).all()


def test_opening_together_brings_less_than_the_sum():
    at, new = scene(2, 1.0)
    assert shares.open_together(at, new) < shares.open_each(at, new).net.sum()
    assert shares.open_together(at, new[:, :1]) == pytest.approx(shares.open_each(at, new[:, :1]).net[0])
