from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.divisia import CAUSES, finer, log_mean, split

amounts = st.one_of(st.none(), st.integers(-50, 10**9))


def gaps(goods: pl.DataFrame) -> dict[str, int]:
    return dict(split(goods, by=["unit"]).select("cause", "gap_minor").iter_rows())


@given(st.lists(st.tuples(st.sampled_from(["kg", "piece"]), amounts, amounts), min_size=1, max_size=12))
def test_causes_add_up_to_the_gap_of_every_class_to_the_unit(rows):
    goods = pl.DataFrame(
        [(u, a, None if a is None else abs(a) // 3, b, None if b is None else abs(b) // 2 - 9) for u, a, b in rows],
        schema={"unit": pl.String, "v0": pl.Int64, "q0": pl.Int64, "v1": pl.Int64, "q1": pl.Int64},
        orient="row",
    ).filter(pl.col("v0").is_not_null() | pl.col("v1").is_not_null())
    got = split(goods, by=["unit"]).group_by("unit").agg(pl.col("gap_minor").sum()).sort("unit")
    want = goods.group_by("unit").agg(gap_minor=pl.col("v1").fill_null(0).sum() - pl.col("v0").fill_null(0).sum())
    assert got.equals(want.sort("unit"))


def test_two_goods_of_the_note():  # reference number 5
    goods = pl.DataFrame(
        {"unit": "piece", "v0": [100_000, 100_000], "q0": [100, 50], "v1": [88_000, 171_000], "q1": [80, 90]}
    )
    got = gaps(goods)
    assert [got[c] for c in ("volume", "mix", "price")] == [28_313, 28_528, 2_159]


def test_kilograms_are_not_added_to_packs():
    goods = pl.DataFrame(
        {"unit": ["kg", "piece"], "v0": [1000, 1000], "q0": [9000, 1], "v1": [2000, 1000], "q1": [18_000, 1]}
    )
    assert gaps(goods.with_columns(unit=pl.lit("all")))["mix"] != 0  # the naive reading
    got = split(goods, by=["unit"])
    assert got.filter(pl.col("cause") == "volume")["gap_minor"].to_list() == [1000, 0]
    assert got.filter(pl.col("cause") == "mix")["gap_minor"].to_list() == [0, 0]


def test_goods_of_one_period_and_given_away_stand_apart():
    goods = pl.DataFrame(
        {
            "unit": "piece",
            "v0": [100, None, 70, 50],
            "q0": [1, None, 1, 1],
            "v1": [100, 30, None, 0],
            "q1": [1, 1, None, 1],
        }
    )
    assert gaps(goods) == dict(zip(CAUSES, (0, 0, 0, 30, -70, -50), strict=True))


@given(st.floats(0.01, 1e9), st.floats(0.01, 1e9))
def test_the_logarithmic_mean_lies_between_its_two_and_knows_no_order(a, b):
    one, other = log_mean(np.array([a]), np.array([b]))[0], log_mean(np.array([b]), np.array([a]))[0]
    assert abs(one - other) <= 1e-6 * one
    assert min(a, b) * (1 - 1e-9) <= one <= max(a, b) * (1 + 1e-9)


def test_stores_traded_for_traffic_are_seen_where_the_volume_stood_still():
    assert finer(0, {"stores": 2.0, "traffic": 0.5}, weight=1000.0) == {"stores": 693, "traffic": -693}
