"""A promotion tried on real baskets: which it touches, what it costs, what it must bring."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from crmlib.promotion.offers.tried import as_offer, try_offer

LAST = date(2026, 6, 30)
GOODS = pl.DataFrame({"product_id": ["nut", "tea"], "category_1": ["x", "x"], "category_2": ["n", "t"]})
SHOPS = pl.DataFrame({"store_id": ["a", "b"]})


def row(**changes: Any) -> dict[str, Any]:
    return {
        "promotion_id": "X", "mechanic": "rate", "depth_bp": 2000, "stores": ["a"], "products": ["nut"],
        "first_day": date(2026, 7, 6), "last_day": date(2026, 7, 12),
    } | changes  # fmt: skip


def lines(**first: Any) -> pl.DataFrame:
    made = [
        ("r1", "a", "nut", 1, 0), ("r1", "a", "tea", 1, 0), ("r2", "a", "nut", 3, 1), ("r3", "a", "tea", 1, 1),
        ("r4", "b", "nut", 1, 2), ("r5", "a", "nut", 2, 40), ("r6", "a", "nut", 1, 2),
    ]  # fmt: skip
    table = pl.DataFrame(
        [
            {
                "receipt_id": r, "store_id": s, "product_id": p, "day": LAST - timedelta(days=ago),
                "quantity_milli": 1000 * n, "list_minor": 1000 * n, "cost_minor": 600 * n,
                "promotion_id": "W" if r == "r6" else None,
            }
            for r, s, p, n, ago in made
        ]
    )  # fmt: skip
    return table.with_columns(day_n=pl.col("day").cast(pl.Int32), **{k: pl.lit(v) for k, v in first.items()})


def tried(promotion: dict[str, Any], table: pl.DataFrame | None = None) -> Any:
    offer = as_offer(promotion)
    held = lines() if table is None else table
    return None if offer is None else try_offer(offer, held, products=GOODS, stores=SHOPS, as_of=LAST)


def test_baskets_of_its_stores_and_weeks_without_an_offer_are_priced_and_others_are_not() -> None:
    found = tried(row())
    assert (found.baskets, found.touched, found.list_minor, found.discount_minor) == (2, 2, 4_000, 800)
    assert found.margin_minor == 1_600
    assert found.needed == pytest.approx(800 / 800)
    middle = found.basket
    assert middle["list_minor"].sum() - middle["discount_minor"].sum() == middle["net_minor"].sum()


def test_the_lift_it_takes_earns_exactly_the_same() -> None:
    found = tried(row(depth_bp=1000))
    after = (found.margin_minor - found.discount_minor) * (1 + found.needed)
    assert after == pytest.approx(found.margin_minor)


def test_the_second_piece_is_cheaper_only_where_there_are_two() -> None:
    found = tried(row(mechanic="nth_unit", depth_bp=5000))
    assert (found.baskets, found.touched, found.discount_minor) == (2, 1, 500)


def test_below_cost_no_volume_is_enough() -> None:
    assert tried(row(depth_bp=4000)).needed is None
    assert tried(row(depth_bp=5000)).needed is None


@pytest.mark.parametrize("changes", [{"mechanic": "gift"}, {"depth_bp": None}, {"depth_bp": 0}, {"mechanic": "other"}])
def test_a_rule_that_is_not_on_record_is_not_guessed(changes: dict[str, Any]) -> None:
    assert as_offer(row(**changes)) is None
    assert tried(row(**changes)) is None


def test_goods_that_were_not_sold_lately_cannot_be_tried() -> None:
    assert tried(row(products=["moon"])) is None or tried(row(products=["moon"])).touched == 0
    assert tried(row(products=["tea"]), lines().filter(pl.col("product_id") == "nut")) is None


def test_a_line_without_cost_leaves_its_goods_out_of_the_margin_only() -> None:
    found = tried(row(), lines().with_columns(cost_minor=pl.when(pl.col("receipt_id") != "r1").then("cost_minor")))
    assert (found.discount_minor, found.margin_minor) == (800, 1_200)
