"""The sources file: a strict model of what a source is and how its columns become a contract's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import polars as pl
import yaml
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from crmlib.core.contracts import CONTRACTS, TIME_ZONE, Contract
from crmlib.core.errors import SourceError
from crmlib.core.money import MINOR_PER_UNIT


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _column_or_verbs(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


def _verbs(value: object) -> object:
    return [_column_or_verbs(v) for v in value] if isinstance(value, list) else value


def _one_character(delimiter: str) -> str:
    if len(delimiter) != 1 and delimiter not in {"auto", "spaces"}:
        raise ValueError("one character, auto or spaces")
    return delimiter


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"no time zone '{zone}'{did_you_mean(zone, available_timezones())}")
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
        raise ValueError(f"no regular expression ({' '.join(str(error).split())[:100]})") from error
    if groups != 1:
        raise ValueError(f"exactly one group in brackets, not {groups}")
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


class Strict(BaseModel):
    """Base: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Expression(Strict):
    """One contract column, made from source columns by the few verbs."""

    from_: Texts | None = Field(default=None, alias="from")
    join: str = " "
    times: Decimal | None = None
    product: Annotated[tuple[Expression, ...] | None, BeforeValidator(_verbs)] = None
    sum: Annotated[tuple[Expression, ...] | None, BeforeValidator(_verbs)] = None
    month_of: str | None = None
    day_of: str | None = None
    date: Texts | None = None
    empty: Texts = ()
    extract: Annotated[str, AfterValidator(_one_group)] | None = None
    map: Annotated[dict[str, str | None], BeforeValidator(_nulls)] | None = None
    other: Annotated[str | None, BeforeValidator(_null)] = None
    split: str | None = None
    constant: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Expression:
        ways = ("from_", "product", "sum", "month_of", "day_of", "constant")
        if sum(getattr(self, way) is not None for way in ways) != 1:
            raise ValueError("exactly one of from, product, sum, month_of, day_of, constant")
        if self.other is not None and self.map is None:
            raise ValueError("other belongs to map; without it only `other: null` has a meaning")
        return self

    @property
    def forgives(self) -> bool:
        """Whether what cannot be read is a null (`other: null`)."""
        return "other" in self.model_fields_set and self.other is None

    @property
    def origin(self) -> tuple[str, ...]:
        """The source columns whose texts the expression reads itself, in order."""
        return self.from_ or tuple(c for c in (self.month_of, self.day_of) if c is not None)

    def columns(self) -> tuple[str, ...]:
        """Source columns that the expression reads."""
        inner = [c for part in (*(self.product or ()), *(self.sum or ())) for c in part.columns()]
        return (*self.origin, *inner)


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
            raise ValueError("exactly one of column, lag_days, on")
        if self.lag_days is not None and self.lag_days < 0:
            raise ValueError("lag_days must not be negative: nothing is known before it happens")
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
        raise ValueError("the name of an environment variable that holds the address, never the address itself")
    return text


class Source(Strict):
    """One entry of the sources file."""

    table: str
    files: Texts = ()
    database: Annotated[str, AfterValidator(_variable_name)] | None = None
    query: str | None = None
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

    def source_columns(self) -> tuple[str, ...]:
        """Every column of the files that the entry needs, in order, each once."""
        named: list[str] = [c for e in self.columns.values() for c in e.columns()]
        if self.known_at and self.known_at.column:
            named += self.known_at.column.columns()
        named += [c for c in (self.part, self.currency_column) if c]
        named += [
            *self.fill_down,
            *self.repeat_of,
            *(c for rule in self.exclude.values() for c in rule if c != "_line"),
        ]
        return tuple(dict.fromkeys(named))


def load(path: str | Path) -> dict[str, Source]:
    """Read and check a sources file; every entry by its name, in file order."""
    path = Path(path)
    try:
        entries = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_TextLoader)
    except OSError as error:
        raise SourceError(
            "sources.unreadable", values={"path": str(path), "reason": str(error.strerror or error)}
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise _refused(path, "", reason, "YAML in UTF-8, each name once") from error
    if not isinstance(entries, dict) or not entries:
        raise _refused(path, "", "no entries", "at least one source: a name, then its table, files and columns")
    return {name: _checked(path, name, entry) for name, entry in entries.items()}


def pick(sources: Mapping[str, Source], name: str, *, path: str | Path) -> Source:
    """The source of that name."""
    if name not in sources:
        raise SourceError(
            "sources.unknown_source",
            values={"name": name, "path": str(path), "present": ", ".join(sources), "near": nearest(name, sources)},
        )
    return sources[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name closest to a mistyped one, or an empty text."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return found[0] if found else ""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint to append to a sentence, or nothing."""
    near = nearest(name, known)
    return f" (did you mean '{near}'?)" if near else ""


def _checked(path: Path, name: str, entry: object) -> Source:
    try:
        source = Source.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = _hint(first["loc"]) if first["type"] == "extra_forbidden" else ""
        message = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise _refused(path, f"{name}.{where}", f"{message}{hint}", "see docs/ingest.md") from error
    if source.table not in CONTRACTS:
        hint = did_you_mean(source.table, CONTRACTS)
        raise _refused(path, f"{name}.table", f"no table '{source.table}'{hint}", ", ".join(CONTRACTS))
    _check_columns(path, name, source)
    return source


def _check_columns(path: Path, name: str, source: Source) -> None:
    contract = source.contract
    derived = {"src_name", "src_file", "src_line", "known_at", "day", "day_n"}
    allowed = [c for c in contract.columns if c not in derived]
    for column in source.columns:
        if column not in allowed:
            hint = did_you_mean(column, allowed)
            raise _refused(
                path, f"{name}.columns.{column}", f"not a column of {source.table}{hint}", ", ".join(allowed)
            )
    given = {*source.columns, *dict(contract.defaults), *derived, "line_id"}
    missing = [c for c in contract.required if c not in given]
    if missing:
        raise _refused(path, f"{name}.columns", f"{', '.join(missing)} not mapped", f"{source.table} needs them")
    _check_origin(path, name, source)
    if source.currency is not None and source.currency not in MINOR_PER_UNIT:
        raise _refused(path, f"{name}.currency", f"unknown currency {source.currency}", ", ".join(MINOR_PER_UNIT))
    if source.known_at and source.known_at.lag_days is not None and contract.event is None:
        raise _refused(path, f"{name}.known_at", f"{source.table} has no event time", "`on` or a column")


def _check_origin(path: Path, name: str, source: Source) -> None:
    if (source.database is None) != (source.query is None):
        raise _refused(path, f"{name}.query", "database and query belong together", "both, or files")
    if sum(map(bool, (source.files, source.reader, source.database))) != 1:
        raise _refused(path, f"{name}.files", "no files", "a file, a pattern or a folder, or a database with its query")
    if source.query is not None and source.fill_down:
        raise _refused(path, f"{name}.fill_down", "the answer of a query has no merged cells", "no fill_down")
    numbered = source.table != "receipt_lines" or "line_id" in source.columns
    if source.query is not None and not numbered and "order by" not in " ".join(source.query.lower().split()):
        raise _refused(
            path, f"{name}.query", "receipts without line numbers in no order", "order by receipt and line, or line_id"
        )


def _hint(where: tuple[Any, ...]) -> str:
    known = [f.alias or n for kind in (Source, Expression, Condition, KnownAt) for n, f in kind.model_fields.items()]
    return did_you_mean(str(where[-1]), known)


def _refused(path: Path, where: str, problem: str, expected: str) -> SourceError:
    place = f"{path}, {where}" if where else str(path)
    return SourceError("sources.refused", values={"place": place, "problem": problem, "expected": expected})


class _TextLoader(yaml.SafeLoader):
    """YAML whose scalars all stay text (codes keep their zeros, `on` and `no` are words) and whose names are unique."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in found if tag == "tag:yaml.org,2002:merge"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        names = [key.value for key, _ in node.value]
        twice = sorted({str(n) for n in names if names.count(n) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"{', '.join(twice)} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)
