from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.churn.features.features import EVERYBODY, Extra, Options, features
from crmlib.churn.features.visits import known_days, visits
from crmlib.core.dates import day_number, day_of


def lines(days, *, customer="a", store="s", value=1000):
    n = len(days)
    return pl.DataFrame(
        {
            "customer_id": [customer] * n,
            "day_n": days,
            "quantity_milli": [1000] * n,
            "net_minor": [value] * n,
            "store_id": [store] * n,
        }
    )


def one(frame, t0):
    return features(visits(frame), t0=day_of(t0), options=EVERYBODY).row(0, named=True)


def test_counts_recency_and_gaps_are_those_of_a_worked_example():
    row = one(lines([100, 110, 140, 260, 280]), 290)
    assert (row["recency"], row["age"], row["trips"]) == (10, 190, 5)
    assert (row["trips_30"], row["trips_90"], row["trips_180"], row["trips_prior_90"]) == (1, 2, 3, 1)
    assert (row["gap_mean"], row["gap_median"], row["gap_last"], row["gap_max"]) == (45.0, 25.0, 20, 120)
    until = row["age"] - row["recency"]
    assert row["missed_trips"] == pytest.approx(row["trips"] * np.log((row["age"] + 30) / (until + 30)))
    assert row["gap_sd"] == pytest.approx(np.std([10, 30, 120, 20], ddof=1))
    assert (row["spend_90"], row["spend_prior_90"], row["basket"]) == (2000, 1000, 1000.0)


def test_the_cut_off_is_exclusive():
    assert one(lines([100, 110]), 109)["trips"] == 1
    assert one(lines([100, 110]), 110)["trips"] == 2


def test_somebody_with_one_trip_has_no_gap_rather_than_a_gap_of_zero():
    row = one(lines([100]), 150)
    assert row["gap_mean"] is None
    assert row["gap_sd"] is None


def test_a_closed_home_store_shows_as_idle_days_and_not_as_the_customers_recency():
    both = pl.concat([lines([100, 110], store="closed"), lines([200], customer="b", store="open")])
    table = features(visits(both), t0=day_of(210), options=EVERYBODY)
    assert table["store_idle"].to_list() == [100, 10]
    assert table["home_store_id"].to_list() == ["closed", "open"]


def test_earlier_than_270_days_ago_is_already_lost():
    assert features(visits(lines([10])), t0=day_of(279)).height == 1
    assert features(visits(lines([10])), t0=day_of(280)).height == 0


def test_a_source_without_stores_and_promotions_has_no_such_features():
    bare = lines([10, 20]).drop("store_id")
    assert {"stores", "store_idle", "promotion_share"}.isdisjoint(features(visits(bare), t0=day_of(30)).columns)


def test_cdnow_has_7599_eligible_customers(cdnow):
    assert features(cdnow, t0=date(1998, 3, 31)).height == 7_599  # spec


def test_extras_join_as_of_the_day_and_fill_with_zero():
    asked = []

    def make(rows, t0):
        asked.append(t0)
        return rows.select("customer_id", "points_balance")

    rows = pl.DataFrame({"customer_id": ["a"], "points_balance": [5.0]})
    both = pl.concat([lines([10]), lines([12], customer="b")])
    table = features(visits(both), t0=day_of(30), options=Options(extras={"points": Extra(rows, make)}))
    assert asked == [day_of(30)]
    assert table["points_balance"].to_list() == [5.0, 0.0]


def test_features_agree_with_a_plain_python_count(shop, shop_last):
    t0 = shop_last - timedelta(days=200)
    cut = day_number(t0)
    days = known_days(shop, t0=t0).filter("trip")
    table = features(shop, t0=t0, options=EVERYBODY)
    for row in table.sample(40, seed=1).iter_rows(named=True):
        own = sorted(days.filter(pl.col("customer_id") == row["customer_id"])["day_n"].to_list())
        gaps = np.diff(own)
        assert row["recency"] == cut - own[-1]
        assert row["trips_180"] == sum(cut - d < 180 for d in own)
        assert row["gap_mean"] == (pytest.approx(gaps.mean()) if len(gaps) else None)
