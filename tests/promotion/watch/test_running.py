"""A running promotion: what its siblings lost beyond season and chance, and which stores are behind beyond chance."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.promotion.plan.forecast import Response
from crmlib.promotion.watch import running

FIRST = date(2026, 6, 1)
GOODS = pl.DataFrame({"product_id": ["nut", "seed", "tea"], "category_2": ["nuts", "nuts", "drinks"]})
ROW = {
    "promotion_id": "X", "mechanic": "gift", "depth_bp": 0, "first_day": FIRST, "last_day": FIRST + timedelta(days=6),
    "stores": ["a", "b"], "products": ["nut"],
}  # fmt: skip


def sales(*, season: float = 1.0, lost: float = 0.0, each: int = 20, stores: str = "abcd") -> pl.DataFrame:
    """Units a day before the offer, × season within it; seeds of the stores with it lose a share."""
    rows = []
    for day in range(-56, 7):
        for store in stores:
            for good in GOODS["product_id"]:
                taken = lost if day >= 0 and good == "seed" and store in "ab" else 0.0
                units = each * (season if day >= 0 else 1.0) * (1 - taken)
                rows.append((store, good, FIRST + timedelta(days=day), round(1000 * units)))
    schema = {"store_id": pl.String, "product_id": pl.String, "day": pl.Date, "quantity_milli": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def siblings(lines: pl.DataFrame) -> running.Siblings:
    return running._siblings(lines, GOODS, running._Event(ROW), seen=7, as_of=FIRST + timedelta(days=6))


@pytest.mark.parametrize("season", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("stores", ["abcd", "ab"])
def test_a_season_is_never_taken_for_lost_sales_and_lost_sales_never_for_a_season(season: float, stores: str) -> None:
    calm, taken = (siblings(sales(season=season, lost=lost, stores=stores)) for lost in (0.0, 0.4))
    assert calm.ratio == pytest.approx(1) and not calm.sure
    assert taken.ratio == pytest.approx(0.6) and taken.sure
    assert calm.against == ("stores" if stores == "abcd" else "goods")


def test_a_few_units_are_no_evidence() -> None:
    few = sales(lost=0.4, each=1).filter(pl.col("day").dt.weekday() == 1)
    assert siblings(few).ratio == pytest.approx(0.6, abs=0.1)
    assert not siblings(few).sure


def test_with_nothing_to_compare_with_the_season_is_in_it_and_nothing_is_sure() -> None:
    alone = sales(season=0.5, stores="ab").filter(pl.col("product_id") != "tea")
    assert siblings(alone) == running.Siblings(0.5, "before", sure=False)
    assert siblings(alone.clear()).ratio is None


def test_a_store_is_behind_only_where_chance_hardly_explains_it() -> None:
    sold = pl.DataFrame({"store_id": ["a", "b", "c"], "quantity_milli": [3_000, 30_000, 0], "promotion_id": ["X"] * 3})
    sold = sold.with_columns(lines=pl.lit(1)).filter(pl.col("quantity_milli") > 0)
    due = pl.DataFrame({"store_id": ["a", "b", "c"], "base_milli": [5_000, 50_000, 2_000]})
    response = Response(0.0, 0.0, {}, (0.0,), 0, 0)
    event = running._Event(ROW | {"stores": ["a", "b", "c"]})
    found = running._stores(sold, due, event, response, points=sold, seen=1.0)
    assert found["share"].round(2).to_list() == [0.6, 0.6, 0.0]
    assert found["behind"].to_list() == [False, True, False]
    assert np.isfinite(found["share"].to_numpy()).all()
