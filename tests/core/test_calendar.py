"""The retail calendar against two packages and against its own promises."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import chinese_calendar
import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core import calendar
from crmlib.core.calendar import slots
from crmlib.core.errors import ParameterError
from crmlib.kit.words.sentences import Words

DAY = timedelta(days=1)
ANNOUNCED = range(2015, 2027)
STATUTORY_NAMES = {
    "new_year": "New Year's Day",
    "spring_festival": "Chinese New Year (Spring Festival)",
    "qingming": "Tomb-Sweeping Day",
    "labour_day": "Labor Day",
    "dragon_boat": "Dragon Boat Festival",
    "mid_autumn": "Mid-Autumn Festival",
    "national_day": "National Day",
}
SOME_DAY = st.dates(date(2004, 3, 1), date(2027, 12, 31))


def year_days(year: int) -> list[date]:
    return [date(year, 1, 1) + n * DAY for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


@pytest.fixture(scope="module")
def peer() -> holidays.HolidayBase:
    return holidays.country_holidays("CN", years=range(2015, 2028), language="en_US")


@pytest.mark.parametrize("year", range(2015, 2028))
def test_festivals_fall_on_the_days_the_holidays_package_knows(year: int, peer: holidays.HolidayBase) -> None:
    named = {name: [d for d, n in sorted(peer.items()) if d.year == year and n == name] for name in set(peer.values())}
    assert set(STATUTORY_NAMES.values()) <= set(named), "the package renamed a holiday"
    together = "National Day; Mid-Autumn Festival" if year == 2020 else None
    for festival, name in STATUTORY_NAMES.items():
        listed = sorted({*named[name], *(named.get(together, []) if together else [])})
        day = calendar.festival_day(festival, year)
        assert day in peer, (festival, day)
        assert name in peer[day] or day in listed, (festival, day, peer[day])


@pytest.mark.parametrize("year", range(2015, 2027))
def test_festivals_fall_on_the_days_chinesecalendar_knows(year: int) -> None:
    theirs = {
        "spring_festival": "Spring Festival",
        "dragon_boat": "Dragon Boat Festival",
        "mid_autumn": "Mid-autumn Festival",
        "qingming": "Tomb-sweeping Day",
    }
    for festival, name in theirs.items():
        _, said = chinese_calendar.get_holiday_detail(calendar.festival_day(festival, year))
        joint = festival == "mid_autumn" and calendar.is_joint(year)
        assert said == name or (joint and said == "National Day"), (festival, year, said)


def test_solar_terms_agree_with_chinesecalendar() -> None:
    for year in ANNOUNCED:
        terms = {name: day for day, name in chinese_calendar.get_solar_terms(date(year, 1, 1), date(year, 12, 31))}
        assert terms["清明"] == calendar.festival_day("qingming", year)
        assert terms["冬至"] == calendar.festival_day("winter_solstice", year)


@pytest.mark.parametrize("year", ANNOUNCED)
def test_workdays_agree_with_both_packages_on_every_day(year: int, peer: holidays.HolidayBase) -> None:
    ours = {day: calendar.is_workday(day) for day in year_days(year)}
    assert ours == {day: chinese_calendar.is_workday(day) for day in ours}
    makeup = peer.weekend_workdays
    assert ours == {day: day in makeup or (day.weekday() < 5 and day not in peer) for day in ours}
    assert [day for day in ours if calendar.is_makeup(day)] == sorted(day for day in makeup if day.year == year)


def test_an_unannounced_year_is_predicted_and_says_so(peer: holidays.HolidayBase) -> None:
    with pytest.raises(NotImplementedError):
        chinese_calendar.is_workday(date(2027, 10, 1))
    assert calendar.status(date(2027, 10, 1)) == "predicted"
    assert set(calendar.days(date(2027, 1, 1), date(2027, 12, 31))["status"]) == {"predicted"}
    statutory = {d for d, name in peer.items() if d.year == 2027 and "observed" not in name}
    assert {day for day in year_days(2027) if calendar.is_holiday(day)} == statutory


def test_every_year_seen_by_the_sample_is_announced() -> None:
    assert calendar.official_years() == tuple(ANNOUNCED)
    assert set(calendar.days(date(2024, 11, 1), date(2026, 10, 31))["status"]) == {"official"}


def test_the_eve_of_spring_festival_has_the_last_lunar_day() -> None:
    table = calendar.days(date(2025, 1, 28), date(2025, 1, 30))
    assert table["lunar_month"].to_list() == [12, 1, 1]
    assert table["lunar_day"].to_list() == [29, 1, 2]  # no 30th in that month
    assert table["festivals"].to_list() == [[], ["spring_festival"], []]


def test_laba_and_little_new_year_belong_to_the_spring_festival_they_lead_to() -> None:
    assert calendar.festival_day("laba", 2023) == date(2022, 12, 30)
    for year in range(2004, 2028):
        gap = calendar.festival_day("spring_festival", year) - calendar.festival_day("laba", year)
        assert 20 <= gap.days <= 23


def test_a_colliding_mid_autumn_is_marked_as_joint_slot() -> None:
    table = calendar.days(date(2020, 9, 20), date(2020, 10, 10))
    assert table["joint"].all()
    both = table.filter(table["festivals"].list.len() == 2)
    assert both["day"].to_list() == [date(2020, 10, 1)]
    assert not calendar.is_joint(2026)
    partner = calendar.same_slot([date(2026, 9, 20)])
    assert partner["joint"].item()  # 2026 stands alone, its partner of 2025 does not
    assert partner["partner"].item() == date(2025, 10, 1)


@given(day=SOME_DAY)
@settings(max_examples=300, deadline=None)
def test_a_same_slot_partner_has_the_same_festival_and_offset(day: date) -> None:
    row = calendar.same_slot([day]).row(0, named=True)
    if row["partner"] is None:
        assert row["reason"] in ("no_festival", "other_festival")
    else:
        festival, year, offset = calendar.slot_of(day)
        assert calendar.slot_of(row["partner"]) == (festival, year - 1, offset)
        assert -28 <= offset <= 14


def test_the_aligned_day_never_goes_backwards() -> None:
    aligned = [calendar.lunar_aligned(date(2004, 3, 1) + n * DAY) for n in range(24 * 365)]
    assert all(a <= b for a, b in pairwise(aligned))


@given(day=SOME_DAY)
@settings(max_examples=300, deadline=None)
def test_a_lunar_aligned_year_holds_every_festival_slot_day_once(day: date) -> None:
    first, last = calendar.aligned_year(day)
    inside = [slot[::2] for n in range((last - first).days + 1) if (slot := calendar.slot_of(first + n * DAY))]
    for festival in slots.PEAKS:
        offsets = sorted(offset for name, offset in inside if name == festival)
        assert offsets == list(range(-28, 15)), (festival, first, last)


def test_a_rolling_year_does_not_hold_them_once() -> None:
    """The reason for aligning: twelve months to the end of January hold 12 to 39 of the 28 days before it."""
    held = []
    for year in range(2016, 2028):
        days = [date(year - 1, 2, 1) + n * DAY for n in range((date(year, 2, 1) - date(year - 1, 2, 1)).days)]
        festivals = [calendar.festival_day("spring_festival", y) for y in (year - 1, year)]
        held.append(sum(1 for d in days for f in festivals if 1 <= (f - d).days <= 28))
    assert (min(held), max(held)) == (12, 39)  # 12 in the year to January 2026, 13 in those before


def test_a_span_outside_the_lunar_tables_is_refused() -> None:
    with pytest.raises(ParameterError) as refused:
        calendar.days(date(2099, 1, 1), date(2099, 12, 31))
    assert refused.value.code == "calendar.span"
    with pytest.raises(ParameterError):
        calendar.festivals(date(2026, 2, 1), date(2026, 1, 1))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_festival_has_a_name(language: str) -> None:
    words = Words(language)
    assert all(words.has(f"calendar.festival.{festival}") for festival in calendar.FESTIVALS)
    assert all(words.has(f"calendar.status.{status}") for status in ("official", "predicted"))
