"""The sources file read and checked: every mistake in it is told with its place and its mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import SourceError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.data.sources import FILE, LAST_DAY, SHEET, Condition, Expression, KnownAt, Lookup, Source


def load(path: str | Path) -> dict[str, Source]:
    """Read and check a sources file; every entry by its name, in file order.

    Raises
    ------
    SourceError
        A code of `sources`, with the place in the file.
    """
    path = Path(path)
    try:
        entries = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_TextLoader)
    except OSError as error:
        raise SourceError(
            "sources.unreadable", values={"path": str(path), "reason": str(error.strerror or error)}
        ) from error
    except UnicodeDecodeError as error:
        raise _refused("sources.encoding", str(path)) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refused(
            "sources.twice" if isinstance(error, _TwiceError) else "sources.yaml",
            str(path),
            line=mark.line + 1 if mark else 1,
            reason=error.problem or "",
        ) from error
    except yaml.YAMLError as error:
        raise _refused("sources.yaml", str(path), line=1, reason=" ".join(str(error).split())) from error
    if not isinstance(entries, dict) or not entries:
        raise _refused("sources.no_entries", str(path))
    found = {name: checked(f"{path}, {name}", entry) for name, entry in entries.items()}
    for name, source in found.items():
        check_lookups(f"{path}, {name}", source, found)
    return found


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


def checked(place: str, entry: object) -> Source:
    """One entry, checked; `place` is where it stands, for messages."""
    try:
        source = Source.model_validate(entry)
    except ValidationError as error:
        problems = error.errors()
        # a mistyped key is told before the one that is missing for it
        first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
        raise _told(place, dict(first)) from error
    if source.table not in CONTRACTS:
        near = nearest(source.table, CONTRACTS)
        raise _refused("sources.no_table", f"{place}.table", table=source.table, near=near, known=", ".join(CONTRACTS))
    _check_columns(place, source)
    _check_origin(place, source)
    return source


def _told(place: str, problem: dict[str, Any]) -> SourceError:
    """What the model says of a mistake, in the words of this file."""
    kind, where = problem["type"], [str(part) for part in problem["loc"]]
    place = ".".join([place, *where])
    if kind == "extra_forbidden":
        key = where[-1]
        return _refused(
            "sources.unknown_key", place, name=key, near=nearest(key, _keys(where)), known=", ".join(_keys(where))
        )
    if kind == "missing":
        return _refused("sources.missing_key", place, name=where[-1])
    if kind.startswith("sources."):  # the model tells it itself
        return _refused(kind, place, **problem.get("ctx", {}))
    shown = str(problem.get("input"))[:40]
    expected = problem.get("ctx", {}).get("expected")
    if expected:
        return _refused("sources.choice", place, value=shown, known=str(expected).replace("' or '", "', '"))
    return _refused(_kind_of(kind), place, value=shown)


def _kind_of(kind: str) -> str:
    """Which kind of value was expected: a number, a date, a list or an entry with keys."""
    if kind.startswith(("decimal", "float", "int", "greater", "less", "finite")):
        return "sources.number"
    if kind.startswith(("date", "time")):
        return "sources.date"
    return "sources.entry" if kind.startswith(("model", "dict")) else "sources.value"


def _keys(where: list[str]) -> list[str]:
    """The keys that may stand at that place."""
    kinds: dict[bool, type] = {}
    if len(where) == 1:
        return _names(Source)
    if "lookup" in where[:-1]:
        return _names(Lookup)
    kinds = {where[0] == "known_at": KnownAt, where[0] == "exclude": Condition}
    return _names(kinds.get(True, Expression))


def _names(kind: type) -> list[str]:
    fields = kind.model_fields  # type: ignore[attr-defined]
    return [field.alias or name for name, field in fields.items()]


def _check_columns(place: str, source: Source) -> None:
    contract = source.contract
    allowed = [c for c in contract.columns if c not in contract.made]
    for column in source.columns:
        if column not in allowed:
            raise _refused(
                "sources.no_column",
                f"{place}.columns.{column}",
                table=source.table,
                near=nearest(column, allowed),
                known=", ".join(allowed),
            )
    given = {*source.columns, *dict(contract.defaults), *contract.made, "line_id"}
    missing = [c for c in contract.required if c not in given]
    if missing:
        raise _refused("sources.not_mapped", f"{place}.columns", missing=", ".join(missing), table=source.table)
    if source.currency is not None and source.currency not in MINOR_PER_UNIT:
        near = nearest(source.currency, MINOR_PER_UNIT)
        raise _refused("sources.currency", f"{place}.currency", currency=source.currency, near=near)
    if source.latest_by is not None and contract.key == ("line_id",):
        raise _refused("sources.latest_by", f"{place}.latest_by", table=source.table)
    if source.known_at and source.known_at.lag_days is not None and contract.event is None:
        raise _refused("sources.no_event", f"{place}.known_at", table=source.table)


def _check_origin(place: str, source: Source) -> None:
    if (source.database is None) != (source.query is None):
        raise _refused("sources.query_alone", f"{place}.query")
    if sum(map(bool, (source.files, source.reader, source.database))) != 1:
        raise _refused("sources.no_files", f"{place}.files")
    if source.query is None:
        if source.overlap_days != Source.model_fields["overlap_days"].default or source.may_be_empty:
            raise _refused("sources.query_only", place)
        return
    if LAST_DAY in source.query and source.contract.event is None:
        raise _refused("sources.query_last_day", f"{place}.query", table=source.table)
    if source.fill_down:
        raise _refused("sources.query_fill_down", f"{place}.fill_down")
    if {FILE, SHEET} & set(source.source_columns()):
        raise _refused("sources.query_file", f"{place}.columns")
    numbered = source.table != "receipt_lines" or "line_id" in source.columns
    if not numbered and "order by" not in " ".join(source.query.lower().split()):
        raise _refused("sources.query_order", f"{place}.query")


def check_lookups(place: str, source: Source, every: Mapping[str, Source]) -> None:
    """Refuse lookups in what is no other source of the file, or has no files."""
    for column, lookup in source.lookups():
        other = every.get(lookup.source)
        where = f"{place}.columns.{column}.lookup"
        if other is None:
            near = nearest(lookup.source, every)
            raise _refused("sources.lookup_source", where, source=lookup.source, near=near, known=", ".join(every))
        if other.database or other.reader:
            raise _refused("sources.lookup_files", where, source=lookup.source)


def _refused(code: str, place: str, **values: object) -> SourceError:
    return SourceError(code, values={"place": place, **values})


class _TwiceError(yaml.constructor.ConstructorError):
    """A name stands twice."""


class _TextLoader(yaml.CSafeLoader):
    """YAML whose scalars all stay text (codes keep their zeros, `on` and `no` are words) and whose names are unique."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in found if tag == "tag:yaml.org,2002:merge"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        names = [key.value for key, _ in node.value]
        twice = sorted({str(n) for n in names if names.count(n) > 1})
        if twice:
            raise _TwiceError(None, None, ", ".join(twice), node.start_mark)
        return super().construct_mapping(node, deep=deep)
