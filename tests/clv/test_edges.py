"""Where numbers end, and where a count is no amount: busy customers, long and empty horizons, negative margins."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast import intervals, portfolio, posterior, predict, value
from crmlib.clv.horizon import Horizon, months
from crmlib.clv.judge import diagnosis
from crmlib.clv.models import bg_bb, bg_nbd, gamma_gamma, mbg_nbd, nbd, pareto_nbd
from crmlib.clv.numerics.clock import clock_exceed, clock_exceed_at
from crmlib.clv.numerics.coin import coin_exceed, coin_exceed_at
from crmlib.core.errors import ModelError

DAILY = {"k": 1461.0, "scale": 1461.0}
"""Somebody who has bought every day for four years [days]."""
EDGES = (0.05, 0.95)


@pytest.mark.parametrize("years", [1, 4, 20])
def test_a_daily_buyers_counts_start_beyond_the_underflow(years):
    """k·ln(1 + t/scale) is up to 2,600 here: P(N = 0) is 0 in double precision, and the distribution is not."""
    t = 365.25 * years
    stay = dict(a=np.array([1e-9]), b=np.array([1.0]))
    truth = stats.nbinom(DAILY["k"], DAILY["scale"] / (DAILY["scale"] + t))
    most = int(truth.ppf(0.9999))
    ours = coin_exceed(np.array([DAILY["k"]]), DAILY["scale"], **stay, t=t, most=most)[:, 0]
    np.testing.assert_allclose(ours, truth.sf(np.arange(most + 1)), atol=1e-6)
    clock = clock_exceed(np.array([DAILY["k"]]), DAILY["scale"], 1e-9, 1e9, 0.0, t=t, most=min(most, 400))[:, 0]
    np.testing.assert_allclose(clock, truth.sf(np.arange(len(clock))), atol=1e-6)


def test_the_closed_form_is_the_recursion_where_both_are_safe():
    rng = np.random.default_rng(1)
    k, scale, a, b = (rng.gamma(1.0, size, 40) + 0.05 for size in (20, 20, 1, 10))
    for rows, at in (
        (coin_exceed(k, scale, a, b, t=50.0, most=40), lambda i: coin_exceed_at(k, scale, a, b, t=50.0, i=i)),
        (
            clock_exceed(k, scale, a, b, 0.02, t=50.0, most=40),
            lambda i: clock_exceed_at(k, scale, a, b, 0.02, t=50.0, i=i),
        ),
    ):
        for i in (0, 5, 40):
            np.testing.assert_allclose(at(np.full(40, float(i))), rows[i], atol=1e-12)


def fitted(module, history: pl.DataFrame) -> ModelFit:
    return module.fit(history, prior=1.0)


def busy_base() -> pl.DataFrame:
    """Ordinary customers over four years [weeks], and one who came every day."""
    x, t_x = [2, 1, 0, 0, 5, 0, 3, 1460], [30.4, 1.7, 0.0, 0.0, 24.4, 0.0, 20.0, 208.6]
    return pl.DataFrame({"x": x, "t_x": t_x, "T": [208.7] * 8})


@pytest.mark.parametrize("module", [bg_nbd, mbg_nbd, pareto_nbd, nbd])
@pytest.mark.parametrize("ahead", [1, 48, 60, 600])
def test_predictive_counts_end_and_hold_the_probability_they_promise(module, ahead):
    fit, history = fitted(module, busy_base()), busy_base()
    data, t = predict.read_for(fit, history), months(ahead).units("week")
    low, high = intervals.predictive_counts(fit, data, t=t, edges=EDGES)
    there, future = predict.state(fit, data, slice(0, data.n_rows))
    above = there * future.exceed_at(t, high.astype(float))
    assert (above <= 0.05 + 1e-9).all()
    below = there * future.exceed_at(t, np.maximum(high - 1.0, 0.0))
    assert (below[high > 0] > 0.05 - 1e-9).all()
    assert (low <= high).all()


@pytest.mark.parametrize("module", [bg_nbd, mbg_nbd, pareto_nbd, nbd])
def test_no_days_ahead_expect_nothing_and_are_no_error(module):
    fit, history = fitted(module, busy_base()), busy_base()
    seen = predict.customers(fit, history, horizon=Horizon(days=0))
    assert seen["expected"].sum() == 0.0
    assert (seen["p_none"] == 1.0).all()
    assert predict.discounted(fit, predict.read_for(fit, history), t=0.0, rate=0.1).sum() == 0.0
    assert predict.newcomers(fit, horizon=Horizon(days=0)) == 0.0


def test_an_endless_number_of_occasions_is_refused():
    rows = pl.DataFrame({"x": [0, 1, 2, 1], "t_x": [0, 1, 6, 3], "n": [6] * 4, "customers": [30, 12, 5, 9]})
    fit = bg_bb.fit(rows, prior=1.0)
    with pytest.raises(ModelError, match="occasions"):
        predict.newcomers(fit, horizon=Horizon(days=7e9))


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, float("nan")])
def test_a_level_that_no_interval_has_is_refused(level):
    fit = fitted(bg_nbd, busy_base())
    draws = posterior.Posterior  # not reached
    with pytest.raises(ModelError, match="level"):
        intervals.totals(fit, draws, busy_base(), horizon=months(1), rng=np.random.default_rng(1), level=level)


def test_groups_of_three_are_counted_in_whole_purchases_and_covered(worlds):
    """Continuous bounds for counts: a correct model's groups of 3 were covered .52 of the time instead of .9."""
    history = worlds.bg(1500, np.random.default_rng(5)).with_row_index("i")
    history = history.with_columns(group=(pl.col("i") // 3).cast(pl.String))
    fit = bg_nbd.fit(history)
    draws = posterior.draw(fit, history, rng=np.random.default_rng(6))
    found = intervals.totals(
        fit, draws, history, horizon=Horizon(days=182), rng=np.random.default_rng(7), segments=["group"], draws=60
    ).drop_nulls("by")
    assert (found["low"] == found["low"].floor()).all()
    assert (found["high"] == found["high"].ceil()).all()
    came = history.group_by(segment="group").agg(pl.col("later").sum())
    inside = found.join(came, on="segment").select(pl.col("later").is_between("low", "high").mean()).item()
    assert inside >= 0.88


def spenders(worlds) -> tuple[pl.DataFrame, ModelFit, gamma_gamma.SpendFit, posterior.Posterior]:
    history = worlds.bg(400, np.random.default_rng(8))
    rng = np.random.default_rng(9)
    history = history.with_columns(
        customer_id=pl.Series([str(i) for i in range(400)]), spend=pl.Series(rng.gamma(6.0, 10.0, 400))
    )
    fit = bg_nbd.fit(history)
    return history, fit, gamma_gamma.fit(history, returns="drop", prior=2.0), posterior.draw(fit, history, rng=rng)


def test_a_negative_margin_keeps_its_sign_in_totals_and_in_every_customers_interval(worlds):
    history, fit, spend, draws = spenders(worlds)
    shared = {"horizon": months(6), "rng": np.random.default_rng(1), "draws": 60}
    gain = intervals.totals(fit, draws, history, spend=spend, margin=0.3, **shared).row(0, named=True)
    shared["rng"] = np.random.default_rng(1)
    loss = intervals.totals(fit, draws, history, spend=spend, margin=-0.3, **shared).row(0, named=True)
    for up, down in (("low", "high"), ("expected_low", "expected_high")):
        assert loss[up] == pytest.approx(-gain[down], rel=1e-6)
        assert loss[down] == pytest.approx(-gain[up], rel=1e-6)
    each = value.intervals(
        fit,
        draws,
        spend,
        history,
        horizon=months(6),
        annual_rate=0.0,
        margin=-0.3,
        rng=np.random.default_rng(2),
        draws=60,
    )
    assert (each["value_best"] <= 0).all()
    assert (each["value_worst"] < 0).any()
    mixed = history.with_columns(share=pl.when(pl.int_range(pl.len()) % 2 == 0).then(0.3).otherwise(-0.3))
    both = intervals.totals(
        fit, draws, mixed, spend=spend, margin="share", horizon=months(6), rng=np.random.default_rng(1), draws=60
    ).row(0, named=True)
    assert both["low"] < both["expected"] < both["high"]


@pytest.mark.parametrize(
    ("net", "margin", "rate", "source"),
    [
        ([800, 200], [-100, None], -0.125, "measured"),
        ([1, 100_000], [1, None], 1.0, "unknown"),
        ([100, 100], [0, 0], 0.0, "measured"),
        ([100, -50], [30, -10], 0.4, "measured"),
        ([0, 0], [None, None], 1.0, "unknown"),
    ],
)
def test_the_measured_share_of_cost_decides_and_not_the_sign(net, margin, rate, source):
    found = portfolio.margin_of(pl.DataFrame({"net_minor": net, "margin_minor": margin}), given=None)
    assert (found.rate, found.source) == (pytest.approx(rate), source)


def test_a_calendars_factor_moves_purchases_and_value_and_nothing_else(worlds):
    history, fit, spend, draws = spenders(worlds)
    shared = {
        "as_of": date(2025, 6, 30),
        "horizon": months(6),
        "annual_rate": 0.0,
        "margin": portfolio.Margin(0.3, "given"),
    }
    plain = portfolio.portfolio(fit, draws, spend, history, rng=np.random.default_rng(1), **shared)
    same = pl.DataFrame({"month": [date(2025, 1, 1)], "factor": [1.5]})  # months that are not there get the mean
    moved = portfolio.portfolio(fit, draws, spend, history, rng=np.random.default_rng(1), seasonal=same, **shared)
    for name in ("expected", "value"):
        np.testing.assert_allclose(moved.customers[name].to_numpy(), 1.5 * plain.customers[name].to_numpy(), rtol=1e-12)
    assert moved.total["expected"] == pytest.approx(1.5 * plain.total["expected"])
    assert moved.customers["p_alive"].equals(plain.customers["p_alive"])
    assert moved.customers["spend_next"].equals(plain.customers["spend_next"])


@pytest.mark.parametrize("module", [bg_nbd, pareto_nbd])
def test_outcomes_of_the_busiest_are_placed_where_they_are_and_not_at_a_cap(module):
    """Counts above 400 were read as 400: a daily buyer's 1,400 looked like a surprise from below."""
    fit, history = fitted(module, busy_base()), busy_base()
    data, t = predict.read_for(fit, history), months(48).units("week")
    y = np.zeros(8)
    y[-1] = 1400.0
    below, at = diagnosis.outcome_chances(fit, data, y, t=t)
    there, future = predict.state(fit, data, slice(0, data.n_rows))
    row = data.row_of[-1]
    i = np.full(data.n_rows, 1400.0)
    assert below[-1] == pytest.approx(1 - (there * future.exceed_at(t, i - 1.0))[row])
    assert 0.0 < at[-1] < 0.01
