"""Money: horizons, discounting, margins, segments that add up, and what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.clv import horizon
from crmlib.clv.forecast import intervals, portfolio, posterior, predict, value
from crmlib.clv.models import bg_nbd, gamma_gamma, mbg_nbd, pareto_nbd, sbg
from crmlib.core.errors import ModelError

SPEND = gamma_gamma.GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
ONE = pl.DataFrame({"x": [3], "t_x": [20.0], "T": [39.0], "spend": [30.0]})


@pytest.fixture(scope="module")
def fits(cdnow):
    fit = bg_nbd.fit(cdnow)
    return fit, gamma_gamma.fit(cdnow), posterior.draw(fit, cdnow, rng=np.random.default_rng(1))


def test_value_is_purchases_times_spend_times_margin(cdnow, fits):
    fit, spend, _ = fits
    worth = value.customers(fit, spend, cdnow, horizon=horizon.weeks(39), annual_rate=0.0, margin=0.25)
    plain = predict.customers(fit, cdnow, horizon=horizon.weeks(39))
    np.testing.assert_allclose(worth["expected"], plain["expected"], rtol=1e-12)
    np.testing.assert_allclose(worth["value"], worth["expected"] * worth["spend_next"] * 0.25, rtol=1e-12)
    assert worth["customer_id"].equals(cdnow["customer_id"])


def test_margin_may_be_a_column(cdnow, fits):
    fit, spend, _ = fits
    by_column = value.customers(
        fit, spend, cdnow.with_columns(m=pl.lit(0.25)), horizon=horizon.weeks(39), annual_rate=0.0, margin="m"
    )
    by_number = value.customers(fit, spend, cdnow, horizon=horizon.weeks(39), annual_rate=0.0, margin=0.25)
    assert by_column["value"].equals(by_number["value"])


@pytest.mark.parametrize("model", [bg_nbd, pareto_nbd])
def test_discounting_agrees_with_a_fine_sum_over_weeks(cdnow, model):
    fit = model.fit(cdnow)
    data = predict.read_for(fit, ONE)
    there, ahead = predict.state(fit, data, slice(0, 1))
    ends = np.linspace(0, 104, 521)
    upto = np.array([0.0, *(float(ahead.mean(t)[0]) for t in ends[1:])])
    middle = (ends[1:] + ends[:-1]) / 2
    by_hand = there[0] * float((np.diff(upto) * np.exp(-0.0027 * middle)).sum())
    assert predict.discounted(fit, data, t=104.0, rate=0.0027)[0] == pytest.approx(by_hand, rel=1e-5)


def test_an_endless_horizon_needs_a_rate_and_exceeds_every_finite_one(cdnow, fits):
    fit, _, _ = fits
    data = predict.read_for(fit, ONE)
    with pytest.raises(ModelError) as refused:
        predict.discounted(fit, data, t=None, rate=0.0)
    assert refused.value.code == "clv.endless"
    endless = predict.discounted(fit, data, t=None, rate=0.0027)[0]
    assert endless > predict.discounted(fit, data, t=2000.0, rate=0.0027)[0]
    assert endless == pytest.approx(predict.discounted(fit, data, t=8000.0, rate=0.0027)[0], rel=1e-6)


def test_segments_add_up_to_the_whole_and_their_intervals_are_relatively_wider(cdnow, fits):
    fit, spend, draws = fits
    frame = cdnow.with_columns(group=pl.Series(["a", "b", "c"] * 786)[: cdnow.height])
    sums = intervals.totals(
        fit,
        draws,
        frame,
        horizon=horizon.weeks(39),
        rng=np.random.default_rng(2),
        segments=["group"],
        spend=spend,
        margin=0.3,
        annual_rate=0.1,
    )
    parts, whole = sums.filter(pl.col("by") == "group"), sums.filter(pl.col("by").is_null()).row(0, named=True)
    assert parts["segment"].to_list() == ["a", "b", "c"]
    assert parts["expected"].sum() == pytest.approx(whole["expected"], rel=1e-12)
    assert parts["customers"].sum() == whole["customers"] == 2357
    assert whole["low"] < whole["expected_low"] < whole["expected"] < whole["expected_high"] < whole["high"]
    width = (parts["high"] - parts["low"]) / parts["expected"]
    assert width.min() > (whole["high"] - whole["low"]) / whole["expected"]


def test_linear_and_exact_draws_agree(cdnow, fits, monkeypatch):
    fit, _, draws = fits
    exact = intervals.totals(fit, draws, cdnow, horizon=horizon.weeks(39), rng=np.random.default_rng(3))
    monkeypatch.setattr(intervals, "EXACT", 10)
    linear = intervals.totals(fit, draws, cdnow, horizon=horizon.weeks(39), rng=np.random.default_rng(3))
    assert (exact["method"].item(), linear["method"].item()) == ("exact", "linear")
    assert linear["expected_low"].item() == pytest.approx(exact["expected_low"].item(), rel=0.01)
    assert linear["high"].item() == pytest.approx(exact["high"].item(), rel=0.01)


def test_intervals_of_value_hold_the_expectation(cdnow, fits):
    fit, spend, draws = fits
    some = cdnow.head(60)
    worth = value.customers(fit, spend, some, horizon=horizon.weeks(39), annual_rate=0.1, margin=0.3)
    frame = value.intervals(
        fit, draws, spend, some, horizon=horizon.weeks(39), annual_rate=0.1, margin=0.3, rng=np.random.default_rng(4)
    )
    inside = (frame["value_low"] <= worth["value"]) & (worth["value"] <= frame["value_high"])
    assert inside.mean() > 0.9
    assert (frame["value_worst"] <= frame["value_low"]).all()


def test_a_new_customers_curve_rises_and_its_band_holds_it(fits):
    fit, spend, draws = fits
    curve = portfolio.newcomer_curve(fit, draws, spend, annual_rate=0.08, margin=0.3, rng=np.random.default_rng(5))
    assert curve["value"].is_sorted()
    assert ((curve["value_low"] < curve["value"]) & (curve["value"] < curve["value_high"])).all()
    year = value.newcomer(fit, spend, horizon=horizon.months(12), annual_rate=0.08, margin=0.3)
    assert curve.filter(pl.col("months") == 12)["value"].item() == pytest.approx(year)


def test_spend_of_a_customer_moves_from_everybodys_to_their_own():
    n = np.array([0.0, 1.0, 10.0, 1e6])
    spend = gamma_gamma.expected_spend(SPEND, n=n, spend=np.full(4, 80.0))
    assert spend[0] == pytest.approx(6.25 * 15.44 / 2.74)
    assert (np.diff(spend) > 0).all()
    assert spend[-1] == pytest.approx(80.0, rel=1e-3)


@pytest.mark.parametrize(("q", "code"), [(0.8, "clv.no_mean"), (1.6, "clv.no_variance")])
def test_a_spend_without_mean_or_variance_is_refused(q, code):
    """lifetimes returns a mean of −481 at q = .8."""
    params = gamma_gamma.GammaGammaParams(p=6.0, q=q, gamma=15.0)
    with pytest.raises(ModelError) as refused:
        gamma_gamma.spend_moments(params, n=np.zeros(1), spend=np.zeros(1))
    assert refused.value.code == code


def test_returns_are_refused_or_dropped_and_counted(cdnow):
    broken = cdnow.with_columns(spend=pl.when(pl.col("customer_id") == "0001").then(-5.0).otherwise("spend"))
    with pytest.raises(ModelError) as refused:
        gamma_gamma.fit(broken)
    assert refused.value.values["bad"] == 1
    assert gamma_gamma.fit(broken, returns="drop").n_dropped == 1


def test_spend_and_frequency_of_cdnow_are_hardly_related(cdnow):
    rho, error, n = gamma_gamma.spend_frequency(cdnow)
    assert n == 946
    assert rho == pytest.approx(0.1137, abs=5e-4)  # Fader & Hardie (2013) print .11 and call it negligible
    assert 0.02 < error < 0.1


@given(rate=st.floats(0.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_a_year_of_discounting_costs_the_annual_rate(rate):
    weekly = horizon.rate_per_unit(rate, unit="week")
    assert np.exp(-weekly * 365.25 / 7) == pytest.approx(1 / (1 + rate), rel=1e-9)


def test_horizons_are_calendar_time():
    assert horizon.until(date(1998, 6, 30), after=date(1997, 9, 30)).units("week") == 39.0
    with pytest.raises(ModelError, match="after the last day"):
        horizon.until(date(1997, 9, 30), after=date(1997, 9, 30))
    with pytest.raises(ModelError, match="0 or more"):
        horizon.rate_per_unit(-0.1, unit="day")


@given(x=st.integers(0, 50), share=st.floats(0.01, 1), T=st.floats(0.5, 500), t=st.floats(0.1, 100))
@settings(max_examples=80, deadline=None)
@pytest.mark.parametrize("name", ["bg_nbd", "pareto_nbd", "mbg_nbd"])
def test_more_time_never_means_fewer_purchases(name, x, share, T, t):
    module = {"bg_nbd": bg_nbd, "pareto_nbd": pareto_nbd, "mbg_nbd": mbg_nbd}[name]
    params = module.MODEL.params(0.5, 5.0, 0.8, 3.0)
    one = {"x": np.array([float(x)]), "t_x": np.array([share * T if x else 0.0]), "T": np.array([T])}
    now, later = (module.expected_purchases(params, **one, t=h)[0] for h in (t, 1.5 * t))
    assert 0 <= now <= later * (1 + 1e-12)
    assert 0 <= module.p_alive(params, **one)[0] <= 1


def test_probabilities_of_counts_sum_to_one(cdnow, fits):
    fit, _, _ = fits
    table = predict.p_purchases(fit, cdnow.head(50), horizon=horizon.weeks(39), most=12)
    sums = table.drop("customer_id").sum_horizontal()
    np.testing.assert_allclose(sums.to_numpy(), 1.0, atol=1e-12)
    scores = predict.customers(fit, cdnow.head(50), horizon=horizon.weeks(39))
    np.testing.assert_allclose(table["p_0"].to_numpy(), scores["p_none"].to_numpy(), atol=1e-12)


def test_retention_of_the_sbg_paper_and_discounted_renewals():
    params = sbg.SbgParams(alpha=0.668, beta=3.806)
    survivors = sbg.survival(params, t=np.arange(8.0))
    np.testing.assert_allclose(survivors[[1, 4, 7]], [0.851, 0.592, 0.491], atol=0.02)
    kept = sbg.retention(params, t=np.arange(1.0, 8.0))
    np.testing.assert_allclose(survivors[1:] / survivors[:-1], kept, rtol=1e-12)
    assert (np.diff(kept) > 0).all()
    short = sbg.residual_periods(params, t=np.array([1.0, 5.0]), discount=0.1)
    assert short[1] > short[0]  # who has stayed longer stays longer
    with pytest.raises(ModelError, match="above 0"):
        sbg.residual_periods(params, t=np.ones(1), discount=0.0)


def test_one_sided_memberships_are_refused():
    with pytest.raises(ModelError) as refused:
        sbg.fit(pl.DataFrame({"periods": [1, 2], "left": [False, False]}))
    assert refused.value.code == "clv.members"
