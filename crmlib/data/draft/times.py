"""Which column of a file is a time, and how it is read: by all of its values, never by a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from crmlib.data.draft.line import Line, Open
from crmlib.data.read import values
from crmlib.data.read.clocks import AFTERNOON, FORENOON, H, M, S

READABLE = 0.98
"""Share of a sample's cells that must be readable for a column to be one of numbers or times."""
MOSTLY = 0.6
"""Birthdays may be odd: so many readable ones are a column of birthdays, the others are nothing."""
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
ORDERS = {"dmy": ("%d{s}%m{s}%Y", "%d{s}%m{s}%y"), "mdy": ("%m{s}%d{s}%Y", "%m{s}%d{s}%y")}
NAMED = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y", "%d-%B-%Y")
"""A month by its name leaves no doubt."""
SEPARATORS = ("/", "-", ".")
EPOCH = values.EPOCH
SMOOTH = 3.0
"""A file lies in the order of its days: the order of day and month that makes so much smaller steps is right."""
CLOCK_HEAD = r"time|clock|hms|hhmm|tm$|zeit|heure|hora|\u65f6|\u6642"
"""What the head of a clock of digits only says."""
WORDED = rf"\d{{1,2}}{H}(?:\d{{1,2}}(?:{M}(?:\d{{1,2}}{S})?)?)?"
CLOCK = (
    rf"(?i)^(?:{FORENOON}|{AFTERNOON})?\s*(?:{WORDED}|\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?)"
    rf"\s*(?:{FORENOON}|{AFTERNOON})?$"
)
BESIDE = (*CLOCKS[1:], " %p %I:%M", " %p %I:%M:%S")
"""How a clock beside a day may be written."""
EPOCH_CELL = r"^\d{9,10}(\.\d+)?$|^\d{12,13}(\.0+)?$|^\d{15,16}$"
"""Seconds, milliseconds or microseconds since 1970; numbers of a telephone are as long, so the head decides, too."""


def first_time(rows: pl.DataFrame, column: str, names: Sequence[str], asked: list[Open]) -> Line | None:
    """The first of the columns that holds times; what is open is told of the first one only."""
    opened: list[Open] = []
    for name in names:
        made = _time(rows, column, name, opened)
        if made is not None:
            return made
    asked += sorted(opened, key=lambda one: one.reason == "no_time")[:1]
    return None


def orders(cells: pl.Series) -> dict[str, str]:
    """Every order of day and month that all cells allow, with its format; to be asked where there are two."""
    known = values.no_zero_dates(cells).drop_nulls()
    return {order: form for order, forms in ORDERS.items() if (form := _format(known, forms)) is not None}


def _time(rows: pl.DataFrame, column: str, name: str, asked: list[Open]) -> Line | None:
    """A time by all of its values; a day and a clock in two columns are joined."""
    known = values.no_zero_dates(rows[name]).drop_nulls()
    if known.is_empty():
        return None
    key = "month_of" if column == "birth_month" else "from"
    read = _read(known)
    if key == "month_of" and MOSTLY <= read < READABLE:
        return Line(column, {key: name, "other": "null"}, "forgiving", {"head": name})
    clock = _clock(rows, name) if column == "sold_at" else None
    if read >= READABLE:
        if clock is not None and known.str.contains(r"^\S+([ T]00:00(:00)?)?$").all():
            return Line(column, {"from": [name, clock]}, "two_cells", {"day": name, "clock": clock})
        made: str | dict[str, Any] = name if key == "from" else {key: name}
        return Line(column, made, "time", {"head": name})
    if known.str.contains(EPOCH_CELL).all() and _read(known, [EPOCH]) >= READABLE:
        return Line(column, {key: name, "date": EPOCH}, "epoch", {"head": name})
    before = len(asked)
    line = _ordered(known, column, key, name, asked)
    if clock is not None and len(asked) > before and asked[-1].reason == "day_or_month":
        both = [_with_clock(Line(c, made, ""), name, clock, rows, []) for c, made in asked[-1].lines]
        asked[-1] = replace(asked[-1], lines=tuple((told.column, told.made) for told in both))
    return line if line is None or clock is None else _with_clock(line, name, clock, rows, asked)


def _with_clock(line: Line, day: str, clock: str, rows: pl.DataFrame, asked: list[Open]) -> Line:
    """A day and the clock beside it in the way that reads both; where none does the day stays alone, which is told."""
    form = str(line.made["date"]) if isinstance(line.made, dict) else ""
    if ":" in form:
        return line
    both = rows.select(pl.concat_str(day, clock, separator=" ")).to_series().drop_nulls()
    fit = next((form + beside for beside in BESIDE if _read(both, [form + beside]) == 1.0), None)
    if fit is None:
        asked.append(Open("no_clock", clock))
        return line
    return Line(line.column, {"from": [day, clock], "date": fit}, "two_cells", {"day": day, "clock": clock})


def _ordered(known: pl.Series, column: str, key: str, name: str, asked: list[Open]) -> Line | None:
    """A time whose year comes last: day and month as all values allow, or as the lines lie in order."""
    fit = orders(known)
    if not fit:
        form = next((f + clock for f in NAMED for clock in CLOCKS if _read(known, [f + clock]) == 1.0), None)
        if form is None:
            asked.append(Open("no_time", name, ((column, {key: name, "date": "%d.%m.%Y %H:%M"}),)))
            return None
        return Line(column, {key: name, "date": form}, "by_values", {"head": name, "form": form})
    if len(fit) > 1:
        steps = {o: _steps(known, f) for o, f in fit.items()}
        order, other = sorted(steps, key=lambda o: steps[o])
        if steps[order] * SMOOTH > steps[other]:
            asked.append(Open("day_or_month", name, tuple((column, {key: name, "date": f}) for f in fit.values())))
            return None
        return Line(column, {key: name, "date": fit[order]}, "by_order", {"head": name, "form": fit[order]})
    form = next(iter(fit.values()))
    return Line(column, {key: name, "date": form}, "by_values", {"head": name, "form": form})


def _read(known: pl.Series, formats: Sequence[str] = ()) -> float:
    return 1 - values.times(known, zone="UTC", formats=formats).null_count() / len(known)


def _format(known: pl.Series, written: Sequence[str]) -> str | None:
    """The format of day, month and year in that order that reads every value."""
    separators = [s for s in SEPARATORS if known.str.contains(s, literal=True).all()]
    forms = [form.format(s=s) + clock for form in written for s in separators for clock in CLOCKS]
    return next((form for form in forms if _read(known, [form]) == 1.0), None)


def _steps(known: pl.Series, form: str) -> float:
    """How far the days of neighbouring lines lie apart, in sum."""
    at = values.times(known, zone="UTC", formats=[form]).dt.epoch("s")
    return float(at.diff().abs().sum() or 0)


def _clock(rows: pl.DataFrame, day: str) -> str | None:
    """The column of times of day, where there is one; of digits only (093015) where its head says a time."""
    for name in rows.columns:
        known = rows[name].drop_nulls()
        if name != day and len(known) and (known.str.contains(CLOCK).all() or _bare_clock(name, known)):
            return name
    return None


def _bare_clock(name: str, known: pl.Series) -> bool:
    if not re.search(CLOCK_HEAD, name.lower()) or not known.str.contains(r"^\d{3,6}$").all():
        return False
    return _read("20240101 " + known) == 1.0
