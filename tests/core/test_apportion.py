from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.apportion import largest_remainder, over_levels, whole_parts

ONE = np.zeros(1, dtype=np.int64)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=9), st.integers(-(10**12), 10**13))
def test_shares_of_any_size_differ_from_the_exact_ones_by_less_than_a_unit(weights, total):
    total = total if sum(weights) else 0
    got = largest_remainder(np.array(weights), np.array([total]), ONE)
    assert got.sum() == total
    for weight, share in zip(weights, got.tolist(), strict=True):
        assert abs(share - Fraction(weight * total, max(sum(weights), 1))) < 1


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_whole_parts_add_up_and_lie_next_to_the_exact_ones(exact):
    total = round(sum(exact))
    exact[-1] += total - sum(exact)
    got = whole_parts(np.array(exact), total)
    assert got.sum() == total
    assert (np.abs(got - np.array(exact)) < 1 + 1e-6).all()


def test_ties_go_to_the_earlier_part():
    assert whole_parts(np.array([0.5, 0.5]), 1).tolist() == [1, 0]


def test_every_level_adds_up_in_steps():
    rng = np.random.default_rng(3)
    leaves = pl.DataFrame({"region": [f"r{i % 3}" for i in range(40)], "store_id": [f"s{i}" for i in range(40)]})
    leaves = leaves.with_columns(weight=pl.Series(rng.integers(0, 10**9, 40)))
    got = over_levels(7_130_000, leaves, levels=("region", "store_id"), part="target", step=10_000)
    assert got["target"].sum() == 7_130_000
    assert (got["target"] % 10_000 == 0).all()
    alone = over_levels(7_130_000, leaves, levels=("region",), part="target", step=10_000)
    by_region = got.group_by("region").agg(pl.col("target").sum()).sort("region")
    assert by_region.equals(alone.unique("region").select("region", "target").sort("region"))
    assert (got["store_id"] == leaves["store_id"]).all()  # rows keep their order
