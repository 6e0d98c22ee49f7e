# ruff: noqa: DTZ001 (offers hold by the wall clock of the stores)
from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.pricing import explain, price

MANY = 100_000  # baskets of the property tests
SPAN = {"starts_at": datetime(2026, 3, 2), "ends_at": datetime(2026, 3, 9)}


@pytest.fixture(scope="module")
def world(baskets):
    rng = np.random.default_rng(20261122)
    lines = baskets.random_lines(MANY, rng=rng)
    offers = baskets.random_offers(rng=rng)
    coupons = baskets.random_coupons(lines, rng=rng)
    return lines, offers, coupons


@pytest.fixture(scope="module")
def priced(world, baskets):
    lines, offers, coupons = world
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    return price(lines, offers=offers, coupons=coupons, **tables)


def one_basket(amounts, *, products=None, milli=None, at=datetime(2026, 3, 3, 12), **columns):
    n = len(amounts)
    return pl.DataFrame(
        {
            "receipt_id": ["R"] * n,
            "store_id": ["S0"] * n,
            "product_id": products or [f"P{i:02d}" for i in range(n)],
            "sold_at": [at] * n,
            "quantity_milli": milli or [1000] * n,
            "list_minor": amounts,
            **columns,
        }
    )


def net(baskets, lines, *offers, **more):
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    return price(lines, offers=list(offers), **tables, **more).lines["net_minor"].to_list()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_engine_agrees_to_the_fen_with_a_till_that_works_one_unit_at_a_time(seed, baskets, reference):
    rng = np.random.default_rng(seed)
    lines, offers = baskets.random_lines(400, rng=rng), baskets.random_offers(rng=rng)
    lines = lines.sample(fraction=1, shuffle=True, seed=seed)  # receipts torn apart
    coupons = baskets.random_coupons(lines, rng=rng)
    goods = baskets.product_table()
    fast = price(lines, offers=offers, products=goods, stores=baskets.store_table(), coupons=coupons)
    shown = {(r["receipt_id"], r["offer_id"]): r["count"] for r in coupons.to_dicts()}
    slow = reference.SlowTill(lines.to_dicts(), offers, {r["product_id"]: r for r in goods.to_dicts()}, shown).run()
    assert fast.lines["net_minor"].to_list() == slow.amount
    booked = fast.bookings.filter(pl.col("offer_id") != "gift_line")
    assert {(r[0], r[1]): [r[2], r[3]] for r in booked.iter_rows()} == dict(slow.given)
    assert {(r["receipt_id"], r["offer_id"]): r["units"] for r in fast.gifts.to_dicts()} == slow.gifts


def test_on_a_hundred_thousand_baskets_every_fen_has_a_rule_and_no_price_is_below_zero(priced, world):
    lines = priced.lines.with_row_index("line_n")
    by_line = priced.bookings.group_by("line_n").agg(pl.col("discount_minor", "gift_cost_minor").sum())
    joined = lines.join(by_line, on="line_n", how="left", suffix="_booked", maintain_order="left")
    joined = joined.with_columns(pl.col("discount_minor_booked", "gift_cost_minor_booked").fill_null(0))
    assert (joined["discount_minor"] == joined["discount_minor_booked"]).all()
    assert (joined["gift_cost_minor"] == joined["gift_cost_minor_booked"]).all()
    assert (joined["net_minor"] + joined["discount_minor"] == joined["list_minor"]).all()
    assert lines["net_minor"].min() >= 0
    assert priced.bookings["discount_minor"].min() >= 0
    assert set(priced.bookings["offer_id"].cast(pl.String).unique()) >= {o.offer_id for o in world[1]}


def test_gift_costs_are_booked_in_full_and_never_above_stock(priced, world):
    assert priced.gifts["cost_minor"].sum() == priced.bookings["gift_cost_minor"].sum()
    stock = {o.offer_id: o.gift_stock for o in world[1] if o.gift_stock is not None}
    given = dict(priced.gifts.group_by("offer_id").agg(pl.col("units").sum()).iter_rows())
    assert all(given.get(k, 0) <= v for k, v in stock.items())
    assert given["e1"] == stock["e1"]  # a hundred thousand baskets use it up


def test_gift_lines_cost_nothing_and_are_no_demand(priced):
    gifts = priced.lines.filter("is_gift")
    assert gifts["net_minor"].sum() == 0 and gifts["demand_milli"].sum() == 0
    others = priced.lines.filter(~pl.col("is_gift"))
    assert (others["demand_milli"] == others["quantity_milli"]).all()


def test_the_order_of_receipts_and_of_offers_does_not_matter(world, priced, baskets):
    lines, offers, coupons = world
    some = lines.filter(pl.col("receipt_id") < "0004000")
    goods = {"products": baskets.product_table(), "stores": baskets.store_table(), "coupons": coupons}
    shared = [o for o in offers if o.gift_stock is None and o.limit_total is None and o.limit_member_day is None]
    first = price(some, offers=shared, **goods)
    keys = some.select("receipt_id").unique().sample(fraction=1, shuffle=True, seed=1)
    shuffled = keys.join(some.with_row_index("line_n"), on="receipt_id", maintain_order="left_right")
    second = price(shuffled, offers=shared[::-1], **goods)
    assert second.lines.sort("line_n")["net_minor"].to_list() == first.lines["net_minor"].to_list()


def test_a_member_never_gets_more_than_the_limit_of_a_day(priced, world):
    limited = next(o for o in world[1] if o.offer_id == "a6")
    rows = priced.bookings.filter(pl.col("offer_id") == "a6")
    lines = priced.lines.with_row_index("line_n").join(rows, on="line_n", suffix="_rule")
    full = pl.col("list_minor") - limited.price_minor * pl.col("quantity_milli") // 1000
    whole = lines.filter(pl.col("discount_minor_rule") == full, pl.col("customer_id").is_not_null())
    clock = priced.lines.group_by("receipt_id").agg(day=pl.col("sold_at").min().dt.date())
    units = whole.join(clock, on="receipt_id").group_by("customer_id", "day").agg(pl.col("quantity_milli").sum())
    assert units["quantity_milli"].max() <= 1000 * limited.limit_member_day


def test_a_spend_and_save_discount_of_ten_on_three_tens_is_334_333_333(baskets):
    save = Offer("x", "threshold_off", **SPAN, threshold_minor=3000, off_minor=1000)
    assert net(baskets, one_basket([1000, 1000, 1000]), save) == [666, 667, 667]


def test_a_rate_rounds_once_at_the_line_total_half_up(baskets):
    rate = Offer("x", "rate", **SPAN, rate_bp=8800)
    # 3 × 1.05 yuan = 3.15 × .88 = 2.772; 1.05 × .88 = .924; .75 × .5 is a half fen
    assert net(baskets, one_basket([315, 105], milli=[3000, 1000]), rate) == [277, 92]
    half = Offer("x", "rate", **SPAN, rate_bp=5000)
    assert net(baskets, one_basket([75]), half) == [38]


def test_an_offer_holds_from_its_start_until_before_its_end(baskets):
    rate = Offer("x", "rate", **SPAN, rate_bp=5000)
    assert net(baskets, one_basket([100], at=datetime(2026, 3, 2)), rate) == [50]
    assert net(baskets, one_basket([100], at=datetime(2026, 3, 9)), rate) == [100]


def test_a_receipt_with_a_time_zone_is_judged_by_the_clock_in_shanghai(baskets):
    rate = Offer("x", "rate", **SPAN, rate_bp=5000)
    lines = one_basket([100], at=datetime(2026, 3, 1, 16))  # 16:00 UTC is midnight in Shanghai
    zoned = lines.with_columns(pl.col("sold_at").dt.replace_time_zone("UTC"))
    assert net(baskets, zoned, rate) == [50]
    assert net(baskets, zoned.with_columns(pl.col("sold_at").dt.offset_by("-1s")), rate) == [100]


def test_of_two_tiers_in_one_group_the_better_for_the_customer_wins_and_ties_go_to_the_lowest_id(baskets):
    low = Offer("a", "threshold_off", **SPAN, threshold_minor=1000, off_minor=100, stack_group="t")
    high = Offer("b", "threshold_off", **SPAN, threshold_minor=2000, off_minor=300, stack_group="t")
    equal = Offer("c", "threshold_off", **SPAN, threshold_minor=2000, off_minor=300, stack_group="t")
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    got = price(one_basket([1500, 600]), offers=[low, equal, high], **tables)
    assert got.bookings["offer_id"].unique().to_list() == ["b"]
    assert got.lines["net_minor"].sum() == 1800


def test_an_exclusive_offer_shares_its_lines_only_with_those_it_names(baskets):
    line = Offer("a", "rate", **SPAN, rate_bp=9000, exclusive=True, products=("P00",))
    coupon = Offer("k", "coupon", **SPAN, off_minor=100)
    shown = pl.DataFrame({"receipt_id": ["R"], "offer_id": ["k"], "count": [1]})
    basket = one_basket([1000, 1000])
    assert net(baskets, basket, line, coupon, coupons=shown) == [900, 900]
    named = Offer("k", "coupon", **SPAN, off_minor=100, stacks_with=("a",))
    assert net(baskets, basket, line, named, coupons=shown) == [853, 947]


def test_a_unit_used_by_a_bundle_cannot_feed_another(baskets):
    first = Offer(
        "a", "bundle", **SPAN, bundle_products=("P00", "P01"), bundle_units=(1, 1), price_minor=1500, priority=1
    )
    second = Offer(
        "b", "bundle", **SPAN, bundle_products=("P00", "P02"), bundle_units=(1, 1), price_minor=1000, priority=2
    )
    assert net(baskets, one_basket([1000, 1000, 1000]), first, second) == [750, 750, 1000]
    assert net(baskets, one_basket([2000, 1000, 1000], milli=[2000, 1000, 1000]), first, second) == [1250, 750, 500]


def test_points_thresholds_may_be_judged_at_list_or_after_line_discounts(baskets):
    rate = Offer("a", "rate", **SPAN, rate_bp=9000)
    after = Offer("b", "threshold_off", **SPAN, threshold_minor=1000, off_minor=100)
    at_list = Offer("b", "threshold_off", **SPAN, threshold_minor=1000, off_minor=100, base="list")
    assert net(baskets, one_basket([1000]), rate, after) == [900]
    assert net(baskets, one_basket([1000]), rate, at_list) == [800]


def test_bags_do_not_help_to_reach_a_threshold(baskets):
    save = Offer("x", "threshold_off", **SPAN, threshold_minor=1000, off_minor=100)
    assert net(baskets, one_basket([900, 100], products=["P00", "P23"]), save) == [900, 100]


def test_returns_and_unknown_goods_are_refused(baskets):
    rate = Offer("x", "rate", **SPAN, rate_bp=9000)
    with pytest.raises(ModelError) as refused:
        net(baskets, one_basket([100], milli=[-1000]), rate)
    assert refused.value.code == "promotion.basket_negative"
    with pytest.raises(ModelError) as refused:
        net(baskets, one_basket([100], products=["nothing"]), rate)
    assert refused.value.code == "promotion.basket_unknown"


def test_a_receipt_explains_which_rule_gave_which_fen(baskets):
    rate = Offer("a", "rate", **SPAN, rate_bp=9000)
    save = Offer("b", "threshold_off", **SPAN, threshold_minor=1000, off_minor=90)
    tables = {"products": baskets.product_table(), "stores": baskets.store_table()}
    got = explain(price(one_basket([2000]), offers=[rate, save], **tables), "R")
    assert got.select("offer_id", "discount_minor").rows() == [("a", 200), ("b", 90)]


@pytest.mark.parametrize("library", ["pandas", "pyarrow"])
def test_frames_of_other_libraries_are_priced_alike(library, baskets):
    lines = one_basket([1000, 500])
    given = lines.to_pandas() if library == "pandas" else lines.to_arrow()
    assert net(baskets, given, Offer("x", "rate", **SPAN, rate_bp=5000)) == [500, 250]
