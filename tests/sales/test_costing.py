from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import costing


def moves(*rows):
    return pl.DataFrame(rows, schema=["product_id", "quantity_milli", "cost_minor"], orient="row")


def test_issues_take_the_average_and_a_return_brings_its_cost_back():
    got = costing.moving_average(
        moves(("a", 10, 100), ("a", -5, None), ("a", 5, 100), ("a", -1, None), ("a", 1, None), ("a", -10, None))
    )
    assert got["moved_minor"].to_list() == [100, -50, 100, -15, 15, -150]
    assert not got["guessed"].any()


move = st.tuples(st.sampled_from("ab"), st.integers(1, 50), st.integers(0, 10**6), st.booleans())


@given(st.lists(move, min_size=1, max_size=20))
def test_what_left_and_what_is_there_is_what_was_paid(plan):
    stock, rows = {"a": 0, "b": 0}, []
    for key, size, cost, buys in plan:
        out = min(size, stock[key])
        if buys or not out:
            rows.append((key, size, cost))
            stock[key] += size
        else:
            rows.append((key, -out, None))
            stock[key] -= out
    rows += [(key, -left, None) for key, left in stock.items() if left]  # the last unit takes the rest along
    got = costing.moving_average(moves(*rows))
    assert got["moved_minor"].sum() == 0
    assert not got["guessed"].any()
    assert got["product_id"].to_list() == [r[0] for r in rows]


def test_issues_from_an_empty_stock_are_marked_as_guessed():
    got = costing.moving_average(moves(("a", -1, None), ("a", 2, 20), ("a", -3, None), ("a", -1, None)))
    assert got["guessed"].to_list() == [True, False, True, True]
    assert got["moved_minor"].to_list() == [0, 20, -60, -20]  # the late purchase bears what was issued before it


BOX = pl.DataFrame(
    {"bundle_id": "box", "product_id": ["nuts", "tea"], "quantity_milli": [2000, 500], "worth_minor": [100, 50]}
)


@given(st.integers(-(10**6), 10**6), st.integers(-3, 3).filter(bool))
def test_a_bundle_is_sold_as_its_components_without_a_rest(net, count):
    lines = pl.DataFrame(
        {
            "line_id": ["1", "2"],
            "product_id": ["box", "tea"],
            "quantity_milli": [1000 * count, 1000],
            "net_minor": [net, 7],
        }
    )
    got = costing.exploded(lines, BOX)
    assert got["net_minor"].sum() == net + 7
    assert got.filter(pl.col("line_id") == "1").select("product_id", "quantity_milli", "bundle_id").rows() == [
        ("nuts", 2000 * count, "box"), ("tea", 500 * count, "box"),
    ]  # fmt: skip


def test_components_worth_nothing_are_refused():
    with pytest.raises(ModelError, match="worth nothing"):
        costing.exploded(
            pl.DataFrame({"line_id": ["1"], "product_id": ["box"], "quantity_milli": [1], "net_minor": [1]}),
            BOX.with_columns(worth_minor=pl.lit(0)),
        )
