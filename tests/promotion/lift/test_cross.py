"""Cross elasticities against a shelf whose matrix is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.lift.cross import cross

TRUE = np.array([[-2.5, 0.9, 0.0, 0.0], [0.6, -2.0, 0.0, 0.0], [0.0, 0.0, -1.8, -0.7], [0.0, 0.0, 0.0, -2.2]])


def world(rng, *, stores=30, weeks=60, units=6.0):
    """Four goods; siblings are often cut in the same week; shops and weeks of their own size."""
    together = rng.random((stores, weeks, 1)) < 0.2
    cut = (rng.random((stores, weeks, 4)) < 0.15) | together
    price = 10 * np.where(cut, rng.uniform(0.6, 0.95, cut.shape), 1.0)
    level = rng.normal(0, 0.5, (stores, 1, 1)) + rng.normal(0, 0.3, (1, weeks, 1))
    sold = rng.poisson(units * np.exp(level + np.log(price / 10) @ TRUE.T))
    s, w, g = (a.ravel() for a in np.indices(sold.shape))
    return pl.DataFrame({
        "store_id": s.astype(str), "week": w, "product_id": np.char.mod("g%d", g), "units": sold.ravel(),
        "price": price.ravel(),
    })  # fmt: skip


def test_the_matrix_comes_back_and_what_is_nothing_is_not_told():
    rng = np.random.default_rng(7)
    inside, told, false = [], 0, 0
    for _ in range(8):
        found = cross(world(rng)).with_columns(true=pl.Series(TRUE.ravel()))
        inside += found.select(pl.col("true").is_between("low", "high"))["true"].to_list()
        other = found.filter(pl.col("relation").fill_null("") != "own").drop_nulls("relation")
        told, false = told + other.height, false + other.filter(pl.col("true") == 0).height
        assert other.filter(pl.col("true") != 0)["relation"].to_list() == ["substitute", "substitute", "complement"]
    assert np.mean(inside) >= 0.9  # 128 intervals of 95 %
    assert false <= 0.15 * told


def test_units_are_those_of_a_log_log_fit_without_chance():
    rng = np.random.default_rng(2)
    table = world(rng).sort("store_id", "week", "product_id")
    price = np.log(table["price"].to_numpy().reshape(-1, 4) / 10)
    exact = table.with_columns(units=pl.Series((100 * np.exp(price @ TRUE.T)).ravel()))
    assert cross(exact, effects=["store"])["estimate"].to_numpy() == pytest.approx(TRUE.ravel(), abs=1e-6)


def test_a_price_that_never_moves_is_named_and_shelves_of_one_or_many_are_refused():
    table = world(np.random.default_rng(3)).with_columns(
        price=pl.when(pl.col("product_id") == "g3").then(10.0).otherwise("price")
    )
    left = cross(table).filter(pl.col("price_of") == "g3")
    assert left["estimate"].null_count() == left["left_out"].count() == 4
    with pytest.raises(ModelError) as refused:
        cross(table.filter(pl.col("product_id") == "g1"))
    assert refused.value.code == "promotion.shelf_size"
    with pytest.raises(ModelError) as refused:
        cross(table.with_columns(price=pl.lit(None, dtype=pl.Float64)))
    assert refused.value.code == "promotion.no_variation"
