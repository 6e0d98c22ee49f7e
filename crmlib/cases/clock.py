"""A team's clock: working seconds between two moments, and the moment by which so many have passed.

Time runs only in the team's hours: weekdays of its calendar, not on public holidays (unless it works then), and on
make-up days with the hours of its first weekday. A ticket of Sunday starts on Monday; one of a make-up Sunday at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.calendar import is_holiday, is_makeup
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array = npt.NDArray[Any]
MINUTE, DAY = 60, 86_400
NEEDS = ("team", "weekday", "from_minute", "to_minute", "holidays")


@dataclass(frozen=True, slots=True)
class Clock:
    """Working hours of every day of a span.

    Parameters
    ----------
    first : day number of the first day.
    opens, closes : seconds after midnight, shape (days,); equal where nobody works.
    before : working seconds before each day, shape (days + 1,).
    """

    first: int
    opens: Array
    closes: Array
    before: Array

    def worked(self, start: pl.Series, end: pl.Series) -> pl.Series:
        """Working seconds from `start` to `end` (local times); 0 where the end is earlier; null where either is."""
        return _between(self, start, end)

    def due(self, start: pl.Series, seconds: pl.Series) -> pl.Series:
        """Moment by which `seconds` of working time have passed since `start`; null where either is."""
        return _due(self, start, seconds)


def clock(calendar: AnyFrame, *, team: str, first: date, last: date) -> Clock:
    """The clock of a team from `first` to `last`.

    Parameters
    ----------
    calendar : team, weekday (1 Monday … 7 Sunday), from_minute, to_minute, holidays (closed, open); a row per weekday.
    last : far enough for every deadline that is asked for.

    Raises
    ------
    ModelError
        `cases.no_hours` if the team has no hours.
    """
    rows = to_polars(calendar, needs=NEEDS, name="service_calendar").filter(pl.col("team") == team).sort("weekday")
    hours = {r["weekday"]: r for r in rows.iter_rows(named=True)}
    if not hours:
        raise ModelError("cases.no_hours", values={"team": team})
    spans = [_span(hours, first + timedelta(days=n)) for n in range((last - first).days + 1)]
    opens, closes = (np.array(v, dtype=np.int64) * MINUTE for v in zip(*spans, strict=True))
    return Clock(day_number(first), opens, closes, np.concatenate([[0], np.cumsum(closes - opens)]))


def _span(hours: dict[int, dict[str, Any]], day: date) -> tuple[int, int]:
    row = hours.get(day.isoweekday())
    if row is None and is_makeup(day):
        row = next(iter(hours.values()))
    if row is None or (row["holidays"] == "closed" and is_holiday(day)):
        return 0, 0
    return row["from_minute"], row["to_minute"]


def _seconds(moments: pl.Series) -> Array:
    """Local seconds since 1970, null as the first moment; shape (n,)."""
    local = moments.dt.replace_time_zone(None) if isinstance(moments.dtype, pl.Datetime) else moments.cast(pl.Datetime)
    return np.asarray(local.dt.epoch("s").fill_null(0).to_numpy())


def _position(clock: Clock, seconds: Array) -> Array:
    """Working seconds since the clock's first day at each moment; refuses moments outside its span."""
    day, rest = np.divmod(seconds, DAY)
    i = day - clock.first
    return np.asarray(clock.before[i] + np.clip(rest, clock.opens[i], clock.closes[i]) - clock.opens[i])


def _between(clock: Clock, start: pl.Series, end: pl.Series) -> pl.Series:
    known = (start.is_not_null() & end.is_not_null()).to_numpy()
    a, b = _seconds(start), _seconds(end)
    _refuse_outside(clock, a[known], b[known])
    out = np.zeros(len(a), dtype=np.int64)
    out[known] = np.maximum(_position(clock, b[known]) - _position(clock, a[known]), 0)
    return pl.Series("worked_s", out).set(pl.Series(~known), None)


def _due(clock: Clock, start: pl.Series, seconds: pl.Series) -> pl.Series:
    known = (start.is_not_null() & seconds.is_not_null()).to_numpy()
    a, more = _seconds(start)[known], seconds.fill_null(0).to_numpy()[known]
    _refuse_outside(clock, a)
    target = _position(clock, a) + more
    if target.size and target.max() > clock.before[-1]:
        raise _outside(clock)
    i = np.maximum(np.searchsorted(clock.before, target, side="left") - 1, 0)
    out = np.zeros(len(known), dtype=np.int64)
    out[known] = (clock.first + i) * DAY + clock.opens[i] + target - clock.before[i]
    return pl.from_epoch(pl.Series("due_at", out), time_unit="s").set(pl.Series(~known), None)


def _refuse_outside(clock: Clock, *moments: Array) -> None:
    for seconds in moments:
        day = seconds // DAY - clock.first
        if day.size and (day.min() < 0 or day.max() >= len(clock.opens)):
            raise _outside(clock)


def _outside(clock: Clock) -> ModelError:
    first = datetime(1970, 1, 1) + timedelta(days=clock.first)  # noqa: DTZ001 - local days
    last = first + timedelta(days=len(clock.opens) - 1)
    return ModelError("cases.clock_span", values={"first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}"})
