"""One part of a source to typed rows of its contract, with what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from crmlib.core.contracts import TIME_ZONE, Contract
from crmlib.core.errors import SourceError
from crmlib.data import cells, values
from crmlib.data.cells import Columns
from crmlib.data.raw import RawPart
from crmlib.data.records import LINE, RAW
from crmlib.data.sources import Condition, Expression, Source, did_you_mean, nearest

RULE = "__rule"
VALUE = "__value"
EXCLUDED = "__excluded"
REPEAT = "__repeat"
PAGE = "__page"
WHOLE_LINE = "_line"
FUTURE = timedelta(days=1)
"""Clocks of tills may be wrong by hours; a day ahead is an error."""


def typed(part: RawPart, source: Source, *, name: str, currency: str, now: datetime) -> pl.DataFrame:
    """Rows of a part in the contract's columns and types, `line_id` not yet made.

    Beside them: LINE, RULE and VALUE (first unreadable cell), EXCLUDED (exclusion rule), REPEAT (text of `repeat_of`),
    PAGE (sheet or page within the file).
    """
    check_columns(part, source)
    columns = Columns(part.rows.schema, source)
    contract = source.contract
    made = {c: cells.cell(e, contract.schema.columns()[c].dtype, name=c, columns=columns) for c, e in _made(source)}
    problems = [(f"{cell.rule}:{c}", cell.unreadable, cell.text) for c, cell in made.items()]
    if source.currency_column:
        money = columns.text(source.currency_column)
        problems.append((f"currency:{source.currency_column}", money.str.to_uppercase() != currency, money))
    flags = [
        _first([(lit, bad) for lit, bad, _ in problems], RULE),
        pl.coalesce(*[pl.when(bad).then(text) for _, bad, text in problems]).alias(VALUE),
        _first([(rule, _excludes(tests, columns)) for rule, tests in source.exclude.items()], EXCLUDED),
        _repeat_key(source, columns),
        (columns.text(source.part) if source.part else pl.lit("")).alias(PAGE),
    ]
    rows = part.rows.lazy().select(
        LINE, *(cell.value.alias(c) for c, cell in made.items()), *flags, _local_day(source, columns)
    )
    frame = rows.collect().with_columns(src_name=pl.lit(name), src_file=pl.lit(part.file), src_line=pl.col(LINE))
    return _future(_completed(frame, contract, source, part, columns, now), contract, now)


def check_columns(part: RawPart, source: Source) -> None:
    """Refuse a file that lacks a column the source needs."""
    present = part.columns
    missing = [c for c in source.source_columns() if c not in present]
    if missing:
        near = nearest(missing[0], present)
        raise SourceError(
            "ingest.missing_column",
            given=f"{part.file} with columns {', '.join(present[:40]) or '(none)'}",
            expected=f"also {', '.join(missing)}{did_you_mean(missing[0], present)}",
            mend="correct the names in the sources file, or export the file with these columns",
            values={"file": part.file, "missing": ", ".join(missing), "near": near, "present": ", ".join(present[:40])},
        )


def excluded_lines(torn: pl.DataFrame, source: Source) -> pl.Expr:
    """Name of the exclusion rule that a torn line falls under by its raw text, or null."""
    rules = [(r, t[WHOLE_LINE]) for r, t in source.exclude.items() if set(t) == {WHOLE_LINE}]
    return _first([(r, _holds(test, values.clean(pl.col(RAW)), ".")) for r, test in rules], EXCLUDED)


def _made(source: Source) -> list[tuple[str, Expression]]:
    return list(source.columns.items())


def _first(cases: list[tuple[str, pl.Expr]], name: str) -> pl.Expr:
    """Label of the first case that holds, or null."""
    labels = [pl.when(test).then(pl.lit(label)) for label, test in cases]
    return (pl.coalesce(*labels) if labels else pl.lit(None, dtype=pl.String)).cast(pl.String).alias(name)


def _local_day(source: Source, columns: Columns) -> pl.Expr:
    """The business day, cut by the clock of the place."""
    sold = source.columns.get("sold_at")
    return (cells.wall_clock(sold, columns).dt.date() if sold else pl.lit(None, dtype=pl.Date)).alias("day")


def _completed(  # noqa: PLR0917
    frame: pl.DataFrame, contract: Contract, source: Source, part: RawPart, columns: Columns, now: datetime
) -> pl.DataFrame:
    """The columns no one mapped: defaults, nulls, `day_n`, `known_at`."""
    fields = contract.schema.columns()
    defaults = {c: _default(v, fields[c].dtype) for c, v in contract.defaults}
    day_n = pl.col("day").cast(pl.Int32).alias("day_n")
    frame = frame.with_columns(day_n) if "day" in fields else frame.drop("day")
    frame = frame.with_columns(
        (pl.col(c).fill_null(v) if c in frame.columns else v).alias(c) for c, v in defaults.items()
    )
    absent = [c for c in fields if c not in frame.columns and c != "known_at"]
    frame = frame.with_columns(pl.lit(None, dtype=fields[c].dtype).alias(c) for c in absent)
    return frame.with_columns(_known_at(frame, contract, source, part, columns, now))


def _default(value: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        return pl.lit([], dtype=dtype)
    if dtype == pl.Boolean:
        return pl.lit(value == "true")
    return pl.lit(int(value) if dtype.is_integer() else value).cast(dtype)


def _known_at(  # noqa: PLR0917
    frame: pl.DataFrame, contract: Contract, source: Source, part: RawPart, columns: Columns, now: datetime
) -> pl.Expr | pl.Series:
    instant = pl.lit(now.astimezone(UTC)).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(TIME_ZONE)
    way = source.known_at
    if way is None:
        return instant.alias("known_at")
    if way.on is not None:
        midnight = pl.lit(datetime(way.on.year, way.on.month, way.on.day))  # noqa: DTZ001 (its zone is the source's)
        return cells.instant(midnight.cast(pl.Datetime("us")), source.time_zone).alias("known_at")
    if way.column is not None:
        known = cells.cell(way.column, pl.Datetime("us", TIME_ZONE), name="known_at", columns=columns).value
        return part.rows.select(known.alias("known_at")).to_series()
    event = contract.event or ""
    at = pl.col(event)
    if contract.schema.columns()[event].dtype == pl.Date:
        at = cells.instant(at.cast(pl.Datetime("us")), source.time_zone)
    return (at + pl.duration(seconds=(way.lag_days or 0) * 86_400)).fill_null(instant).alias("known_at")


def _future(frame: pl.DataFrame, contract: Contract, now: datetime) -> pl.DataFrame:
    """Mark events that have not happened yet."""
    if not contract.dated or contract.event is None:
        return frame
    ahead = pl.col(contract.event) > pl.lit(now + FUTURE).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(TIME_ZONE)
    first = pl.col(RULE).is_null() & ahead
    return frame.with_columns(
        pl.when(first).then(pl.lit(f"future:{contract.event}")).otherwise(RULE).alias(RULE),
        pl.when(first).then(pl.col(contract.event).cast(pl.String)).otherwise(VALUE).alias(VALUE),
    )


def _repeat_key(source: Source, columns: Columns) -> pl.Expr:
    texts = [columns.text(c).fill_null("\x00") for c in source.repeat_of]
    key = pl.concat_str(texts, separator="\x1f") if texts else pl.lit(None, dtype=pl.String)
    return key.alias(REPEAT)


def _excludes(tests: dict[str, Condition], columns: Columns) -> pl.Expr:
    lines = {RAW: columns.schema.get(RAW)}
    every: list[pl.Expr] = []
    for column, test in tests.items():
        if column == WHOLE_LINE and lines[RAW] is None:
            every.append(pl.lit(False))  # noqa: FBT003 (a workbook has no lines)
        else:
            text = values.clean(pl.col(RAW)) if column == WHOLE_LINE else columns.text(column)
            every.append(_holds(test, text, columns.source.decimal))
    return pl.all_horizontal(every)


def _holds(test: Condition, text: pl.Expr, decimal: str) -> pl.Expr:
    """Whether all parts of a condition hold; an empty cell only satisfies `empty`."""
    parts: list[pl.Expr] = []
    if test.is_ is not None:
        parts.append(text.is_in(list(test.is_)))
    parts += _any(test.starts_with, text.str.starts_with)
    parts += _any(test.ends_with, text.str.ends_with)
    parts += _any(test.contains, lambda t: text.str.contains(t, literal=True))
    if test.empty is not None:
        parts.append(text.is_null() == test.empty)
    exact = values.number(text, decimal=decimal)
    if test.below is not None:
        parts.append(exact < pl.lit(test.below).cast(values.EXACT))
    if test.above is not None:
        parts.append(exact > pl.lit(test.above).cast(values.EXACT))
    return pl.all_horizontal(parts).fill_null(value=False)


def _any(wanted: Iterable[str] | None, test: object) -> list[pl.Expr]:
    assert callable(test)
    return [pl.any_horizontal([test(t) for t in wanted])] if wanted else []
