"""The two ends of every panel: lines in from any engine, a typed and sorted Polars frame out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import narwhals as nw
import polars as pl

from crmlib.core.frames import AnyFrame, check_columns, wrap

Lines: TypeAlias = "nw.LazyFrame[Any]"
Schema: TypeAlias = Mapping[str, "pl.DataType | type[pl.DataType]"]

_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    Examples
    --------
    >>> day_number(date(1970, 1, 2))
    1
    """
    return (day - _EPOCH).days


def lines_of(frame: AnyFrame, *, needs: Iterable[str], name: str) -> Lines:
    """`frame` as a lazy Narwhals frame on its own engine; in-memory frames other than Polars become Polars first.

    A frame in memory may give the business day as `day` (a date, or midnight as pandas keeps it) instead of `day_n`.

    Raises
    ------
    ContractError
        `frame.not_a_frame`, `frame.missing_column`.
    """
    wrapped = wrap(frame, name=name)
    native = wrapped.to_polars().lazy() if isinstance(wrapped, nw.DataFrame) else wrapped.to_native()
    if isinstance(native, pl.LazyFrame):
        native = _with_day_number(native)
    lazy: Lines = nw.from_native(native)
    check_columns(lazy.collect_schema().names(), needs, name=name)
    return lazy


def _with_day_number(lines: pl.LazyFrame) -> pl.LazyFrame:
    columns = lines.collect_schema()
    day = columns.get("day")
    is_day = day == pl.Date or (isinstance(day, pl.Datetime) and day.time_zone is None)
    if "day_n" in columns or not is_day:
        return lines
    return lines.with_columns(day_n=pl.col("day").cast(pl.Date).cast(pl.Int32))


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
    return typed.sort(*sort, nulls_last=True) if sort else typed
