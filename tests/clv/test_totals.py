"""Totals hold their own error, and cohorts are compared at equal age."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.clv.forecast import equal_age, intervals, posterior, total_error
from crmlib.clv.forecast.money import money_of, spend_draws, value_moments
from crmlib.clv.forecast.predict import read_for
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge import backtest
from crmlib.clv.models import bg_nbd
from crmlib.core.dates import day_of
from crmlib.core.errors import ModelError

FIRST = 19_000


def joiners(seed: int, *, customers: int = 3000, better: float = 1.0, days: int = 730) -> pl.DataFrame:
    """Purchase days of like customers who join all the time; later ones buy `better` times as often."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(customers):
        came = float(rng.uniform(0, days))
        rate, leave, day = rng.gamma(1.5, 1 / 45.0), rng.beta(0.9, 6.0), came
        rate *= better if came > days / 2 else 1.0
        while day < days:
            rows.append((f"{i}", int(day)))
            if rng.random() < leave:
                break
            day += max(rng.exponential(1 / rate), 1.0)
    frame = pl.DataFrame(rows, schema={"customer_id": pl.String, "day_n": pl.Int32}, orient="row").unique()
    net = pl.Series("net_minor", rng.gamma(5.0, 800.0, frame.height).astype(np.int64))
    return frame.with_columns(net, day_n=pl.col("day_n") + FIRST).sort("customer_id", "day_n")


def test_identical_customers_who_join_over_two_years_show_no_difference_of_cohorts():
    """Their expected purchases per head run from half to double by cohort; at equal age they are alike."""
    said = 0
    for seed in range(12):
        found = equal_age.equal_age(joiners(seed, customers=1500), as_of=day_of(FIRST + 729))
        assert found.cohorts.height >= 2
        said += found.differ
    assert said <= 1


def test_old_regulars_of_before_the_data_are_no_good_first_cohort():
    """The shop is older than its data: who came before and shows after two months is not new."""
    days = joiners(5, days=1100).with_columns(pl.col("day_n") - 370).filter(pl.col("day_n") >= FIRST)
    found = equal_age.equal_age(days, as_of=day_of(FIRST + 729))
    assert found.cohorts.height >= 2
    assert not found.differ


def test_a_cohort_that_is_better_is_found():
    found = equal_age.equal_age(joiners(3, better=1.6), as_of=day_of(FIRST + 729), age=180)
    assert found.differ
    assert found.cohorts["purchases"][-1] > 1.2 * found.cohorts["purchases"][0]


def test_only_who_was_watched_long_enough_is_compared():
    days = joiners(1)
    found = equal_age.equal_age(days, as_of=day_of(FIRST + 729), age=200)
    first = days.group_by("customer_id").agg(pl.col("day_n").min())
    watched = first.filter(pl.col("day_n") > FIRST + 30, pl.col("day_n") <= FIRST + 529).height
    # the first quarter of the data at most is left out, where old customers may look new
    surely = first.filter(pl.col("day_n") > FIRST + 183, pl.col("day_n") <= FIRST + 529).height
    assert surely - equal_age.LEAST < found.cohorts["customers"].sum() <= watched
    assert found.young == first.filter(pl.col("day_n") > FIRST + 529).height


@pytest.mark.parametrize("age", [0, -5, 5000])
def test_an_age_that_nobody_has_is_refused(age):
    with pytest.raises(ModelError, match="days of life"):
        equal_age.equal_age(joiners(1, customers=50), as_of=day_of(FIRST + 729), age=age)


def test_the_error_of_totals_is_that_of_known_forecasts_shrunk_to_what_is_usual():
    def forecast(cut: date, end: date) -> tuple[float, float]:
        return 100.0, 108.4 if cut.year == 2024 else 95.0

    cuts = [date(2024, 1, 1), date(2023, 1, 1)]
    found = total_error.measured(forecast, cuts=cuts, length=365)
    assert found.origins["log_error"].to_list() == pytest.approx([np.log(1.084), np.log(0.95)])
    own = np.mean(np.square(found.origins["log_error"].to_numpy()))
    assert found.scale == pytest.approx(np.sqrt((4 * total_error.USUAL**2 + 2 * own) / 6))
    assert total_error.measured(lambda *_: None, cuts=cuts, length=365).scale == total_error.USUAL


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_wider_interval_keeps_its_middle_its_sign_and_its_order(sign):
    sums = pl.DataFrame({"expected": [100.0, 0.0, 50.0], "low": [94.0, 0.0, 0.0], "high": [106.0, 0.0, 90.0]})
    if sign < 0:
        sums = sums.select(expected=-pl.col("expected"), low=-pl.col("high"), high=-pl.col("low"))
    error = total_error.TotalError(pl.DataFrame(), length=365, scale=0.1, freedom=6.0)
    wide = total_error.widened(sums, error, days=365, level=0.9)
    far = np.exp(np.sqrt(np.log(1.06) ** 2 + (1.943 * 0.1) ** 2))
    assert wide["expected"].equals(sums["expected"])
    assert wide.row(0, named=True)["high" if sign > 0 else "low"] == pytest.approx(sign * 100 * far, rel=1e-4)
    assert ((wide["low"] <= sums["low"]) & (wide["high"] >= sums["high"])).all()
    longer = total_error.widened(sums, error, days=4 * 365, level=0.9)
    assert longer["high"][0] > wide["high"][0]
    assert wide.row(1, named=True)["high"] == 0.0


def test_a_company_whose_customers_buy_more_each_year_is_inside_the_wider_interval_only():
    """No model knows that the rate grows: the interval of parameters and chance alone misses the year that comes."""
    rng, rows = np.random.default_rng(7), []
    for i in range(2500):
        day, rate, leave = float(rng.uniform(0, 700)), rng.gamma(1.2, 1 / 40.0), rng.beta(0.9, 6.0)
        while day < 913:
            rows.append((f"{i}", int(day)))
            if rng.random() < leave:
                break
            day += max(rng.exponential(1 / (rate * np.exp(0.4 * day / 365.0))), 1.0)
    days = pl.DataFrame(rows, schema={"customer_id": pl.String, "day_n": pl.Int32}, orient="row").unique()
    days = days.with_columns(day_n=pl.col("day_n") + FIRST, net_minor=pl.lit(100)).sort("customer_id", "day_n")
    at, end = day_of(FIRST + 610), FIRST + 913
    known = days.filter(pl.col("day_n") <= FIRST + 610)
    first, length = day_of(FIRST), 303
    cut = at - timedelta(days=length)
    error = backtest.rolling_error(known, model="bg_nbd", cut=cut, length=length, unit="week", minor=100)
    assert (error.origins["cut"] >= first).all()
    history = backtest.history_at(known, cut=at, unit="week", minor=100)
    fit = bg_nbd.fit(history)
    draws = posterior.draw(fit, history, rng=np.random.default_rng(1))
    sums = intervals.totals(fit, draws, history, horizon=Horizon(days=length), rng=np.random.default_rng(2), draws=60)
    wide = total_error.widened(sums, error, days=length, level=0.9)
    came = days.filter(pl.col("day_n").is_between(FIRST + 611, end)).join(history, on="customer_id", how="semi").height
    assert came > sums["high"][0]
    assert wide["low"][0] <= came <= wide["high"][0]


@pytest.mark.parametrize("with_money", [True, False])
def test_sums_of_powers_give_the_mean_and_the_variance_that_customers_add_up_to(with_money):
    history = backtest.history_at(joiners(2), cut=day_of(FIRST + 729), unit="week", minor=100)
    rng = np.random.default_rng(7)
    history = history.with_columns(
        share=pl.Series(rng.uniform(-0.1, 0.4, history.height)), shop=pl.Series(rng.choice(list("abc"), history.height))
    )
    fit = bg_nbd.fit(history)
    spend = backtest.steady_spend(history) if with_money else None
    data, paid = read_for(fit, history), money_of(history, spend=spend, margin="share")
    thetas = np.asarray(fit.theta) + rng.normal(0, 0.02, (5, len(fit.theta)))
    spends = spend_draws(spend, n=5, rng=rng)
    group = (history["shop"].to_numpy()[:, None] == np.array(list("abc"))).argmax(axis=1)
    factor = rng.uniform(0.8, 1.0, data.n_rows)
    stake = intervals.Stake(groups=(group,), money=paid, factor=factor)
    [(means, spreads, alive)] = intervals._by_draw(fit, data, stake, thetas=thetas, spends=spends, t=52.0)
    here = intervals.moments(fit, data, slice(0, data.n_rows), thetas=thetas, t=52.0)
    everybody = np.arange(history.height)
    for draw in range(5):
        own = value_moments(paid, everybody, spends[draw] if len(spends) else None)
        first, square, noise = own
        m, f = here.mean[draw][data.row_of], factor[data.row_of]
        mean = m * f * first
        spread = (here.pairs[draw][data.row_of] + m) * f * f * square + m * f * f * noise - mean * mean
        for made, each in ((means, mean), (spreads, spread), (alive, here.alive[draw][data.row_of])):
            np.testing.assert_allclose(made[draw], np.bincount(group, weights=each), rtol=1e-9)
