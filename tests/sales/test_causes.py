from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib import sales
from crmlib.core.errors import ModelError
from crmlib.sales.causes import FACTORS, Traffic


def cells(rows, **constants):
    names = ["product_id", "unit", "quantity_milli", "net_minor", "cost_minor"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(**constants)


def gaps(parts):
    return dict(parts.select("cause", "gap_minor").iter_rows())


row = st.tuples(
    st.sampled_from("abcde"), st.sampled_from(["kg", "piece"]), st.integers(-20, 10**6), st.integers(-20, 10**7),
    st.integers(-20, 10**7),
)  # fmt: skip


@given(st.lists(row, min_size=1, max_size=12), st.lists(row, min_size=1, max_size=12))
def test_net_and_margin_of_every_class_are_split_to_the_fen(before, after):
    before, after = cells(before), cells(after)
    for made, value in (
        (sales.split(before, after), pl.col("net_minor")),
        (sales.margin_split(before, after), pl.col("net_minor") - pl.col("cost_minor")),
    ):
        signed = pl.concat([after.select("unit", v=value), before.select("unit", v=-value)])
        want = signed.group_by("unit").agg(gap_minor=pl.col("v").sum()).sort("unit")
        assert made.group_by("unit").agg(pl.col("gap_minor").sum()).sort("unit").equals(want)


def test_a_change_of_unit_cost_alone_is_all_unit_cost():
    before = cells([("a", "kg", 100, 1000, 600), ("b", "kg", 50, 900, 300)])
    after = before.with_columns(cost_minor=pl.col("cost_minor") * 2)
    got = gaps(sales.margin_split(before, after))
    assert got["unit_cost"] == -900
    assert sum(abs(v) for k, v in got.items() if k != "unit_cost") == 0


def test_volume_is_told_as_stores_days_traffic_and_units():
    before = cells([("a", "kg", 100_000, 1000, 1), ("b", "piece", 50_000, 700, 1)])
    after = before.with_columns(pl.col("quantity_milli", "net_minor") * 2)
    twice = (Traffic(10, 100, 1000), Traffic(20, 200, 2000))
    got = gaps(sales.causes.total(sales.split(before, after, traffic=twice)))
    assert got == {"stores": 1700}
    same = gaps(sales.split(before, after, traffic=(twice[0], twice[0])).filter(pl.col("unit") == "kg"))
    assert same["basket"] == 1000
    assert set(FACTORS) <= set(same)


def test_classes_without_a_unit_and_lines_without_cost_are_refused():
    table = cells([("a", "kg", 1, 1, None)], category=pl.lit("x"))
    with pytest.raises(ModelError, match="kilograms are not added to pieces"):
        sales.split(table, table, by=["category"])
    with pytest.raises(ModelError, match="1 of 1 row without a cost"):
        sales.margin_split(table, table)
    with pytest.raises(ModelError, match="counts above 0"):
        sales.split(table, table, traffic=(Traffic(1, 1, 1), Traffic(1, 1, 0)))


def test_a_split_by_category_adds_up_like_that_of_the_whole():
    rng = np.random.default_rng(2)
    tables = [
        pl.DataFrame(
            {
                "product_id": [f"p{i}" for i in range(60)],
                "category": [f"c{i % 4}" for i in range(60)],
                "unit": ["kg", "piece"] * 30,
                "quantity_milli": rng.integers(1, 10_000, 60),
                "net_minor": rng.integers(1, 10_000, 60),
            }
        )
        for _ in range(2)
    ]
    fine, coarse = (gaps(sales.causes.total(sales.split(*tables, by=by))) for by in (["category", "unit"], ["unit"]))
    assert sum(fine.values()) == sum(coarse.values())
    assert fine["price"] == pytest.approx(coarse["price"], abs=4)  # the price part does not depend on classes


@pytest.mark.real_data
def test_the_fresh_counters_third_year_by_class(fresh_years):  # reference number 4
    parts = sales.split(*fresh_years)
    kg, packs = (gaps(parts.filter(pl.col("unit") == unit)) for unit in ("kg", "piece"))
    assert kg == {
        "volume": -3_994_106, "mix": -6_585_485, "price": 265_491, "new": 2_924_313, "gone": -2_634_392, "odd": 0,
    }  # fmt: skip
    assert packs == {
        "volume": 29_891_982, "mix": 4_135_965, "price": -2_622_887, "new": 1_996_700, "gone": -922_400, "odd": 0,
    }  # fmt: skip
    assert parts["gap_minor"].sum() == 22_455_181


@pytest.mark.real_data
def test_the_average_price_of_the_counter_tells_another_story(fresh_years):
    then, now = (y.select(pl.col("net_minor", "quantity_milli").sum()).row(0) for y in fresh_years)
    fallen = (now[0] / now[1]) / (then[0] / then[1]) - 1
    assert fallen == pytest.approx(-0.254, abs=0.0005)  # the naive reading: prices fell by a quarter
    volume = then[0] * (now[1] / then[1] - 1)
    assert volume == pytest.approx(61_686_100, abs=100)
    assert now[0] - then[0] - volume == pytest.approx(-39_230_900, abs=100)
    assert gaps(sales.split(*fresh_years).filter(pl.col("unit") == "kg"))["price"] == 265_491
