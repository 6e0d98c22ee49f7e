"""Languages as records (`locales.toml`): a further one is a record there and a file of sentences per room."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale as Babel


@dataclass(frozen=True, slots=True)
class Money:
    """How money is written: order of the parts, (size, word) from large to small, currencies, axis."""

    form: str
    scales: tuple[tuple[float, str], ...]
    units: Mapping[str, str]
    axis: float
    axis_from: float


@dataclass(frozen=True, slots=True)
class Locale:
    """One language: what `locales.toml` says of it."""

    language: str
    name: str
    tag: str
    babel: str
    time: str
    plurals: tuple[str, ...]
    dates: str
    month: str
    money: Money

    @property
    def numbers(self) -> Babel:
        """Babel's record of the language."""
        return _babel(self.babel)

    def plural(self, number: Decimal) -> int:
        """Place of the form that goes with `number`.

        Examples
        --------
        >>> [locale("en").plural(Decimal(n)) for n in ("0", "1", "1.0", "2")], locale("zh").plural(Decimal(1))
        ([1, 0, 1, 1], 0)
        """
        form = self.numbers.plural_form(number)
        return self.plurals.index(form) if form in self.plurals else len(self.plurals) - 1


@cache
def _babel(name: str) -> Babel:
    return Babel.parse(name)


@cache
def locales() -> Mapping[str, Locale]:
    """Every language by its key, the first choice first."""
    text = Path(__file__).with_name("locales.toml").read_text(encoding="utf-8")
    return {language: record(language, entry) for language, entry in tomllib.loads(text).items()}


def record(language: str, entry: Mapping[str, Any]) -> Locale:
    """A language from its entry."""
    money = entry["money"]
    scales = tuple((float(size), str(word)) for size, word in money["scales"])
    rest: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entry.items() if name != "money"
    }
    return Locale(language=language, money=Money(**money | {"scales": scales}), **rest)


def locale(language: str) -> Locale:
    """The record of `language`."""
    return locales()[language]
