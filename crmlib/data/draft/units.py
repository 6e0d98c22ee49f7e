"""Units of measure in a column beside the quantity: kilograms and litres in whole thousandths, never by a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from crmlib.data.draft.line import Line, Open
from crmlib.data.read import values

MOST = 200
"""Words of a column of units that are looked at: more are no units."""
PACK = re.compile(r"(\d+(?:\.\d+)?)\s*(\D+)")
"""So much of a measure: 500g."""
PLACES = Decimal("1e-9")
"""Numbers are kept to nine decimals between reading and rounding."""
PIECE, WHOLE = "piece", "1000"


@dataclass(frozen=True, slots=True)
class Measured:
    """The words of a column of units.

    Parameters
    ----------
    units : word as it stands → kg or l; milli : word → thousandths of it.
    doubtful : words of which one is no whole number of grams or millilitres, or is another weight elsewhere.
    other : word → its thousandths there.
    """

    name: str
    units: Mapping[str, str]
    milli: Mapping[str, Decimal]
    doubtful: Sequence[str] = ()
    other: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def scaled(self) -> bool:
        """Whether a quantity is no kilograms or litres as it stands."""
        return bool(self.doubtful) or any(milli != 1000 for milli in self.milli.values())


def measured(cells: pl.Series, known: Mapping[str, Any], *, taiwan: bool) -> Measured:
    """The words of a column of units by the tables of `words.toml`; `taiwan` : its pound may be another one."""
    present = values.clean_series(cells).drop_nulls().unique(maintain_order=True).head(MOST)
    units, milli = dict[str, str](), dict[str, Decimal]()
    other, doubtful = dict[str, Decimal](), list[str]()
    for word in present.to_list():
        count, name = _pack(word)
        unit = next((u for u in ("kg", "l") if name in known[u]), "")
        if not unit and name not in known["unclear"]:
            continue
        of_one = Decimal(str(known[unit][name])) * count if unit else None
        elsewhere = name in known["elsewhere"]
        if of_one is None or of_one != of_one.to_integral_value() or (taiwan and elsewhere):
            doubtful.append(word)
        if of_one is not None:
            units[word], milli[word] = unit, of_one
            other |= {word: Decimal(known["elsewhere"][name]) * count} if elsewhere else {}
    return Measured(cells.name, units, milli, doubtful, other)


def _pack(word: str) -> tuple[Decimal, str]:
    """How many of which measure a word says: 500g is 500 of g, kg is 1."""
    said = word.strip().lower()
    found = PACK.fullmatch(said)
    return (Decimal(found[1]), found[2].strip().rstrip(".")) if found else (Decimal(1), said.rstrip("."))


def unit_line(found: Measured) -> Line | None:
    """The contract's unit; boxes, bags and bottles are pieces."""
    if not found.units:
        return None
    return Line("unit", {"from": found.name, "map": dict(found.units), "other": PIECE}, "unit", {"head": found.name})


def quantity(line: Line, rows: pl.DataFrame, found: Measured, read: Callable[[str], pl.Series]) -> Line | Open:
    """The quantity in thousandths of what each row is measured in; open where that is no whole number of them.

    Parameters
    ----------
    read : the numbers of a column.
    """
    count = str(line.values["head"])
    made = _by_unit(count, found.name, found.milli)
    factor = values.clean_series(rows[found.name]).replace_strict(dict(found.milli), default=None)
    thousandths = read(count) * factor.cast(values.EXACT)
    if not found.doubtful and bool((thousandths == thousandths.round(0)).all()):
        return Line(line.column, made, "measured", {"head": count, "unit": found.name})
    choices = [made] if set(found.doubtful) <= set(found.milli) else []
    if found.other and choices:
        choices.append(_by_unit(count, found.name, {**found.milli, **found.other}))
    return Open("measure", ", ".join(found.doubtful) or count, tuple((line.column, one) for one in choices))


def _by_unit(count: str, name: str, milli: Mapping[str, Decimal]) -> dict[str, Any]:
    """The product of a quantity and the thousandths of its unit; of pieces, and without a unit, a thousand."""
    table = {word: f"{one.normalize():f}" for word, one in milli.items()}
    return {"product": [count, {"from": name, "map": {**table, "": WHOLE}, "other": WHOLE}]}


def price(line: Line, found: Measured) -> Line | None:
    """A price of a unit as one of a kilogram or litre; none where it is no decimal number of the other."""
    table = dict(_shares(found.milli))
    if len(table) < len(found.milli) or found.doubtful or not isinstance(line.made, dict):
        return None
    by_unit = {"from": found.name, "map": {**table, "": "1"}, "other": "1"}
    made = {"product": [line.made["from"], by_unit], "times": line.made["times"]}
    return Line(line.column, made, "priced", {"head": line.made["from"], "unit": found.name})


def _shares(milli: Mapping[str, Decimal]) -> Iterator[tuple[str, str]]:
    """Word → how many of it make a kilogram or litre, where that is a decimal number."""
    for word, one in milli.items():
        share = (1000 / one).quantize(PLACES)
        if share * one == 1000:
            yield word, f"{share.normalize():f}"
