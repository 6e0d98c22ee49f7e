"""One vocabulary of columns: what a column holds, how it is shown, what it is called.

Page tables, workbooks, the comparison with the last run and charts ask here, so a number has one kind everywhere. The
vocabulary stands in `columns.toml`; a column without an entry is shown by its type (an analyst's own report), and a
test refuses it in the package's reports.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import polars as pl

Kind = Literal[
    "money", "units", "count", "share", "basis_points", "number", "days", "day", "month", "flag", "id", "text"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
NUMERIC: frozenset[Kind] = frozenset({"money", "units", "count", "share", "basis_points", "number", "days"})
DATES: frozenset[Kind] = frozenset({"day", "month"})
MILLI, BASIS = 1_000, 10_000


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of a column of this name.

    Parameters
    ----------
    name : machine name.
    kind : money in minor units, units in thousandths, shares from 0 to 1, …
    decimals : digits after the point of a number, of days, of units.
    values : keys under which its codes are worded, the first that has the code.
    width : least width on the page; sentences keep room to be read on a phone, and the table scrolls.
    """

    name: str
    kind: Kind
    decimals: int = 0
    values: tuple[str, ...] = ()
    width: str = ""

    @property
    def divisor(self) -> int:
        """What a stored value is divided by to be in the unit that people read; money is left to its currency."""
        return {"units": MILLI, "basis_points": BASIS}.get(self.kind, 1)


def known(name: str) -> Column | None:
    """The entry of `name`, or none.

    Examples
    --------
    >>> known("net_minor").kind, known("no_such_column")
    ('money', None)
    """
    return _vocabulary().get(name)


def of(name: str, dtype: pl.DataType) -> Column:
    """The entry of `name`, else what its name's ending and its type say.

    Examples
    --------
    >>> of("my_profit_minor", pl.Int64()).kind, of("my_rate", pl.Float64()).decimals, of("anything", pl.String()).kind
    ('money', 2, 'text')
    """
    found = known(name)
    return found if found is not None else Column(name, *_guessed(name, dtype))


def _guessed(name: str, dtype: pl.DataType) -> tuple[Kind, int]:
    endings: tuple[tuple[str, Kind], ...] = (("_minor", "money"), ("_milli", "units"), ("_bp", "basis_points"))
    kinds: list[Kind] = [kind for ending, kind in endings if name.endswith(ending)]
    if dtype.is_numeric() and (kinds or name == "share" or name.startswith("share_") or name.endswith("_share")):
        return (kinds or ["share"])[0], 0
    if dtype.is_integer():
        return "count", 0
    if dtype.is_numeric():
        return "number", 2
    return ("flag" if dtype == pl.Boolean else "day" if dtype == pl.Date else "text"), 0


@cache
def _vocabulary() -> dict[str, Column]:
    entries = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: _column(name, **entry) for name, entry in entries.items()}


def _column(
    name: str, *, kind: Kind, zh: str, en: str, decimals: int = 0, values: tuple[str, ...] = (), width: str = ""
) -> Column:
    """An entry of the vocabulary; the labels are read by `Words`."""
    if kind not in KINDS or not zh or not en:
        raise ValueError(f"columns.toml: {name} has kind {kind!r} and labels {zh!r}, {en!r}")
    return Column(name, kind, decimals, tuple(values), width)
