from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib import sales
from crmlib.core.calendar import lunar_aligned
from crmlib.core.errors import ParameterError
from crmlib.sales import comparisons
from crmlib.sales.comparisons import Reading, partners, reading, usual
from tests.sales.worlds import chain

FESTIVAL = (date(2026, 1, 20), date(2026, 3, 3))
"""Slot of Spring Festival 2026, 28 days before to 14 after; in 2025 it was 19 days earlier."""


@pytest.fixture(scope="module")
def days():
    return chain(np.random.default_rng(5), first=date(2024, 6, 1), days=760)


def by(rows):
    return {r["comparison"]: r for r in rows.iter_rows(named=True)}


def test_the_same_dates_see_a_festival_that_moved_and_the_same_slot_does_not(days):
    january = by(sales.growth(days, first=date(2026, 1, 1), last=date(2026, 1, 31)))
    slot = by(sales.growth(days, first=FESTIVAL[0], last=FESTIVAL[1]))
    assert january["same_dates"]["growth"] < -0.3  # the naive reading: a third of the business is lost
    assert abs(slot["same_slot"]["growth"]) < 0.15
    assert slot["same_slot"]["then_first"] == date(2025, 1, 1)


def test_a_new_store_is_growth_but_not_like_for_like(days):
    new = days.filter((pl.col("store_id") == "S000") & (pl.col("day") >= date(2026, 1, 1)))
    opened = pl.concat([days, new.with_columns(store_id=pl.lit("NEW"), net_minor=pl.col("net_minor") * 9)])
    before, after = (by(sales.growth(d, first=FESTIVAL[0], last=FESTIVAL[1]))["same_slot"] for d in (days, opened))
    assert after["growth"] > before["growth"] + 0.2
    assert after["like_growth"] == pytest.approx(before["like_growth"])


def test_before_the_first_day_there_is_no_growth_rather_than_a_zero(days):
    rows = by(sales.growth(days, first=date(2024, 7, 1), last=date(2024, 7, 31)))
    assert rows["same_dates"]["growth"] is None and rows["same_dates"]["reason"] == "no_history"
    assert rows["last_period"]["growth"] is not None


def test_months_meet_months_and_other_periods_their_length():
    march = partners(date(2025, 3, 1), date(2025, 3, 31), "last_period")
    assert (march["partner"].min(), march["partner"].max()) == (date(2025, 2, 1), date(2025, 2, 28))
    week = partners(date(2025, 3, 3), date(2025, 3, 9), "last_period")
    assert (week["partner"].min(), week["partner"].max()) == (date(2025, 2, 24), date(2025, 3, 2))
    leap = partners(date(2024, 2, 29), date(2024, 2, 29), "same_dates")
    assert leap["partner"].item() == date(2023, 2, 28)


def test_all_of_a_longer_last_month_counts():
    days = pl.DataFrame(
        {"store_id": "s", "day": [date(2025, 1, 31), date(2025, 2, 3), date(2024, 12, 1)], "net_minor": 10}
    )
    february = by(sales.growth(days, first=date(2025, 2, 1), last=date(2025, 2, 28)))["last_period"]
    assert february["then_minor"] == 10


def test_groups_have_their_own_growth(days):
    sided = days.with_columns(region=pl.when(pl.col("store_id") < "S006").then(pl.lit("N")).otherwise(pl.lit("S")))
    rows = sales.growth(sided, first=FESTIVAL[0], last=FESTIVAL[1], by=["region"])
    whole = sales.growth(days, first=FESTIVAL[0], last=FESTIVAL[1])
    sums = rows.group_by("comparison").agg(pl.col("now_minor", "then_minor", "like_now_minor").sum())
    assert sums.sort("comparison").equals(whole.select(sums.columns).sort("comparison"))


def test_words_are_chosen_by_rule_and_flip_with_the_data():
    rows = pl.DataFrame(
        {
            "comparison": ["last_period", "same_dates", "same_slot"],
            "growth": [0.1, -0.5, 0.03],
            "like_growth": [0.1, -0.5, 0.02],
        }
    )
    assert reading(rows, band=(-0.05, 0.05)) == Reading("as_last_year", True, False)
    assert reading(rows, band=(-0.01, 0.01)).verdict == "grew"
    fell = rows.with_columns(like_growth=-pl.col("like_growth").abs(), growth=pl.col("growth").abs())
    assert reading(fell, band=(-0.01, 0.01)) == Reading("fell", False, True)
    assert reading(rows, band=None).verdict is None


def test_fewer_than_six_earlier_periods_give_no_band(days):
    late = date(2026, 6, 30)
    assert usual(days, first=late - timedelta(days=6), last=late) is not None
    assert usual(days.filter(pl.col("day") > date(2025, 5, 1)), first=late - timedelta(days=29), last=late) is None


def test_a_period_that_ends_before_it_begins_is_refused(days):
    with pytest.raises(ParameterError, match="exchange the two days"):
        sales.growth(days, first=date(2026, 2, 1), last=date(2026, 1, 1))


def test_quiet_days_behind_a_slot_that_lay_later_last_year_meet_different_days():
    """Mid-Autumn 2025 lay on 6 October, 2026 on 25 September: twelve days would meet 20 October 2025."""
    pairs = comparisons.partners(date(2026, 10, 1), date(2026, 10, 31), "same_slot")
    assert pairs["partner"].value_counts()["count"].max() <= 2
    aligned = [lunar_aligned(d) for d in pairs["day"]]
    assert max(aligned.count(d) for d in aligned) == 12


@pytest.mark.parametrize(("first", "last"), [((1, 1), (1, 31)), ((1, 5), (1, 11)), ((1, 12), (1, 25))])
def test_quiet_days_before_a_slot_that_lay_earlier_last_year_meet_different_days(first, last):
    """Spring Festival 2025 lay on 29 January, 2026 on 17 February: nineteen days would meet 31 December 2024."""
    pairs = comparisons.partners(date(2026, *first), date(2026, *last), "same_slot")
    assert pairs["partner"].n_unique() == pairs.height
    assert pairs["partner"].is_sorted() and pairs["partner"].diff().drop_nulls().max() == timedelta(days=1)


def test_a_single_day_meets_the_same_weekday_and_a_festival_day_its_own():
    saturday = date(2026, 10, 31)
    for name in ("same_slot", "last_period"):
        assert comparisons.partners(saturday, saturday, name)["partner"].item().weekday() == saturday.weekday()
    festival = date(2026, 9, 25)
    assert comparisons.partners(festival, festival, "same_slot")["partner"].item() == date(2025, 10, 6)


@pytest.mark.parametrize(
    ("dates", "slot", "shift"),
    [(-0.366, -0.001, True), (-0.2, 0.05, True), (-0.005, 0.004, False), (0.04, 0.001, False), (-0.3, -0.05, False)],
)
def test_a_festival_shift_is_told_only_where_the_two_growths_really_differ(dates, slot, shift):
    rows = pl.DataFrame(
        {
            "comparison": ["last_period", "same_dates", "same_slot"],
            "growth": [0.1, dates, slot],
            "like_growth": [0.1, dates, slot],
        }
    )
    assert comparisons.reading(rows, band=None).festival_shift is shift


@given(st.lists(st.integers(0, 12), max_size=30))
def test_stretches_hold_every_day_as_often_as_it_was_given(numbers):
    days = [date(2026, 1, 1) + timedelta(days=n) for n in numbers]
    back = [a + timedelta(days=k) for a, b in comparisons.runs(days) for k in range((b - a).days + 1)]
    assert sorted(back) == sorted(days)
