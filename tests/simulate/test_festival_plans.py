"""Plans of festivals in the sample: of festival goods and open stores, near what was sold, dated by the lunar day."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.calendar import festival_day

SLOTS = {"春节": "spring_festival", "端午": "dragon_boat", "中秋": "mid_autumn"}


@pytest.fixture(scope="module")
def rows(root: Path) -> pl.DataFrame:
    table = pl.read_csv(root / "data_samples" / "festival_plans.csv.gz", try_parse_dates=True)
    return table.select(
        slot=pl.col("节日").replace_strict(SLOTS), year="年份", product_id="商品编码", store_id="门店编码",
        units="计划件数", order="最晚下单日", lead="到货天数", markdown="降价日",
    )  # fmt: skip


def test_seven_festivals_are_planned_the_next_one_too(rows: pl.DataFrame) -> None:
    found = rows.select("slot", "year").unique().sort("year", "slot").rows()
    assert found == [
        ("dragon_boat", 2025), ("mid_autumn", 2025), ("spring_festival", 2025), ("dragon_boat", 2026),
        ("mid_autumn", 2026), ("spring_festival", 2026), ("spring_festival", 2027),
    ]  # fmt: skip


def test_days_follow_the_festival(rows: pl.DataFrame) -> None:
    for slot, year, order, lead, markdown in rows.select("slot", "year", "order", "lead", "markdown").unique().rows():
        on = festival_day(slot, year)
        assert markdown == on + timedelta(days=1)
        assert order == on - timedelta(days=lead + 2)


def test_the_plan_is_a_seventh_above_the_last_festival_within_its_error(rows: pl.DataFrame, root: Path) -> None:
    truth = pl.read_parquet(root / "data_samples" / "truth" / "festivals.parquet")
    last = truth.select("slot", "product_id", "store_id", year=pl.col("year").cast(pl.Int64) + 1, sold="milli")
    both = rows.join(last, on=["slot", "year", "product_id", "store_id"])  # shelves of stores that are still open
    sums = both.group_by("slot", "year").agg(pl.col("units").sum(), pl.col("sold").sum() / 1000)
    assert sums.height == 4
    expected = 1.15 * math.exp(0.3**2 / 2)
    assert (sums["units"] / sums["sold"]).to_list() == pytest.approx([expected] * 4, abs=0.09)


def test_closed_stores_plan_nothing_and_only_festival_goods_are_planned(rows: pl.DataFrame, root: Path) -> None:
    truth = pl.read_parquet(root / "data_samples" / "truth" / "festivals.parquet")
    assert set(rows["product_id"]) <= set(truth["product_id"])
    assert "S002" not in set(rows.filter(pl.col("year") == 2027)["store_id"])
    assert rows["units"].min() >= 1
