"""Stock: spread of demand, cover, batches, empty days, lost sales."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom, poisson

from crmlib.balances.stock import advice, cover, demand, expiry, lost_sales, season, stockouts
from crmlib.balances.stock import negative_binomial as nb
from crmlib.core.calendar import festival_day
from crmlib.core.errors import ContractError

FOUR = 5e-5


def test_the_spread_of_demand_gives_the_numbers_of_the_spec():
    mean, phi, stock = np.array(10.0), np.array(5.0), np.array(12.0)
    assert nb.sells_out(mean, phi, stock) == pytest.approx(0.3390, abs=FOUR)
    assert nb.left_over(mean, phi, stock) == pytest.approx(3.9969, abs=FOUR)
    assert nb.quantile(mean, phi, 0.95) == 24


@pytest.mark.parametrize(("mean", "phi"), [(10.0, 5.0), (0.3, 1.5), (80.0, 2.0), (4.0, 1.0)])
def test_the_spread_of_demand_is_that_of_scipy(mean, phi):
    d = np.arange(3000)
    p = poisson.pmf(d, mean) if phi == 1 else nbinom.pmf(d, mean / (phi - 1), 1 / phi)
    for stock in (0.0, 1.0, 2.0, 9.0, 40.0, 120.0):
        one = (np.array(mean), np.array(phi), np.array(stock))
        assert nb.sells_out(*one) == pytest.approx(p[d >= stock].sum(), abs=1e-9)
        assert nb.left_over(*one) == pytest.approx((np.maximum(stock - d, 0) * p).sum(), abs=1e-8)
        assert nb.left_squared(*one) == pytest.approx((np.maximum(stock - d, 0) ** 2 * p).sum(), abs=1e-6)


def test_an_empty_shelf_is_likelier_with_every_day_without_a_sale():
    found = stockouts.empty_after(np.array([1, 2, 3, 5]), rate=np.array(2.0), shape=4.0, enter=0.02, stay=0.8)
    np.testing.assert_allclose(found, [0.0936, 0.2950, 0.6289, 0.9653], atol=FOUR)
    slow = stockouts.empty_after(np.array([7]), rate=np.array(0.05), shape=4.0)
    assert slow[0] < 0.05  # a slow seller: a week without a sale says little


def test_smoothed_chances_are_those_of_all_histories_weighed_one_by_one():
    sold, rate, k, enter, stay = np.array([[3, 0, 0, 1, 0, 0, 0, 2, 0]]), 0.8, 2.0, 0.1, 0.7
    nothing = (k / (k + rate)) ** k
    weights = np.zeros(sold.shape[1])
    total = 0.0
    for states in itertools.product((0, 1), repeat=sold.shape[1]):
        chance, before = 1.0, 0
        for state, x in zip(states, sold[0], strict=True):
            out = stay if before else enter
            chance *= out if state else 1 - out
            chance *= (x == 0) if state else (nothing if x == 0 else 1.0)
            before = state
        total += chance
        weights += chance * np.array(states)
    found, _ = stockouts._smooth(sold, np.array([rate]), np.ones(9), k=k, enter=enter, stay=stay, counted=None)
    np.testing.assert_allclose(found[0], weights / total, atol=1e-12)


def test_what_a_sold_out_day_lost_is_known_better_from_the_day_itself():
    found = lost_sales.lost(np.array([10.0]), np.array([0.6]), rate=np.array([10.0]), shape=4.0)
    assert found[0] == pytest.approx(5.6)
    assert pytest.approx(4.0) == 10.0 * (1 - 0.6)  # rate × rest forgets that the day sold fast


def spring(days: int, end: date) -> tuple[np.ndarray, date]:
    """Sales of three years that triple in the four weeks before Spring Festival and halve after it."""
    first = end - timedelta(days=days - 1)
    values = []
    for i in range(days):
        day = first + timedelta(days=i)
        ahead = min(((festival_day("spring_festival", y) - day).days for y in (day.year, day.year + 1)), key=abs)
        values.append(100.0 * (3.0 if 0 <= ahead <= 28 else 0.5 if -30 <= ahead < 0 else 1.0))
    return np.array(values), first


@pytest.mark.parametrize(("before", "shorter"), [(30, True), (-3, False)])
def test_days_of_cover_by_past_means_are_wrong_around_spring_festival(before, shorter):
    end = festival_day("spring_festival", 2026) - timedelta(days=before)
    sold, first = spring(1000, end)
    factors = season.factors(sold, first=first, horizon=300)
    made = demand.forecast(sold[None, :], factors=factors[None, :], category=np.array([0]), horizon=300)
    stock = 45 * sold[-28:].mean()
    found = cover(np.array([stock]), made.mean)[0]
    future, _ = spring(1300, end + timedelta(days=300))
    true = cover(np.array([stock]), future[None, 1000:])[0]
    assert found == pytest.approx(true, rel=0.15)
    assert (true < 28) if shorter else (true > 73)  # "45 days" of past mean


def test_tsb_forgets_dead_goods_and_croston_does_not():
    rng = np.random.default_rng(3)
    alive = (rng.random((40, 200)) < 0.3) * rng.poisson(4, (40, 200))
    dead = np.concatenate([alive.astype(float), np.zeros((40, 120))], axis=1)
    made = demand.forecast(dead, factors=np.ones((1, 330)), category=np.zeros(40, dtype=np.int64), horizon=10)
    assert made.level.max() < 0.05
    croston = [row[row > 0][-10:].mean() * (row[:200] > 0).mean() for row in dead]
    assert np.mean(croston) > 0.8  # its last size over its last gap stays for ever


def test_spread_is_half_the_items_own_and_half_its_categorys():
    rng = np.random.default_rng(4)
    wide, narrow = rng.negative_binomial(5, 0.2, (1, 400)), rng.poisson(20, (20, 400))
    sold = np.concatenate([wide, narrow]).astype(float)
    made = demand.forecast(sold, factors=np.ones((1, 410)), category=np.zeros(21, dtype=np.int64), horizon=10)
    assert made.phi[0] == pytest.approx(0.5 * 5 + 0.5, abs=0.5)
    assert made.phi[1:].mean() == pytest.approx(1.0, abs=0.1)


def batch_table() -> pl.DataFrame:
    return pl.DataFrame({
        "store_id": ["s", "s", "s"], "product_id": ["p", "p", "p"], "lot_id": ["late", "soon", "gone"],
        "expires_on": [date(2026, 1, 20), date(2026, 1, 3), date(2025, 12, 30)],
        "on_hand_milli": [30_000, 8_000, 1_000],
    })  # fmt: skip


def steady(mean: float, *, items: int = 1, horizon: int = 10) -> demand.Demand:
    level = np.full(items, mean)
    return demand.Demand(np.full((items, horizon), mean), np.full(items, 3.0), level, np.zeros(items, dtype=np.int64))


def test_batches_wait_for_all_that_expire_earlier_and_the_last_day_counts():
    items = pl.DataFrame({"store_id": ["s"], "product_id": ["p"]})
    found = expiry.batches(batch_table(), steady(2.0), items=items, as_of=date(2025, 12, 31))
    assert found["lot_id"].to_list() == ["gone", "soon", "late"]
    spread = 3.0 * (1 + 3 * 0.03 / 1.97)  # three days, and the error of a level smoothed with α .03
    args = (np.array(6.0), np.array(spread), np.array(8.0))
    left = float(nb.left_over(*args))
    assert found.select("days", "before_milli", "mean").rows() == [
        (0, 0, 0.0), (3, 0, 6.0), (20, round(1000 * (8 - left)), 40.0),
    ]  # fmt: skip
    assert found["p_sold"].to_list()[:2] == [0.0, pytest.approx(float(nb.sells_out(*args)))]
    assert found["left_milli"][0] == 1_000  # past its last day: nothing of it will be sold
    assert (found["left_milli"] <= found["on_hand_milli"]).all()


@pytest.mark.parametrize(
    ("first", "both", "lots"),
    [(10, 20, (15, 8)), (6, 12, (10, 9)), (10, 12, (10, 4)), (10, 14, (14, 6)), (5, 6, (9, 3))],
)
def test_a_batch_behind_another_sells_out_as_all_courses_of_both_say(first, both, lots):
    """Every pair of demands weighed one by one; "P(D ≥ what both sell)" is off by up to .14."""
    phi, d = 2.5, np.arange(400)
    p = [nbinom.pmf(d, m / (phi - 1), 1 / phi) for m in (first, both - first)]
    asked = np.maximum(d - lots[0], 0)[:, None] + d[None]
    weight = p[0][:, None] * p[1][None]
    true, left = (weight * (asked >= lots[1])).sum(), (weight * np.maximum(lots[1] - asked, 0)).sum()
    two = np.array([[phi, phi], [phi, phi], lots, [first, both]], dtype=float)
    _, rest, sold = expiry._in_turn(np.array([0, 0]), two[2], two[3], two[0], two[1])
    assert (sold[1], rest[1]) == (pytest.approx(true, abs=0.01), pytest.approx(left, abs=0.05))


def test_a_batch_that_expires_before_it_is_made_is_refused():
    table = batch_table().with_columns(produced_on=date(2026, 1, 10))
    with pytest.raises(ContractError) as refused:
        expiry.batches(
            table, steady(1.0), items=table.select("store_id", "product_id").unique(), as_of=date(2026, 1, 1)
        )
    assert refused.value.code == "balances.lot_dates"


def test_goods_without_any_forecast_are_not_taken_to_sell():
    items = pl.DataFrame({"store_id": ["s"], "product_id": ["another"]})
    found = expiry.batches(batch_table(), steady(2.0), items=items, as_of=date(2025, 12, 31))
    assert found["left_milli"].to_list() == found["on_hand_milli"].to_list()


def test_the_best_way_out_is_advised_in_yuan():
    rows = pl.DataFrame({
        "left_milli": [10_000, 10_000, 10_000, 10_000], "mean": [5.0, 20.0, 5.0, 5.0], "price_minor": [1000] * 4,
        "room_milli": [8_000, 0, 0, 0], "gift_minor": [0, 0, 300, 0],
    })  # fmt: skip
    response = pl.DataFrame({"depth_bp": [2000, 5000], "multiplier": [1.5, 1.6]})
    made = advice.advise(rows, response, transport_minor=100)
    assert made["advice"].to_list() == ["transfer", "markdown", "gift", "markdown"]
    assert made["transfer_minor"].to_list() == [7_200, 0, 0, 0]
    assert made["markdown_minor"].to_list() == [1_000, 4_000, 1_000, 1_000]  # 2.5 × 800 − 5 × 200; 10 × 800 − 20 × 200
    none = advice.advise(rows.tail(1), response.with_columns(multiplier=1.0))
    assert none["advice"].to_list() == ["write_off"]
