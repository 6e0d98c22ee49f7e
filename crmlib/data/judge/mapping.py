"""One part of a source to typed rows of its contract, with what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from crmlib.core.contracts import LARGEST, TIME_ZONE, UNITS, Contract
from crmlib.core.errors import SourceError
from crmlib.data.read import cells, values
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE, RAW
from crmlib.data.read.repeats import Repeated, repeated
from crmlib.data.sourcefile import nearest
from crmlib.data.sources import WHOLE_LINE, Condition, Expression, Source

RULE = "__rule"
VALUE = "__value"
EXCLUDED = "__excluded"
REPEAT = "__repeat"
PAGE = "__page"
CURRENCY = "__currency"
REASONABLE = "reasonable"
FUTURE = timedelta(days=1)
"""Clocks of tills may be wrong by hours; a day ahead is an error."""


def typed(part: RawPart, source: Source, *, name: str, currency: str, now: datetime) -> pl.DataFrame:
    """Rows of a part in the contract's columns and types, `line_id` not yet made.

    Beside them: LINE, RULE and VALUE (first unreadable cell), EXCLUDED (exclusion rule), REPEAT (text of `repeat_of`),
    PAGE (sheet or page within the file).
    """
    check_columns(part, source)
    contract, fields = source.contract, source.contract.schema.columns()
    expressions = {c: (e, fields[c].dtype) for c, e in _expressions(source).items()}
    filled = part.rows if source.latest_by else cells.filled_down(part.rows, source.fill_down)
    made = {c: cells.cell(e, dtype, name=c, source=source) for c, (e, dtype) in expressions.items()}
    checks = {f"{cell.rule}:{c}": (c, cell.unreadable, cell.text) for c, cell in made.items()}
    checks |= {f"{c}|{REASONABLE}": (c, _huge(cell.value), cell.text) for c, cell in made.items() if c.endswith(UNITS)}
    if source.currency_column:
        money = pl.col(source.currency_column)
        checks[f"currency:{source.currency_column}"] = (CURRENCY, money.str.to_uppercase() != currency, money)
    asked = {
        c: (c, cell.value) for c, cell in made.items()
    }  # by name: the column that it belongs to, and how it is made
    if "day" in contract.made:
        day = pl.col(f"{cells.AT}sold_at").dt.date() if "sold_at" in made else pl.lit(None, dtype=pl.Date)
        asked["day"] = ("sold_at", day)
    asked |= {rule: (c, bad.fill_null(value=False)) for rule, (c, bad, _) in checks.items()}
    once = _once(filled, expressions)
    few = {c: e for c, e in expressions.items() if _alone(e[0]) and e[0].columns()[0] in once}
    rest = {c: e for c, e in expressions.items() if c not in few}
    rows = cells.prepare(filled.drop(once.keys() - _read(source, rest)), source, rest)
    frame = rows.select(
        LINE,
        *(how.alias(one) for one, (c, how) in asked.items() if c not in few),
        _first(
            {rule: _excludes(tests, source, lines=RAW in rows.columns) for rule, tests in source.exclude.items()},
            EXCLUDED,
        ),
        _repeat_key(source),
        (pl.col(source.part) if source.part else pl.lit("")).alias(PAGE),
    )
    if few:  # the texts of all columns side by side; below the shorter ones stand nulls, which no row has
        texts = cells.prepare(pl.concat([once[c].texts.to_frame() for c in once], how="horizontal_extend"), source, few)
        told = texts.select(how.alias(one) for one, (c, how) in asked.items() if c in few)
        at = {one: once[few[c][0].columns()[0]] for one, (c, _) in asked.items() if c in few}
        frame = frame.with_columns(at[one.name].spread(one) for one in told if one.name not in checks or one.any())
    problems = {r: text for r, (_, _, text) in checks.items() if r in frame.columns and frame[r].any()}
    told_of = [one for one in asked if one not in checks]
    frame = frame.select(LINE, *told_of, EXCLUDED, REPEAT, PAGE, *problems)
    frame = _first_problem(frame, problems, rows=lambda broken: cells.prepare(filled.filter(broken), source, {}))
    frame = frame.with_columns(src_name=pl.lit(name), src_file=pl.lit(part.file), src_line=pl.col(LINE))
    return _future(_completed(frame, source, now), contract, now)


def _alone(expression: Expression) -> bool:
    """Whether a cell is made of one cell of the file, whatever row it stands in."""
    return len(set(expression.columns())) == 1 and not expression.by_place()


def _once(rows: pl.DataFrame, made: dict[str, tuple[Expression, pl.DataType]]) -> dict[str, Repeated]:
    """Columns of the file with few texts, of which alone some column of the contract is made."""
    named = dict.fromkeys(expression.columns()[0] for expression, _ in made.values() if _alone(expression))
    return {c: texts for c in named if (texts := repeated(rows[c])) is not None}


def _read(source: Source, made: dict[str, tuple[Expression, pl.DataType]]) -> set[str]:
    """Columns of the file that are read row by row."""
    named = {c for expression, _ in made.values() for c in expression.columns()}
    ruled = {c for rule in source.exclude.values() for c in rule}
    return named | ruled | {c for c in (source.part, source.currency_column, *source.repeat_of) if c}


def _huge(value: pl.Expr) -> pl.Expr:
    """What panels would refuse later, with every page: a barcode typed as an amount, a date in a quantity."""
    return (value >= LARGEST) | (value <= -LARGEST)


def _expressions(source: Source) -> dict[str, Expression]:
    """Every contract column that the source makes, `known_at` included."""
    known = source.known_at.column if source.known_at else None
    return {**source.columns, **({"known_at": known} if known else {})}


def _first_problem(
    frame: pl.DataFrame, checks: dict[str, pl.Expr], *, rows: Callable[[pl.Series], pl.DataFrame]
) -> pl.DataFrame:
    """RULE and VALUE of the first unreadable cell; texts (`rows`) are fetched for the broken rows only."""
    none = pl.lit(None, dtype=pl.String)
    if not checks:
        return frame.with_columns(none.alias(RULE), none.alias(VALUE))
    broken = frame.select(pl.any_horizontal(list(checks))).to_series()
    rules = frame.filter(broken).select(_first({r: pl.col(r) for r in checks}, RULE)).to_series()
    frame = frame.drop(list(checks)).with_columns(none.alias(RULE))
    frame = frame.with_columns(frame[RULE].scatter(broken.arg_true(), rules))
    texts = rows(broken).with_columns(rules)
    value = pl.coalesce(*[pl.when(pl.col(RULE) == r).then(text) for r, text in checks.items()])
    found = texts.select(LINE, value.cast(pl.String).alias(VALUE))
    return frame.join(found, on=LINE, how="left", maintain_order="left")


def check_columns(part: RawPart, source: Source) -> None:
    """Refuse a file that lacks a column the source needs."""
    check_present(part, source.source_columns())


def check_present(part: RawPart, needed: Iterable[str]) -> None:
    """Refuse a file that lacks one of the columns `needed`."""
    present = part.columns
    lacking = [c for c in needed if c not in present]
    if lacking:
        raise missing(part.file, lacking, present)


def missing(file: str, lacking: list[str], present: list[str]) -> SourceError:
    """The refusal of a file without the columns `lacking`, with the nearest name that it has."""
    near = nearest(lacking[0], present)
    values = {"file": file, "missing": ", ".join(lacking), "near": near, "present": ", ".join(present[:40])}
    return SourceError("ingest.missing_column", values=values)


def excluded_lines(torn: pl.DataFrame, source: Source) -> pl.Expr:
    """Name of the exclusion rule that a torn line falls under by its raw text, or null."""
    rules = {r: t[WHOLE_LINE] for r, t in source.exclude.items() if set(t) == {WHOLE_LINE}}
    return _first({r: _holds(test, values.clean(pl.col(RAW)), ".") for r, test in rules.items()}, EXCLUDED)


def _first(cases: dict[str, pl.Expr], name: str) -> pl.Expr:
    """Label of the first case that holds, or null."""
    labels = [pl.when(test).then(pl.lit(label)) for label, test in cases.items()]
    return (pl.coalesce(*labels) if labels else pl.lit(None, dtype=pl.String)).cast(pl.String).alias(name)


def _completed(frame: pl.DataFrame, source: Source, now: datetime) -> pl.DataFrame:
    """The columns no one mapped: defaults, nulls, `day_n`, `known_at`."""
    contract, fields = source.contract, source.contract.schema.columns()
    defaults = {c: contract.unmapped(c) for c, _ in contract.defaults}
    day_n = pl.col("day").cast(pl.Int32).alias("day_n")
    frame = frame.with_columns(day_n) if "day_n" in contract.made else frame
    frame = frame.with_columns(
        (pl.col(c).fill_null(v) if c in frame.columns else v).alias(c) for c, v in defaults.items()
    )
    absent = [c for c in fields if c not in frame.columns and c != "known_at"]
    frame = frame.with_columns(pl.lit(None, dtype=fields[c].dtype).alias(c) for c in absent)
    return frame if "known_at" in frame.columns else frame.with_columns(_known_at(source, now).alias("known_at"))


def _known_at(source: Source, now: datetime) -> pl.Expr:
    """Since when rows are known that do not say so themselves."""
    ingested = _instant(now)
    way, contract = source.known_at, source.contract
    if way is None:
        return ingested
    if way.on is not None:
        midnight = pl.lit(datetime(way.on.year, way.on.month, way.on.day))  # noqa: DTZ001 (its zone is the source's)
        return cells.instant(midnight.cast(pl.Datetime("us")), source.time_zone)
    at = pl.col(contract.event or "")
    if contract.schema.columns()[contract.event or ""].dtype == pl.Date:
        at = cells.instant(at.cast(pl.Datetime("us")), source.time_zone)
    return (at + pl.duration(seconds=(way.lag_days or 0) * 86_400)).fill_null(ingested)


def _instant(at: datetime) -> pl.Expr:
    return (
        pl.lit(at.astimezone(UTC).replace(tzinfo=None))
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone(TIME_ZONE)
    )


def _future(frame: pl.DataFrame, contract: Contract, now: datetime) -> pl.DataFrame:
    """Mark events that have not happened yet."""
    if not contract.dated or contract.event is None:
        return frame
    ahead = pl.col(contract.event) > _instant(now + FUTURE)
    first = pl.col(RULE).is_null() & ahead
    return frame.with_columns(
        pl.when(first).then(pl.lit(f"future:{contract.event}")).otherwise(RULE).alias(RULE),
        pl.when(first).then(pl.col(contract.event).dt.strftime("%Y-%m-%d %H:%M:%S")).otherwise(VALUE).alias(VALUE),
    )


def _repeat_key(source: Source) -> pl.Expr:
    texts = [pl.col(c).fill_null("\x00") for c in source.repeat_of]
    key = pl.concat_str(texts, separator="\x1f") if texts else pl.lit(None, dtype=pl.String)
    return key.alias(REPEAT)


def _excludes(tests: dict[str, Condition], source: Source, *, lines: bool) -> pl.Expr:
    every: list[pl.Expr] = []
    for column, test in tests.items():
        if column == WHOLE_LINE and not lines:
            every.append(pl.lit(False))  # noqa: FBT003 (a workbook has no lines)
        else:
            text = values.clean(pl.col(RAW)) if column == WHOLE_LINE else pl.col(column)
            every.append(_holds(test, text, source.decimal))
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
