from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crmlib.promotion.lift.everywhere import everywhere
from crmlib.promotion.lift.footprint import treated
from crmlib.promotion.lift.panel import panel
from crmlib.simulate.always import always_world

SMALL = {"stores": 30, "products": 12, "weeks": 80}


def judged(share, seed=1, **changes):
    world = always_world(rng=np.random.default_rng(seed), share=share, **(SMALL | changes))
    grid = panel(world.panel, stores=world.stores, products=world.products)
    return world, grid, everywhere(grid, treated(world.events, panel=grid), world.plan)


def errors(world, found):
    """Errors as shares of the base, whether the interval held the truth, and estimate beside truth."""
    table = found.events.join(world.truth, on="event_id").with_columns(
        truth=pl.col("effect_units") - pl.when(pl.col("against") == "least").then("least_units").otherwise(0.0)
    )
    inside = pl.col("truth").is_between(pl.col("lower_milli") / 1000, pl.col("upper_milli") / 1000)
    return table.select(
        error=(pl.col("effect_milli") / 1000 - pl.col("truth")) / pl.col("base_units"),
        inside=inside,
        found=pl.col("effect_milli") / pl.col("base_milli"),
        true=pl.col("truth") / pl.col("base_units"),
    )


@pytest.mark.parametrize("share", [0.25, 0.75, 1.0])
def test_promotions_all_year_in_all_stores_are_judged_and_intervals_hold_the_truth(share):
    tables = []
    for seed in (1, 2):
        world, _, found = judged(share, seed)
        tables.append(errors(world, found))
        assert set(found.events["against"]) == {"least" if share == 1 else "none"}
        assert found.events.height > 0.95 * world.truth.height
    table = pl.concat(tables)
    assert abs(table["error"].mean()) < 0.04
    assert table["error"].pow(2).mean() ** 0.5 < 0.13
    assert 0.8 <= table["inside"].mean() <= 0.97
    assert np.corrcoef(table["found"], table["true"])[0, 1] > 0.75


def test_goods_that_are_never_without_an_offer_are_only_compared_with_the_shallowest_one():
    _, _, found = judged(1.0)
    assert found.response["against"].unique().to_list() == ["least"]
    assert found.response.row(0)[:2] == (500, pytest.approx(0.0))
    assert found.response["lift"].is_sorted()
    assert found.placebos == 0 and np.isnan(found.achieved)
    assert found.events["promoted"].min() == pytest.approx(1.0)


def test_the_response_by_depth_is_found_with_its_interval():
    found = [judged(0.4, seed)[2].response for seed in (1, 2)]
    for depth in (500, 1500, 3000):
        truth = 0.15 + 2.2 * depth / 10_000
        rows = pl.concat([f.filter(pl.col("depth_bp") == depth) for f in found])
        assert rows["lift"].mean() == pytest.approx(truth, abs=0.15)
        assert rows.select((pl.col("low") <= truth) & (truth <= pl.col("high"))).to_series().any()


def test_a_product_with_few_offers_leans_on_the_others():
    """One product keeps a single, deep offer: its effect stays near what the others say, not near its own week."""
    world = always_world(rng=np.random.default_rng(4), share=0.4, **SMALL)
    mine = world.events.filter(pl.col("product_id") == "P000")["event_id"].unique().sort().to_list()
    rows = world.events.filter(~pl.col("event_id").is_in(mine[1:]))
    kept = world.panel.filter(
        (pl.col("product_id") != "P000")
        | ~pl.col("week_n").is_in(
            world.events.filter(pl.col("event_id").is_in(mine[1:]))["first_week_n"].unique().implode()
        )
    )
    grid = panel(kept, stores=world.stores, products=world.products)
    found = everywhere(grid, treated(rows, panel=grid), world.plan)
    one = found.events.filter(pl.col("event_id") == mine[0]).row(0, named=True)
    wide = found.events["upper_milli"] - found.events["lower_milli"]
    assert one["lower_milli"] < one["effect_milli"] < one["upper_milli"]
    assert np.isfinite(wide.to_numpy()).all()


def test_unpromoted_weeks_widen_intervals_until_they_hold_nine_in_ten():
    _, _, found = judged(0.2)
    assert found.placebos > 400
    assert found.achieved == pytest.approx(0.9, abs=0.02)


def test_gaps_and_goods_without_sales_stop_nothing():
    world = always_world(rng=np.random.default_rng(6), share=0.6, **SMALL)
    rng = np.random.default_rng(1)
    holes = world.panel.with_columns(
        state=pl.when(pl.Series(rng.random(world.panel.height) < 0.3)).then(pl.lit("closed")).otherwise("state"),
        quantity_milli=pl.when(pl.col("product_id") == "P003").then(0).otherwise("quantity_milli"),
    )
    holes = holes.with_columns(
        state=pl.when((pl.col("product_id") == "P003") & (pl.col("state") == "sold"))
        .then(pl.lit("zero"))
        .otherwise("state")
    )
    grid = panel(holes, stores=world.stores, products=world.products)
    found = everywhere(grid, treated(world.events, panel=grid), world.plan)
    assert np.isfinite(found.base).all() and (found.base >= 0).all()
    assert found.base[:, 3].sum() == 0
    judged_goods = found.events.join(world.events.select("event_id", "product_id").unique(), on="event_id")
    assert "P003" not in judged_goods["product_id"].to_list()
    nothing = replace(grid, known=np.zeros_like(grid.known))
    assert everywhere(nothing, treated(world.events, panel=grid), world.plan).events.is_empty()
