"""The calendar as a table: one row per day, ready to be joined to sales."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
from lunardate import LunarDate

from crmlib.core.calendar import official
from crmlib.core.calendar.festivals import FESTIVALS, FIRST_YEAR, LAST_YEAR, festival_day
from crmlib.core.calendar.slots import is_joint, slot_of
from crmlib.core.errors import ParameterError

DAY = timedelta(days=1)
EPOCH = date(1970, 1, 1)
DAYS_SCHEMA: dict[str, pl.DataType] = {
    "day": pl.Date(),
    "day_n": pl.Int32(),
    "weekday": pl.Int8(),
    "lunar_month": pl.Int8(),
    "lunar_day": pl.Int8(),
    "leap_month": pl.Boolean(),
    "is_workday": pl.Boolean(),
    "is_holiday": pl.Boolean(),
    "is_makeup": pl.Boolean(),
    "festivals": pl.List(pl.String),
    "slot_festival": pl.String(),
    "slot_year": pl.Int32(),
    "slot_offset": pl.Int32(),
    "joint": pl.Boolean(),
    "status": pl.String(),
}


def days(first: date, last: date) -> pl.DataFrame:
    """One row for each day from `first` to `last`, both included.

    Returns
    -------
    pl.DataFrame
        day, day_n [days since 1970], weekday (1 Monday … 7 Sunday), lunar_month, lunar_day, leap_month, is_workday,
        is_holiday, is_makeup (a worked weekend day), festivals (list of keys), slot_festival, slot_year and slot_offset
        [days], joint (Mid-Autumn collides with National Day in that slot), status (``official`` or ``predicted``).

    Examples
    --------
    >>> days(date(2026, 2, 14), date(2026, 2, 17)).select("day", "is_workday", "festivals", "slot_offset").rows()
    [(datetime.date(2026, 2, 14), True, [], -3), (datetime.date(2026, 2, 15), False, [], -2),
     (datetime.date(2026, 2, 16), False, [], -1), (datetime.date(2026, 2, 17), False, ['spring_festival'], 0)]
    """
    _check(first, last)
    names: dict[date, list[str]] = {}
    for row in festivals(first, last).iter_rows(named=True):
        names.setdefault(row["day"], []).append(row["festival"])
    rows = [_row(first + n * DAY, names) for n in range((last - first).days + 1)]
    return pl.DataFrame(rows, schema=DAYS_SCHEMA, orient="row")


def festivals(first: date, last: date) -> pl.DataFrame:
    """Every festival between two days: festival, year, day, day_n, status; sorted by day.

    Examples
    --------
    >>> festivals(date(2026, 9, 1), date(2026, 10, 31)).select("festival", "day").rows()
    [('mid_autumn', datetime.date(2026, 9, 25)), ('national_day', datetime.date(2026, 10, 1)),
     ('double_ninth', datetime.date(2026, 10, 18))]
    """
    _check(first, last)
    rows = [
        (festival, year, day, (day - EPOCH).days, official.status(day))
        for year in range(first.year, last.year + 2)
        for festival in FESTIVALS
        if first <= (day := festival_day(festival, year)) <= last
    ]
    schema = {"festival": pl.String, "year": pl.Int32, "day": pl.Date, "day_n": pl.Int32, "status": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("day", "festival")


def _row(day: date, names: dict[date, list[str]]) -> tuple[object, ...]:
    lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
    slot = slot_of(day) or (None, None, None)
    return (
        day,
        (day - EPOCH).days,
        day.isoweekday(),
        lunar.month,
        lunar.day,
        bool(lunar.is_leap_month),
        official.is_workday(day),
        official.is_holiday(day),
        official.is_makeup(day),
        names.get(day, []),
        *slot,
        slot[0] == "mid_autumn" and is_joint(int(slot[1] or 0)),
        official.status(day),
    )


def _check(first: date, last: date) -> None:
    if not (first.year > FIRST_YEAR and first <= last and last.year < LAST_YEAR - 1):
        raise ParameterError(
            "calendar.span",
            values={"first": str(first), "last": str(last), "low": FIRST_YEAR + 1, "high": LAST_YEAR - 2},
        )
