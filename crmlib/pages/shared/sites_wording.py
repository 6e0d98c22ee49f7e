"""How sites are named on both pages."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def named(frame: pl.DataFrame, column: str, names: Mapping[str, str], *, into: str = "name") -> pl.DataFrame:
    """`frame` with the names of the ids in `column`."""
    return frame.with_columns(pl.col(column).replace_strict(dict(names), default=pl.col(column)).alias(into))
