"""The sample company's promotions, judged from its exports as a report judges them, against what really happened."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib import panels
from crmlib.core.calendar.festivals import festival_day
from crmlib.core.errors import ModelError
from crmlib.outreach import festival
from crmlib.promotion import review
from crmlib.promotion.books import anyway
from crmlib.promotion.lift import bulk
from crmlib.promotion.plan import planning


@pytest.fixture(scope="module")
def lake(sample_lake):
    return sample_lake


def _judge(lake, *, region=None):
    table = {n: lake.table(n).collect() for n in ("receipt_lines", "customers", "products", "stores", "closures")}
    if region is not None:
        table["stores"] = table["stores"].filter(pl.col("region") == region)
        table["receipt_lines"] = table["receipt_lines"].join(table["stores"], on="store_id", how="semi")
    lines = table["receipt_lines"]
    large = bulk.bulk_receipts(lines, customers=table["customers"])
    start, end = review.whole_weeks(lines["day"].min(), lines["day"].max())
    grid = panels.store_product_week(
        panels.part(lines, without=large), stores=table["stores"], start=start, end=end, closures=table["closures"]
    )
    return review.review(
        grid,
        review.economics(lines, costs=lake.table("promotion_costs"), bulk=large),
        promotions=lake.table("promotions"),
        products=table["products"],
        stores=table["stores"],
        stock=lake.table("stock"),
        rng=np.random.default_rng(7),
        rounds=2,
    )


@pytest.fixture(scope="module")
def judged(lake):
    return _judge(lake)


def test_a_region_whose_effects_are_partly_unbounded_is_judged(lake):
    found = _judge(lake, region="华东")
    assert (found.lift.events["status"] == "ok").sum() >= 5
    assert found.lift.parts["effect_milli"].null_count() == 0


@pytest.mark.parametrize(("region", "held"), [("华南", 0.8), ("西南", 0.7)])
def test_a_region_too_small_to_compare_is_judged_from_depth_and_time_but_not_in_a_festival(lake, root, region, held):
    found = _judge(lake, region=region)
    shops = lake.table("stores").collect().filter(pl.col("region") == region)
    truth = pl.read_parquet(root / "data_samples" / "truth" / "promotion_effects.parquet")
    extra = truth.filter(pl.col("kind") == "extra").join(shops, on="store_id", how="semi")
    mine = found.events.filter(pl.col("engine") == "response").join(
        extra.group_by("promotion_id").agg(true=pl.col("milli").sum()), on="promotion_id", how="left"
    )
    inside = pl.col("true").fill_null(0).is_between("low_milli", "high_milli").mean()
    assert mine.height >= 6 and mine.select(inside).item() >= held
    seasonal = mine["slot"].drop_nulls().unique().to_list()
    assert not {"spring_festival", "mid_autumn", "dragon_boat", "national_day"} & set(seasonal)


@pytest.fixture(scope="module")
def compared(judged, root):
    truth = pl.read_parquet(root / "data_samples" / "truth" / "promotion_effects.parquet")
    kinds = {"extra": "event", "dip": "dip", "cannibalised": "sibling", "halo": "halo"}
    counted = truth.filter(pl.col("kind").is_in(list(kinds))).with_columns(
        role=pl.col("kind").replace_strict(kinds),
        milli=pl.when(pl.col("kind").is_in(["dip", "cannibalised"])).then(-pl.col("milli")).otherwise("milli"),
    )
    sums = counted.group_by(event_id="promotion_id", role="role").agg(true=pl.col("milli").sum())
    joined = judged.lift.parts.filter(pl.col("role").is_in(list(kinds.values())))
    return joined.join(sums, on=["event_id", "role"], how="left").with_columns(pl.col("true").fill_null(0))


def test_extra_units_and_halo_add_up_to_about_the_truth(compared):
    sums = {r: (e, t) for r, e, t in compared.group_by("role").agg(pl.col("effect_milli", "true").sum()).iter_rows()}
    assert sums["event"][0] == pytest.approx(sums["event"][1], rel=0.1)
    assert sums["halo"][0] == pytest.approx(sums["halo"][1], rel=0.5)  # a tenth of the lift, in noisier cells
    assert sums["dip"][0] < 0 and sums["sibling"][0] < 0


def test_intervals_hold_the_truth_as_often_as_they_say(compared):
    inside = pl.col("true").is_between("lower_milli", "upper_milli").mean()
    by = dict(compared.group_by("role").agg(inside).iter_rows())
    assert by["event"] > 0.8 and by["halo"] > 0.75


def test_bulk_orders_are_booked_and_their_discount_is_in_the_ledger(judged):
    book = judged.book.filter(pl.col("line").str.starts_with("discount"))
    by = dict(book.group_by("line").agg(pl.col("amount_minor").sum()).iter_rows())
    assert by["discount_on_bulk"] < 0
    booked = judged.events.filter(pl.col("promotion_id").is_in(judged.book["event_id"].unique().to_list()))
    assert sum(by.values()) == -booked["discount_minor"].sum()


def test_the_range_of_the_net_margin_is_what_the_ledger_says_at_the_ends_of_the_net_units(judged):
    unit = pl.col("price_minor") - pl.col("cost_minor")
    net = judged.lift.parts.filter(pl.col("role") == "net").rename({"event_id": "promotion_id"})
    table = judged.events.drop_nulls("net_margin_low_minor").join(net, on="promotion_id", suffix="_net")
    assert table.height == judged.events["net_margin_minor"].is_not_null().sum() > 40
    for end, bound in (("low", "lower_milli"), ("high", "upper_milli")):
        moved = ((pl.col(bound) - pl.col("effect_milli")) * unit / 1000).round()
        outward = (pl.col(f"net_margin_{end}_minor") - pl.col("net_margin_minor") - moved) * (-1 if end == "low" else 1)
        gap = table.select(outward).to_series()
        assert (gap >= -1).all() and (gap.abs() <= 1).mean() > 0.8  # another engine is rarely further out
    assert (table["net_margin_low_minor"] <= table["net_margin_minor"]).all()
    assert (table["net_margin_minor"] <= table["net_margin_high_minor"]).all()


def test_festival_goods_are_forecast_by_the_lunar_day(lake):
    """By lunar day 7,506 for 6,943 mooncakes and 3,032 for 3,064 zongzi; by solar date 16,631 and 694."""
    goods = lake.table("products").select("product_id", "category_2").collect()
    sold = lake.table("receipt_lines").filter(pl.col("quantity_milli") > 0).collect().join(goods, on="product_id")
    figures = {}
    for slot, names in {"mid_autumn": ("月饼", "月饼礼盒"), "dragon_boat": ("粽子", "粽子礼盒")}.items():
        lines = sold.filter(pl.col("category_2").is_in(names))
        now, past = festival_day(slot, 2026), festival_day(slot, 2025)
        before = now - timedelta(days=14)
        found = festival.forecast(lines, festival_on=now, past=[past], as_of=before)
        curve = festival.cumulative(lines, festival_on=past)
        by_date = curve[(before.replace(year=2025) - past).days - festival.FROM]
        total = festival.cumulative(lines, festival_on=now)[-1]
        figures[slot] = [found.total_milli, total, found.sold_milli * curve[-1] / by_date]
        assert not found.probable  # one past festival: a range, no probability
    rounded = {slot: [round(v / 1000) for v in values] for slot, values in figures.items()}
    assert rounded == {"mid_autumn": [7_506, 6_943, 16_631], "dragon_boat": [3_032, 3_064, 694]}


def test_the_discount_of_every_event_is_told_by_buyer_and_offer_only_finds_the_hunters(lake, root):
    lines = lake.table("receipt_lines").collect()
    people = pl.read_parquet(root / "data_samples" / "truth" / "customers.parquet")
    by_role = {r: people.filter(pl.col("role") == r)["customer_id"] for r in ("staff", "cashier_card", "festival_only")}
    sales = lines.filter(pl.col("quantity_milli") > 0, pl.col("promotion_id").is_not_null())
    off = sales.group_by("customer_id").agg(off=(pl.col("list_minor") - pl.col("net_minor")).sum())
    hunters = off.join(people.filter(pl.col("role") == "deal_hunter"), on="customer_id", how="semi")
    flagged = hunters.filter(pl.col("customer_id").is_in(anyway.offer_only(panels.offer_days(lines)).implode()))
    assert flagged["off"].sum() / hunters["off"].sum() == pytest.approx(0.78, abs=0.01)
    roles = {"staff": by_role["staff"], "till_card": by_role["cashier_card"], "festival_only": by_role["festival_only"]}
    for event in sales["promotion_id"].value_counts(sort=True).head(3)["promotion_id"]:
        given = sales.filter(pl.col("promotion_id") == event)
        total = int((given["list_minor"] - given["net_minor"]).sum())
        booked = anyway.Anyway(total // 2, total // 3, total * 2 // 3)
        found = anyway.who_anyway(lines, promotion_id=event, as_of=lines["day"].max(), anyway=booked, roles=roles)
        assert found["discount_minor"].sum() == total
        assert found["anyway_minor"].sum() == total // 2


def test_where_the_discount_went_is_the_reference_of_the_sample(lake, judged, root):
    """68.5 % to what would have sold anyway, 45.8 % to who had bought before, 5.0 % staff and tills, 4.4 % hunters."""
    people = pl.read_parquet(root / "data_samples" / "truth" / "customers.parquet").select("customer_id", "role")
    lines = lake.table("receipt_lines").filter(pl.col("quantity_milli") > 0).collect()
    off = pl.col("list_minor") - pl.col("net_minor")
    sales = lines.filter(pl.col("promotion_id").is_not_null()).with_columns(off=off).join(people, "customer_id", "left")
    first = lines.group_by("customer_id").agg(first=pl.col("day").min())
    start = sales.group_by("promotion_id").agg(start=pl.col("day").min())
    known = sales.join(first, on="customer_id", how="left").join(start, on="promotion_id")
    large = bulk.bulk_receipts(lines, customers=lake.table("customers").collect())
    regular = known.filter(pl.col("first") < pl.col("start"), ~pl.col("receipt_id").is_in(large.implode()))
    shares = [regular, *(sales.filter(pl.col("role").is_in(r)) for r in (["staff", "cashier_card"], ["deal_hunter"]))]
    assert [round(s["off"].sum() / sales["off"].sum(), 3) for s in shares] == [0.458, 0.05, 0.044]
    truth = pl.read_parquet(root / "data_samples" / "truth" / "promotion_effects.parquet").with_columns(off=off)
    given = truth.filter(pl.col("kind").is_in(["base", "unmoved", "extra"]))
    free = given.filter(pl.col("kind") != "extra")
    assert free["off"].sum() / given["off"].sum() == pytest.approx(0.685, abs=5e-4)
    booked = {
        e["promotion_id"]: (b.minor, e["discount_minor"])
        for e in judged.events.iter_rows(named=True)
        if (b := anyway.booked(e, judged.book)) is not None
    }
    mine = pl.col("promotion_id").is_in(list(booked))
    right = free.filter(mine)["off"].sum() / given.filter(mine)["off"].sum()
    ledger = sum(m for m, _ in booked.values()) / sum(d for _, d in booked.values())
    assert len(booked) >= 39 and ledger == pytest.approx(right, abs=0.017), "the spec: .564 for .581 on 39 events"


def _planned(lake, judged, *, category, first_day, days):
    lines = lake.table("receipt_lines").collect()
    large = bulk.bulk_receipts(lines, customers=lake.table("customers").collect())
    return planning.plan(
        planning.Draft(category, "rate", 1200, first_day, days), panels.part(lines, without=large),
        events=judged.events,
        promotions=review.frozen_versions(lake.table("promotions")), products=lake.table("products").collect(),  # type: ignore[attr-defined]
        stores=lake.table("stores").collect(), panel=judged.panel, lift=judged.lift, as_of=date(2026, 10, 31),
        rng=np.random.default_rng(1), book=judged.book,
    )  # fmt: skip


def test_boxes_of_the_next_spring_festival_are_planned_from_the_last_one(lake, judged, root):
    found = _planned(lake, judged, category="年货礼盒", first_day=date(2027, 1, 13), days=22)
    truth = pl.read_parquet(root / "data_samples" / "truth" / "promotion_effects.parquet")
    last = truth.filter(pl.col("promotion_id") == "PR2601035", pl.col("kind") == "base")["milli"].sum()
    assert found.asked["base_milli"].item() == pytest.approx(last, rel=0.35)
    assert set(found.goods["kind"]) == {"slot"}
    assert found.costed


def test_mooncakes_in_november_are_refused(lake, judged):
    with pytest.raises(ModelError) as refused:
        _planned(lake, judged, category="月饼礼盒", first_day=date(2026, 11, 20), days=14)
    assert refused.value.code == "promotion.out_of_season"
