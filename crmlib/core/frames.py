"""Any eager or lazy frame that Narwhals knows, in; Polars, out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias, TypeVar

import narwhals as nw
import polars as pl

from crmlib.core.errors import ContractError, mask

AnyFrame: TypeAlias = Any  # pandas, PyArrow, DuckDB, Polars, … : whatever Narwhals accepts
"""A frame of any library that Narwhals knows, eager or lazy."""
Table = TypeVar("Table", pl.DataFrame, pl.LazyFrame)


def to_polars(
    frame: AnyFrame, *, needs: Iterable[str] = (), name: str = "frame", key: str | None = None, texts: bool = True
) -> pl.DataFrame:
    """Return `frame` as an eager Polars frame with its ids as texts, and check that the columns in `needs` exist.

    Parameters
    ----------
    key : column in which no value may stand twice (nulls may), so that a join cannot multiply rows.
    texts : False leaves ids as they are, for whoever counts them and joins nothing: an Enum of millions stays small.

    Raises
    ------
    ContractError
        `frame.not_a_frame` if Narwhals does not know the object, `frame.mixed_types` if a column holds several types,
        `frame.missing_column` if a column is absent, `frame.repeated_key` if a value of `key` stands twice.

    Examples
    --------
    >>> import pandas as pd
    >>> to_polars(pd.DataFrame({"a": [1, 2]}), needs=["a"]).columns
    ['a']
    """
    if isinstance(frame, pl.DataFrame):
        result = frame
    elif isinstance(frame, pl.LazyFrame):
        result = frame.collect(engine="streaming")
    else:
        wrapped = wrap(frame, name=name)
        result = _converted(wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped, name=name)
    check_columns(result.columns, [*needs, *([key] if key else [])], name=name)
    result = ids_as_text(result) if texts else result
    if key is not None:
        _refuse_repeats(result[key], key=key, name=name)
    return result


def ids_as_text(frame: Table) -> Table:
    """`frame` with every column called ``…_id`` as text: numbers, categories and texts then join each other.

    Floats that are whole lose their fraction (pandas makes 17850.0 of 17850 where a column has gaps).

    Examples
    --------
    >>> ids_as_text(pl.DataFrame({"customer_id": [17850.0, None]}))["customer_id"].to_list()
    ['17850', None]
    """
    casts = []
    for name, kind in frame.collect_schema().items():
        if not name.endswith("_id") or kind == pl.String or kind.is_nested():
            continue
        casts.append(as_text(name, kind))
    return frame.with_columns(casts) if casts else frame


def few_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with its texts as Enums of their values, sorted: a place in a list instead of a text in every row.

    Examples
    --------
    >>> few_texts(pl.DataFrame({"unit": ["kg", None, "kg"]})).schema["unit"]
    Enum(categories=['kg'])
    """
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(c).cast(pl.Enum(frame[c].drop_nulls().unique().sort())) for c in texts)


def as_text(name: str, kind: pl.DataType) -> pl.Expr:
    """Column `name` of type `kind` as text; whole floats without a fraction."""
    column = pl.col(name)
    if not kind.is_float():
        return column.cast(pl.String)
    short = pl.when(column == column.floor()).then(column.cast(pl.Int64, strict=False).cast(pl.String))
    return pl.when(column.is_not_nan()).then(pl.coalesce(short, column.cast(pl.String))).alias(name)


def whole(frame: pl.DataFrame, columns: Iterable[str], *, name: str) -> pl.DataFrame:
    """`frame` with `columns` as Int64, gaps kept; floats and decimals only where every value is whole.

    Raises
    ------
    ContractError
        `frame.not_whole` for texts, fractions (yuan instead of fen) and values beyond Int64.

    Examples
    --------
    >>> whole(pl.DataFrame({"net_minor": [5.0, float("nan")]}), ["net_minor"], name="x")["net_minor"].to_list()
    [5, None]
    """
    casts = []
    for column in columns:
        values = frame[column]
        if values.dtype == pl.Int64:
            continue
        if values.dtype.is_float():
            values = values.fill_nan(None)
        is_number = values.dtype.is_numeric() or values.dtype == pl.Null
        exact = values.cast(pl.Int64, strict=False) if is_number else values.clear().cast(pl.Int64, strict=False)
        if not is_number or (values.is_not_null() & ~(exact == values).fill_null(value=False)).any():
            raise not_whole(name, column, values.dtype)
        casts.append(exact)
    return frame.with_columns(casts) if casts else frame


def not_whole(name: str, column: str, kind: object) -> ContractError:
    """The refusal of a column of whole units that holds something else."""
    return ContractError("frame.not_whole", values={"name": name, "column": column, "type": str(kind)})


def timed(
    frame: AnyFrame, *, at: str = "at", needs: Iterable[str] = (), name: str = "frame", key: str | None = None
) -> pl.DataFrame:
    """`to_polars`, with the column `at` a date or a time.

    Raises
    ------
    ContractError
        `frame.no_time` if the column holds anything else, such as texts.
    """
    table = to_polars(frame, needs=(*needs, at), name=name, key=key)
    kind = table.schema[at]
    if kind == pl.Null:
        return table.with_columns(pl.col(at).cast(pl.Date))
    if not (kind == pl.Date or isinstance(kind, pl.Datetime)):
        raise ContractError("frame.no_time", values={"name": name, "column": at, "type": str(kind)})
    return table


def _converted(wrapped: nw.DataFrame[Any], *, name: str) -> pl.DataFrame:
    try:
        return wrapped.to_polars()
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        mixed = [column for column in wrapped.columns if not _converts(wrapped.select(column))]
        raise ContractError("frame.mixed_types", values={"name": name, "columns": mixed}) from None


def _converts(one: nw.DataFrame[Any]) -> bool:
    try:
        one.to_polars()
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        return False
    return True


def _refuse_repeats(values: pl.Series, *, key: str, name: str) -> None:
    known = values.drop_nulls()
    twice = known.len() - known.n_unique()
    if twice:
        raise ContractError(
            "frame.repeated_key",
            values={"name": name, "rows": twice, "key": key},
            examples=[mask(value) for value in known.filter(known.is_duplicated()).unique().sort().head(5)],
        )


def wrap(frame: AnyFrame, *, name: str) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """`frame` on its own engine, in Narwhals; `frame.not_a_frame` (ContractError) if Narwhals does not know it."""
    try:
        wrapped: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(frame)
    except TypeError:
        raise ContractError("frame.not_a_frame", values={"name": name, "type": type(frame).__name__}) from None
    return wrapped


def check_columns(columns: Iterable[str], needs: Iterable[str], *, name: str) -> None:
    """Refuse a table that lacks a needed column, naming what is missing and what is there."""
    present = list(columns)
    missing = [c for c in needs if c not in present]
    if missing:
        raise ContractError(
            "frame.missing_column", values={"name": name, "missing": missing, "present": list(present) or "-"}
        )
