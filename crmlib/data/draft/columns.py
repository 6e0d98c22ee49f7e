"""Which column of a file is which of the contract: by the words of its head, and by what stands in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.data.read import values

READABLE = 0.98
"""Share of a sample's cells that must be readable for a column to be one of numbers or times."""
MOSTLY = 0.6
"""Birthdays may be odd: so many readable ones are a column of birthdays, the others are nothing."""
TABLES = ("receipt_lines", "customers", "products", "stores")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
ORDERS = {"dmy": "%d{s}%m{s}%Y", "mdy": "%m{s}%d{s}%Y"}
SEPARATORS = ("/", "-", ".")
SMOOTH = 3.0
"""A file lies in the order of its days: the order of day and month that makes so much smaller steps is right."""
UNIT = re.compile(r"[(\uff08\[].*?[)\uff09\]]")
CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the draft: contract column, its expression, why, and what the sentence names."""

    column: str
    made: str | dict[str, Any]
    why: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A table's columns.

    Parameters
    ----------
    missing : required columns for which nothing was found; `open_` : why a found column cannot be used without a word
    of a person, as (reason, column of the file).
    """

    table: str
    lines: tuple[Line, ...]
    missing: tuple[str, ...]
    open_: tuple[tuple[str, str], ...] = ()
    decimal: str = "."


@cache
def words() -> dict[str, Any]:
    """The words of heads, by table and column."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


def plain(head: str) -> str:
    """A head in lower case, without unit, blanks and signs.

    Examples
    --------
    >>> plain("Line Total (USD)"), plain("customer_id")
    ('linetotal', 'customerid')
    """
    return re.sub(r"[\s_\-./#:\uff1a*]+", "", UNIT.sub("", head)).lower()


def best_table(rows: pl.DataFrame) -> str:
    """The table of which most columns are found, less the required ones that are not."""

    def points(table: str) -> int:
        found = mapped(rows, table)
        return len(found.lines) + len(found.open_) - len(found.missing)

    return max(TABLES, key=points)


def mapped(rows: pl.DataFrame, table: str) -> Mapped:
    """Map the columns of a sample to those of `table`."""
    heads = {plain(name): name for name in reversed(rows.columns)}
    decimal = _decimal(rows)
    lines: list[Line] = []
    asked: list[tuple[str, str]] = []
    fields = CONTRACTS[table].schema.columns()
    for column, known in words()[table].items():
        names = [heads[w] for w in known if w in heads]
        if column == "unit":
            continue
        if column in {"net_minor", "cost_minor"} and table == "receipt_lines":
            made = _money(rows, column, names[0] if names else None, heads, decimal)
        elif not names:
            continue
        elif fields[column].dtype.is_temporal() or column == "birth_month":
            made = _first_time(rows, column, names, asked)
        else:
            made = _plain(rows, column, names[0], decimal)
        if made is not None:
            lines.append(made)
    found = {line.column for line in lines}
    missing = tuple(c for c in _needed(table) if c not in found)
    return Mapped(table, tuple(lines), missing, tuple(asked), decimal)


def _plain(rows: pl.DataFrame, column: str, name: str, decimal: str) -> Line | None:
    """A column that is neither a time nor the amount of a line."""
    if column == "quantity_milli":
        readable = _numeric(rows[name], decimal)
        return Line(column, {"from": name, "times": 1000}, "quantity", {"head": name}) if readable else None
    if column.endswith("_minor"):
        return _amount(rows, column, name, decimal)
    if column in words()["values"]:
        return _choice(rows, column, name)
    return Line(column, name, "head", {"head": name})


def _choice(rows: pl.DataFrame, column: str, name: str) -> Line | None:
    """A choice by the words that stand in the column; none where no word is known."""
    meant = {word: value for value, known in words()["values"][column].items() for word in known}
    present = values.clean_series(rows[name]).drop_nulls().unique(maintain_order=True)
    table = {word: meant[word.lower()] for word in present.head(50) if word.lower() in meant}
    return Line(column, {"from": name, "map": table, "other": "null"}, "choice", {"head": name}) if table else None


def _needed(table: str) -> list[str]:
    contract = CONTRACTS[table]
    made = {"src_name", "src_file", "src_line", "known_at", "day", "day_n", "line_id", *dict(contract.defaults)}
    return [c for c in contract.required if c not in made]


def _decimal(rows: pl.DataFrame) -> str:
    """The decimal sign: a comma where many cells are numbers with one only, and none with a point."""
    cells = pl.concat([rows[c].drop_nulls().head(500) for c in rows.columns]) if rows.width else pl.Series([""])
    commas = int(cells.str.contains(r"^-?\d+(\.\d{3})*,\d{1,2}$").sum())
    points = int(cells.str.contains(r"^-?\d+(,\d{3})*\.\d{1,2}$").sum())
    return "," if commas > 20 * max(points, 1) else "."


def _numeric(cells: pl.Series, decimal: str) -> bool:
    known = values.clean_series(cells).drop_nulls()
    if known.is_empty():
        return False
    read = values.numbers(known, decimal=decimal)
    return 1 - read.null_count() / len(known) >= READABLE


def _factor(rows: pl.DataFrame, name: str) -> int:
    """100 where the column is in whole units, 1 where its head says that it is in minor ones."""
    marks = words()["minor"]["signs"]
    remark = "".join(UNIT.findall(name)).strip("()[]\uff08\uff09").lower()
    return 1 if remark in marks or any(plain(name).endswith(m) for m in marks if len(m) > 3) else 100


def _amount(rows: pl.DataFrame, column: str, name: str, decimal: str) -> Line | None:
    if not _numeric(rows[name], decimal):
        return None
    factor = _factor(rows, name)
    made = {"from": name, "times": factor}
    return Line(column, made, "money" if factor > 1 else "money_minor", {"head": name})


def _money(rows: pl.DataFrame, column: str, name: str | None, heads: dict[str, str], decimal: str) -> Line | None:
    """The amount of a line; else its price times its quantity."""
    if name is not None:
        return _amount(rows, column, name, decimal)
    unit = words()["receipt_lines"]["unit"]["price" if column == "net_minor" else "cost"]
    each = next((heads[w] for w in unit if w in heads), None)
    count = next((heads[w] for w in words()["receipt_lines"]["quantity_milli"] if w in heads), None)
    if each is None or count is None or not _numeric(rows[each], decimal):
        return None
    return Line(
        column, {"product": [each, count], "times": _factor(rows, each)}, "price", {"price": each, "quantity": count}
    )


def _first_time(rows: pl.DataFrame, column: str, names: Sequence[str], asked: list[tuple[str, str]]) -> Line | None:
    """The first of the columns that holds times; what is open is told of the first one only."""
    opened: list[tuple[str, str]] = []
    for name in names:
        made = _time(rows, column, name, opened)
        if made is not None:
            return made
    asked += opened[:1]
    return None


def _time(rows: pl.DataFrame, column: str, name: str, asked: list[tuple[str, str]]) -> Line | None:
    """A time by all of its values; a day and a clock in two columns are joined."""
    known = values.no_zero_dates(rows[name]).drop_nulls()
    if known.is_empty():
        return None
    key = "month_of" if column == "birth_month" else "from"
    read = _read(known)
    if key == "month_of" and MOSTLY <= read < READABLE:
        return Line(column, {key: name, "other": "null"}, "forgiving", {"head": name})
    if read >= READABLE:
        clock = _clock(rows, name) if column == "sold_at" else None
        if clock is not None and known.str.contains(r"^\S+([ T]00:00(:00)?)?$").all():
            return Line(column, {"from": [name, clock]}, "two_cells", {"day": name, "clock": clock})
        made: str | dict[str, Any] = name if key == "from" else {key: name}
        return Line(column, made, "time", {"head": name})
    return _ordered(known, column, key, name, asked)


def _ordered(known: pl.Series, column: str, key: str, name: str, asked: list[tuple[str, str]]) -> Line | None:
    """A time whose year comes last: day and month as all values allow, or as the lines lie in order."""
    fit = {o: f for o in ORDERS if (f := _format(known, ORDERS[o])) is not None}
    if not fit:
        asked.append(("no_time", name))
        return None
    if len(fit) > 1:
        steps = {o: _steps(known, f) for o, f in fit.items()}
        order, other = sorted(steps, key=lambda o: steps[o])
        if steps[order] * SMOOTH > steps[other]:
            asked.append(("day_or_month", name))
            return None
        return Line(column, {key: name, "date": fit[order]}, "by_order", {"head": name, "form": fit[order]})
    form = next(iter(fit.values()))
    return Line(column, {key: name, "date": form}, "by_values", {"head": name, "form": form})


def _read(known: pl.Series, formats: Sequence[str] = ()) -> float:
    return 1 - values.times(known, zone="UTC", formats=formats).null_count() / len(known)


def _format(known: pl.Series, order: str) -> str | None:
    """The format of day, month and year in that order that reads every value."""
    forms = [
        order.format(s=s) + clock for s in SEPARATORS if known.str.contains(s, literal=True).all() for clock in CLOCKS
    ]
    return next((form for form in forms if _read(known, [form]) == 1.0), None)


def _steps(known: pl.Series, form: str) -> float:
    """How far the days of neighbouring lines lie apart, in sum."""
    at = values.times(known, zone="UTC", formats=[form]).dt.epoch("s")
    return float(at.diff().abs().sum() or 0)


def _clock(rows: pl.DataFrame, day: str) -> str | None:
    """The column of times of day, where there is one."""
    for name in rows.columns:
        known = rows[name].drop_nulls()
        if name != day and len(known) and known.str.contains(CLOCK).all():
            return name
    return None
