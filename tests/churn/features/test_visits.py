from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from crmlib import panels
from crmlib.churn.features import visits as days_seen
from crmlib.churn.features.visits import bought, known_days, some, trips, visits
from crmlib.core.dates import day_number, day_of
from crmlib.core.errors import ContractError

LINES = pl.DataFrame(
    {
        "customer_id": ["a", "a", "a", "b", None],
        "day_n": [10, 10, 20, 30, 40],
        "quantity_milli": [1000, -1000, -1000, 1000, 1000],
        "net_minor": [500, -500, -100, 700, 900],
        "store_id": ["s", "s", "s", "t", "t"],
        "known_at": [datetime(1970, 1, d, 9, tzinfo=UTC) for d in (11, 15, 21, 31, 31)],
    }
)


def test_a_day_of_returns_only_is_no_trip():
    assert trips(visits(LINES)).rows() == [("a", 10), ("b", 30)]


def test_a_paid_trip_needs_a_value_above_zero_after_that_days_returns():
    assert trips(visits(LINES), paid=True).rows() == [("b", 30)]


@pytest.mark.parametrize("rows", [1, 700, 10_000])
def test_days_bought_are_those_of_customer_days_with_a_purchase(rows: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(days_seen, "ROWS", rows)
    summed, most = days_seen._by_day, []
    monkeypatch.setattr(days_seen, "_by_day", lambda days, *sums: most.append(days.height) or summed(days, *sums))
    rng = np.random.default_rng(2)
    n = 4000
    many = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in rng.integers(0, 90, n)],
            "day_n": rng.integers(0, 200, n),
            "quantity_milli": rng.choice([-1000, 1000], n, p=[0.3, 0.7]),
            "net_minor": rng.integers(-500, 900, n),
            "store_id": rng.choice(["s", "t", "u"], n),
        }
    )
    days = panels.customer_day(many, period_end=day_of(200)).filter("is_purchase")
    told = days.select("customer_id", "day_n", "net_minor")
    assert told.height and bought(visits(many, coded=True)).cast({"customer_id": pl.String}).equals(told)
    assert max(most) <= rows + 80 and sum(most) >= told.height  # so many at once, and the rest of one customer
    nobody = visits(many.clear(), coded=True)
    assert bought(nobody).is_empty() and bought(nobody).columns == told.columns


def test_a_return_counts_only_from_the_day_it_was_known():
    seen = visits(LINES)
    assert known_days(seen, t0=day_of(12))["net_minor"].to_list() == [500]
    assert known_days(seen, t0=day_of(14))["net_minor"].to_list() == [0]


def test_lines_without_a_card_are_a_sign_of_life_of_their_store_only():
    seen = visits(LINES)
    assert seen.store_days.rows() == [("s", 10, 10), ("t", 30, 30), ("t", 40, 40)]
    assert "t" not in seen.days.filter(pl.col("customer_id") == "a")["store_id"].to_list()


def test_cdnow_has_the_published_number_of_customers_and_one_timers(cdnow):
    days = trips(cdnow).filter(pl.col("day_n") <= day_number(date(1998, 3, 31)))
    per_customer = days.group_by("customer_id").len()
    assert per_customer.height == 23_570
    assert per_customer.filter(pl.col("len") == 1).height == 12_426  # spec/tables.md


def test_any_frame_gives_the_same_visits():
    core = LINES.select("customer_id", "day_n", "quantity_milli", "net_minor", "store_id")
    expected = visits(core).days
    for other in (core.to_pandas(), core.to_arrow(), core.lazy()):
        assert visits(other).days.equals(expected.cast(dict(visits(other).days.schema)))


def test_a_missing_column_is_named():
    with pytest.raises(ContractError, match="net_minor"):
        visits(LINES.drop("net_minor"))


def test_some_customers_are_drawn_whole_and_all_stay_where_there_are_no_more():
    days = [
        {"customer_id": f"c{n}", "day_n": d, "quantity_milli": 1000, "net_minor": 1} for n in range(9) for d in (5, 7)
    ]
    seen, rng = visits(pl.DataFrame(days)), np.random.default_rng(2)
    few = some(seen, most=4, rng=rng)
    assert few.days["customer_id"].value_counts()["count"].to_list() == [2] * 4
    assert few.store_days.equals(seen.store_days) and few.days.equals(
        seen.days.join(few.days, on="customer_id", how="semi")
    )
    before = rng.bit_generator.state
    assert some(seen, most=9, rng=rng) is seen and rng.bit_generator.state == before
