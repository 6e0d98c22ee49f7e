from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.churn.features.features import EVERYBODY, Options, features
from crmlib.churn.features.labels import dataset, default_horizon, horizon_by, label
from crmlib.churn.features.visits import visits
from crmlib.core.dates import day_of
from crmlib.core.errors import ModelError


def lines(trips):
    rows = [(c, d) for c, days in trips.items() for d in days]
    return pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").with_columns(
        quantity_milli=pl.lit(1000), net_minor=pl.lit(500)
    )


def test_lost_means_no_trip_after_t0_up_to_and_including_t0_plus_h():
    seen = visits(lines({"on_t0": [100], "first_day": [90, 101], "last_day": [90, 191], "too_late": [90, 192]}))
    table = dataset(seen, t0=day_of(100), horizon=91, observed_until=day_of(300), options=EVERYBODY)
    assert dict(table.select("customer_id", "y").rows()) == {"on_t0": 1, "first_day": 0, "last_day": 0, "too_late": 1}


def test_a_window_that_has_not_closed_is_refused_with_the_day_to_use():
    with pytest.raises(ModelError) as error:
        dataset(visits(lines({"a": [10]})), t0=day_of(100), horizon=91, observed_until=day_of(190))
    assert error.value.code == "churn.window_open"
    assert str(day_of(99)) in error.value.mend


def test_cdnow_churn_is_the_published_share(cdnow):
    everybody = dataset(cdnow, t0=date(1998, 3, 31), horizon=91, observed_until=date(1998, 6, 30), options=EVERYBODY)
    assert everybody["y"].mean() == pytest.approx(0.8593, abs=5e-5)
    assert everybody.filter(pl.col("recency") < 270)["y"].mean() == pytest.approx(0.6547, abs=5e-5)
    assert everybody.filter(pl.col("trips") > 1).height == 11_144
    assert everybody.filter(pl.col("trips") > 1)["y"].mean() == pytest.approx(0.7357, abs=5e-5)


def test_the_default_horizon_is_never_below_91_days_and_follows_slow_buyers(cdnow):
    assert default_horizon(visits(lines({"a": [1, 8, 15]})), t0=day_of(20)) == 91
    assert default_horizon(cdnow, t0=date(1998, 3, 31)) > 91


def test_each_group_of_goods_has_its_own_horizon():
    bought = pl.DataFrame(
        {
            "customer_id": ["a"] * 5,
            "product_id": ["gift", "gift", "bread", "bread", "bread"],
            "day_n": [0, 200, 1, 5, 9],
            "quantity_milli": [1000] * 5,
        }
    )
    goods = pl.DataFrame({"product_id": ["gift", "bread"], "category_1": ["Gifts", "Bread"]})
    table = horizon_by(bought, goods, by="category_1", t0=day_of(300))
    assert dict(table.select("category_1", "horizon").rows()) == {"Bread": 91, "Gifts": 200}


CALENDAR = pl.DataFrame(
    {
        "slot": ["mid_autumn"] * 3,
        "starts_on": [date(2022, 9, 1), date(2023, 9, 10), date(2024, 9, 1)],
        "ends_on": [date(2022, 9, 12), date(2023, 9, 30), date(2024, 9, 18)],
    }
)
FESTIVE = {"festive": [date(2022, 9, 5), date(2023, 9, 20)], "regular": [date(2023, 8, 1), date(2023, 9, 20)]}


def festive_visits():
    return visits(lines({c: [(d - date(1970, 1, 1)).days for d in days] for c, days in FESTIVE.items()}))


def test_festival_only_buyers_are_not_lost_off_season():
    seen, t0 = festive_visits(), date(2024, 2, 1)
    options = Options(festivals=CALENDAR)
    made = label(
        features(seen, t0=t0, options=options),
        seen,
        t0=t0,
        horizon=91,
        observed_until=date(2024, 6, 30),
        options=options,
    )
    assert dict(made.select("customer_id", "y").rows()) == {"festive": None, "regular": 1}
    own = made.filter(pl.col("customer_id") == "festive")["horizon"].item()
    assert t0 + timedelta(days=own) == date(2024, 9, 18) + timedelta(days=28)


def test_without_the_calendar_the_festival_buyer_would_be_called_lost():
    seen, t0 = festive_visits(), date(2024, 2, 1)
    made = dataset(seen, t0=t0, horizon=91, observed_until=date(2024, 6, 30))
    assert dict(made.select("customer_id", "y").rows())["festive"] == 1


def test_a_festival_buyer_stays_eligible_beyond_270_days_until_the_next_festival_is_over():
    seen, t0 = festive_visits(), date(2024, 8, 1)
    assert features(seen, t0=t0).height == 0
    assert features(seen, t0=t0, options=Options(festivals=CALENDAR))["customer_id"].to_list() == ["festive"]


def test_a_festival_buyer_who_misses_the_next_festival_is_lost():
    seen, t0 = festive_visits(), date(2024, 2, 1)
    options = Options(festivals=CALENDAR)
    made = dataset(seen, t0=t0, horizon=91, observed_until=date(2024, 12, 1), options=options)
    assert dict(made.select("customer_id", "y").rows())["festive"] == 1
