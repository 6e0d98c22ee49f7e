"""One line of a draft, and what is drafted of one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the draft: contract column, its expression, why, and what the sentence names."""

    column: str
    made: str | dict[str, Any]
    why: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Open:
    """What cannot be used without a word of a person: why, the column of the file, and the lines to choose from.

    Parameters
    ----------
    lines : (contract column, expression): the exact lines of which a person takes one.
    """

    reason: str
    head: str
    lines: tuple[tuple[str, str | dict[str, Any]], ...] = ()


@dataclass(frozen=True, slots=True)
class Mapped:
    """A table's columns, and what else the entry of the source says.

    Parameters
    ----------
    missing : required columns for which nothing was found; `open_` : found columns that wait for a word of a person.
    system : key of the shop system that the heads are known by; `clock` : zone of the clock in the file.
    currency : where the file says it; `fill_down`, `exclude` : as in the sources file.
    guess : the currency of the country that most lines are of, that country, and their share: to be confirmed.
    no_goods : the products' column, and its codes that look like postage, discounts or charges: to be confirmed.
    latest_by : of a thing told by the lines of a sale, their time: the latest counts.
    """

    table: str
    lines: tuple[Line, ...]
    missing: tuple[str, ...]
    open_: tuple[Open, ...] = ()
    decimal: str = "."
    system: str = ""
    title: str = ""
    clock: str = ""
    currency: str = ""
    fill_down: tuple[str, ...] = ()
    exclude: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    guess: tuple[str, str, float] = ("", "", 0.0)
    no_goods: tuple[str, tuple[str, ...]] = ("", ())
    latest_by: str | dict[str, Any] | None = None

    @property
    def columns(self) -> dict[str, str | dict[str, Any]]:
        """Contract column → its expression."""
        return {line.column: line.made for line in self.lines}
