"""Which days the sales reach: the first and the last of ordinary volume; mistyped dates far off move nothing.

A day is stray where hardly anything was sold on it against the same weekday before, or where a gap much longer than any
before it separates it from the sales and no more was sold behind the gap than on one ordinary day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import polars as pl

WEEKDAYS_BEFORE = 8
"""So many earlier days of the same weekday say what is ordinary; fewer than half of them say nothing."""
HARDLY, THIN = 0.1, 0.5
"""Shares of the weekday's median: at most the first is stray, at most the second right behind an unusual gap."""
FEW = 5
"""A weekday with fewer lines than this [median] has no ordinary volume."""
LONG_GAP = 3
"""A gap so many times as long as the longest one before (of at least two days) is none of a shop's pauses."""
SHORTEST = 2
FAR = 90
"""A pause of fewer days before the sales is no mistake of a date."""
MOST_DAYS = 60
"""So many days at the end may be stray; more of them are another kind of business."""


@dataclass(frozen=True, slots=True)
class LastDay:
    """The last day of ordinary volume, and the days behind it.

    Parameters
    ----------
    day : the last day of ordinary volume.
    stray : one row per day behind it: day, lines; empty where there is none.
    """

    day: date
    stray: pl.DataFrame


def last_ordinary_day(counts: pl.DataFrame) -> LastDay:
    """Find the last day of ordinary volume.

    Parameters
    ----------
    counts : day, lines; one row per day with sales, at least one.

    Examples
    --------
    >>> days = pl.date_range(date(2025, 1, 1), date(2025, 3, 1), eager=True)
    >>> counts = pl.DataFrame({"day": [*days, date(2025, 8, 1)], "lines": [40] * 60 + [1]})
    >>> last_ordinary_day(counts).day
    datetime.date(2025, 3, 1)
    """
    table = counts.select("day", pl.col("lines").cast(pl.Int64)).sort("day")
    days, lines = table["day"].to_list(), table["lines"].to_list()
    end = len(days)
    for _ in range(MOST_DAYS):
        cut = _stray_from(days[:end], lines[:end])
        if cut >= end:
            break
        end = cut
    return LastDay(days[end - 1], table[end:])


def before_sales(counts: pl.DataFrame) -> pl.DataFrame:
    """Days far before the sales begin, on which no more was sold together than on one ordinary day: day, lines.

    A clock that was set back to 1970, a slip of 2009: a gap much longer than any within the sales lies behind them.

    Examples
    --------
    >>> days = pl.date_range(date(2025, 1, 1), date(2025, 3, 1), eager=True)
    >>> counts = pl.DataFrame({"day": [date(1970, 1, 1), *days], "lines": [1] + [40] * 60})
    >>> before_sales(counts)["day"].to_list()
    [datetime.date(1970, 1, 1)]
    """
    if counts.is_empty():
        return counts.select("day", pl.col("lines").cast(pl.Int64))
    table = counts.select("day", pl.col("lines").cast(pl.Int64)).sort("day")
    table = table.filter(pl.col("day") <= last_ordinary_day(table).day)
    days, lines = table["day"].to_list(), table["lines"].to_list()
    gaps = [(after - before).days for before, after in pairwise(days)]
    for at in range(min(MOST_DAYS, len(days) - SHORTEST), 0, -1):
        usual = max(*gaps[at:], SHORTEST, 0)
        if gaps[at - 1] > LONG_GAP * usual and gaps[at - 1] >= FAR and sum(lines[:at]) <= _median(lines[at:]):
            return table[:at]
    return table[:0]


def _stray_from(days: list[date], lines: list[int]) -> int:
    """Where the stray days at the end begin; the number of days where there are none."""
    n = len(days)
    if n < 2 * SHORTEST:
        return n
    gaps = [(after - before).days for before, after in pairwise(days)]
    for at in range(n - 1, max(n - MOST_DAYS, SHORTEST), -1):
        usual = max(*gaps[: at - 1], SHORTEST)
        if gaps[at - 1] > LONG_GAP * usual and sum(lines[at:]) <= _median(lines[:at]):
            return at
    same = [count for day, count in zip(days[:-1], lines[:-1], strict=True) if day.weekday() == days[-1].weekday()]
    ordinary = _median(same[-WEEKDAYS_BEFORE:]) if len(same) * 2 >= WEEKDAYS_BEFORE else 0.0
    share = THIN if gaps[-1] > max(gaps[:-1]) else HARDLY
    return n - 1 if ordinary >= FEW and lines[-1] <= share * ordinary else n


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
