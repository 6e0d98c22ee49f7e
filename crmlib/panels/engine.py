"""The two ends of every panel: lines in from any engine, a typed and sorted Polars frame out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import narwhals as nw
import polars as pl

from crmlib.core.contracts import LARGEST, UNITS
from crmlib.core.errors import ContractError
from crmlib.core.frames import AnyFrame, check_columns, ids_as_text, not_whole, to_polars, whole, wrap
from crmlib.panels.handle import opened

Lines: TypeAlias = "nw.LazyFrame[Any]"
Schema: TypeAlias = Mapping[str, "pl.DataType | type[pl.DataType]"]

NEVER_NULL = ("day_n", "quantity_milli", "net_minor")
MANY_ROWS = 100_000
"""From here on sorting by several texts costs more than making numbers of them."""


def lines_of(frame: AnyFrame, *, needs: Iterable[str], name: str) -> Lines:
    """`frame` as a lazy Narwhals frame on its own engine; in-memory frames other than Polars become Polars first.

    A frame may give the business day as `day` (a date, or midnight as pandas keeps it) instead of `day_n`. Ids become
    texts, whole units Int64 (a sum of Int32 would wrap around); what is not whole is refused rather than cut.

    Raises
    ------
    ContractError
        `frame.not_a_frame`, `frame.missing_column`, `frame.not_whole`; for a frame in memory also
        `frame.mixed_types`, `panels.missing_values`, `panels.value_range`.
    """
    needs = tuple(needs)
    frame = opened(frame)
    wrapped = wrap(frame, name=name)
    if isinstance(wrapped, nw.DataFrame):
        native = _held(_with_day_number(to_polars(frame, name=name).lazy()).collect(), needs, name=name).lazy()
    else:
        native = wrapped.to_native()
        if isinstance(native, pl.LazyFrame):
            native = ids_as_text(_with_day_number(native))
    lazy: Lines = nw.from_native(native)
    schema = lazy.collect_schema()
    check_columns(schema.names(), needs, name=name)
    units = [column for column in needs if _is_unit(column)]
    _refuse_fractions({column: schema[column] for column in units}, name=name)
    is_polars = isinstance(native, pl.LazyFrame)
    short = [c for c in units if is_polars and c != "day_n" and schema[c] != nw.Int64]
    return lazy.with_columns(nw.col(column).cast(nw.Int64) for column in short) if short else lazy


def _with_day_number(lines: pl.LazyFrame) -> pl.LazyFrame:
    columns = lines.collect_schema()
    day = columns.get("day")
    if "day_n" in columns or day is None:
        return lines
    if not (day == pl.Date or (isinstance(day, pl.Datetime) and day.time_zone is None)):
        raise ContractError("panels.day_type", values={"type": str(day)})
    return lines.with_columns(day_n=pl.col("day").cast(pl.Date).cast(pl.Int32))


def _is_unit(column: str) -> bool:
    return column == "day_n" or column.endswith(UNITS)


def _held(lines: pl.DataFrame, needs: Sequence[str], *, name: str) -> pl.DataFrame:
    """A frame in memory, which can be looked at: whole units as Int64, nothing missing, nothing out of range."""
    present = [column for column in needs if column in lines.columns]
    lines = whole(lines, [column for column in present if _is_unit(column) and column != "day_n"], name=name)
    for column in (c for c in present if c in NEVER_NULL):
        _refuse_missing(lines[column], name=name)
    for column in (c for c in present if c.endswith(UNITS)):
        _refuse_huge(lines[column], name=name)
    return lines


def _refuse_missing(values: pl.Series, *, name: str) -> None:
    missing = values.null_count()
    if missing:
        raise ContractError("panels.missing_values", values={"name": name, "column": values.name, "rows": missing})


def _refuse_huge(values: pl.Series, *, name: str) -> None:
    largest = max((abs(int(v)) for v in (values.min(), values.max()) if isinstance(v, int)), default=0)
    if largest >= LARGEST:
        raise ContractError("panels.value_range", values={"name": name, "column": values.name, "largest": largest})


def _refuse_fractions(kinds: Mapping[str, object], *, name: str) -> None:
    """Columns of whole units on an engine must be integers there; a cut fraction would be money lost in silence."""
    for column, kind in kinds.items():
        if isinstance(kind, nw.String) or getattr(kind, "is_float", bool)():
            raise not_whole(name, column, kind)


def reduced(lines: Lines, *, schema: Schema, sort: Sequence[str]) -> pl.DataFrame:
    """Run the plan on its engine and return it in Polars: columns and types of `schema`, rows in the order of `sort`.

    Without `sort` the rows come in any order.

    The cast is part of the contract: engines disagree on the type of a sum (DuckDB widens it to a decimal).
    """
    native = lines.to_native()
    if isinstance(native, pl.LazyFrame):
        frame = native.collect(engine="streaming")
    else:
        frame = lines.collect("polars").to_native()
    typed = frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    return ordered(typed, sort) if sort else typed


def ordered(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """`frame.sort(keys, nulls_last=True)`; many rows are sorted by one number each, which is cheaper than by texts."""
    if frame.height < MANY_ROWS or len(keys) < 2:
        return frame.sort(*keys, nulls_last=True)
    code, places = pl.lit(0, dtype=pl.Int64), 1
    for key in keys:
        values = frame[key].unique().drop_nulls().sort()
        if isinstance(values.dtype, pl.Enum):
            values, place = values.dtype.categories, pl.col(key).to_physical().cast(pl.Int64)
        elif values.dtype == pl.String:
            place = pl.col(key).cast(pl.Enum(values)).to_physical().cast(pl.Int64)
        elif values.dtype.is_integer():
            place = pl.col(key).cast(pl.Int64) - int(values[0] if values.len() else 0)
        else:
            return frame.sort(*keys, nulls_last=True)
        width = values.len() if values.dtype == pl.String or not values.len() else int(values[-1]) - int(values[0]) + 1
        code, places = code * (width + 1) + place.fill_null(width), places * (width + 1)
    if places >= 1 << 62:
        return frame.sort(*keys, nulls_last=True)
    return frame.with_columns(code.alias("__code")).sort("__code").drop("__code")
