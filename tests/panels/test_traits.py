"""What customers pay beside the usual price: whole numbers, so the same on every engine and in any order of lines."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from itertools import permutations
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings

from crmlib.panels.traits import KIND_SUMS, customer_kinds, customer_part, customer_prices, member_goods, usual_prices
from tests.panels.lines import ENGINES, line_frames

START, END = date(1970, 1, 1) + timedelta(18_000), date(1970, 1, 1) + timedelta(18_015)
GOODS = pl.DataFrame({"product_id": ["p", "q", "o"], "category_1": ["nuts", "nuts", None], "unit": ["kg", None, "kg"]})


def made(name: str, lines: pl.DataFrame, goods: pl.DataFrame = GOODS) -> pl.DataFrame:
    given: Any = (ENGINES[name](lines), ENGINES[name](goods))
    if name == "duckdb":  # a relation joins only relations of its own connection
        connection = duckdb.connect()
        connection.register("lines", lines.to_arrow())
        connection.register("goods", goods.to_arrow())
        given = (connection.table("lines"), connection.table("goods"))
    return customer_prices(*given, by="category_1", start=START, end=END)


@pytest.mark.parametrize("name", list(ENGINES))
def test_no_order_of_the_lines_tells_what_is_usual(name: str) -> None:
    """.1 + .7 + .7 is 1.5 or a little less, as one adds fractions."""
    rows = [("a", 1), ("a", 7), ("a", 7), ("b", 5)]
    for order in set(permutations(rows)):
        lines = pl.DataFrame(order, schema=["customer_id", "quantity_milli"], orient="row").with_columns(
            product_id=pl.lit("p"), day_n=18_001, net_minor=pl.when(customer_id="b").then(2).otherwise(0)
        )
        assert made(name, lines).rows() == [("a", 3, 0, 2), ("b", 1, 2, 1)]


@settings(max_examples=25, deadline=None)
@given(lines=line_frames())
def test_usual_prices_are_those_of_fractions_on_every_engine(lines: pl.DataFrame) -> None:
    kind = {"p": "kg", "q": ""}
    sold = [r for r in lines.iter_rows(named=True) if r["quantity_milli"] > 0 and r["customer_id"]]
    sold = [r for r in sold if 18_000 <= r["day_n"] <= 18_015]
    money, milli, own = defaultdict(int), defaultdict(int), defaultdict(list)
    for row in sold:
        money[kind[row["product_id"]]] += row["net_minor"]
        milli[kind[row["product_id"]]] += row["quantity_milli"]
        own[row["customer_id"]].append(row)
    expected = {
        who: sum(
            Fraction(r["quantity_milli"] * money[k := kind[r["product_id"]]], milli[k]) for r in rows
        )
        for who, rows in own.items()
    }  # fmt: skip
    found = made("polars", lines)
    assert found.select("customer_id", "lines", "paid_minor").rows() == [
        (who, len(rows), sum(r["net_minor"] for r in rows)) for who, rows in sorted(own.items())
    ]
    for who, usual in found.select("customer_id", "usual_minor").iter_rows():
        assert abs(usual - expected[who]) <= Fraction(1, 2) + Fraction(1, 1000)
    assert all(made(name, lines).equals(found) for name in ENGINES)


def test_some_are_judged_by_what_all_bought() -> None:
    lines = pl.DataFrame(
        {"customer_id": ["a", "a", "b", "b"], "product_id": ["p", "q", "p", "o"], "day_n": 18_001,
         "quantity_milli": [1000, 500, 3000, 10], "net_minor": [700, 90, 1200, 5]}
    )  # fmt: skip
    asked: dict[str, Any] = {"by": "category_1", "start": START, "end": END}
    every = member_goods(lines, start=START, end=END)
    whole = customer_prices(lines, GOODS, **asked)
    for who in ("a", "b"):
        alone = customer_prices(lines.filter(customer_id=who), GOODS, every=every, **asked)
        assert alone.equals(whole.filter(customer_id=who)) and alone.height == 1


def test_sums_beyond_64_bits_are_not_cut() -> None:
    lines = pl.DataFrame({
        "customer_id": ["a", "b"], "product_id": "p", "day_n": 18_001, "quantity_milli": [10**9, 10**9],
        "net_minor": [10**11, 3 * 10**11],
    })  # fmt: skip
    assert made("polars", lines)["usual_minor"].to_list() == [2 * 10**11] * 2


@settings(max_examples=25, deadline=None)
@given(lines=line_frames())
def test_one_reading_by_kind_holds_the_parts_and_the_prices(lines: pl.DataFrame) -> None:
    goods = GOODS.with_columns(flavour=pl.Series(["salt", "sweet", None]))
    asked: dict[str, Any] = {"start": START, "end": END}
    kinds = customer_kinds(lines, goods, by=("category_1", "unit", "flavour"), **asked)
    for part in ("category_1", "flavour"):
        sums = kinds.group_by("customer_id", pl.col(part).cast(pl.String)).agg(pl.col("net_minor").sum())
        told = customer_part(lines, goods, by=part, days=False, **asked)
        assert sums.sort(pl.all()).rows() == told.sort(pl.all()).rows()
    own = kinds.group_by("customer_id", "category_1", "unit").agg(pl.col(*KIND_SUMS).sum())
    assert usual_prices(own, own, by="category_1").equals(customer_prices(lines, goods, by="category_1", **asked))
