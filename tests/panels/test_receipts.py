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
    inside = LINES.filter(pl.col("day_n") <= (END - date(1970, 1, 1)).days)
    later = inside.with_columns(day_n=pl.col("day_n") + 62)
    both = pl.concat([inside, later]) if engine == "polars" else duckdb.sql("from inside union all from later")
    months = receipts.goods_price(both, start=START, end=date(1970, 12, 31))
    assert months.rows() == [("x", "piece", 4, 4000, 380, 4000, 220)]  # the same numbers, other receipts


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_all_baskets_are_counted_month_by_month_by_good_and_pair(engine: str) -> None:
    more = LINES[:1].with_columns(product_id=pl.lit("y"))
    held = pl.concat(
        [
            LINES,
            more,
            more.with_columns(receipt_id=pl.lit("r3"), customer_id=pl.lit("b"), day_n=pl.lit(40, dtype=pl.Int32)),
        ]
    )
    lines = held if engine == "polars" else duckdb.sql("select * from held")
    found = receipts.basket_counts(lines, start=START, end=date(1970, 3, 1), nobody=pl.Series(["b"]))
    assert found.goods.rows() == [("x", 3, 40), ("y", 2, 40)]
    assert (found.pairs.rows(), found.baskets, found.carded) == ([("x", "y", 2)], 3, 1)
    none = receipts.basket_counts(lines, start=date(1990, 1, 1), end=date(1990, 2, 1))
    assert (none.goods.height, none.pairs.height, none.baskets, none.carded) == (0, 0, 0, 0)


def test_members_are_drawn_with_all_their_receipts_the_same_every_time() -> None:
    ids = [f"r{n}" for n in range(4000)]
    lines = pl.concat([LINES[:1].drop("receipt_id", "customer_id")] * 4000).with_columns(
        receipt_id=pl.Series(ids), customer_id=pl.Series([None if n % 5 == 0 else f"c{n % 800}" for n in range(4000)])
    )
    drawn = [receipts.basket_goods(lines, start=START, end=END, share=0.2, of="customer_id") for _ in range(2)]
    assert drawn[0].equals(drawn[1]) and drawn[0]["customer_id"].null_count() == 0
    assert drawn[0].group_by("customer_id").len()["len"].unique().to_list() == [5]  # whoever is drawn has all of five
    assert 90 <= drawn[0]["customer_id"].n_unique() <= 170  # of 640
    by_receipt = receipts.basket_goods(lines, start=START, end=END, share=0.2, of="receipt_id")
    assert 650 <= by_receipt.height <= 950 and by_receipt["customer_id"].null_count() > 0


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_money_of_goods_is_their_price_without_the_receipts(engine: str) -> None:
    lines = LINES if engine == "polars" else duckdb.sql("select * from LINES")
    price = receipts.goods_price(lines, start=START, end=END)
    assert receipts.goods_money(lines, start=START, end=END).equals(price.drop("receipts"))


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
