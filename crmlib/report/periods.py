"""Which days a report counts, and which it compares them with."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from crmlib.core.calendar import aligned_year, lunar_aligned

Compare = Literal["last_year", "just_before"]
DAY = timedelta(days=1)
YEAR_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included."""

    start: date
    end: date


def period(as_of: date, *, months: int) -> Period:
    """The `months` that end with `as_of`; whole years are lunar-aligned, so that each holds every festival once.

    Examples
    --------
    >>> period(date(2026, 1, 31), months=12)
    Period(start=datetime.date(2025, 1, 13), end=datetime.date(2026, 1, 31))
    >>> period(date(2026, 6, 30), months=3)
    Period(start=datetime.date(2026, 4, 1), end=datetime.date(2026, 6, 30))
    """
    if months % YEAR_MONTHS == 0:
        start = as_of + DAY
        for _ in range(months // YEAR_MONTHS):
            start, _end = aligned_year(start - DAY)
        return Period(start, as_of)
    return Period(_months_before(as_of + DAY, months), as_of)


def compared(with_: Period, *, months: int, compare: Compare) -> Period:
    """The period to compare `with_` with: as long and just before it, or the same dates a year ago.

    Whole years end on the lunar-aligned day a year ago; shorter periods keep their dates, so that they are as long.

    Examples
    --------
    >>> this = period(date(2026, 6, 30), months=3)
    >>> compared(this, months=3, compare="just_before")
    Period(start=datetime.date(2026, 1, 1), end=datetime.date(2026, 3, 31))
    >>> compared(this, months=3, compare="last_year")
    Period(start=datetime.date(2025, 4, 1), end=datetime.date(2025, 6, 30))
    """
    if compare == "last_year":
        if months % YEAR_MONTHS == 0:
            return period(lunar_aligned(with_.end), months=months)
        return Period(_months_before(with_.start, YEAR_MONTHS), _months_before(with_.end, YEAR_MONTHS))
    return period(with_.start - DAY, months=months)


def _months_before(day: date, months: int) -> date:
    """The same day of the month, `months` earlier; the last one where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
