"""Which day of last year is this one to be compared with? Slots before and after festivals; lunar-aligned years.

A slot is a festival and a day offset from it, −28 … +14. Spring Festival moves by up to a month between years, so the
same date a year ago compares a festival week with a quiet one; the same slot does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import cache

import polars as pl

from crmlib.core.calendar.festivals import festival_day

SLOT_BEGINS, SLOT_ENDS = -28, 14
"""First and last day offset of a festival's slot."""
PEAKS = ("spring_festival", "mid_autumn", "dragon_boat")
"""Festivals whose slots matter for a food retailer, the strongest first: a day in two slots belongs to the first."""
JOINT_FROM, JOINT_TO = -2, 7
"""Mid-Autumn so many days from National Day forms one joint slot with it (2017, 2020, 2023, 2025)."""
DAY = timedelta(days=1)


def is_joint(year: int) -> bool:
    """Whether Mid-Autumn of that year collides with National Day.

    Examples
    --------
    >>> [year for year in range(2015, 2028) if is_joint(year)]
    [2017, 2020, 2023, 2025]
    """
    gap = festival_day("mid_autumn", year) - festival_day("national_day", year)
    return JOINT_FROM <= gap.days <= JOINT_TO


@cache
def slot_of(day: date) -> tuple[str, int, int] | None:
    """Festival, its year and the offset of the slot the day lies in; None outside all slots.

    Examples
    --------
    >>> slot_of(date(2026, 2, 10)), slot_of(date(2026, 7, 20))
    (('spring_festival', 2026, -7), None)
    """
    for festival in PEAKS:
        for year in (day.year, day.year + 1):
            offset = (day - festival_day(festival, year)).days
            if SLOT_BEGINS <= offset <= SLOT_ENDS:
                return festival, year, offset
    return None


def same_slot(days: Iterable[date], *, years: int = -1) -> pl.DataFrame:
    """The day of the same slot `years` away for each day; null with a reason where there is none.

    Returns
    -------
    pl.DataFrame
        day, festival, offset [days], joint (either year's Mid-Autumn collides with National Day), partner, reason
        (``no_festival`` outside all slots, ``other_festival`` if the partner belongs to a stronger festival's slot).

    Examples
    --------
    >>> same_slot([date(2026, 2, 10), date(2026, 7, 20)]).select("day", "festival", "offset", "partner").rows()
    [(datetime.date(2026, 2, 10), 'spring_festival', -7, datetime.date(2025, 1, 22)),
     (datetime.date(2026, 7, 20), None, None, None)]
    """
    schema = {
        "day": pl.Date,
        "festival": pl.String,
        "offset": pl.Int32,
        "joint": pl.Boolean,
        "partner": pl.Date,
        "reason": pl.String,
    }
    return pl.DataFrame([_partner(day, years) for day in days], schema=schema, orient="row")


def _partner(day: date, years: int) -> tuple[date, str | None, int | None, bool, date | None, str | None]:
    slot = slot_of(day)
    if slot is None:
        return day, None, None, False, None, "no_festival"
    festival, year, offset = slot
    partner = festival_day(festival, year + years) + offset * DAY
    joint = festival == "mid_autumn" and (is_joint(year) or is_joint(year + years))
    if slot_of(partner) != (festival, year + years, offset):
        return day, festival, offset, joint, None, "other_festival"
    return day, festival, offset, joint, partner, None


def lunar_aligned(day: date, *, years: int = -1) -> date:
    """The same point of the retail year `years` away: same slot inside a slot, same date outside, never decreasing.

    A date whose plain anniversary falls into a slot that the date itself is not in moves to the edge of that slot.

    Examples
    --------
    >>> tuple(str(lunar_aligned(date(2026, *day))) for day in ((1, 31), (1, 10), (8, 5)))
    ('2025-01-12', '2024-12-31', '2025-08-05')
    """
    slot = slot_of(day)
    if slot is not None:
        festival, year, offset = slot
        return festival_day(festival, year + years) + offset * DAY
    plain = _anniversary(day, years)
    for festival in PEAKS:
        for year in (day.year, day.year + 1):
            here, there = festival_day(festival, year), festival_day(festival, year + years)
            before = day < here + SLOT_BEGINS * DAY
            if before and plain >= there + SLOT_BEGINS * DAY:
                plain = there + (SLOT_BEGINS - 1) * DAY
            if not before and day > here + SLOT_ENDS * DAY and plain <= there + SLOT_ENDS * DAY:
                plain = there + SLOT_ENDS * DAY
    return plain


def aligned_year(as_of: date) -> tuple[date, date]:
    """First and last day of the lunar-aligned year that ends with `as_of`: each festival's slot days once, never twice.

    Examples
    --------
    >>> [str(day) for day in aligned_year(date(2026, 1, 31))]
    ['2025-01-13', '2026-01-31']
    """
    return lunar_aligned(as_of) + DAY, as_of


def _anniversary(day: date, years: int) -> date:
    """The same date in another year; 29 February becomes 28 February."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
