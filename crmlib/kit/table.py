"""The look of every table: labels in the reader's language, numbers to the right, text as text and never as markup."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

NONE = "—"


def table(
    frame: pl.DataFrame,
    *,
    words: Words,
    money: Collection[str] = (),
    exact_money: Collection[str] = (),
    counts: Collection[str] = (),
    shares: Collection[str] = (),
    numbers: Mapping[str, int] | None = None,
    days: Collection[str] = (),
    hide: Collection[str] = (),
) -> GT:
    """`frame` set for reading: one formatted, escaped cell per value.

    Parameters
    ----------
    frame : tidy table under machine column names; labels are `words.column(name)`.
    money : columns in minor units, shown with three significant digits (8.68M).
    exact_money : columns in minor units, shown to the last one; for tables that must add up.
    counts : whole numbers.
    shares : numbers from 0 to 1, shown as percentages with one decimal.
    numbers : column → decimals.
    days : dates.
    hide : columns left out.

    Columns of numbers that no argument names are shown as they are; so are strings and truth values. Missing values
    become an em dash, zero stays 0.

    Examples
    --------
    >>> shown = table(pl.DataFrame({"name": ["<b>x</b>"], "net_minor": [868_000_000]}), words=Words("en"),
    ...               money=["net_minor"])
    >>> "&lt;b&gt;x&lt;/b&gt;" in shown.as_raw_html(), "8.68M" in shown.as_raw_html()
    (True, True)
    """
    from great_tables import GT  # noqa: PLC0415  (a third of a second, only where a table is shown)

    shown = frame.drop(hide)
    writers = _writers(
        words, money=money, exact_money=exact_money, counts=counts, shares=shares, numbers=numbers or {}, days=days
    )
    view = GT(shown, id="t").cols_label({name: words.column(name) for name in shown.columns})
    for name, dtype in shown.schema.items():
        view = view.fmt(writers.get(name, _as_text(words, dtype)), columns=name)
        view = view.cols_align("right" if name in writers or dtype.is_numeric() else "left", columns=name)
    return view.cols_align("center", columns=[name for name in days if name in shown.columns])


def _writers(
    words: Words,
    *,
    money: Collection[str],
    exact_money: Collection[str],
    counts: Collection[str],
    shares: Collection[str],
    numbers: Mapping[str, int],
    days: Collection[str],
) -> dict[str, Callable[[object], str]]:
    """Column → function from a value to escaped text."""
    form = words.format
    kinds: list[tuple[Collection[str], Callable[..., str]]] = [
        (money, form.money),
        (exact_money, form.money_exact),
        (counts, form.count),
        (shares, form.share),
        (days, form.day),
    ]
    writers = {name: _escaped(write) for names, write in kinds for name in names}
    for name, digits in numbers.items():
        writers[name] = _escaped(lambda value, digits=digits: form.number(value, digits=digits))
    return writers


def _escaped(write: Callable[..., str]) -> Callable[[object], str]:
    return lambda value: NONE if value is None else escape(write(value))


def _as_text(words: Words, dtype: pl.DataType) -> Callable[[object], str]:
    if dtype == pl.Boolean:
        return lambda value: NONE if value is None else escape(words("page.yes" if value else "page.no"))
    return lambda value: NONE if value is None else escape(str(value))
