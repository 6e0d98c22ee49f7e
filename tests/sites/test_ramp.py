"""The ramp of new stores, and the time to earn the investment back."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal

from crmlib.core.errors import ModelError
from crmlib.simulate import city as simulated
from crmlib.sites import payback, ramp
from tests.sites.conftest import SMALL


@pytest.fixture(scope="module")
def grown() -> tuple[simulated.City, ramp.RampFit]:
    city = simulated.build(replace(SMALL, own=60, openings=14), rng=np.random.default_rng(2))
    return city, ramp.fit(city.openings, city.sites)


def test_the_ramp_of_the_city_is_recovered(grown):
    _, found = grown
    assert found.first_month == pytest.approx(0.45, abs=0.03)
    assert found.months == pytest.approx(7.0, abs=0.8)
    assert found.noise_sd == pytest.approx(0.05, abs=0.015)


def test_the_interval_of_the_ramp_holds_the_truth(grown):
    _, found = grown
    true = simulated.ramp(found.curve["month"].to_numpy())
    wide = 2 * (found.curve["high"] - found.curve["low"]).to_numpy()  # 80 % interval, widened to five standard errors
    assert np.all(np.abs(found.curve["share"].to_numpy() - true) < wide + 0.02)


def test_stores_are_judged_when_nine_tenths_are_reached(grown):
    _, found = grown
    assert 11 <= found.month_to_judge <= 16
    assert found.curve.filter(pl.col("month") == found.month_to_judge)["share"][0] >= 0.9


def test_stores_that_have_just_opened_do_not_pull_the_ramp_down(grown):
    city, full = grown
    cut = city.openings.filter(pl.col("month") <= date(2024, 10, 1))  # the recent stores have 4 to 10 months
    young = ramp.fit(cut, city.sites)
    assert young.observations < full.observations
    assert young.first_month == pytest.approx(full.first_month, abs=0.03)
    assert young.months == pytest.approx(full.months, abs=1.0)


def test_season_is_taken_out(grown):
    city, _ = grown
    index = ramp.season(city.openings, city.sites)
    assert index["index"].mean() == pytest.approx(1)
    winter = index.filter(pl.col("month").dt.month() == 1)["index"].mean()
    summer = index.filter(pl.col("month").dt.month() == 7)["index"].mean()
    assert winter > summer * 1.2


def test_too_few_openings_are_refused(grown):
    city, _ = grown
    few = city.sites.with_columns(opened_on=pl.lit(date(2010, 1, 1)))
    with pytest.raises(ModelError) as raised:
        ramp.fit(city.openings, few)
    assert raised.value.code == "sites.no_ramp"


def months(net, **changes):
    given = {
        "ramp": np.ones((len(net), 120)), "margin": 0.4, "rent_month": np.array([20_000.0]),
        "fixed_month": np.array([10_000.0]), "capex": np.array([600_000.0]), "rng": np.random.default_rng(1),
    } | changes  # fmt: skip
    return payback.months(np.asarray(net)[:, None], **given)


def test_payback_without_ramp_is_capex_over_cash(monkeypatch):
    monkeypatch.setattr(payback, "YEAR_SD", 0.0)
    # 1.5 M × .4 / 12 − 30,000 = 20,000 a month: 600,000 are back in month 30
    assert months([1_500_000.0])[0, 0] == 30


def test_a_store_that_never_earns_its_cost_never_pays_back():
    assert np.isinf(months([500_000.0])[0, 0])


def test_ramping_up_and_rising_rents_cost_months(monkeypatch):
    monkeypatch.setattr(payback, "YEAR_SD", 0.0)
    slow = np.tile(ramp.share(np.arange(1, 121), first_month=0.45, months=7.0), (1, 1))
    plain = months([1_500_000.0])[0, 0]
    assert months([1_500_000.0], ramp=slow)[0, 0] > plain + 5
    assert months([1_500_000.0], rent_growth=0.1)[0, 0] > plain


def test_quantiles_are_outcomes_and_never_is_one_of_them():
    drawn = np.array([[10.0], [12.0], [30.0], [np.inf], [np.inf]])
    row = payback.summary(drawn, ids=("a",), lease_months=np.array([24])).row(0, named=True)
    assert (row["payback_p10"], row["payback_p50"], row["payback_p90"]) == (10, 30, None)
    assert row["p_never"] == pytest.approx(0.4)
    assert row["p_12"] == pytest.approx(0.4)
    assert row["p_24"] == row["p_lease"] == pytest.approx(0.4)


def test_a_point_forecast_of_20_months_hides_a_wide_distribution():
    """What measurement taught: P(≤ 12 months) and P(never) are both far from zero."""
    net = 1_800_000 * np.random.default_rng(1).lognormal(-0.045, 0.3, 4000)
    found = payback.summary(months(net), ids=("a",), lease_months=np.array([60])).row(0, named=True)
    assert 16 <= found["payback_p50"] <= 24
    assert found["p_12"] > 0.1
    assert 1 - found["p_lease"] > 0.08


def test_the_likelihood_is_that_of_a_multivariate_normal():
    """The closed form against scipy's density of one store's months, N(ln r + μ, σ²I + ω²11ᵀ)."""
    rng = np.random.default_rng(1)
    month, store = np.array([1, 2, 3, 4, 1, 2, 7]), np.array([0, 0, 0, 0, 1, 1, 2])
    y = rng.normal(12, 0.4, 7)

    def by_scipy(theta: np.ndarray) -> float:
        first, pace, mean, level, noise = 1 / (1 + np.exp(-theta[0])), np.exp(theta[1]), theta[2], *np.exp(theta[3:])
        total = 0.0
        for s in range(3):
            here = store == s
            centre = np.log(ramp.share(month[here], first_month=first, months=pace)) + mean
            spread = noise**2 * np.eye(here.sum()) + level**2
            total -= multivariate_normal(centre, spread).logpdf(y[here])
        return float(total)

    points = [np.array([0.1, 2.0, 12.0, -1.0, -2.0]), np.array([-0.3, 1.5, 11.8, -0.5, -1.5])]
    mine = [ramp._minus_log_likelihood(p, y, month, store) for p in points]
    theirs = [by_scipy(p) for p in points]
    assert mine[0] - mine[1] == pytest.approx(theirs[0] - theirs[1], rel=1e-10)  # up to a constant
