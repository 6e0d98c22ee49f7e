"""The engines a panel must agree on, and small random receipt lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
from hypothesis import strategies as st

SCHEMA = {
    "receipt_id": pl.String,
    "store_id": pl.String,
    "customer_id": pl.String,
    "product_id": pl.String,
    "day_n": pl.Int32,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "list_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "promotion_id": pl.String,
}


def as_duckdb(frame: pl.DataFrame) -> Any:
    connection = duckdb.connect()
    connection.register("lines", frame.to_arrow())
    return connection.table("lines")


ENGINES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda f: f,
    "polars lazy": lambda f: f.lazy(),
    "pandas": lambda f: f.to_pandas(),
    "pyarrow": lambda f: f.to_arrow(),
    "duckdb": as_duckdb,
}


def line_frames(*, max_lines: int = 25) -> st.SearchStrategy[pl.DataFrame]:
    """Receipt lines with returns, missing costs, missing cards and equal days."""
    few = st.sampled_from
    line = st.tuples(
        few(["r1", "r2", "r3", "r4"]),
        few(["s1", "s2"]),
        few(["a", "b", "c", None]),
        few(["p", "q"]),
        st.integers(18_000, 18_020),
        few([-2000, -500, 0, 250, 1000, 3000]),
        st.integers(-5_000, 9_000),
        few([None, 400, 1_000]),
        few([None, 0, 100, 777]),
        few([None, "promo"]),
    )
    return st.lists(line, max_size=max_lines).map(lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row"))
