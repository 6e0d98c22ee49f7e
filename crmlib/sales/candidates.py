"""Three ways to forecast the days of a period still to come, each for all units at once.

* ``run_rate``: the period's mean day so far, times the days left.
* ``same_dates``: last year's sales on the same dates, times the growth of the last 56 days on theirs.
* ``pooled_lunar``: the company's sales on the lunar-aligned days of last year, moved to this year's weekdays, times the
  growth of its last 56 days on their partners; a unit gets its share of those 56 days, so that units add up.

Pooling gives a store the company's calendar: one store's own shape of last year is mostly noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats, Ints
from crmlib.core.calendar import lunar_aligned
from crmlib.core.dates import day_number, day_of
from crmlib.core.frames import AnyFrame, timed

RECENT = 56
"""Days behind growth and share: eight whole weeks."""
NAMES = ("run_rate", "same_dates", "pooled_lunar")


NOWHERE = "\u2014"
"""Unit of the sales that no unit is named for."""


@dataclass(frozen=True, slots=True)
class Sales:
    """Sales by unit and day.

    Parameters
    ----------
    units : sorted.
    first : day number of the first column.
    values : [minor units], shape (units, days), 0 where nothing was sold.
    """

    units: tuple[str, ...]
    first: int
    values: Floats


def sales_of(days: AnyFrame, *, unit: str, until: date) -> Sales:
    """The matrix of a table unit (null: `NOWHERE`), day, net_minor, up to and including `until`."""
    table = timed(days, at="day", needs=[unit, "net_minor"], name="days")
    table = table.select(pl.col(unit).cast(pl.String), "net_minor", day_n=pl.col("day").cast(pl.Date).cast(pl.Int32))
    table = table.filter(pl.col("day_n") <= day_number(until)).with_columns(pl.col(unit).fill_null(NOWHERE))
    names = table[unit].unique().sort()
    first = int(table["day_n"].min() or 0)  # type: ignore[arg-type]
    values = np.zeros((names.len(), max(day_number(until) - first + 1, 0)))
    at = names.search_sorted(table[unit]).to_numpy()
    np.add.at(values, (at, table["day_n"].to_numpy() - first), table["net_minor"].to_numpy())
    return Sales(tuple(names.to_list()), first, values)


def rest(sales: Sales, *, name: str, first: int, as_of: int, last: int) -> Floats | None:
    """Forecast of the days after `as_of` up to `last` for each unit, shape (units,); None without the history.

    first, as_of, last : day numbers; `first` ≤ `as_of` ≤ `last`. No value after `as_of` is looked at.
    """
    if name == "run_rate":
        return _mean_day(sales, first, as_of) * (last - as_of)
    shift = _year_ago if name == "same_dates" else _lunar
    coming, recent = np.arange(as_of + 1, last + 1), np.arange(as_of - RECENT + 1, as_of + 1)
    partners, before = shift(coming), shift(recent)
    if coming.size == 0:
        return np.zeros(len(sales.units))
    if min(int(partners.min()), int(before.min()), as_of - RECENT + 1) < sales.first or int(partners.max()) > as_of:
        return None
    company = sales.values.sum(axis=0)
    base = company[before - sales.first].sum()
    late = sales.values[:, recent - sales.first].sum(axis=1)
    if base <= 0 or late.sum() <= 0:
        return None
    there = company[partners - sales.first]
    if name == "pooled_lunar":
        weekday = _weekdays(company, sales.first, as_of)
        there = there * weekday[(coming + 3) % 7] / weekday[(partners + 3) % 7]
    return np.asarray(late / base * there.sum())  # growth = late.sum() / base, share = late / late.sum()


def _mean_day(sales: Sales, first: int, as_of: int) -> Floats:
    begin = max(first - sales.first, 0)
    seen = sales.values[:, begin : as_of - sales.first + 1]
    return np.asarray(seen.mean(axis=1)) if seen.shape[1] else np.zeros(len(sales.units))


def _weekdays(company: Floats, first: int, as_of: int) -> Floats:
    """Usual size of each weekday, Monday first, mean 1: median of day ÷ mean of the week around it, last 364 days."""
    end = as_of - first + 1
    begin = max(end - 364, 0)
    values = company[begin:end]
    if values.size < RECENT:
        return np.ones(7)
    week = np.convolve(values, np.ones(7) / 7, mode="valid")
    ratio = values[3:-3] / np.where(week > 0, week, np.nan)
    weekday = (np.arange(first + begin + 3, first + begin + 3 + ratio.size) + 3) % 7  # 1970-01-01 was a Thursday
    size = np.array([np.nanmedian(ratio[weekday == k]) for k in range(7)])
    size = np.where(np.isfinite(size) & (size > 0), size, 1.0)
    return np.asarray(size / size.mean())


@cache
def _lunar_day(day: int) -> int:
    return day_number(lunar_aligned(day_of(day)))


@cache
def _dates_day(day: int) -> int:
    there = day_of(day)
    back = there.replace(year=there.year - 1, day=28) if (there.month, there.day) == (2, 29) else None
    return day_number(back or there.replace(year=there.year - 1))


def _lunar(days: Ints) -> Ints:
    return np.array([_lunar_day(int(d)) for d in days], dtype=np.int64)


def _year_ago(days: Ints) -> Ints:
    return np.array([_dates_day(int(d)) for d in days], dtype=np.int64)
