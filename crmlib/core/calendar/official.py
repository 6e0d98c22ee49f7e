"""Which days does China work? Announced days off and make-up workdays; unannounced years by rule, marked predicted.

Source: the yearly notices of the State Council on holiday arrangements (``official.toml``); the rule for unannounced
years is the statutory list in force since 2025 (New Year 1 day, Spring Festival 4 with its eve, Qingming 1, Labour Day
2, Dragon Boat 1, Mid-Autumn 1, National Day 3). A prediction knows no bridge days and no make-up workdays.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal

from crmlib.core.calendar.festivals import festival_day

Status = Literal["official", "predicted"]
STATUTORY: dict[str, tuple[int, int]] = {
    "new_year": (0, 0),
    "spring_festival": (-1, 2),
    "qingming": (0, 0),
    "labour_day": (0, 1),
    "dragon_boat": (0, 0),
    "mid_autumn": (0, 0),
    "national_day": (0, 2),
}
"""First and last statutory day off, relative to the festival's day."""
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class YearPlan:
    """Days off and make-up workdays of one year, and whether they were announced."""

    off: frozenset[date]
    work: frozenset[date]
    status: Status


@cache
def year_plan(year: int) -> YearPlan:
    """The plan of a year, announced or predicted.

    Examples
    --------
    >>> year_plan(2026).status, len(year_plan(2026).work), year_plan(2027).status, len(year_plan(2027).work)
    ('official', 6, 'predicted', 0)
    """
    notice = _notices().get(str(year))
    if notice is None:
        return YearPlan(frozenset(_predicted(year)), frozenset(), "predicted")
    off = frozenset(day for span in notice["off"] for day in _span(year, span))
    work = frozenset(day for span in notice["work"] for day in _span(year, span))
    return YearPlan(off, work, "official")


def status(day: date) -> Status:
    """Whether the year's days off are announced or predicted.

    Examples
    --------
    >>> status(date(2026, 10, 1)), status(date(2027, 10, 1))
    ('official', 'predicted')
    """
    return year_plan(day.year).status


def is_workday(day: date) -> bool:
    """Whether offices work on that day: weekdays that are not off, and make-up weekends.

    Examples
    --------
    >>> is_workday(date(2026, 2, 14)), is_workday(date(2026, 2, 17)), is_workday(date(2026, 2, 22))
    (True, False, False)
    """
    plan = year_plan(day.year)
    return day in plan.work or (day.weekday() < SATURDAY and day not in plan.off)


def is_makeup(day: date) -> bool:
    """Whether the day is a weekend day that is worked for a bridge day elsewhere."""
    return day in year_plan(day.year).work


def is_holiday(day: date) -> bool:
    """Whether the day belongs to a public holiday, its weekends and bridge days included."""
    return day in year_plan(day.year).off


def official_years() -> tuple[int, ...]:
    """Years whose days off are announced."""
    return tuple(sorted(int(year) for year in _notices()))


@cache
def _notices() -> dict[str, dict[str, list[str]]]:
    text = files("crmlib.core.calendar").joinpath("official.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _span(year: int, span: str) -> list[date]:
    """Days of ``"10-01/10-07"`` or ``"05-01"``."""
    first, _, last = span.partition("/")
    begin = date.fromisoformat(f"{year}-{first}")
    end = date.fromisoformat(f"{year}-{last or first}")
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def _predicted(year: int) -> list[date]:
    return [
        festival_day(festival, year) + timedelta(days=n)
        for festival, (first, last) in STATUTORY.items()
        for n in range(first, last + 1)
    ]
