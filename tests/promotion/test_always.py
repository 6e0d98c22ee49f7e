"""Offers in all stores all year, from receipt lines to review, plan and watch: every page's model answers."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.promotion import review
from crmlib.promotion.plan import planning
from crmlib.promotion.plan.forecast import learn
from crmlib.promotion.watch import running
from crmlib.simulate.always import always_world

PRICE, COST = 1000, 600
SIZE = {"stores": 14, "products": 8, "weeks": 80, "mean_units": 5.0}


def monday(week_n):
    return date(1969, 12, 29) + timedelta(weeks=int(week_n))


def company(share, seed=1):
    """Tables of a company that is one world: a receipt line for each store, product and week."""
    world = always_world(rng=np.random.default_rng(seed), share=share, **SIZE)
    spans = world.events.unique("event_id").select("event_id", "product_id", "first_week_n", "last_week_n")
    plans = spans.join(world.plan, on="event_id").sort("event_id")
    stores = world.stores["store_id"].to_list()
    promotions = plans.select(
        promotion_id="event_id", version=pl.lit(1), name="event_id", mechanic="mechanic", depth_bp="depth_bp",
        category=pl.lit("G00"), slot=pl.lit(None, dtype=pl.String),
        starts_at=pl.col("first_week_n").map_elements(
            lambda w: datetime.combine(monday(w), time()), return_dtype=pl.Datetime),
        ends_at=pl.col("last_week_n").map_elements(
            lambda w: datetime.combine(monday(w + 1), time()), return_dtype=pl.Datetime),
        stores=pl.lit(stores), products=pl.concat_list("product_id"),
    )  # fmt: skip
    day = pl.col("week_n").map_elements(monday, return_dtype=pl.Date)
    grid = world.panel.with_columns(week_start=day)
    offers = world.events.with_columns(week_n=pl.int_ranges("first_week_n", pl.col("last_week_n") + 1)).explode(
        "week_n", empty_as_null=True, keep_nulls=True
    )
    offers = offers.with_columns(pl.col("week_n").cast(pl.Int32)).join(world.plan, on="event_id")
    lines = grid.filter(pl.col("quantity_milli") > 0).join(
        offers.select("store_id", "product_id", "week_n", "event_id", "depth_bp"),
        on=["store_id", "product_id", "week_n"], how="left",
    )  # fmt: skip
    listed = pl.col("quantity_milli") * PRICE // 1000
    lines = lines.select(
        receipt_id=pl.format("{}-{}-{}", "store_id", "product_id", "week_n"), store_id="store_id",
        product_id="product_id", customer_id=pl.lit(None, dtype=pl.String), day="week_start",
        quantity_milli="quantity_milli", list_minor=listed,
        net_minor=listed * (10_000 - pl.col("depth_bp").fill_null(0)) // 10_000,
        cost_minor=pl.col("quantity_milli") * COST // 1000, promotion_id="event_id",
    )  # fmt: skip
    products = world.products.rename({"sibling_group": "category_2"}).with_columns(category_2=pl.lit("G00"))
    return world, {
        "grid": grid, "lines": lines, "promotions": promotions, "products": products, "stores": world.stores,
    }  # fmt: skip


def reviewed(tables):
    given = {name: table for name, table in tables.items() if name != "lines"}
    return review.review(money=review.economics(tables["lines"]), **given, rng=np.random.default_rng(1), rounds=1)


@pytest.fixture(scope="module", params=[0.5, 1.0], ids=["every second week", "every week"])
def always(request):
    world, tables = company(request.param)
    return world, tables, reviewed(tables)


def test_every_promotion_is_judged_and_said_to_be_weaker_evidence(always):
    world, _, found = always
    assert found.events["engine"].unique().to_list() == ["response"]
    assert found.events["lift"].null_count() < 0.2 * found.events.height
    truth = found.events.join(world.truth, left_on="promotion_id", right_on="event_id").drop_nulls("lift_milli")
    least = pl.when(pl.col("against") == "least").then("least_units").otherwise(0.0)
    true = truth.select(1000 * (pl.col("effect_units") - least)).to_series()
    inside = (true >= truth["low_milli"]) & (true <= truth["high_milli"])
    assert inside.mean() > 0.75


def test_money_comes_where_the_comparison_is_with_no_offer(always):
    _, _, found = always
    against = found.events["against"].drop_nulls().unique().to_list()
    if against == ["none"]:
        assert found.book["event_id"].n_unique() > 0.8 * found.events.height
        first = found.book.filter(pl.col("event_id") == found.book["event_id"][0])
        assert first.filter(pl.col("line") == "dip")["amount_minor"].item() is None  # not known, never 0
    else:
        assert found.book.is_empty()  # no margin without an offer is known


def test_a_draft_is_planned_and_a_running_one_is_followed(always):
    _, tables, found = always
    last = tables["lines"]["day"].max() + timedelta(days=6)
    plans = review.frozen_versions(tables["promotions"])  # type: ignore[attr-defined]
    draft = planning.Draft("G00", "rate", 1500, last + timedelta(days=14), 14)
    planned = planning.plan(
        draft, tables["lines"], events=found.events, promotions=plans, products=tables["products"],
        stores=tables["stores"], panel=found.panel, lift=found.lift, as_of=last, rng=np.random.default_rng(1),
    )  # fmt: skip
    row = planned.asked.row(0, named=True)
    assert row["base_milli"] > 0 and row["low_milli"] < row["units_milli"] < row["high_milli"]
    recent = tables["lines"].filter(pl.col("day") > last - timedelta(weeks=8))["quantity_milli"].sum() / 4
    assert 0.5 < row["units_milli"] / recent < 1.6
    chosen = running.pick(plans, as_of=last, promotion_id=None)
    learnt = learn(planning.past_events(found.events.filter(pl.col("last_day") < chosen["first_day"])))
    run = running.running(
        tables["lines"], promotion=chosen, products=tables["products"], response=learnt, panel=found.panel,
        lift=found.lift, as_of=last,
    )  # fmt: skip
    assert run.daily["plan_milli"][-1] > 0
