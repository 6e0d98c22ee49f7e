"""The sources file: a strict model of what a source is and how its columns become a contract's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from crmlib.core.contracts import CONTRACTS, TIME_ZONE, Contract

FILE, SHEET, WHOLE_LINE = "_file", "_sheet", "_line"
"""Names of what is no column of the file: its own name, its sheet's, and the raw text of a line (for exclusions)."""


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _column_or_verbs(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


def _verbs(value: object) -> object:
    return [_column_or_verbs(v) for v in value] if isinstance(value, list) else value


def _mistake(code: str, **values: object) -> PydanticCustomError:
    """A mistake that `sourcefile` tells in words of its own."""
    return PydanticCustomError(code, code, values)


def _one_character(delimiter: str) -> str:
    if len(delimiter) != 1 and delimiter not in {"auto", "spaces"}:
        raise _mistake("sources.delimiter", value=delimiter[:20])
    return delimiter


@cache
def _zones() -> frozenset[str]:
    """Names of time zones; the operating system keeps them in a thousand files."""
    return frozenset(available_timezones())


def _known_zone(zone: str) -> str:
    if zone not in _zones():
        near = difflib.get_close_matches(zone, _zones(), n=1, cutoff=0.5)
        raise _mistake("sources.zone", zone=zone[:40], near="".join(near))
    return zone


def _null(value: object) -> object:
    return None if value in {"null", "~"} else value


def _nulls(table: object) -> object:
    return {k: _null(v) for k, v in table.items()} if isinstance(table, dict) else table


def _one_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
        pl.Series([""]).str.extract(pattern, 1)
    except (re.error, pl.exceptions.PolarsError) as error:
        raise _mistake("sources.pattern", pattern=pattern[:60]) from error
    if groups != 1:
        raise _mistake("sources.groups", pattern=pattern[:60], groups=groups)
    return pattern


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Encoding = Literal["auto", "utf-8", "gb18030", "utf-16", "cp1252", "big5", "shift-jis"]
ENCODINGS = {
    "utf8": "utf-8", "utf-8-sig": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "cp936": "gb18030", "utf16": "utf-16",
    "utf-16-le": "utf-16", "latin-1": "cp1252", "latin1": "cp1252", "iso-8859-1": "cp1252", "windows-1252": "cp1252",
    "cp950": "big5", "big5-hkscs": "big5", "cp932": "shift-jis", "sjis": "shift-jis", "shift_jis": "shift-jis",
}  # fmt: skip
"""Other names that people know the encodings by, in lower case."""


def _encoding(value: object) -> object:
    return ENCODINGS.get(value.lower(), value.lower()) if isinstance(value, str) else value


PARTS = ("month_of", "day_of", "minute_of")
"""Verbs that take a part of a time."""


class Strict(BaseModel):
    """Base: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Lookup(Strict):
    """A value from the files of another source of the same sources file, by key."""

    source: str
    key: Texts
    value: str


class Expression(Strict):
    """One contract column, made from source columns by the few verbs."""

    from_: Texts | None = Field(default=None, alias="from")
    join: str = " "
    times: Decimal | None = None
    product: Annotated[tuple[Expression, ...] | None, BeforeValidator(_verbs)] = None
    sum: Annotated[tuple[Expression, ...] | None, BeforeValidator(_verbs)] = None
    quotient: Annotated[tuple[Expression, ...] | None, BeforeValidator(_verbs)] = None
    month_of: str | None = None
    day_of: str | None = None
    minute_of: str | None = None
    nth_in: Texts | None = None
    date: Texts | None = None
    duration: Literal["months", "weeks", "days", "hours", "minutes", "seconds"] | None = None
    after: Expression | None = None
    empty: Texts = ()
    extract: Annotated[str, AfterValidator(_one_group)] | None = None
    map: Annotated[dict[str, str | None], BeforeValidator(_nulls)] | None = None
    lookup: Lookup | None = None
    other: Annotated[str | None, BeforeValidator(_null)] = None
    split: str | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Expression:
        ways = ("from_", "product", "sum", "quotient", *PARTS, "nth_in", "constant")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise _mistake("sources.origin", known=", ".join(way.strip("_") for way in ways))
        if self.other is not None and self.map is None and self.lookup is None:
            raise _mistake("sources.other")
        if self.quotient is not None and len(self.quotient) != 2:
            raise _mistake("sources.quotient", count=len(self.quotient))
        by_text = (self.map, self.extract, self.lookup)
        if self.duration and (self.from_ is None or len(self.from_) != 1 or any(v is not None for v in by_text)):
            raise _mistake("sources.duration")
        if self.after and (self.from_ is None or not self.after.duration or any(v is not None for v in by_text)):
            raise _mistake("sources.after")
        if self.lookup and (self.from_ is None or self.map is not None):
            raise _mistake("sources.lookup")
        return self

    @property
    def forgives(self) -> bool:
        """Whether what cannot be read is a null (`other: null`)."""
        return "other" in self.model_fields_set and self.other is None

    def has_forgiving(self) -> bool:
        """Whether it, or a part of it, says `other: null`."""
        return self.forgives or any(part.has_forgiving() for part in self.inner)

    @property
    def part_of_time(self) -> bool:
        """Whether it is a part of a time: month, day, or minute of the day."""
        return any(getattr(self, part) is not None for part in PARTS)

    @property
    def origin(self) -> tuple[str, ...]:
        """The source columns whose texts the expression reads itself, in order."""
        return self.from_ or self.nth_in or tuple(c for part in PARTS if (c := getattr(self, part)) is not None)

    @property
    def inner(self) -> tuple[Expression, ...]:
        """The expressions that it is calculated from."""
        last = () if self.after is None else (self.after,)
        return (*(self.product or ()), *(self.sum or ()), *(self.quotient or ()), *last)

    def columns(self) -> tuple[str, ...]:
        """Source columns that the expression reads."""
        return (*self.origin, *(c for part in self.inner for c in part.columns()))

    def by_place(self) -> bool:
        """Whether it, or a part of it, tells where a row stands among others."""
        return self.nth_in is not None or any(part.by_place() for part in self.inner)

    def lookups(self) -> Iterator[Lookup]:
        """The other sources that it looks values up in."""
        if self.lookup is not None:
            yield self.lookup
        for part in self.inner:
            yield from part.lookups()


class Condition(Strict):
    """A test of one source column, for exclusion rules; all parts that are given must hold."""

    is_: Texts | None = Field(default=None, alias="is")
    starts_with: Texts | None = None
    ends_with: Texts | None = None
    contains: Texts | None = None
    empty: bool | None = None
    below: Decimal | None = None
    above: Decimal | None = None


class KnownAt(Strict):
    """Since when a row is known: a column, the event time plus a lag, or one day."""

    column: Annotated[Expression | None, BeforeValidator(_column_or_verbs)] = None
    lag_days: float | None = None
    on: date | None = None

    @model_validator(mode="after")
    def _one_way(self) -> KnownAt:
        if sum(v is not None for v in (self.column, self.lag_days, self.on)) != 1:
            raise _mistake("sources.known_at")
        if self.lag_days is not None and self.lag_days < 0:
            raise _mistake("sources.lag")
        return self


def _condition(value: object) -> object:
    return {"is": value} if isinstance(value, str | list) else value


def _share(value: object) -> object:
    """`5%`, `5 %` and `0.05` are the same share."""
    text = str(value).strip()
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else value
    except ValueError:
        return value


def _variable_name(text: str) -> str:
    if not text.isidentifier():
        raise _mistake("sources.variable")
    return text


LAST_DAY = "{last_day}"
"""What a query calls the last day that the lake has of its source, less `overlap_days`."""


class Source(Strict):
    """One entry of the sources file."""

    table: str
    files: Texts = ()
    database: Annotated[str, AfterValidator(_variable_name)] | None = None
    query: str | None = None
    overlap_days: Annotated[int, Field(ge=0, le=366)] = 7
    sweep_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    may_be_empty: bool = False
    gone: Literal["tell", "withdraw"] = "tell"
    reader: Literal["cdnow"] | None = None
    encoding: Annotated[Encoding, BeforeValidator(_encoding)] = "auto"
    delimiter: Annotated[str, AfterValidator(_one_character)] = "auto"
    header: Literal["none"] | Annotated[int, Field(ge=1)] | None = None
    sheets: Texts | None = None
    part: str | None = None
    fill_down: Texts = ()
    empty: Texts = ()
    decimal: Literal[".", ","] = "."
    currency: str | None = None
    currency_column: str | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default=TIME_ZONE, validation_alias=AliasChoices("time_zone", "days_in")
    )
    clock: Annotated[str, AfterValidator(_known_zone)] | None = None
    known_at: Annotated[KnownAt | None, BeforeValidator(lambda v: None if v == "ingest" else v)] = None
    columns: dict[str, Annotated[Expression, BeforeValidator(_column_or_verbs)]]
    latest_by: Annotated[Expression | None, BeforeValidator(_column_or_verbs)] = None
    repeat_of: Texts = ()
    receipts_may_move: bool = False
    quarantine_limit: Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)] = 0.05
    exclude: dict[str, dict[str, Annotated[Condition, BeforeValidator(_condition)]]] = {}

    @property
    def clock_zone(self) -> str:
        """The zone of the clock in the file; `time_zone` is the one in which the company cuts its days."""
        return self.clock or self.time_zone

    @property
    def contract(self) -> Contract:
        """The table's contract."""
        return CONTRACTS[self.table]

    def fingerprint(self) -> str:
        """All that the entry says, as a text; `other: null` says something though it is the default."""
        forgiving = [column for column, expression in self.columns.items() if expression.has_forgiving()]
        return self.model_dump_json(exclude_defaults=True) + "".join(f"\n{column}" for column in forgiving)

    @property
    def numbered(self) -> tuple[str, ...]:
        """Columns of the key that are the row's place among those of its file."""
        return tuple(c for c, e in self.columns.items() if e.nth_in is not None and c in self.contract.key)

    def source_columns(self) -> tuple[str, ...]:
        """Every column of the files that the entry needs, in order, each once."""
        named: list[str] = [c for e in self.columns.values() for c in e.columns()]
        if self.known_at and self.known_at.column:
            named += self.known_at.column.columns()
        named += self.latest_by.columns() if self.latest_by else ()
        named += [c for c in (self.part, self.currency_column) if c]
        named += [
            *self.fill_down,
            *self.repeat_of,
            *(c for rule in self.exclude.values() for c in rule if c != WHOLE_LINE),
        ]
        return tuple(dict.fromkeys(named))

    def lookups(self) -> Iterator[tuple[str, Lookup]]:
        """Contract column and lookup of every value that comes from another source."""
        for column, expression in self.columns.items():
            for lookup in expression.lookups():
                yield column, lookup
