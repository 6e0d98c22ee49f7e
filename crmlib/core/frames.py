"""Any eager or lazy frame that Narwhals knows, in; Polars, out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import narwhals as nw
import polars as pl

from crmlib.core.errors import ContractError

AnyFrame: TypeAlias = Any  # pandas, PyArrow, DuckDB, Polars, … : whatever Narwhals accepts
"""A frame of any library that Narwhals knows, eager or lazy."""


def to_polars(frame: AnyFrame, *, needs: Iterable[str] = (), name: str = "frame") -> pl.DataFrame:
    """Return `frame` as an eager Polars frame and check that the columns in `needs` exist.

    Raises
    ------
    ContractError
        `frame.not_a_frame` if Narwhals does not know the object, `frame.missing_column` if a column is absent.

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
        result = (wrapped.collect() if isinstance(wrapped, nw.LazyFrame) else wrapped).to_polars()
    check_columns(result.columns, needs, name=name)
    return result


def wrap(frame: AnyFrame, *, name: str) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """`frame` on its own engine, in Narwhals; `frame.not_a_frame` (ContractError) if Narwhals does not know it."""
    try:
        wrapped: nw.DataFrame[Any] | nw.LazyFrame[Any] = nw.from_native(frame)
    except TypeError:
        raise ContractError(
            "frame.not_a_frame",
            given=f"{name}: an object of type {type(frame).__name__}",
            expected="a frame of pandas, Polars, PyArrow, DuckDB or another library that Narwhals knows",
            mend="pass a data frame, e.g. polars.DataFrame(...)",
            values={"name": name, "type": type(frame).__name__},
        ) from None
    return wrapped


def check_columns(columns: Iterable[str], needs: Iterable[str], *, name: str) -> None:
    """Refuse a table that lacks a needed column, naming what is missing and what is there."""
    present = list(columns)
    missing = [c for c in needs if c not in present]
    if missing:
        raise ContractError(
            "frame.missing_column",
            given=f"{name} with columns {', '.join(present) or '(none)'}",
            expected=f"also {', '.join(missing)}",
            mend="rename or add the missing columns; for a file, map them in params/sources.yml",
            values={"name": name, "missing": missing},
        )
