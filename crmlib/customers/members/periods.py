"""The period a value report looks at, and the one it compares with.

A year is lunar-aligned by default: the 12 months to the end of January hold 13 to 39 of the 28 days before Spring
Festival, depending on the year, so a plain year compares festivals with their absence. Other lengths are whole months.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from crmlib.core.calendar import aligned_year, lunar_aligned
from crmlib.core.dates import a_day
from crmlib.core.errors import ParameterError, check_choice

Compare = Literal["just_before", "last_year"]
YEAR_MONTHS = 12
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """Two periods, all days included.

    Parameters
    ----------
    start, end : the period of the report.
    previous_start, previous_end : the period it is compared with.
    aligned : the bounds follow the lunar festivals.
    previous_full : the data reach back to `previous_start`; else movement is only shown as far as they go.
    """

    start: date
    end: date
    previous_start: date
    previous_end: date
    aligned: bool
    previous_full: bool = True

    @property
    def day_before(self) -> date:
        """The day before the previous period: who bought by then and comes back is won back."""
        return _day_before(self.previous_start)


def _day_before(day: date) -> date:
    return day - _DAY


def periods(
    as_of: date,
    *,
    months: int = YEAR_MONTHS,
    aligned: bool = True,
    compare: Compare = "just_before",
    first_day: date | None = None,
) -> Periods:
    """Period that ends with `as_of`, and the one before it or a year earlier.

    Parameters
    ----------
    as_of : last day included.
    months : length; 12 is a year.
    aligned : a year between the same points of two lunar years; of no meaning for other lengths before themselves.
    compare : the same number of days just before, or the same days a year ago (aligned, if asked).
    first_day : first day of the data.

    Examples
    --------
    >>> found = periods(date(2026, 1, 31))
    >>> str(found.start), str(found.previous_start), str(found.previous_end)
    ('2025-01-13', '2024-01-25', '2025-01-12')
    >>> half = periods(date(2026, 8, 31), months=6)
    >>> str(half.start), str(half.previous_start), str(half.previous_end)
    ('2026-03-01', '2025-08-29', '2026-02-28')
    """
    check_choice(compare, get_args(Compare), name="compare")
    as_of = a_day(as_of, name="as_of")
    _check_months(months)
    year = aligned and months == YEAR_MONTHS
    start = aligned_year(as_of)[0] if year else months_before(as_of, months) + _DAY
    if year:
        before, until = aligned_year(start - _DAY)
    elif compare == "just_before":
        until = start - _DAY
        before = until - (as_of - start)
    else:
        before, until = (_a_year_before(day, aligned=aligned) for day in (start, as_of))
    return Periods(
        start=start,
        end=as_of,
        previous_start=before,
        previous_end=until,
        aligned=aligned and (year or compare == "last_year"),
        previous_full=first_day is None or first_day <= before,
    )


def whole_months(as_of: date, *, months: int) -> tuple[date, date]:
    """First and last day of the last `months` whole months by `as_of`; a month that has not ended is left out.

    Examples
    --------
    >>> [str(day) for day in whole_months(date(2026, 3, 15), months=2)]
    ['2026-01-01', '2026-02-28']
    """
    as_of = a_day(as_of, name="as_of")
    _check_months(months)
    ends = (as_of + _DAY).month != as_of.month
    last = as_of if ends else as_of.replace(day=1) - _DAY
    return months_before(last, months) + _DAY, last


def months_before(day: date, months: int) -> date:
    """The same day `months` months earlier; the end of a month stays the end of a month.

    Examples
    --------
    >>> str(months_before(date(2024, 3, 31), 1)), str(months_before(date(2026, 2, 28), 12))
    ('2024-02-29', '2025-02-28')
    """
    place = day.year * 12 + day.month - 1 - months
    year, month = place // 12, place % 12 + 1
    length = monthrange(year, month)[1]
    is_end = day.day == monthrange(day.year, day.month)[1]
    return date(year, month, length if is_end else min(day.day, length))


def _check_months(months: int) -> None:
    if months < 1 or months != int(months):
        raise ParameterError("scoring.months", values={"months": months})


def _a_year_before(day: date, *, aligned: bool) -> date:
    return lunar_aligned(day) if aligned else months_before(day, YEAR_MONTHS)
