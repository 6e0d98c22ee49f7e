"""Receipts as baskets: a good once a receipt, returns left out, the same on DuckDB."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl
import pytest

from crmlib import panels
from crmlib.panels import receipts

LINES = pl.DataFrame(
    {
        "receipt_id": ["r1", "r1", "r1", "r2", "r3"],
        "customer_id": ["a", "a", "a", None, "b"],
        "store_id": ["s"] * 5,
        "product_id": ["x", "x", "y", "x", "x"],
        "day_n": pl.Series([10, 10, 10, 11, 40], dtype=pl.Int32),
        "quantity_milli": [1000, 2000, -1000, 1000, 1000],
        "unit": ["piece"] * 5,
        "net_minor": [100, 180, -50, 90, 100],
        "cost_minor": [60, None, -30, 50, 60],
        "promotion_id": [None, "p", None, None, None],
    }
)
START, END = date(1970, 1, 11), date(1970, 1, 31)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_good_is_counted_once_a_receipt_and_a_return_is_no_basket(engine: str) -> None:
    lines = LINES if engine == "polars" else duckdb.sql("select * from LINES")
    found = receipts.basket_goods(lines, start=START, end=END)
    assert found.select("basket_id", "customer_id", "product_id", "offered").rows() == [
        (0, "a", "x", True),
        (1, None, "x", False),
    ]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_baskets_of_several_months_are_numbered_on_and_named_by_one_list(engine: str) -> None:
    lines = LINES if engine == "polars" else duckdb.sql("select * from LINES")
    found = receipts.basket_goods(lines, start=START, end=date(1970, 3, 1))
    assert found.select("basket_id", "customer_id").rows() == [(0, "a"), (1, None), (2, "b")]
    assert found.schema["customer_id"] == pl.Enum(["a", "b"]) and found.schema["product_id"] == pl.Enum(["x"])
    none = receipts.basket_goods(lines, start=date(1990, 1, 1), end=date(1990, 2, 1))
    assert none.is_empty() and none.columns == found.columns


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_prices_are_those_without_an_offer_and_costs_of_what_has_one(engine: str) -> None:
    lines = LINES if engine == "polars" else duckdb.sql("select * from LINES")
    found = receipts.goods_price(lines, start=START, end=END)
    assert found.rows() == [("x", "piece", 2, 2000, 190, 2000, 110)]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_whole_baskets_are_those_that_hold_a_good_with_all_that_was_in_them(engine: str) -> None:
    held = LINES.with_columns(list_minor=pl.when(pl.col("net_minor") != 90).then(pl.col("net_minor") + 10))
    lines = held if engine == "polars" else duckdb.sql("select * from held")
    found = panels.whole_baskets(lines, products=pl.Series(["x"]))
    assert found.drop("store_id").rows() == [
        ("r1", "x", "p", 2000, 190, None),
        ("r1", "x", None, 1000, 110, 60),
        ("r3", "x", None, 1000, 110, 60),
    ]
    assert panels.whole_baskets(lines, products=pl.Series(["y"], dtype=pl.String)).is_empty()
    assert panels.whole_baskets(lines).height == found.height
