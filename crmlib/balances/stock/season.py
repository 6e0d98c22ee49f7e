"""How far every day lies above or below the ordinary one: weekday × point of the retail year.

The point of the retail year is lunar-aligned: 30 days before Spring Festival are compared with 30 days before it.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from crmlib.core.apportion import Floats, Ints
from crmlib.core.calendar import lunar_aligned, slot_of
from crmlib.core.dates import a_day

WEEK, HALF_YEAR, YEARS = 7, 182, 3
FLOOR = 0.05  # a weekday on which next to nothing is sold


def factors(daily: Floats, *, first: date, horizon: int) -> Floats:
    """Factor of every day of the history and of `horizon` days after it, shape (days + horizon,); 1 is ordinary.

    A day's factor is the mean, over the years in the history, of the days within 3 of its lunar-aligned partner (those
    on the same side of the festival and in the same season) relative to the year around it, times the factor of its
    weekday. A coming day without a partner in the history has only the weekday.

    Parameters
    ----------
    daily : quantity of a category [units], shape (days,), one value per day from `first` on.
    """
    size, start = daily.size, a_day(first, name="first")
    dates = [start + timedelta(days=i) for i in range(size + horizon)]
    by_day = _weekdays(daily, dates[:size])[np.array([d.weekday() for d in dates])]
    even = daily / by_day[:size]
    relative = _moving(even, WEEK // 2, _stretches(dates[:size])) / np.maximum(_moving(even, HALF_YEAR), 1e-12)
    year = np.ones(size + horizon)
    for i, inside in enumerate(_partners(start, size, horizon)):
        if inside:
            year[i] = relative[list(inside)].mean()
    return np.asarray(year * by_day)


@lru_cache(maxsize=8)
def _partners(start: date, size: int, horizon: int) -> tuple[tuple[int, ...], ...]:
    """Days of the history that every day is compared with; the same for all categories, so looked up once."""
    found = []
    for i in range(size + horizon):
        day = start + timedelta(days=i)
        days = [(lunar_aligned(day, years=k) - start).days if k else i for k in range(-YEARS, YEARS + 1)]
        found.append(tuple(p for p in days if 0 <= p < size))
    return tuple(found)


def _weekdays(daily: Floats, dates: list[date]) -> Floats:
    """Factor of each weekday on days outside all festival slots, Monday first, shape (7,), with mean 1."""
    smooth = _moving(daily, WEEK // 2)
    weekday = np.array([d.weekday() for d in dates])
    plain = np.array([slot_of(d) is None for d in dates]) & (smooth > 0)
    ratio = np.where(plain, daily / np.maximum(smooth, 1e-12), 0.0)
    counts = np.bincount(weekday, weights=plain, minlength=WEEK)
    found = np.bincount(weekday, weights=ratio, minlength=WEEK) / np.maximum(counts, 1e-12)
    found = np.maximum(np.where(counts > 0, found, 1.0), FLOOR)
    return np.asarray(found / found.mean())


def _stretches(dates: list[date]) -> Ints:
    """Number of the stretch that each day lies in: outside slots, in one before its festival, in one from it on."""
    labels = [None if (slot := slot_of(d)) is None else (*slot[:2], slot[2] >= 0) for d in dates]
    return np.cumsum([i > 0 and label != labels[i - 1] for i, label in enumerate(labels)])


def _moving(values: Floats, reach: int, stretch: Ints | None = None) -> Floats:
    """Mean of the values within `reach` days on both sides, of those that there are in the same stretch."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    i = np.arange(values.size)
    low, high = np.maximum(i - reach, 0), np.minimum(i + reach + 1, values.size)
    if stretch is not None:
        low = np.maximum(low, np.searchsorted(stretch, stretch, side="left"))
        high = np.minimum(high, np.searchsorted(stretch, stretch, side="right"))
    return np.asarray((total[high] - total[low]) / (high - low))
