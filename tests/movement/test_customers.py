"""New and lapsed, levels, cohorts, cross-shop."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.movement.by_purchase import by_purchase
from crmlib.movement.cohorts import cohorts
from crmlib.movement.cross_shop import cross_shop
from crmlib.movement.levels import levels
from crmlib.movement.new_lapsed import new_lapsed
from crmlib.movement.periods import Period

SUMMER, AUTUMN = Period(date(2010, 6, 1), date(2010, 8, 31)), Period(date(2010, 9, 1), date(2010, 11, 30))


@pytest.mark.real_data
def test_a_third_of_the_new_had_bought_before(retail: pl.DataFrame) -> None:
    found = new_lapsed(retail, first=SUMMER, second=AUTUMN, as_of=date(2011, 12, 9))
    count = dict(found.table.select("kind", "customers").iter_rows())
    assert count["new"] + count["returning"] == 1_529  # what the peer calls new
    assert (count["returning"], count["repeat"], count["lapsed"]) == (589, 1_348, 606)
    assert found.table.filter(pl.col("kind") == "lapsed")["came_back"].item() == 113
    assert not found.settled  # nine known months are too few to call anybody new


def test_the_lapsed_have_no_return_before_its_time_is_over_and_brands_are_told_apart() -> None:
    table = pl.DataFrame({
        "customer_id": ["a", "a", "b"], "day": [date(2010, 6, 5), date(2010, 12, 5), date(2010, 9, 9)],
        "net_minor": [100, 50, 70], "brand": ["x", "x", "y"],
    })  # fmt: skip
    early = new_lapsed(table, first=SUMMER, second=AUTUMN, as_of=date(2010, 12, 31), by="brand")
    late = new_lapsed(table, first=SUMMER, second=AUTUMN, as_of=date(2011, 12, 31), by="brand")
    lapsed = (pl.col("brand") == "x") & (pl.col("kind") == "lapsed")
    assert early.table.filter(lapsed)["came_back"].item() is None
    assert late.table.filter(lapsed)["came_back"].item() == 1
    assert late.table.filter(pl.col("brand") == "y", pl.col("kind") == "new")["net_2_minor"].item() == 70


@given(st.lists(st.integers(-5, 20), min_size=1, max_size=60))
def test_equals_are_never_parted_and_no_level_exceeds_its_share(amounts: list[int]) -> None:
    found = levels(pl.DataFrame({"customer_id": [str(i) for i in range(len(amounts))], "net_minor": amounts}))
    assert found.group_by("net_minor").agg(pl.col("level").n_unique())["level"].max() == 1
    buyers = sum(a > 0 for a in amounts)
    assert found.filter(pl.col("level") == "high").height <= -(-buyers * 2 // 10)
    assert found.filter(pl.col("level").is_in(["high", "medium"])).height <= -(-buyers * 5 // 10)
    assert found.filter(pl.col("level") == "zero").height == len(amounts) - buyers


@pytest.mark.real_data
def test_cohorts_give_the_reference_and_months_to_come_are_null(retail: pl.DataFrame) -> None:
    found = cohorts(retail, as_of=date(2011, 12, 9), months=15)
    one = found.filter(pl.col("cohort") == date(2010, 9, 1)).sort("after")
    assert one["customers"].head(4).to_list() == [239, 55, 56, 31]
    assert one["customers"].tail(1).to_list() == [None]  # December 2011 had not ended
    sums = found.filter("settled").drop_nulls("customers").group_by("after").agg(pl.col("customers", "newcomers").sum())
    kept = {after: customers / newcomers for after, customers, newcomers in sums.iter_rows()}
    assert [round(kept[n], 4) for n in (1, 3, 6, 12)] == [0.2153, 0.1874, 0.1416, 0.1904]


def test_cohorts_by_entry_store_keep_all_money_of_ended_months() -> None:
    table = pl.DataFrame({
        "customer_id": ["a", "a", "a", "b", None], "store_id": ["s1", "s2", "s2", "s1", "s1"],
        "day": [date(2024, 1, 1), date(2024, 1, 1), date(2024, 3, 1), date(2024, 1, 9), date(2024, 1, 1)],
        "net_minor": [5, 9, 7, 3, 99],
    })  # fmt: skip
    found = cohorts(table, as_of=date(2024, 3, 31), months=3, entry="store_id")
    assert found.filter(pl.col("store_id") == "s2")["net_minor"].to_list() == [14, 0, 7, None]
    assert found["net_minor"].sum() == 24


@pytest.mark.real_data
def test_five_goods_fill_all_regions(real_data: Path) -> None:
    goods = ["whole milk", "other vegetables", "rolls/buns", "soda", "yogurt"]
    lines = pl.read_parquet(real_data / "groceries" / "groceries_long.parquet").filter(pl.col("item").is_in(goods))
    bought = lines.select(
        customer_id=pl.col("basket_id").cast(pl.String), set="item", net_minor=pl.lit(1, dtype=pl.Int64)
    )
    found = cross_shop(bought, members=9_835, sets=goods)

    def region(*names: str) -> tuple[int, int]:
        row = found.regions.filter(pl.col("sets") == pl.lit(list(names), dtype=pl.List(pl.String)))
        return int(row["members"].item()), int(row["inclusive"].item())

    assert found.members - region()[0] == 5_984
    assert region("whole milk")[0] == 993
    assert region("whole milk", "other vegetables") == (333, 736)
    assert region(*goods)[0] == 16
    assert found.regions.height == 32
    assert found.shown()["members"].sum() == 5_984


SETS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["s", "t", "u"]), st.integers(1, 9)), min_size=1)


@given(SETS)
def test_regions_are_a_partition_of_all_members_and_of_the_money(rows: list[tuple[str, str, int]]) -> None:
    bought = pl.DataFrame(rows, schema=["customer_id", "set", "net_minor"], orient="row")
    people = pl.DataFrame({"customer_id": list("abcdefgh"), "total_minor": [100] * 8})
    found = cross_shop(bought, members=people, sets=["s", "t", "u"])
    assert found.regions["members"].sum() == 8
    assert found.regions["net_minor"].sum() == bought["net_minor"].sum()
    assert found.regions["total_minor"].sum() == 800
    pairs = found.pairs.filter(pl.col("expected").is_finite())
    assert pairs["expected"].sum() == pytest.approx(pairs["members"].sum())


def test_fewer_than_two_and_more_than_twelve_sets_are_refused() -> None:
    for count in (1, 14):
        rows = pl.DataFrame(
            {"customer_id": ["a"] * count, "set": [f"{k:02}" for k in range(count)], "net_minor": [1] * count}
        )
        with pytest.raises(ModelError) as error:
            cross_shop(rows, members=5)
        assert error.value.code == "movement.sets"


def test_independent_sets_have_a_ratio_near_one_however_active_members_are() -> None:
    rng = np.random.default_rng(5)
    active = rng.beta(1, 2, 20_000)
    rows = [pl.DataFrame({"customer_id": np.flatnonzero(rng.random(20_000) < active), "set": s}) for s in "xyz"]
    bought = pl.concat(rows).with_columns(net_minor=pl.lit(1, dtype=pl.Int64))
    found = cross_shop(bought, members=20_000)
    assert found.dependence > 1.3  # the naive expectation would call every pair special
    assert found.pairs["ratio"].to_list() == pytest.approx([1, 1, 1], abs=0.03)


def test_who_bought_lately_has_not_left_and_a_constant_chance_is_found_at_every_purchase() -> None:
    rng = np.random.default_rng(6)
    start, end, rows = date(2024, 1, 1), date(2025, 1, 1), []
    for who in range(4_000):
        day = start + timedelta(days=int(rng.integers(0, 360)))
        while day <= end:
            rows.append((f"c{who}", day))
            if rng.random() >= 0.6:
                break
            day += timedelta(days=int(rng.integers(1, 31)))
    seen = pl.DataFrame(rows, schema=["customer_id", "day"], orient="row")
    found = by_purchase(seen, as_of=end, horizon_days=30, most=4)
    assert found["purchase"].to_list() == [1, 2, 3, 4]
    assert found.filter((pl.col("low") <= 0.6) & (pl.col("high") >= 0.6)).height >= 3
    first = seen.group_by("customer_id").agg(pl.col("day").n_unique() > 1)["day"].mean()
    assert first == pytest.approx(0.57, abs=0.02), "all open gaps taken for losses"
    assert by_purchase(seen, as_of=start, horizon_days=30).is_empty()
