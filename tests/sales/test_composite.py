"""Ranks of ranks: equals share a place under every rule, and the range of places holds the true one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata

from crmlib.core.errors import ModelError
from crmlib.sales.composite import TIES, composite, places


@pytest.mark.parametrize("ties", TIES)
def test_equals_share_a_place_whatever_the_order_of_rows(ties):
    rng = np.random.default_rng(4)
    table = pl.DataFrame({"product_id": [f"p{i:02}" for i in range(30)], "a": rng.integers(0, 4, 30),
                          "b": rng.integers(0, 3, 30)})  # fmt: skip
    found = composite(table, by={"a": True, "b": False}, ties=ties, weights={"a": 2, "b": 1})
    assert (
        found.group_by("a", "b").agg(pl.col("place").n_unique())["place"].to_list()
        == [1] * found.select("a", "b").n_unique()
    )
    shuffled = composite(table.sample(fraction=1, shuffle=True, seed=2), by={"a": True, "b": False}, ties=ties,
                         weights={"a": 2, "b": 1})  # fmt: skip
    assert shuffled.equals(found)
    ordered = found.sort("product_id")
    theirs = 2 * rankdata(-ordered["a"].to_numpy(), method=ties) + rankdata(ordered["b"].to_numpy(), method=ties)
    assert ordered["place"].to_list() == rankdata(theirs, method=ties).tolist()


def test_average_places_sum_as_without_ties_and_what_lacks_a_figure_has_none():
    table = pl.DataFrame({"product_id": list("abcd"), "a": [3.0, 3.0, None, 1.0], "b": [1.0, 2, 3, float("nan")]})
    found = composite(table, by={"a": True, "b": True})
    assert found.select("product_id", "place").rows() == [("b", 1.0), ("a", 2.0), ("c", None), ("d", None)]
    many = composite(table.drop_nulls("a"), by={"a": True})
    assert many["place"].sum() == 3 * 4 / 2


def test_true_places_lie_in_the_range_and_goods_alike_are_not_told_apart():
    rng = np.random.default_rng(11)
    goods, weeks, true = 12, 26, np.array([200.0] * 6 + [100.0, 80, 60, 40, 20, 10])
    inside, width = [], []
    for _ in range(20):
        sold = rng.poisson(true * rng.gamma(8, 1 / 8, (weeks, goods)))
        table = pl.DataFrame({"product_id": np.tile([f"p{i:02}" for i in range(goods)], weeks),
                              "week": np.repeat(range(weeks), goods), "units": sold.ravel(),
                              "net_minor": (sold * 300).ravel()})  # fmt: skip
        found = places(table, by={"units": True, "net_minor": True}, rng=rng, draws=200).sort("product_id")
        apart = found.filter(pl.col("product_id") >= "p06")
        truth = np.arange(7.0, 13)
        inside += ((apart["best"] <= truth) & (apart["worst"] >= truth)).to_list()
        alike = found.filter(pl.col("product_id") < "p06")
        width += (alike["worst"] - alike["best"]).to_list()
    assert np.mean(inside) >= 0.95
    assert np.mean(width) >= 3  # of six that are alike hardly a place is told


def test_no_figure_no_weight_and_too_few_weeks_are_refused():
    table = pl.DataFrame({"product_id": ["a"], "week": [1], "x": [1]})
    for bad in ({"by": {}}, {"by": {"x": True}, "weights": {"x": 0.0}}):
        with pytest.raises(ModelError) as refused:
            composite(table, **bad)
        assert refused.value.code == "sales.rank_figures"
    with pytest.raises(ModelError) as refused:
        places(table, by={"x": True}, rng=np.random.default_rng(1))
    assert refused.value.code == "sales.short_weeks"
