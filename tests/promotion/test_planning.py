from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion import planning

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


def test_the_base_is_what_an_unpromoted_day_sells_however_many_days_were_promoted():
    for promoted in (0, 7, 20):
        _, per_day = planning._usual(lines(promoted_days=promoted), WARES, DRAFT, as_of=TODAY)
        assert per_day["per_day"].to_list() == [1000.0]


def test_a_category_that_sold_nothing_lately_cannot_be_planned():
    with pytest.raises(ModelError) as refused:
        planning._usual(lines(), WARES, DRAFT, as_of=TODAY + timedelta(days=100))
    assert refused.value.code == "promotion.no_base"


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
