"""The model's check on held-out purchases, on CDNOW where every number is known."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.clv.forecast import portfolio, posterior
from crmlib.clv.judge import backtest, baselines, diagnosis
from crmlib.core.errors import ModelError

END, CUT = date(1998, 6, 30), date(1997, 9, 30)


@pytest.fixture(scope="module")
def days(cdnow_sample):
    minor = (pl.col("spend").sum() * 100).round().cast(pl.Int64).alias("net_minor")
    return cdnow_sample.group_by("customer_id", "day_n").agg(minor).sort("customer_id", "day_n")


@pytest.fixture(scope="module")
def test(days):
    return backtest.run(days, end=END, cut=CUT, rng=np.random.default_rng(1))


def test_it_finds_the_known_bias_of_every_model(test):
    bias = dict(test.models.filter(~pl.col("model").str.ends_with("_new")).select("model", "bias").iter_rows())
    assert bias == pytest.approx({"bg_nbd": -0.121, "mbg_nbd": -0.162, "pareto_nbd": -0.115}, abs=6e-4)
    assert test.trips[0].actual == 1882


def test_the_fit_that_came_nearest_is_chosen_and_newcomers_or_bg_only_beyond_chance(test):
    on_part = pl.col("model").str.ends_with("_new")
    assert test.models.filter(on_part)["aic"].null_count() == test.models.filter(on_part).height == 3
    assert test.chosen == "pareto_nbd"  # nobody came before these data begin; BG/NBD is better, but not beyond chance
    near, simple = np.tile([0.9, 1.1], 50), np.tile([1.0, 2.0], 50)
    for other in ("mbg_nbd_new", "bg_nbd"):
        fits = {name: test.fits[name] for name in ("mbg_nbd", other)}
        assert backtest.choose(fits, {"mbg_nbd": simple, other: near}) == other
        assert backtest.choose(fits, {"mbg_nbd": near, other: near - np.tile([0.1, -0.09], 50)}) == "mbg_nbd"
        assert backtest.choose(fits, {"mbg_nbd": near, other: simple}) == "mbg_nbd"


def test_the_deviance_is_lowest_at_the_true_expectation():
    rng = np.random.default_rng(3)
    mean = rng.gamma(1.0, 2.0, 20_000)
    actual = rng.poisson(rng.gamma(2.0, mean / 2.0)).astype(float)  # not Poisson, and still
    truth = diagnosis.deviance(mean, actual).mean()
    assert truth < diagnosis.deviance(1.1 * mean, actual).mean()
    assert truth < diagnosis.deviance(0.9 * mean, actual).mean()
    assert truth < diagnosis.deviance(np.full_like(mean, mean.mean()), actual).mean()
    assert diagnosis.deviance(actual, actual).mean() == pytest.approx(0.0, abs=1e-9)


def established_world(rng: np.random.Generator, *, before: int) -> pl.DataFrame:
    """Purchase days of the first 720 days of data of a shop that was `before` days old when they began."""
    rows = []
    for i in range(2500):
        came = int(rng.integers(-before, 640))
        rate, leave = rng.gamma(3.0, 1 / 30.0), rng.beta(1.0, 9.0)
        day = float(came)
        while day < 720:
            rows.append((f"c{i:04d}", int(day)))
            if rng.random() < leave:
                break
            day += max(rng.exponential(1 / rate), 1.0)
    frame = pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").unique()
    frame = frame.filter(pl.col("day_n") >= 0).with_columns(day_n=pl.col("day_n") + 19_000, net_minor=pl.lit(100))
    return frame.sort("customer_id", "day_n")


def test_customers_from_before_the_data_begin_mislead_and_are_left_out_of_the_fit():
    end = date(1970, 1, 1) + timedelta(days=19_719)
    days = established_world(np.random.default_rng(5), before=1500)
    test = backtest.run(days, end=end, rng=np.random.default_rng(1), models=("mbg_nbd",))
    bias = dict(test.models.select("model", "bias").iter_rows())
    assert test.chosen == "mbg_nbd_new"
    assert abs(bias["mbg_nbd_new"]) < 0.05
    assert bias["mbg_nbd"] > 0.2
    today = backtest.history_at(days, cut=end, unit="week", minor=100)
    learned = backtest.learned_from(test, today)
    assert learned.height < today.height
    assert learned["first_day_n"].min() == today["first_day_n"].min() + backtest.EARLY_DAYS + 1
    assert backtest.refit(test, learned).n_customers == learned.height
    assert test.frequency["actual"].sum() < test.customers.height  # the picture is of those it learned from


def test_the_history_is_that_of_the_panel_and_of_the_paper(test, cdnow):
    joined = test.customers.join(cdnow, on="customer_id", suffix="_paper")
    for name in ("x", "t_x", "T", "spend"):
        pair = joined.select(pl.col(name).cast(pl.Float64), pl.col(f"{name}_paper").cast(pl.Float64)).drop_nulls()
        np.testing.assert_allclose(pair[name].to_numpy(), pair[f"{name}_paper"].to_numpy(), rtol=1e-6)


def test_conditional_expectations_have_the_printed_actuals(test):
    known = [0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359]
    np.testing.assert_allclose(test.by_x["actual"].to_numpy(), known, atol=5e-4)
    assert test.by_x["customers"].sum() == 2357


def test_tables_account_for_everybody(test):
    assert test.frequency["actual"].sum() == 2357
    assert test.frequency["expected"].sum() == pytest.approx(2357, rel=1e-9)
    assert test.calibration["customers"].sum() == 2357
    assert test.weeks.filter(~pl.col("holdout"))["actual"].sum() == pytest.approx(2457, abs=40)
    assert 0.9 <= test.coverage <= 1.0
    assert test.customers["pit"].is_between(0, 1).all()


def test_a_perfect_forecast_beats_the_baseline_and_a_copy_of_it_does_not():
    actual = np.random.default_rng(2).poisson(2.0, 500).astype(float)
    naive = np.full(500, 2.0)
    ours, same, _ = baselines.contest(
        {"perfect": actual, "same": naive, "naive": naive}, actual, baseline="naive", rng=np.random.default_rng(3)
    )
    assert ours.better_mae is not None
    assert ours.better_mae[0] > 0
    assert ours.bias == 0
    assert same.better_mae == (0.0, 0.0)


def test_a_short_history_is_refused(days):
    with pytest.raises(ModelError) as refused:
        backtest.run(days.filter(pl.col("day_n") < 9950), end=date(1997, 3, 31), rng=np.random.default_rng(1))
    assert refused.value.code == "clv.short_history"


def test_a_period_in_which_nobody_bought_is_refused(days):
    early = days.filter(pl.col("day_n") <= (CUT - date(1970, 1, 1)).days)
    with pytest.raises(ModelError) as refused:
        backtest.run(early, end=END, cut=CUT, rng=np.random.default_rng(1))
    assert refused.value.code == "clv.empty_holdout"


def test_a_base_that_nobody_seems_to_leave_is_fitted_with_a_weak_prior_and_drawn_from():
    rng = np.random.default_rng(1)
    age = rng.uniform(20, 50, 300)
    x = rng.poisson(rng.gamma(2.0, 0.2, 300) * age)
    stayed = pl.DataFrame({"x": x, "t_x": np.where(x > 0, 0.97 * age, 0.0), "T": age})
    fit = backtest.steady_fit("mbg_nbd", stayed, unit="week")
    assert fit.prior == backtest.WEAK
    assert fit.certificate.converged
    drawn = posterior.draw(fit, stayed, rng=rng, draws=400)
    assert drawn.pareto_k < 0.7
    away = (drawn.theta - np.asarray(fit.theta)) / np.sqrt(np.diag(np.asarray(fit.theta_covariance)))
    assert (
        np.abs(away.mean(axis=0)).max() < 1.0
    )  # the draws obey the fit's prior: without it they run off along a ridge


def test_tiers_are_shares_from_the_top():
    worth = pl.Series(np.arange(1000.0))
    counts = dict(portfolio.tier_of(worth).value_counts().iter_rows())
    assert counts == {"A": 10, "B": 40, "C": 150, "D": 800}


def test_the_list_leaves_a_control_group_and_reports_on_the_last_one():
    rng = np.random.default_rng(4)
    n = 200
    customers = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "x": rng.integers(1, 9, n),
            "t_x": rng.uniform(1, 20, n),
            "T": rng.uniform(20, 50, n),
            "p_alive": rng.uniform(0, 1, n),
            "value": rng.uniform(1, 100, n),
            "tier": ["D"] * n,
        }
    )
    held = customers["customer_id"].gather_every(10)
    listed = portfolio.keep_list(customers, capacity=50, unit_days=7, held=held)
    groups = listed.filter(pl.col("group") == "control")["customer_id"]
    assert listed.height - groups.len() == 50
    assert set(groups) == set(listed["customer_id"]) & set(held)  # left alone, and they take nobody's place
    assert groups.len() > 2
    far = customers.filter(pl.col("customer_id").is_in(listed["customer_id"].implode()))
    assert far.select(portfolio.at_stake().sum()).item() == pytest.approx(listed["at_stake"].sum())
    assert listed["at_stake"].is_sorted(descending=True)
    assert listed["p_alive"].is_between(0.1, 0.9).all()
    kept = portfolio.as_state(listed, as_of=date(2026, 1, 1))
    came = pl.DataFrame({"customer_id": ["c0", "c1"], "day_n": [20_500, 20_000], "is_purchase": [True, True]})
    outcome = portfolio.outcome_of_last(kept, came, until=date(2026, 3, 1))
    assert outcome is not None
    assert outcome["contact"] + outcome["control"] == listed.height
    assert outcome["contact_back"] + outcome["control_back"] <= 1
    assert portfolio.outcome_of_last(None, came, until=date(2026, 3, 1)) is None


def test_margin_is_measured_given_or_unknown():
    costs = pl.DataFrame({"net_minor": [300, 100], "margin_minor": [120, None]})
    assert portfolio.margin_of(costs, given=None) == portfolio.Margin(0.4, "measured")
    assert portfolio.margin_of(costs, given=0.2).rate == 0.2
    assert portfolio.margin_of(costs.with_columns(margin_minor=None), given=None) == portfolio.Margin(1.0, "unknown")


def test_groups_of_customers_give_the_intervals_that_customers_give(monkeypatch):
    """Of many, groups are drawn: as wide as theory says, for errors, their difference and the bias."""
    rng = np.random.default_rng(4)
    rate = rng.gamma(0.6, 3.0, 60_000)
    actual = rng.poisson(rate).astype(float)
    forecasts = {"ours": rate, "naive": rng.poisson(rate).astype(float)}
    many, naive = baselines.contest(forecasts, actual, baseline="naive", rng=np.random.default_rng(5))
    monkeypatch.setattr(baselines, "MANY", 10**9)
    each, _ = baselines.contest(forecasts, actual, baseline="naive", rng=np.random.default_rng(5))
    for name in ("bias_interval", "mae_interval", "rmse_interval", "better_mae", "better_rmse"):
        (low, high), (low_each, high_each) = getattr(many, name), getattr(each, name)
        assert (high - low) / (high_each - low_each) == pytest.approx(1.0, abs=0.2), name
        assert (low + high) / 2 == pytest.approx((low_each + high_each) / 2, abs=0.3 * (high_each - low_each)), name
    error = np.abs(rate - actual)
    half = (many.mae_interval[1] - many.mae_interval[0]) / 2
    assert half == pytest.approx(1.645 * error.std() / np.sqrt(len(error)), rel=0.12)
    assert naive.better_mae is None


def test_a_history_of_ids_held_once_is_that_of_texts(days):
    coded = days.with_columns(pl.col("customer_id").cast(pl.Enum(days["customer_id"].unique().sort())))
    shuffled = days.sample(fraction=1.0, shuffle=True, seed=1)
    plain, held, mixed = (backtest.history_at(d, cut=CUT, unit="week", minor=100) for d in (days, coded, shuffled))
    assert held.cast({"customer_id": pl.String}).equals(plain)
    assert mixed.equals(plain)
