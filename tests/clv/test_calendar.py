"""Pareto/NBD along a calendar: nothing changes without effects, and known effects are found."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.clv import horizon
from crmlib.clv.forecast import predict
from crmlib.clv.judge import backtest
from crmlib.clv.models import pareto_nbd
from crmlib.clv.seasonal import calendar_grid, lifetime_calendar
from crmlib.clv.seasonal import pareto_nbd_calendar as calendar
from crmlib.clv.seasonal.calendar_likelihood import score
from crmlib.clv.seasonal.calendar_pieces import cut_into_pieces
from crmlib.core.calendar.festivals import festival_day
from crmlib.core.errors import ModelError

EPOCH = date(1970, 1, 1)
END = (date(1997, 9, 30) - EPOCH).days


@pytest.fixture(scope="module")
def grid():
    return calendar_grid.calendar_grid(date(1996, 12, 30), date(1998, 7, 10), harmonics=1)


def test_without_effects_it_is_pareto_nbd(cdnow_sample, cdnow, grid):
    few = cdnow_sample.filter(pl.col("customer_id") < "0400")
    plain = pareto_nbd.fit(cdnow.filter(pl.col("customer_id") < "0400"))
    fit = calendar.fit(few, grid, period_end_n=END)
    assert fit.log_likelihood == pytest.approx(plain.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(fit.theta, plain.theta, atol=1e-5)
    ours = calendar.customers(fit, few, grid, period_end_n=END, horizon=horizon.weeks(39))
    theirs = predict.customers(plain, cdnow.filter(pl.col("customer_id") < "0400"), horizon=horizon.weeks(39))
    np.testing.assert_allclose(ours["expected"].to_numpy(), theirs["expected"].to_numpy(), rtol=1e-5)
    np.testing.assert_allclose(ours["p_alive"].to_numpy(), theirs["p_alive"].to_numpy(), rtol=1e-5)


def test_gradients_are_the_slopes_of_the_log_likelihood(cdnow_sample, grid):
    few = cdnow_sample.filter(pl.col("customer_id") < "0060")
    pieces = cut_into_pieces(
        few, grid, period_end_n=END, purchase=["season_sin_1", "season_cos_1"], dropout=["season_cos_1"]
    )
    theta = np.array([*np.log([0.5, 10.0, 0.6, 12.0]), 0.3, -0.2, 0.4])
    scores = score(theta, pieces)[1]
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = 1e-5
        slope = (score(theta + step, pieces)[0] - score(theta - step, pieces)[0]) / 2e-5
        np.testing.assert_allclose(scores[i], slope, rtol=1e-5, atol=1e-6)


def festival_world(n: int, rng: np.random.Generator, *, effect: float) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Customers who buy e^effect times as often in the three weeks before a festival; none of them leaves soon."""
    start = date(2024, 1, 1)
    festivals = pl.DataFrame({"name": ["spring", "spring"], "day": [date(2024, 2, 10), date(2025, 1, 29)]})
    grid = calendar_grid.calendar_grid(start, date(2025, 12, 31), festivals=festivals, before=21)
    share = np.repeat(grid["festival_spring"].to_numpy(), 7)
    first_n, days = (start - EPOCH).days, 480
    rows = []
    for i in range(n):
        rate = rng.gamma(1.2, 1 / 12.0) / 7.0
        gone = rng.exponential(1.0 / (rng.gamma(1.5, 1 / 150.0) / 7.0))
        came = int(rng.integers(0, 120))
        upto = min(days, came + int(min(gone, 1e6)))
        hits = rng.random(upto - came) < 1 - np.exp(-rate * np.exp(effect * share[came + 1 : upto + 1]))
        rows += [
            (f"c{i:05d}", first_n + came),
            *((f"c{i:05d}", first_n + came + 1 + int(d)) for d in np.flatnonzero(hits)),
        ]
    return pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row"), grid, first_n + days


def test_a_festivals_effect_is_found_again():
    purchases, grid, end = festival_world(400, np.random.default_rng(21), effect=0.9)
    fit = calendar.fit(purchases, grid, period_end_n=end, purchase=["festival_spring"])
    effect, error = dict(fit.effects)["purchase:festival_spring"], fit.standard_errors["purchase:festival_spring"]
    assert fit.certificate.converged
    assert effect == pytest.approx(0.9, abs=4 * error)
    assert error < 0.15
    ahead = horizon.Horizon(days=100)
    season = calendar.customers(fit, purchases, grid, period_end_n=end, horizon=ahead)
    assert season["expected"].is_finite().all()


def test_festival_windows_are_shares_of_the_week():
    spring = pl.DataFrame({"name": ["spring"], "day": [date(2024, 2, 10)]})
    grid = calendar_grid.calendar_grid(date(2024, 1, 1), date(2024, 3, 1), festivals=spring, before=13, after=1)
    assert (grid["festival_spring"] * 7).sum() == pytest.approx(15.0)  # 13 days before, the day, one after
    assert calendar_grid.season_columns(grid) == ("festival_spring",)


def test_grids_with_gaps_or_too_short_are_refused(cdnow_sample, grid):
    with pytest.raises(ModelError) as refused:
        calendar.fit(cdnow_sample, grid.head(3), period_end_n=END)
    assert refused.value.code == "clv.grid_cover"
    holes = grid.with_columns(z=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(ModelError) as refused:
        calendar.fit(cdnow_sample, holes, period_end_n=END, purchase=["z"])
    assert refused.value.code == "clv.grid_values"
    with pytest.raises(ModelError, match="on or after the start"):
        calendar_grid.calendar_grid(date(2024, 1, 2), date(2024, 1, 2) - timedelta(days=1))


def test_the_page_follows_festivals_where_the_held_out_time_says_so_and_only_there():
    """Three weeks before the Spring Festival buyers come three times as often; the horizon holds one, or none."""
    rng, first = np.random.default_rng(3), date(2023, 1, 1)
    begin, length = (first - EPOCH).days, 790
    spring = [festival_day("spring_festival", year) for year in (2023, 2024, 2025)]
    peak = np.zeros(length)
    for day in spring:
        at = (day - first).days
        peak[max(at - 20, 0) : at + 1] = 1.0

    def world(effect: float) -> pl.DataFrame:
        rows = []
        for i in range(700):
            came, rate = int(rng.integers(0, 400)), rng.gamma(1.5, 1 / 60.0)
            stay = came + int(rng.exponential(400))
            hits = np.flatnonzero(rng.random(length - came - 1) < 1 - np.exp(-rate * np.exp(effect * peak[came + 1 :])))
            later = (came + 1 + hits)[came + 1 + hits <= stay]
            rows += [(f"c{i:04d}", begin + came), *((f"c{i:04d}", begin + int(d)) for d in later)]
        return pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").with_columns(net_minor=pl.lit(100))

    as_of, ahead = first + timedelta(days=640), horizon.Horizon(days=140)  # to 2025-02-18: one Spring Festival
    grid = lifetime_calendar.weekly_grid(first=first, last=as_of + timedelta(days=160))
    said = {}
    for effect in (1.2, 0.0):
        days = world(effect)
        known = days.filter(pl.col("day_n") <= (as_of - EPOCH).days)
        # the back-test's holdout, too, holds a Spring Festival
        test = backtest.run(known, end=as_of, cut=date(2023, 12, 20), rng=rng, models=("pareto_nbd",))
        said[effect] = lifetime_calendar.trial(known, test, as_of=as_of, horizon=ahead, grid=grid)
    moved = said[1.2]
    assert moved.helps
    assert dict(moved.effects)["purchase:festival_spring_festival"] == pytest.approx(1.2, abs=0.3)
    assert moved.factors["factor"].mean() > 1.1
    assert not said[0.0].helps


def test_weeks_after_the_planned_promotions_repeat_those_of_the_year_before():
    first = date(2024, 1, 1)
    runs = pl.DataFrame({"starts_on": [date(2024, 3, 4)], "ends_on": [date(2024, 3, 17)]})
    grid = lifetime_calendar.weekly_grid(first=first, last=date(2025, 6, 30), promotions=runs, known=date(2024, 12, 29))
    on = grid.filter(pl.col("promotions") > 0)["start_n"].cast(pl.Date).to_list()
    assert on == [date(2024, 3, 4), date(2024, 3, 11), date(2025, 3, 3), date(2025, 3, 10)]
