from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.plan import planning

TODAY = date(2026, 5, 31)
WARES = pl.DataFrame({"product_id": ["p"]})
DRAFT = planning.Draft("nuts", "rate", 1500, TODAY + timedelta(days=14), 10)


def lines(*, promoted_days=7):
    days = [TODAY - timedelta(days=i) for i in range(56)]
    return pl.DataFrame(
        {
            "store_id": ["s"] * 56,
            "product_id": ["p"] * 56,
            "day": days,
            "quantity_milli": [9000 if i < promoted_days else 1000 for i in range(56)],
            "list_minor": [500] * 56,
            "net_minor": [500] * 56,
            "cost_minor": [300] * 56,
            "promotion_id": ["X" if i < promoted_days else None for i in range(56)],
        }
    )


def test_prices_are_those_of_days_without_a_promotion():
    usual = planning._usual(lines(promoted_days=7), WARES, DRAFT, as_of=TODAY)
    assert usual.height == 49
    assert planning._prices(usual) == {"price_minor": 500, "cost_minor": 300}


def test_goods_out_of_season_take_the_prices_of_their_season_and_goods_never_sold_cannot_be_planned():
    late = TODAY + timedelta(days=200)
    assert planning._usual(lines(), WARES, DRAFT, as_of=late).height == 49
    with pytest.raises(ModelError) as refused:
        planning._usual(lines().clear(), WARES, DRAFT, as_of=TODAY)
    assert refused.value.code == "promotion.no_base"


def test_what_stores_hold_is_taken_off_what_they_need():
    need = pl.DataFrame({"store_id": ["a", "b", "c"], "base_milli": [9, 9, 9], "stock_milli": [9000, 5000, 4000]})
    stock = pl.DataFrame(
        {
            "store_id": ["a", "a", "b", "b"],
            "product_id": ["p", "p", "p", "q"],
            "counted_on": [TODAY, TODAY - timedelta(days=3), TODAY, TODAY],
            "on_hand_milli": [2000, 8000, 6000, 9000],
        }
    )
    got = planning._to_send(need, stock, WARES)
    sent = {s: (h, o) for s, h, o in got.select("store_id", "on_hand_milli", "order_milli").iter_rows()}
    assert sent == {"a": (2000, 7000), "b": (6000, 0), "c": (None, None)}


def test_the_largest_category_is_sought_in_the_last_weeks_only():
    goods = pl.DataFrame({"product_id": ["p", "q"], "category_2": ["nuts", "mooncakes"]})
    past = lines(promoted_days=0).with_columns(
        product_id=pl.lit("q"), day=pl.col("day") - pl.duration(weeks=6), net_minor=pl.lit(90_000)
    )
    both = pl.concat([lines(promoted_days=0), past], how="vertical_relaxed")
    assert planning.largest_category(both, goods, as_of=TODAY) == "nuts"


def test_only_promotions_of_the_category_on_the_same_days_clash():
    table = pl.DataFrame(
        {
            "promotion_id": ["a", "b", "c"],
            "name": ["a", "b", "c"],
            "mechanic": ["rate"] * 3,
            "depth_bp": [1000] * 3,
            "category": ["nuts", "nuts", "tea"],
            "first_day": [DRAFT.first_day, DRAFT.first_day + timedelta(days=10), DRAFT.first_day],
            "last_day": [DRAFT.first_day, DRAFT.first_day + timedelta(days=20), DRAFT.first_day],
            "stores": [["s"]] * 3,
        }
    )
    assert planning._clashes(table, DRAFT)["promotion_id"].to_list() == ["a"]
