"""Days as arguments, and as numbers since 1970-01-01."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from crmlib.core.errors import ParameterError

EPOCH = date(1970, 1, 1)


def a_day(value: date, *, name: str = "day") -> date:
    """`value` as a plain date; a datetime or a pandas Timestamp gives the day on its own clock.

    Raises
    ------
    ParameterError
        `frame.no_day` for anything else, texts included.

    Examples
    --------
    >>> a_day(datetime(2026, 1, 31, 23, 59))
    datetime.date(2026, 1, 31)
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise ParameterError("frame.no_day", values={"name": name, "type": type(value).__name__})


def day_number(value: date, *, name: str = "day") -> int:
    """Days since 1970-01-01.

    Examples
    --------
    >>> day_number(date(1970, 1, 2))
    1
    """
    return (a_day(value, name=name) - EPOCH).days


def day_of(number: int) -> date:
    """The day of a day number.

    Examples
    --------
    >>> day_of(1)
    datetime.date(1970, 1, 2)
    """
    return EPOCH + timedelta(days=number)
