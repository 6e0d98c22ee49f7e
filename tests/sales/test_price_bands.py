"""The price ladder: sums, ties, gaps, and how often an idle band is called good or bad."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from crmlib.core.errors import ModelError
from crmlib.sales.price_bands import edges, ladder


def shelf(rng, *, goods=200, categories=4, lift=0.0):
    """Goods of four categories; those between 20 and 50 sell exp(lift) times what others do."""
    price = np.exp(rng.uniform(np.log(600), np.log(30_000), goods)).astype(int)
    money = rng.lognormal(8, 1, goods) * np.exp(lift * ((price >= 2_000) & (price < 5_000)))
    return pl.DataFrame({
        "product_id": [f"p{i}" for i in range(goods)], "category": [f"c{i % categories}" for i in range(goods)],
        "unit": "piece", "net_minor": money.astype(int) + 100,
        "quantity_milli": ((money + 100) / price * 1_000).astype(int) + 1,
    })  # fmt: skip


def test_a_band_that_sells_twice_as_much_is_named_and_idle_ones_seldom_are():
    rng = np.random.default_rng(19)
    idle = [ladder(shelf(rng))["sells"].count() > 0 for _ in range(60)]
    assert np.mean(idle) <= 0.12  # one false name or more in at most a twentieth of the ladders: 3 of 60, and chance
    found = ladder(shelf(rng, lift=1.6)).filter(pl.col("from_minor") == 2_000)
    assert found["sells"].to_list() == ["more"] * 4


def test_ranks_are_those_of_another_implementation_with_ties():
    rng = np.random.default_rng(3)
    table = shelf(rng, goods=40, categories=1).with_columns(net_minor=pl.col("net_minor") // 2_000 * 2_000 + 2_000)
    table = table.with_columns(band=pl.Series(rng.integers(0, 2, 40)))  # two prices, money as it is
    price = pl.when(pl.col("band") == 0).then(1_000).otherwise(4_000)
    table = table.with_columns(quantity_milli=(pl.col("net_minor") * 1_000 / price).cast(pl.Int64))
    low, high = (table.filter(pl.col("band") == b)["net_minor"].to_numpy() for b in (0, 1))
    theirs = mannwhitneyu(high, low, use_continuity=False, method="asymptotic").pvalue
    assert ladder(table, limits=[1, 2_000])["p"].to_list() == pytest.approx([theirs, theirs])


row = st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.integers(-500, 100_000), st.integers(-2_000, 5_000))


@settings(max_examples=60, deadline=None)
@given(st.lists(row, min_size=1, max_size=30))
def test_bands_and_what_has_no_price_sum_to_all_that_was_given(rows):
    names = ["product_id", "category", "net_minor", "quantity_milli"]
    table = pl.DataFrame(rows, schema=names, orient="row").with_columns(unit=pl.lit("piece"))
    found = ladder(table.with_columns(pl.col("product_id").cast(pl.String)))
    assert found.select("net_minor", "quantity_milli").sum().row(0) == (
        table["net_minor"].sum(), table["quantity_milli"].sum(),
    )  # fmt: skip
    assert found["goods"].sum() == table.select("product_id", "category").unique().height
    again = ladder(table.sample(fraction=1, shuffle=True, seed=1).with_columns(pl.col("product_id").cast(pl.String)))
    assert again.equals(found)


def test_goods_of_one_price_are_in_one_band_and_empty_bands_stand_between():
    table = pl.DataFrame({
        "product_id": ["a", "b", "c", "gift"], "category": "tea", "unit": "piece",
        "net_minor": [2_000, 6_000, 20_000, 0], "quantity_milli": [1_000, 3_000, 1_000, 5_000],
    })  # fmt: skip
    rows = ladder(table).select("from_minor", "goods", "gap").rows()
    assert rows == [(2_000, 2, False), (5_000, 0, True), (10_000, 0, True), (20_000, 1, False), (None, 1, False)]
    assert edges()[:4] == [1, 2, 5, 10]


def test_limits_that_do_not_rise_are_refused():
    with pytest.raises(ModelError) as refused:
        ladder(shelf(np.random.default_rng(1), goods=8), limits=[5, 5])
    assert refused.value.code == "sales.price_limits"
