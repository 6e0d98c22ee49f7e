"""Small versions of the gates that `benchmarks/bench_balances.py` holds on larger worlds."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.balances.liability import ultimate, vouchers
from crmlib.balances.receivables import delay, reminders, roll_rates
from crmlib.balances.stock import demand, expiry, lost_sales, stockouts
from tests.balances import worlds


def test_empty_shelves_are_found_as_surely_as_stated_and_their_losses_counted():
    world = worlds.shelves(np.random.default_rng(1), items=600, days=180)
    found = stockouts.detect(world.sold)
    zero, sure = world.sold == 0, found.p_out > 0.95
    assert found.p_out[zero].mean() == pytest.approx(world.empty[zero].mean(), abs=0.02)
    assert found.p_out[sure].mean() == pytest.approx(world.empty[sure].mean(), abs=0.01)
    true = np.where(world.empty, world.demand, 0).sum()
    assert found.lost.sum() == pytest.approx(true, rel=0.1)
    run = np.zeros(zero.shape, dtype=int)
    for t in range(zero.shape[1]):
        run[:, t] = np.where(zero[:, t], (run[:, t - 1] if t else 0) + 1, 0)
    assert world.empty[run >= 7].mean() < 0.8  # "seven days without a sale" is often a slow seller
    assert world.empty[run >= 7].sum() < 0.3 * world.empty.sum()  # and misses most empty days


def test_what_a_count_has_seen_is_believed():
    sold = np.array([[3, 0, 0, 2, 0, 4] * 10])
    counted = np.full(sold.shape, -1)
    counted[0, 1], counted[0, 2] = 1, 0
    found = stockouts.detect(sold, shape=4.0, counted=counted)
    assert found.p_out[0, 1] == pytest.approx(1.0)
    assert found.p_out[0, 2] == pytest.approx(0.0)


def test_lost_sales_of_sold_out_days_are_unbiased_and_rules_of_thumb_are_not():
    world = worlds.sold_out(np.random.default_rng(2), items=60, days=100)
    rates = lost_sales.fit(world.sold, world.share)
    true = world.lost.sum()
    assert lost_sales.lost(world.sold, world.share, rate=rates.rate[:, None], shape=rates.shape).sum() == pytest.approx(
        true, rel=0.1
    )
    mean = world.sold.mean(axis=1)[:, None]
    assert (mean * (1 - world.share)).sum() < 0.8 * true
    assert (mean * (world.share < 1)).sum() > 1.3 * true


def test_expiring_batches_sell_out_as_often_as_stated():
    world = worlds.batches(np.random.default_rng(3), items=1000)
    n, today = 1000, date(2026, 1, 1)
    made = demand.forecast(
        world.past.astype(float), factors=np.ones((1, 245)), category=np.zeros(n, dtype=np.int64), horizon=45
    )
    names = [f"{i:04d}" for i in range(n)]
    lots = pl.DataFrame({
        "store_id": ["s"] * n, "product_id": names, "lot_id": names,
        "expires_on": [today + timedelta(days=int(d)) for d in world.last_day[:, 0]],
        "on_hand_milli": world.lots[:, 0] * 1000,
    })  # fmt: skip
    items = pl.DataFrame({"store_id": ["s"] * n, "product_id": names})
    found = expiry.batches(lots, made, items=items, as_of=today)
    by_then = np.cumsum(world.future, axis=1)[np.arange(n), world.last_day[:, 0] - 1]
    stated, sold = found["p_sold"].to_numpy(), by_then >= world.lots[:, 0]
    for low in (0.0, 0.5):
        band = (stated >= low) & (stated < low + 0.5)
        assert stated[band].mean() == pytest.approx(sold[band].mean(), abs=0.05)
    rule = (found["mean"].to_numpy() >= world.lots[:, 0]).astype(float)
    assert ((stated - sold) ** 2).mean() < 0.75 * ((rule - sold) ** 2).mean()
    left = np.maximum(world.lots[:, 0] - by_then, 0).sum()
    assert found["left_milli"].sum() / 1000 == pytest.approx(left, rel=0.1)


def test_rolling_points_are_forecast_without_bias_and_outstanding_times_u_is_not():
    errors, naive = [], []
    for seed in range(12):
        months = 60 + seed
        issued, used = worlds.rolling_points(np.random.default_rng(seed), months=months)
        last = months - 12
        later = np.add.outer(np.arange(months), np.arange(12)) > last
        live = slice(last - 10, last + 1)
        outstanding = float(issued[live].sum() - np.where(later, 0, used)[live].sum())
        true = float(np.where(later, used, 0)[: last + 1].sum())
        found = ultimate.rolling(issued[: last + 1], used[: last + 1], last=last, outstanding=outstanding)
        assert found.judged
        errors.append(found.expected / true - 1)
        naive.append(outstanding * ultimate.share_by_age(issued, used, last=last).sum() / true - 1)
    assert abs(np.mean(errors)) < 0.04
    assert np.std(errors) < 0.08
    assert np.mean(naive) > 0.15


@pytest.mark.parametrize("week", [20, 45])
def test_points_with_a_common_last_day_are_forecast_from_the_same_point_of_past_years(week):
    errors, naive = [], []
    for seed in range(12):
        issued, used = worlds.yearly_points(np.random.default_rng(seed))
        open_ = (np.cumsum(issued, axis=1) - np.cumsum(used, axis=1))[:, week]
        later = np.minimum(used[:, week + 1 :].sum(axis=1), open_).astype(float)
        found = ultimate.same_point(float(open_[3]), open_[:3].astype(float), later[:3])
        errors.append(found.expected / later[3] - 1)
        naive.append(open_[3] * used[:3].sum() / issued[:3].sum() / later[3] - 1)
    assert abs(np.mean(errors)) < 0.05
    assert abs(np.mean(naive)) > 0.3


def book_of(world: worlds.Debtors, today: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Issued by today, paid by today (infinite: not), and open."""
    known = world.issued <= today
    paid = np.where(world.paid <= today, world.paid, np.inf)
    return known, paid, known & np.isinf(paid)


def test_expected_loss_follows_the_payers_and_fixed_percentages_follow_nobody():
    ours, fixed = [], []
    for never in (0.02, 0.1):
        world, today = worlds.debtors(np.random.default_rng(5), a_day=60.0, never=never), 700
        known, paid, open_ = book_of(world, today)
        since = (today - world.due)[known].astype(float)
        rates = roll_rates.roll_rates(*roll_rates.milestones(np.ones(known.sum()), (paid - world.due)[known], since))
        late = (today - world.due)[open_].astype(float)
        amount = np.ones(late.size)  # equal amounts: a few large ones would decide
        young = late <= 30 * roll_rates.STEPS
        lost = (amount * (world.paid[open_] - world.due[open_] > 30 * roll_rates.STEPS))[young].sum()
        ours.append(roll_rates.expected_loss(amount, late, rates)[young].sum() / lost)
        shares = np.select([late <= e for e in (0, 30, 60, 90, 180)], [0.005, 0.05, 0.2, 0.5, 0.8], 1.0)
        fixed.append((amount * shares)[young].sum() / lost)
    assert ours == pytest.approx([1.0, 1.0], abs=0.15)
    assert max(fixed) - min(fixed) > 0.3


def test_forty_calls_by_yuan_days_reach_more_than_by_amount_or_age():
    world, today = worlds.debtors(np.random.default_rng(5), a_day=30.0), 700
    known, paid, open_ = book_of(world, today)
    late, amount = (today - world.due)[open_].astype(float), world.amount[open_]
    settled = known & (np.isfinite(paid) | (world.due < today))
    missed = settled & (np.minimum(paid, today) > world.due)
    days = (np.minimum(paid, today) - world.due)[missed]
    n = int(world.partner.max()) + 1
    record = reminders.record(
        np.bincount(world.partner[missed], minlength=n),
        np.bincount(world.partner[settled], minlength=n),
        np.bincount(world.partner[missed], weights=days, minlength=n),
    )
    curve = delay.kaplan_meier(days, np.isfinite(paid)[missed].astype(float))
    score = reminders.yuan_days(amount, world.partner[open_], late, record, curve)
    truth = amount * np.maximum(np.minimum(world.paid[open_], today + 120) - np.maximum(world.due[open_], today), 0)

    def caught(order: np.ndarray) -> float:
        return float(truth[np.argsort(-order)[:40]].sum() / np.sort(truth)[-40:].sum())

    assert caught(score) > 0.75
    assert caught(score) > max(caught(amount * (late > 0)), caught(late), caught(amount))


def test_vouchers_are_drawn_by_days_to_the_festival_not_by_age_date_or_last_weeks_rate():
    sold, drawn = worlds.voucher_draws(np.random.default_rng(7), first_year=2022, years=4)
    festivals = sorted(sold["festival"].unique())
    open_, later, week, ages = [], [], [], []
    for festival in festivals:
        day, own = festival - timedelta(days=14), drawn.filter(pl.col("festival") == festival)
        mine = sold.filter((pl.col("festival") == festival) & (pl.col("sold_on") <= day))
        open_.append(mine["count"].sum() - own.filter(pl.col("drawn_on") <= day)["count"].sum())
        rest = own.filter((pl.col("sold_on") <= day) & (pl.col("drawn_on") > day))
        ahead = rest.with_columns(b=(pl.col("festival") - pl.col("drawn_on")).dt.total_days())
        later.append([ahead.filter(pl.col("b") == b)["count"].sum() for b in range(13, -8, -1)])
        week.append(own.filter(pl.col("drawn_on").is_between(day - timedelta(days=6), day))["count"].sum())
        ages.append(own.select(a=(pl.col("drawn_on") - pl.col("sold_on")).dt.total_days(), n="count"))
    draws, past = np.array(later, dtype=float), np.array(open_[:3], dtype=float)
    found, true = vouchers.draws_to_come(float(open_[3]), draws[:3], past), draws[3].sum()
    assert found.sum() == pytest.approx(true, rel=0.02)
    assert np.abs(found - draws[3]).sum() < 0.1 * true  # day by day, too
    assert week[3] / 7 * 21 < 0.75 * true  # last week's rate
    same_date = drawn.filter(
        (pl.col("festival") == festivals[2])
        & (pl.col("drawn_on") > (festivals[3] - timedelta(days=14)).replace(year=2024))
    )
    assert same_date["count"].sum() < 0.5 * true  # Mid-Autumn was 19 days earlier
    curve = pl.concat(ages[:3]).group_by("a").agg(pl.col("n").sum()).sort("a")
    share = np.cumsum(curve["n"].to_numpy()) / sold.filter(pl.col("festival") < festivals[3])["count"].sum()
    by_age = dict(zip(curve["a"], share, strict=True))
    mine = sold.filter((pl.col("festival") == festivals[3]) & (pl.col("sold_on") <= festivals[3] - timedelta(days=14)))
    age = [(festivals[3] - timedelta(days=14) - on).days for on in mine["sold_on"]]
    aged = sum(n * (share[-1] - by_age.get(a, 0.0)) for a, n in zip(age, mine["count"], strict=True))
    assert aged < 0.85 * true  # by age
