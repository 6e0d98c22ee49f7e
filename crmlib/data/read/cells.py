"""Expressions of the sources file to Polars: a typed value, the text it came from, and whether it was readable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import reduce
from operator import mul

import polars as pl

from crmlib.core.contracts import TIME_ZONE
from crmlib.data.read import clocks, values
from crmlib.data.read.records import LINE, RAW
from crmlib.data.sources import Expression, Source

AT = "__at_"
INSTANT = "__instant_"
FEW_HOURS = 100
"""Rows a day from which on a look at the hours of the day is cheaper than one at each row."""
NUMBER = "__number_"
LASTED = "__lasted_"
EMPTY = ""
"""In a table of values: the cell without any."""
ROUNDED = ("_minor", "_milli")
"""Columns of fixed units are rounded to whole ones; other whole numbers must be whole in the file."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A contract column's value, the text it was made from, and the name of the rule it breaks where unreadable."""

    value: pl.Expr
    text: pl.Expr
    unreadable: pl.Expr
    rule: str


def prepare(rows: pl.DataFrame, source: Source, made: dict[str, tuple[Expression, pl.DataType]]) -> pl.DataFrame:
    """The columns that the source needs, read once: clean text, numbers, durations, times (AT by the clock, INSTANT).

    `made` holds the expression and type of every contract column.
    """
    used = [c for c in source.source_columns() if c in rows.columns]
    kept = [rows[c] for c in (LINE, RAW) if c in rows.columns]
    texts = pl.DataFrame([*kept, *(_texts(rows[c], source.empty) for c in used)])
    numeric = [c for e, dtype in made.values() if dtype.is_numeric() for c in _numeric_columns(e)]
    exact = [
        values.numbers(
            rows[c] if rows.schema[c].is_integer() and not source.empty else texts[c], decimal=source.decimal
        ).alias(f"{NUMBER}{c}")
        for c in dict.fromkeys(numeric)
    ]
    times = [
        _wall_clock(rows, texts, e, source).alias(f"{AT}{name}")
        for name, (e, dtype) in made.items()
        if dtype.is_temporal() or e.part_of_time
    ]
    instants = [
        _instants(at, source.time_zone).alias(f"{INSTANT}{at.name.removeprefix(AT)}")
        for at in times
        if isinstance(made[at.name.removeprefix(AT)][1], pl.Datetime)
    ]
    lasted = [
        clocks.durations(texts[c], unit=unit).alias(f"{LASTED}{unit}_{c}")
        for c, unit in dict.fromkeys(d for e, _ in made.values() for d in _durations(e))
    ]
    return texts.with_columns(*exact, *lasted, *times, *instants)


def _texts(column: pl.Series, empty: Sequence[str]) -> pl.Series:
    """The clean texts of a column, null where they are words that mean nothing."""
    if column.dtype == pl.String and not empty:
        return values.clean_series(column)
    told = _present(text_of(pl.col(column.name), column.dtype), empty)
    return column.to_frame().select(told.alias(column.name)).to_series()


def filled_down(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Order fields that stand on an order's first line only, given to all of its lines.

    The first of `columns` leads: where it is empty the row belongs to the order above. Only within one order are the
    other columns filled, so that a customer never gets the card of the one before.
    """
    if not columns or rows.is_empty():
        return rows
    lead, *others = columns
    clean = [values.clean(pl.col(c)).alias(c) for c in columns if rows.schema[c] == pl.String]
    rows = rows.with_columns(clean).with_columns(pl.col(lead).forward_fill())
    return rows.with_columns(pl.col(others).forward_fill().over(pl.col(lead).rle_id())) if others else rows


def _present(text: pl.Expr, empty: Sequence[str]) -> pl.Expr:
    """The text; null where it is one of the words that mean nothing."""
    return pl.when(~text.is_in(list(empty))).then(text) if empty else text


def text_of(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Clean text of a column of any type; whole numbers without a fraction, lists joined by semicolons."""
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        short = pl.when(column == whole).then(whole.cast(pl.String)).otherwise(column.cast(pl.String))
        return pl.when(column.is_not_nan()).then(short)
    if isinstance(dtype, pl.List):
        return values.clean(column.cast(pl.List(pl.String), strict=False).list.join(";"))
    if dtype.is_nested() or dtype in {pl.Binary, pl.Object}:
        return pl.lit(None, dtype=pl.String)
    return values.clean(column.cast(pl.String, strict=False))


def _numeric_columns(expression: Expression) -> list[str]:
    """Source columns that the expression reads as numbers."""
    if expression.from_ is not None:
        plain = not (expression.map or expression.extract or expression.duration)
        return list(expression.from_) if len(expression.from_) == 1 and plain else []
    return [c for part in expression.inner for c in _numeric_columns(part)]


def _durations(expression: Expression) -> list[tuple[str, str]]:
    """Source columns that the expression reads as durations, with their units."""
    if expression.duration is not None:
        return [(c, expression.duration) for c in expression.origin]
    return [found for part in expression.inner for found in _durations(part)]


def _wall_clock(rows: pl.DataFrame, texts: pl.DataFrame, expression: Expression, source: Source) -> pl.Series:
    """The times of an expression as they stand in the file, without zone."""
    origin = expression.origin
    if len(origin) == 1 and expression.map is None and expression.extract is None:
        at = rows[origin[0]]
        if isinstance(at.dtype, pl.Datetime):
            if at.dtype.time_zone:
                at = at.dt.convert_time_zone(source.time_zone).dt.replace_time_zone(None)
                return at.dt.cast_time_unit("us")
            return _at_home(at.dt.cast_time_unit("us"), source)
        if at.dtype == pl.Date:
            return at.cast(pl.Datetime("us"))
    # a constant gives one value for all rows
    text = texts.with_columns(_text(expression).alias("__text"))["__text"]
    if expression.minute_of:
        return values.clocks(text, formats=expression.date or ())
    instant = values.EPOCH in (expression.date or ())  # no clock, so none that is of another zone
    at = values.times(text, zone=source.time_zone if instant else source.clock_zone, formats=expression.date or ())
    if source.clock_zone == source.time_zone or instant:
        return at
    clocked = text.str.contains(":", literal=True) | (at.dt.time() != time(0))
    return _at_home(at, source).zip_with(clocked.fill_null(value=False), at)  # a day alone is the company's day


def _at_home(at: pl.Series, source: Source) -> pl.Series:
    """Times by the file's clock as the company's clock shows them; a column of days alone stays as it is."""
    if source.clock_zone == source.time_zone or (at.dt.time() == time(0)).all():
        return at
    there = at.dt.replace_time_zone(source.clock_zone, ambiguous="earliest", non_existent="null")
    return there.dt.convert_time_zone(source.time_zone).dt.replace_time_zone(None)


def cell(expression: Expression, dtype: pl.DataType, *, name: str, source: Source) -> Cell:
    """The column `name` of type `dtype`, as the expression makes it."""
    made = _cell(expression, dtype, name=name, source=source)
    # "other: null" without a table: what cannot be read is nothing
    never = pl.lit(False)  # noqa: FBT003
    return replace(made, unreadable=never) if expression.forgives and expression.map is None else made


def _cell(expression: Expression, dtype: pl.DataType, *, name: str, source: Source) -> Cell:
    if expression.part_of_time:
        text, at = values.no_zero_date(_text(expression)), pl.col(f"{AT}{name}")
        minute = at.dt.hour().cast(pl.Int32) * 60 + at.dt.minute()
        part = at.dt.month() if expression.month_of else at.dt.day() if expression.day_of else minute
        return Cell(part.cast(dtype), text, text.is_not_null() & at.is_null(), "time")
    if dtype.is_integer() or dtype.is_float():
        exact, readable = _number(expression)
        text = _shown(expression)
        value = _of_type(exact, dtype, name)
        rule = "lookup" if any(expression.lookups()) else "duration" if _durations(expression) else "number"
        return Cell(value, text, ~readable | (exact.is_not_null() & value.is_null()), rule)
    text = _text(expression)
    if isinstance(dtype, pl.Datetime | pl.Date):
        return _time(name, values.no_zero_date(text), expression.after, dtype, zone=source.time_zone)
    if isinstance(dtype, pl.List):
        value = _items(text, expression.split or ";")
        return Cell(value, text, pl.lit(False), "list")  # noqa: FBT003
    if dtype == pl.Boolean:
        value = values.flag(text)
        return Cell(value, _shown(expression), text.is_not_null() & value.is_null(), "flag")
    value = text.cast(dtype, strict=False) if isinstance(dtype, pl.Enum) else text
    shown = _shown(expression)
    verbs = {"lookup": expression.lookup, "map": expression.map, "extract": expression.extract}
    rule = next((verb for verb, given in verbs.items() if given is not None), "choice")
    return Cell(value, shown, shown.is_not_null() & value.is_null(), rule)


def _time(name: str, text: pl.Expr, after: Expression | None, dtype: pl.DataType, *, zone: str) -> Cell:
    """A day or an instant; with `after` so long after it, whatever clock was changed between, nothing if either is."""
    if after is None:
        value = pl.col(f"{AT}{name}").dt.date() if isinstance(dtype, pl.Date) else pl.col(f"{INSTANT}{name}")
        return Cell(value, text, text.is_not_null() & value.is_null(), "time")
    length, readable = _number(after)
    value = instant(pl.col(f"{AT}{name}"), zone) + clocks.as_duration(length, unit=str(after.duration))
    value = value.dt.convert_time_zone(zone).dt.date() if isinstance(dtype, pl.Date) else value
    shown = pl.concat_str([text, _shown(after)], separator=" + ")
    return Cell(value, shown, shown.is_not_null() & (value.is_null() | ~readable), "time")


def instant(at: pl.Expr, zone: str) -> pl.Expr:
    """A wall-clock time of `zone` as an instant in the contracts' zone; null in the hour that a clock change skips."""
    local = at.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone(TIME_ZONE)


def _instants(at: pl.Series, zone: str) -> pl.Series:
    """The same of a column; by one offset where the zone has no other in any hour from its first to its last time."""
    offset = _only_offset(at, zone)
    if offset is None:
        return at.to_frame("at").select(instant(pl.col("at"), zone)).to_series()
    return (at - offset).dt.replace_time_zone("UTC").dt.convert_time_zone(TIME_ZONE)


def _only_offset(at: pl.Series, zone: str) -> timedelta | None:
    """The zone's offset from UTC if it is the same all the time; none too where that is not worth the asking."""
    first, last, day = at.min(), at.max(), timedelta(days=1)
    if not isinstance(first, datetime) or not isinstance(last, datetime) or len(at) < FEW_HOURS * (last - first) / day:
        return None
    hours = pl.datetime_range(first - day, last + day, "1h", time_unit="us", eager=True).alias("at")
    there = hours.to_frame().select(instant(pl.col("at"), zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    offsets = (hours - there.to_series()).unique().to_list()
    return offsets[0] if len(offsets) == 1 else None


def _of_type(exact: pl.Expr, dtype: pl.DataType, name: str) -> pl.Expr:
    if dtype.is_float():
        return exact.cast(dtype)
    rounded = values.whole(exact)
    if not any(unit in name for unit in ROUNDED):
        rounded = pl.when(exact == exact.round(0)).then(rounded)
    return rounded.cast(dtype, strict=False)


def _number(expression: Expression) -> tuple[pl.Expr, pl.Expr]:
    """Exact value, and whether every text in it could be read (empty ones can)."""
    if expression.product is not None:
        parts = [_number(part) for part in expression.product]
        value = reduce(mul, (v for v, _ in parts))
    elif expression.sum is not None:
        parts = [_number(part) for part in expression.sum]
        terms = [v for v, _ in parts]
        total = reduce(lambda a, b: a + b, (t.fill_null(0) for t in terms))
        value = pl.when(pl.any_horizontal([t.is_not_null() for t in terms])).then(total)
    elif expression.quotient is not None:
        parts = [_number(part) for part in expression.quotient]
        (above, _), (below, _) = parts
        value = values.divided(above, below)
        parts.append((value, below.is_null() | (below != 0)))
    elif expression.nth_in is not None:
        value = _place(expression.nth_in).cast(values.EXACT)
        parts = [(value, value.is_not_null())]
    elif expression.duration is not None:
        value = pl.col(f"{LASTED}{expression.duration}_{expression.origin[0]}")
        parts = [(value, _shown(expression).is_null() | value.is_not_null())]
    else:
        numeric = _numeric_columns(expression)
        value = pl.col(f"{NUMBER}{numeric[0]}") if numeric else values.number(_text(expression))
        blank = expression.empty and EMPTY not in (expression.map or {})
        value = pl.when(_shown(expression).is_not_null()).then(value) if blank else value
        parts = [(value, _shown(expression).is_null() | value.is_not_null())]
    readable = pl.all_horizontal([r for _, r in parts])
    if expression.times is not None:
        value = value * pl.lit(expression.times).cast(values.EXACT)
    return value, readable


def _text(expression: Expression) -> pl.Expr:
    """The text after joining and the table of values; null where a value is not in the table."""
    if expression.constant is not None:
        return pl.lit(expression.constant)
    if expression.nth_in is not None:
        return _place(expression.nth_in).cast(pl.String)
    text = _extracted(_shown(expression), expression)
    if expression.map is None:
        return text
    other = pl.when(text.is_not_null()).then(pl.lit(expression.other)) if expression.other is not None else None
    told = text.replace_strict(_named(expression), default=other, return_dtype=pl.String)
    return (
        pl.when(text.is_null()).then(pl.lit(expression.map[EMPTY])).otherwise(told) if EMPTY in expression.map else told
    )


def _place(columns: Sequence[str]) -> pl.Expr:
    """The row's number among those of its file with the same values in these columns, from 1, as they stand."""
    return pl.int_range(1, pl.len() + 1).over(list(columns))


def _extracted(text: pl.Expr, expression: Expression) -> pl.Expr:
    return text if expression.extract is None else text.str.extract(expression.extract, 1)


def _named(expression: Expression) -> dict[str, str]:
    """The table of values without those that mean nothing."""
    return {word: value for word, value in (expression.map or {}).items() if value is not None}


def _shown(expression: Expression) -> pl.Expr:
    """The source's own text: what stands in the file, null where the sources file says that it means nothing."""
    if expression.constant is not None:
        return pl.lit(expression.constant)
    if expression.origin:
        texts = [_present(pl.col(c), expression.empty) for c in expression.origin]
        text = texts[0] if len(texts) == 1 else pl.concat_str(texts, separator=expression.join)
        if expression.map is None:
            return text
        meant = _extracted(text, expression)
        words = [word for word, value in expression.map.items() if value is None]
        told = meant.is_in(list(_named(expression))) if expression.forgives else ~meant.is_in(words)
        return pl.when(told.fill_null(value=not expression.forgives)).then(text)
    return pl.concat_str([_shown(p).fill_null("") for p in expression.inner], separator=" | ")


def _items(text: pl.Expr, separator: str) -> pl.Expr:
    stripped = text.str.split(separator).list.eval(pl.element().str.strip_chars())
    return stripped.list.eval(pl.element().filter(pl.element() != ""))
