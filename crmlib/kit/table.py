"""The look of every table: labels in the reader's language, numbers to the right, text as text and never as markup."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import columns
from crmlib.kit.columns import Column, Kind
from crmlib.kit.escape import escape
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

NONE = "—"


def readable(
    frame: pl.DataFrame,
    *,
    words: Words,
    exact: bool = False,
    hide: Collection[str] = (),
    kinds: Mapping[str, tuple[Kind, int]] | None = None,
    names: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> GT:
    """`frame` set for reading: one formatted, escaped cell per value, each column as the vocabulary says.

    Parameters
    ----------
    frame : tidy table under machine column names; labels are `words.column(name)`.
    exact : money to the last minor unit, for tables that must add up; else three significant digits (8.68M).
    hide : columns left out.
    kinds : column → (kind, decimals) where this table means another one than the vocabulary.
    names : column → key under which its codes are worded, before what the vocabulary says.
    links : column → column with the address where its cell leads, empty where it leads nowhere; not shown itself.

    Missing values become an em dash, zero stays 0; a column that holds nothing at all is left out.

    Examples
    --------
    >>> shown = readable(pl.DataFrame({"name": ["<b>x</b>"], "net_minor": [868_000_000]}), words=Words("en"))
    >>> "&lt;b&gt;x&lt;/b&gt;" in shown.as_raw_html(), "8.68M" in shown.as_raw_html()
    (True, True)
    """
    from great_tables import GT  # noqa: PLC0415  (a third of a second, only where a table is shown)
    from great_tables.loc import body  # noqa: PLC0415
    from great_tables.style import css  # noqa: PLC0415

    from crmlib.kit.cells import Cells  # noqa: PLC0415

    empty = [name for name in frame.columns if frame.height and frame[name].null_count() == frame.height]
    leading = links or {}
    shown = worded(frame.drop({*hide, *empty, *leading.values()}), words=words, names=names)
    view = GT(shown, id="t").cols_label({name: words.column(name) for name in shown.columns})
    view = view._replace(_body=Cells(view._body.body))
    for name, dtype in shown.schema.items():
        column = columns.of(name, dtype)
        if kinds and name in kinds:
            column = Column(name, *kinds[name])
        write = _writer(column, dtype, words, exact=exact)
        view = view.fmt(write, columns=name)
        for row, address in enumerate(frame[leading[name]] if name in leading else ()):
            view = view.fmt(_linked(write, address), columns=name, rows=[row]) if address else view
        view = view.cols_align(_side(column, dtype), columns=name)
        if column.width:  # on a phone the table scrolls instead of breaking a reason into single characters
            view = view.tab_style(css(f"min-width: {column.width}"), body(columns=name))
    return view


def worded(frame: pl.DataFrame, *, words: Words, names: Mapping[str, str] | None = None) -> pl.DataFrame:
    """`frame` with its codes in the reader's words: the same on the page, in the workbook and in the comparison.

    Examples
    --------
    >>> worded(pl.DataFrame({"quadrant": ["keep", "my own"]}), words=Words("en"))["quadrant"].to_list()
    ['High sales, high margin', 'my own']
    """
    done = []
    for name, dtype in frame.schema.items():
        keys = ((names or {}).get(name), *columns.of(name, dtype).values)
        places = [key for key in keys if key]
        if places and (dtype in (pl.String, pl.Enum, pl.Categorical)):
            done.append(pl.Series(name, _said(frame, name, places, words), dtype=pl.String))
    return frame.with_columns(done)


def _said(frame: pl.DataFrame, name: str, places: list[str], words: Words) -> list[str | None]:
    """The words of each row's code; a place may name another column of the row: ``scoring.value.{trait}``."""
    rows = frame.iter_rows(named=True)
    return [None if row[name] is None else say(str(row[name]), places, words, row) for row in rows]


def say(code: str, places: Collection[str], words: Words, row: Mapping[str, object] | None = None) -> str:
    """`code` in words of the first of `places` that has it, else as it is; of several codes each by itself."""
    for place in places:
        if "{" in place and row is None:
            continue
        found = words.label(f"{place.format(**(row or {})) if '{' in place else place}.{code}")
        if found is not None:
            return found
    several = code.split(", ")
    return words("page.join").join(say(c, places, words, row) for c in several) if len(several) > 1 else code


def _side(column: Column, dtype: pl.DataType) -> str:
    if column.kind in columns.DATES:
        return "center"
    return "right" if column.kind in columns.NUMERIC or dtype.is_numeric() else "left"


def _writer(column: Column, dtype: pl.DataType, words: Words, *, exact: bool) -> Callable[[object], str]:
    """Function from a stored value to escaped text."""
    form, digits, divisor = words.format, column.decimals, column.divisor
    money = form.money_exact if exact else form.money
    writers: dict[str, Callable[..., str]] = {
        "money": money,
        "count": form.count,
        "share": form.share,
        "basis_points": lambda value: form.share(value / divisor),
        "units": lambda value: form.number(value / divisor, digits=digits),
        "number": lambda value: form.number(value, digits=digits),
        "days": lambda value: form.number(value, digits=digits),
        "day": form.day,
        "month": form.month,
    }
    numeric = column.kind in columns.NUMERIC
    if (numeric and not dtype.is_numeric()) or (column.kind in columns.DATES and not dtype.is_temporal()):
        return _escaped(str)  # already in words
    if dtype == pl.Boolean:
        return _escaped(lambda value: words("page.yes" if value else "page.no"))
    return _escaped(writers.get(column.kind, str))


def _linked(write: Callable[[object], str], address: str) -> Callable[[object], str]:
    return lambda value: f'<a href="{escape(address)}">{write(value)}</a>'


def _escaped(write: Callable[..., str]) -> Callable[[object], str]:
    return lambda value: NONE if value is None else escape(write(value))
