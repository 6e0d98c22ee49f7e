"""Columns of words for pictures and tables."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl


def told(frame: pl.DataFrame, *columns: str, by: Callable[..., str | None]) -> pl.Series:
    """One text per row, made of the row's values in `columns`.

    Examples
    --------
    >>> told(pl.DataFrame({"a": [1, 2]}), "a", by=lambda a: f"{a} members").to_list()
    ['1 members', '2 members']
    """
    return pl.Series([by(*row) for row in frame.select(columns).iter_rows()], dtype=pl.String)
