from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.plan.forecast import drafts, forecast, learn, what_if
from crmlib.promotion.plan.holdout import choose, holdout_curve, power, smallest_lift, standard_error
from crmlib.promotion.watch.watch import alarms, projection, track, weekday_weights

LEVEL, SLOPE, SPREAD = 0.2, 1.5, 0.1


def history(seed):
    rng = np.random.default_rng(seed)
    depth = rng.choice([500, 1000, 2000, 3000], 120)
    mechanic = rng.choice(["rate", "gift"], 120)
    log = LEVEL + SLOPE * depth / 10_000 + 0.1 * (mechanic == "gift") + rng.normal(0, SPREAD, 120)
    return pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(120)],
            "mechanic": mechanic,
            "depth_bp": depth,
            "lift": np.expm1(log),
            "base_milli": rng.integers(100_000, 900_000, 120),
        }
    )


@pytest.fixture(scope="module")
def past():
    return history(4)


@pytest.fixture(scope="module")
def learnt(past):
    return learn(past)


PLAN = {
    "plan_id": "a",
    "mechanic": "rate",
    "depth_bp": 2000,
    "base_milli": 1_000_000,
    "price_minor": 1000,
    "cost_minor": 500,
}


def test_the_response_that_made_the_past_is_learnt_on_average():
    found = [learn(history(seed)) for seed in range(12)]
    error = 0.1 / 12**0.5  # of the mean of twelve slopes, each known to about 0.1
    assert np.mean([r.slope for r in found]) == pytest.approx(SLOPE, abs=3 * error)
    gaps = [r.log_lift("gift", 1000) - r.log_lift("rate", 1000) for r in found]
    assert np.mean(gaps) == pytest.approx(0.1, abs=0.02)  # shrunk a little
    assert np.mean([np.std(r.errors) for r in found]) == pytest.approx(SPREAD, rel=0.1)


def test_intervals_hold_new_events_as_often_as_they_say(learnt):
    rng = np.random.default_rng(1)
    plans = pl.DataFrame([{**PLAN, "plan_id": str(d), "depth_bp": d} for d in (500, 1000, 2000, 3000)])
    got = forecast(plans, learnt, coverage=0.8, service=0.95)
    inside = stocked = 0
    for row, depth in zip(got.iter_rows(named=True), (500, 1000, 2000, 3000), strict=True):
        truth = 1_000_000 * np.exp(LEVEL + SLOPE * depth / 10_000 + rng.normal(0, SPREAD, 500))
        inside += np.mean((truth >= row["low_milli"]) & (truth <= row["high_milli"])) / 4
        stocked += np.mean(truth <= row["stock_milli"]) / 4
    assert inside == pytest.approx(0.8, abs=0.08)
    assert stocked == pytest.approx(0.95, abs=0.05)


def test_margin_and_revenue_of_a_plan_by_hand(learnt):
    got = forecast(pl.DataFrame([{**PLAN, "display_minor": 10_000, "funding_minor": 3000}]), learnt).row(0, named=True)
    assert got["revenue_minor"] == round(got["units_milli"] * 800 / 1000)
    assert got["margin_minor"] == round(got["units_milli"] * 300 / 1000) - 7000
    assert got["extra_margin_minor"] == got["margin_minor"] - 1000 * 500
    assert got["margin_low_minor"] < got["margin_minor"] < got["margin_high_minor"]


def test_a_depth_never_tried_is_marked(learnt):
    got = forecast(pl.DataFrame([{**PLAN, "depth_bp": 5000}, {**PLAN, "plan_id": "b"}]), learnt)
    assert got["extrapolated"].to_list() == [True, False]


def test_what_if_covers_the_grid_and_keeps_each_scenarios_own_base_and_price(learnt):
    scenarios = pl.DataFrame(
        {
            "days": [7, 14],
            "products": [3, 3],
            "stores": [10, 20],
            "base_milli": [100_000, 450_000],  # the second week is in season
            "price_minor": [1000, 900],
            "cost_minor": [500, 500],
        }
    )
    got = what_if({"mechanic": "rate"}, scenarios, depths_bp=[500, 2000], response=learnt)
    assert got.select("depth_bp", "days", "products", "stores").rows() == [
        (d, *s) for d in (500, 2000) for s in ((7, 3, 10), (14, 3, 20))
    ]
    units = {(r["depth_bp"], r["days"]): r["units_milli"] for r in got.to_dicts()}
    assert units[500, 14] == pytest.approx(4.5 * units[500, 7], abs=5)
    assert units[2000, 7] > units[500, 7]
    paid = {(r["depth_bp"], r["days"]): r["revenue_minor"] / r["units_milli"] for r in got.to_dicts()}
    assert paid[2000, 14] == pytest.approx(0.72, abs=1e-3)


def test_the_interval_holds_the_error_of_the_base_too(past):
    wrong = np.random.default_rng(9).normal(0, 0.3, past.height)
    made = past.with_columns(
        forecast_milli=pl.Series(past["base_milli"].to_numpy() * np.exp(wrong)).round().cast(pl.Int64),
        flat_milli=pl.col("base_milli") * 2,
    )
    got, response_only = learn(made), learn(past)
    assert np.std(got.errors) == pytest.approx((SPREAD**2 + 0.3**2) ** 0.5, rel=0.2)
    assert np.std(response_only.errors) == pytest.approx(SPREAD, rel=0.2)
    assert got.without_season == pytest.approx(math.log(2), rel=0.1)
    assert response_only.without_season is None


def test_three_drafts_stand_side_by_side_the_best_margin_first(learnt):
    got = drafts({**PLAN, "depth_bp": 1500}, response=learnt)
    assert sorted(got["depth_bp"]) == [1000, 1500, 2000]
    assert got["extra_margin_minor"].is_sorted(descending=True)


def test_too_few_events_give_no_forecast(past):
    with pytest.raises(ModelError) as refused:
        learn(past.head(3))
    assert refused.value.code == "promotion.few_events"


FIRST, LAST = date(2026, 3, 2), date(2026, 3, 15)


def sales(per_day, until):
    return pl.DataFrame({"day": [FIRST + timedelta(days=i) for i in range(until)], "quantity_milli": [per_day] * until})


def followed(per_day, until):
    return track(
        sales(per_day, until),
        plan_milli=140_000,
        low_milli=100_000,
        high_milli=180_000,
        first_day=FIRST,
        last_day=LAST,
        as_of=FIRST + timedelta(days=until - 1),
    )


def test_on_plan_stays_on_plan():
    got = followed(10_000, 7)
    assert got["inside"].drop_nulls().all()
    assert projection(got)["share"] == pytest.approx(1)
    assert got["actual_milli"].null_count() == 7


def test_half_the_pace_ends_near_half_but_the_plan_still_counts():
    got = followed(5000, 7)
    assert 0.5 < projection(got)["share"] < 0.75
    assert got["inside"].drop_nulls().to_list()[-1] is False
    assert got["projected_milli"].is_sorted()


def test_days_are_weighted_by_weekday():
    weights = weekday_weights(
        pl.DataFrame({"day": [date(2026, 3, 2), date(2026, 3, 7)], "quantity_milli": [1000, 3000]})
    )
    assert weights[0] == 0.25 and weights[5] == 0.75 and sum(weights) == 1


def test_alarms_name_what_is_wrong_and_where():
    stock = pl.DataFrame({"store_id": ["a", "b"], "stock_milli": [1000, 90_000], "per_day_milli": [1000, 1000]})
    got = alarms(
        followed(3000, 7),
        as_of=FIRST + timedelta(days=6),
        stock=stock,
        margin_rate=0.2,
        plan_margin_rate=0.3,
        sibling_ratio=0.7,
    )
    assert got["kind"].to_list() == ["band", "stock_out", "margin", "cannibalisation"]
    assert got.filter(pl.col("kind") == "stock_out")["store_id"].to_list() == ["a"]
    assert alarms(
        followed(10_000, 7), as_of=FIRST + timedelta(days=6), margin_rate=0.3, plan_margin_rate=0.3
    ).is_empty()


def shops(n=40):
    return pl.DataFrame(
        {
            "store_id": [f"s{i:02d}" for i in range(n)],
            "city": [f"c{i // 8}" for i in range(n)],
            "base_units": 50.0 + np.arange(n),
        }
    )


def test_power_is_what_a_simulated_experiment_finds():
    rng = np.random.default_rng(2)
    base, held, phi, tau, lift = np.full(30, 60.0), np.full(10, 60.0), 1.0, 0.25, 0.2
    se = standard_error(base, held, phi=phi, tau=tau)
    found = []
    for _ in range(3000):
        swing = 1 + rng.normal(0, tau, 40)
        sold = rng.poisson(60 * np.maximum(swing, 0) * np.where(np.arange(40) < 30, 1 + lift, 1.0))
        found.append(sold[:30].mean() / 60 - sold[30:].mean() / 60)
    seen = np.mean(np.abs(found) / se > 1.645)
    assert power(lift, se) == pytest.approx(seen, abs=0.05)
    assert power(smallest_lift(se), se) == pytest.approx(0.8, abs=0.01)


def test_one_of_a_pair_of_like_stores_is_left_out_by_lot():
    got = choose(shops(), held_out=8, rng=np.random.default_rng(1))
    assert got["held_out"].sum() == 8
    pairs = got.group_by("pair").agg(pl.col("held_out").sum())
    assert pairs["held_out"].max() == 1
    other = choose(shops(), held_out=8, rng=np.random.default_rng(2))
    assert got["held_out"].to_list() != other["held_out"].to_list()


def test_more_stores_left_out_see_more():
    curve = holdout_curve(shops(), lift=0.2, phi=1.0, tau=0.3, rng=np.random.default_rng(1))
    assert curve["power"][-1] > curve["power"][0]
    assert all(math.isfinite(v) for v in curve["se"])


def test_more_stores_than_pairs_cannot_be_left_out():
    with pytest.raises(ModelError) as refused:
        choose(shops(10), held_out=6, rng=np.random.default_rng(0))
    assert refused.value.code == "promotion.holdout_stores"
