from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.calendar import festival_day
from crmlib.promotion.lift.baseline import columns_of, days_of, expected, past_bases, season, untreated
from crmlib.promotion.lift.calendar import week_number
from crmlib.promotion.lift.footprint import treated
from crmlib.promotion.lift.lift import lift
from crmlib.promotion.lift.panel import panel
from crmlib.promotion.plan.base import plan_base
from crmlib.simulate.promotions import promotion_world

FIRST = week_number(date(2024, 10, 7))
WEEKS = 110
MONDAY = date(2024, 10, 7)


def days_from(day, count=14):
    return [day + timedelta(days=i) for i in range(count)]


def until(day):
    return week_number(day) - FIRST - 1


def test_a_day_lies_in_the_column_of_its_week():
    assert columns_of([MONDAY, MONDAY + timedelta(days=6), MONDAY + timedelta(days=7)], FIRST).tolist() == [0, 0, 1]
    assert days_of(slice(1, 2), FIRST)[0] == MONDAY + timedelta(days=7)


def test_without_a_year_of_history_the_level_stands_alone():
    level = np.full(40, 100.0)
    got = season(level, level, first_week=FIRST, until=30, days=days_from(MONDAY + timedelta(weeks=32)))
    assert (got.factor, got.known, got.then.size) == (1.0, False, 0)
    assert expected(level[None], got, until=30, days=14).tolist() == [200.0]


def test_a_festival_is_found_where_the_moon_puts_it():
    """Sales double in the three weeks before Spring Festival: 29 January 2025, 17 February 2026."""
    start = [MONDAY + timedelta(weeks=w) for w in range(WEEKS)]
    feasts = [festival_day("spring_festival", year) for year in (2025, 2026)]
    busy = [any(timedelta(0) < feast - day <= timedelta(days=21) for feast in feasts) for day in start]
    sales = 1000.0 * np.where(busy, 2.0, 1.0)
    plan = days_from(feasts[1] - timedelta(days=14))
    got = season(sales, sales, first_week=FIRST, until=until(plan[0] - timedelta(weeks=3)), days=plan)
    assert got.known and got.factor == pytest.approx(2.0, rel=0.1)
    quiet = days_from(feasts[1] + timedelta(days=40))
    later = season(sales, sales, first_week=FIRST, until=until(quiet[0]), days=quiet)
    assert later.factor == pytest.approx(
        1 / np.mean(np.where(busy, 2.0, 1.0)[until(quiet[0]) - 7 : until(quiet[0]) + 1]), rel=0.1
    )


def test_chance_weeks_are_no_season():
    rng = np.random.default_rng(1)
    factors = []
    for _ in range(200):
        sales = rng.poisson(40, WEEKS).astype(float)
        day = MONDAY + timedelta(weeks=80)
        factors.append(season(sales, sales, first_week=FIRST, until=until(day), days=days_from(day)).factor)
    assert np.std(np.log(factors)) < 0.07  # the raw ratio swings by .12
    assert np.mean(np.log(factors)) == pytest.approx(0, abs=0.015)


def test_goods_out_of_season_lately_take_last_years_days_grown_as_all_goods_have():
    weeks = np.arange(WEEKS)
    box = np.where((weeks >= 14) & (weeks <= 22), 500.0, 0.0)
    everything = 10_000.0 * np.where(weeks < 55, 1.0, 1.2)
    plan = days_from(MONDAY + timedelta(weeks=18 + 52), 7)
    got = season(box, everything, first_week=FIRST, until=62, days=plan)
    assert got.then.size == 7 and got.factor > 1
    assert expected(box[None], got, until=62, days=7)[0] == pytest.approx(500 * got.factor)


@pytest.fixture(scope="module")
def judged():
    world = promotion_world(rng=np.random.default_rng(5), stores=40, products=30, siblings=1)
    grid = panel(world.panel, stores=world.stores, products=world.products)
    return world, grid, lift(grid, world.events, rng=np.random.default_rng(1), rounds=1)


def test_the_season_lowers_the_error_of_past_forecasts(judged):
    """Every product of this world is a category of its own, with a season of its own."""
    world, grid, found = judged
    rows = treated(world.events, panel=grid)
    flat = untreated(grid.units, found.base, found.clean)
    truth = world.truth.filter(pl.col("role") == "event").sort("event_id")["oracle_units"].to_numpy()
    errors = {}
    for seasonal in (True, False):
        base, known = past_bases(grid, flat, rows, noise=found.carry.phi, seasonal=seasonal)
        errors[seasonal] = np.abs(np.log(base[known] / truth[known]))
    assert errors[True].size > 50
    assert errors[True].mean() < errors[False].mean()


def test_a_plan_has_the_base_of_its_stores_and_a_shut_one_has_none(judged):
    _, grid, found = judged
    flat = untreated(grid.units, found.base, found.clean)
    start = date(1969, 12, 29) + timedelta(weeks=grid.first_week + grid.weeks)
    goods = grid.products.head(3)
    given = {"products": goods, "days": days_from(start), "until": grid.weeks - 1, "noise": 1.0, "name": "three"}
    found = plan_base(grid, flat, **given)
    got, here = found.stores, found.season
    direct = flat[:, :3, -8:].sum(axis=1).mean(axis=1) * 2 * here.factor
    assert got["base_milli"].to_numpy() / 1000 == pytest.approx(direct, abs=0.002)
    shut = grid.known.copy()
    shut[0, :, -8:] = False
    closed = type(grid)(**{name: getattr(grid, name) for name in grid.__slots__ if name != "known"}, known=shut)
    again = plan_base(closed, flat, **given).stores
    assert again["base_milli"][0] == 0
