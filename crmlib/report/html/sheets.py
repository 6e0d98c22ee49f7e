"""Tables as files: Parquet for machines, XLSX for people. Whatever a cell holds, it is never a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import columns
from crmlib.kit.columns import Column
from crmlib.kit.escape import shown as visible
from crmlib.kit.table import worded
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_NOT_IN_A_SHEET_NAME = re.compile(r"[\[\]:*?/\\']")
_MAX_CELL = 32_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table under its title, columns to be filled in (`ActionList.ask`), and where codes of columns are worded."""

    title: str
    table: pl.DataFrame
    ask: pl.DataFrame | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def parquet(table: pl.DataFrame) -> bytes:
    """`table` as a Parquet file; the same table gives the same bytes."""
    buffer = BytesIO()
    table.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def xlsx(sheets: Sequence[Sheet], *, words: Words, day: date) -> bytes:
    """`sheets` as a workbook under the words of the language; the same tables give the same bytes.

    The vocabulary of columns says what each holds, as on the page: money becomes currency units, thousandths become
    pieces, shares become percentages, codes become words, labels say the currency. Strings are written as strings, and
    those that a spreadsheet might take for a formula when somebody edits them carry its "text" mark as well.

    Parameters
    ----------
    day : written into the file as its date.
    """
    import xlsxwriter  # noqa: PLC0415

    buffer = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": datetime(day.year, day.month, day.day), "author": "crmlib"})  # noqa: DTZ001
        look = _Look(book)
        taken: set[str] = set()
        for sheet in sheets:
            page = book.add_worksheet(_sheet_name(sheet.title, taken))
            _write(page, sheet.table, look=look, words=words, names=sheet.names)
            if sheet.ask is not None:
                choices = book.add_worksheet(_sheet_name(words("page.choices"), taken))
                _ask(page, choices, sheet.ask, first=sheet.table.width, look=look, words=words)
    return buffer.getvalue()


class _Look:
    """The cell formats of a workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._numbers: dict[str, Format] = {}
        self.head: Format = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.day: Format = book.add_format({"num_format": "yyyy-mm-dd"})
        self.month: Format = book.add_format({"num_format": "yyyy-mm"})
        self.text: Format = book.add_format({"num_format": "@"})
        self.quoted: Format = book.add_format({"num_format": "@", "quote_prefix": True})

    def number(self, column: Column) -> Format:
        """The format of a kind of number."""
        digits = f".{'0' * column.decimals}" if column.decimals else ""
        shapes = {"money": "#,##0.00", "share": "0.0%", "basis_points": "0.0%", "count": "#,##0"}
        shape = shapes.get(column.kind, f"#,##0{digits}")
        if shape not in self._numbers:
            self._numbers[shape] = self._book.add_format({"num_format": shape})
        return self._numbers[shape]


def _write(sheet: Worksheet, table: pl.DataFrame, *, look: _Look, words: Words, names: Mapping[str, str]) -> None:
    sheet.freeze_panes(1, 0)
    per_unit = MINOR_PER_UNIT.get(words.format.currency, 100)
    shown = worded(table, words=words, names=names)
    for at, (name, dtype) in enumerate(shown.schema.items()):
        column = columns.of(name, dtype)
        divisor = per_unit if column.kind == "money" else column.divisor
        sheet.write_string(0, at, label(name, words), look.head)
        sheet.set_column(at, at, 22 if dtype == pl.String else 14)
        for row, value in enumerate(shown[name].to_list(), start=1):
            if value is None:
                continue
            if isinstance(value, bool):
                sheet.write_string(row, at, words("page.yes" if value else "page.no"))
            elif isinstance(value, int | float):
                if math.isfinite(value):
                    sheet.write_number(row, at, value / divisor, look.number(column))
            elif isinstance(value, date):
                shape = look.month if column.kind == "month" else look.day
                sheet.write_datetime(row, at, datetime(value.year, value.month, value.day), shape)  # noqa: DTZ001
            else:
                text = visible(str(value))[:_MAX_CELL]
                sheet.write_string(row, at, text, look.quoted if text.startswith(_FORMULA_START) else look.text)


def _ask(page: Worksheet, choices: Worksheet, ask: pl.DataFrame, *, first: int, look: _Look, words: Words) -> None:
    """Empty cells that take one of their row's list; the lists stand on a sheet of their own, each once."""
    place: dict[tuple[str, ...], str] = {}
    for at, name in enumerate(ask.columns, start=first):
        page.write_string(0, at, label(name, words), look.head)
        page.set_column(at, at, 22)
        for row, allowed in enumerate(ask[name].to_list(), start=1):
            if tuple(allowed) not in place:
                place[tuple(allowed)] = _listed(choices, allowed, column=len(place))
            page.write_blank(row, at, None, look.text)
            page.data_validation(row, at, row, at, {"validate": "list", "source": place[tuple(allowed)]})
    choices.hide()


def _listed(choices: Worksheet, allowed: Sequence[str], *, column: int) -> str:
    from xlsxwriter.utility import xl_range_abs  # noqa: PLC0415

    choices.write_column(0, column, allowed)
    return f"='{choices.get_name()}'!{xl_range_abs(0, column, len(allowed) - 1, column)}"


def label(name: str, words: Words) -> str:
    """Label of a column; money says its currency.

    Examples
    --------
    >>> label("no_such_minor", Words("en"))
    'no_such_minor (yuan)'
    """
    shown, kind = words.column(name), columns.of(name, pl.Int64()).kind
    return f"{shown} ({words(f'page.unit.{words.format.currency}')})" if kind == "money" else shown


def _sheet_name(title: str, taken: set[str]) -> str:
    base = _NOT_IN_A_SHEET_NAME.sub(" ", visible(title)).strip()[:28].strip() or "table"
    name, n = base, 2
    while name.lower() in taken:
        name, n = f"{base[:26]} {n}", n + 1
    taken.add(name.lower())
    return name
