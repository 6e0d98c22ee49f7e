from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.calendar import festival_day
from crmlib.core.errors import ModelError
from crmlib.promotion.books.ledger import ledger, returns
from crmlib.promotion.lift.calendar import week_number
from crmlib.promotion.lift.panel import panel
from crmlib.promotion.plan import planning
from crmlib.promotion.plan.base import plan_base
from crmlib.promotion.plan.forecast import Response, drafts, forecast, learn

FIRST, WEEKS, STORES = date(2024, 9, 30), 109, 4
FEASTS = [festival_day("spring_festival", year) for year in (2025, 2026, 2027)]
MOON = [festival_day("mid_autumn", year) for year in (2025, 2026)]


def world():
    """Rice sells always, boxes before Spring Festival, mooncakes before Mid-Autumn, new goods lately."""
    rows = []
    for w in range(WEEKS):
        monday = FIRST + timedelta(weeks=w)
        boxes = 60 if any(0 <= (f - monday).days < 21 for f in FEASTS) else 0
        moon = 80 if any(0 <= (f - monday).days < 28 for f in MOON) else 0
        new = 4 if w >= WEEKS - 6 else 0
        for s in range(STORES):
            for product, units in (("rice", 20), ("box", boxes), ("moon", moon), ("new", new)):
                rows.append((f"s{s}", product, week_number(monday), 1000 * units, "sold" if units else "zero"))
    frame = pl.DataFrame(
        rows, schema=["store_id", "product_id", "week_n", "quantity_milli", "state"], orient="row",
    ).with_columns(pl.col("week_n").cast(pl.Int32))  # fmt: skip
    goods = pl.DataFrame({"product_id": ["rice", "box", "moon", "new"], "sibling_group": list("abcd")})
    return panel(
        frame, stores=pl.DataFrame({"store_id": [f"s{s}" for s in range(STORES)], "city": "x"}), products=goods
    )


@pytest.fixture(scope="module")
def grid():
    return world()


def planned(grid, product, first, days=14, until=None):
    span = [first + timedelta(days=i) for i in range(days)]
    last = grid.weeks - 1 if until is None else until
    return plan_base(
        grid, grid.units, products=pl.Series([product]), days=span, until=last, noise=1.0, name=product
    )  # fmt: skip


def test_festival_goods_take_the_same_days_of_the_moon_last_year_store_by_store(grid):
    first = FEASTS[2] - timedelta(days=16)
    found = planned(grid, "box", first)
    assert found.goods["kind"].to_list() == ["slot"]
    assert found.stores["base_milli"].sum() == pytest.approx(1000 * 60 * STORES * 2, rel=0.15)
    assert found.stores["base_milli"].n_unique() == 1  # all stores are alike


@pytest.mark.parametrize(
    ("product", "first", "code"),
    [
        ("moon", MOON[1] + timedelta(days=60), "promotion.out_of_season"),  # sold lately, over by then
        ("box", FEASTS[2] + timedelta(days=90), "promotion.no_slot"),  # neither lately nor a year ago
    ],
)
def test_goods_out_of_season_are_refused_and_never_planned_at_nought(grid, product, first, code):
    with pytest.raises(ModelError) as refused:
        planned(grid, product, first)
    assert refused.value.code == code
    assert refused.value.mend


def test_without_a_year_of_history_a_season_that_faded_is_refused_and_everyday_goods_are_not(grid):
    after = (MOON[0] - FIRST).days // 7 + 3
    early = {name: getattr(grid, name) for name in grid.__slots__}
    cut = (MOON[0] - FIRST).days // 7 - 20
    early |= {
        "units": grid.units[:, :, cut : after + 1], "known": grid.known[:, :, cut : after + 1],
        "first_week": grid.first_week + cut,
    }  # fmt: skip
    short = type(grid)(**early)
    first = FIRST + timedelta(weeks=after + 3)
    with pytest.raises(ModelError) as refused:
        planned(short, "moon", first)
    assert refused.value.code == "promotion.out_of_season"
    found = planned(short, "rice", first)
    assert found.stores["base_milli"].sum() == pytest.approx(1000 * 20 * STORES * 2)
    assert not found.season.known


def test_goods_that_are_new_stand_on_their_level(grid):
    found = planned(grid, "new", FIRST + timedelta(weeks=WEEKS + 2))
    assert found.goods["kind"].to_list() == ["level"]


def test_a_category_of_both_kinds_adds_them_up(grid):
    span = [FEASTS[2] - timedelta(days=16 - i) for i in range(14)]
    both = plan_base(
        grid, grid.units, products=pl.Series(["rice", "box"]), days=span, until=grid.weeks - 1, noise=1.0, name="both"
    )
    apart = [planned(grid, p, span[0]).stores["base_milli"].sum() for p in ("rice", "box")]
    assert both.stores["base_milli"].sum() == pytest.approx(sum(apart), rel=0.02)
    assert dict(both.goods.select("product_id", "kind").iter_rows()) == {"rice": "level", "box": "slot"}


def past(rows):
    return pl.DataFrame(
        [(f"e{i}", m, d, lift, 500_000) for i, (m, d, lift) in enumerate(rows)],
        schema=["event_id", "mechanic", "depth_bp", "lift", "base_milli"], orient="row",
    )  # fmt: skip


PLAN = {"mechanic": "rate", "base_milli": 1_000_000, "price_minor": 1000, "cost_minor": 500}


def test_a_depth_is_only_known_from_its_own_mechanic_and_never_leads_the_drafts():
    """Gifts have no depth and second pieces at half price have 50 %: neither says what 5 % or 40 % off would do."""
    rows = [("rate", d, 0.2 + d / 10_000) for d in (1000, 1200, 1500, 2000)] + [
        ("gift", 0, 0.5),
        ("nth_unit", 5000, 0.4),
    ]
    response = learn(past(rows))
    plans = pl.DataFrame([{**PLAN, "plan_id": str(d), "depth_bp": d} for d in (500, 1000, 1800, 4000)])
    assert forecast(plans, response)["extrapolated"].to_list() == [True, False, False, True]
    unknown = forecast(pl.DataFrame([{**PLAN, "plan_id": "x", "mechanic": "bundle", "depth_bp": 1500}]), response)
    assert unknown["extrapolated"].to_list() == [True]
    got = drafts({**PLAN, "depth_bp": 1000}, response=response)  # careful: 6.66 %, never tried
    assert got["extrapolated"].to_list() == [False, False, True] and got["plan_id"][-1] == "careful"


def test_depths_of_other_mechanics_do_not_tilt_the_response():
    rows = [("rate", d, np.expm1(0.1 + 2 * d / 10_000)) for d in (1000, 1500, 2000, 2500, 3000)]
    alone = learn(past(rows))
    among = learn(past([*rows, *[("nth_unit", 5000, 0.05)] * 4, *[("gift", 0, 0.9)] * 4]))
    assert among.slope == pytest.approx(alone.slope, abs=0.05)
    ratio = among.log_lift("rate", 3000) - among.log_lift("rate", 1000)
    assert ratio == pytest.approx(0.4, abs=0.02)


def test_a_plan_of_an_event_like_the_last_one_earns_what_its_review_says():
    """Same goods, base, response and costs: margin of the plan above no event is the net of the ledger."""
    event = {"event_id": "e", "promotion_id": "e", "mechanic": "gift", "category": "nuts", "treated": 10,
             "first_day": date(2026, 3, 2), "last_day": date(2026, 3, 15), "actual_milli": 1_300_000}  # fmt: skip
    parts = pl.DataFrame(
        {"event_id": ["e", "e"], "role": ["event", "net"], "effect_milli": [300_000] * 2, "base_milli": [1_000_000] * 2}
    )
    money = pl.DataFrame({
        "event_id": ["e"], "price_minor": [1000], "paid_minor": [900], "cost_minor": [500], "gift_minor": [26_000],
        "display_minor": [40_000], "labour_minor": [7000], "funding_minor": [13_000],
    })  # fmt: skip
    book = ledger(parts, money)
    draft = planning.Draft("nuts", "gift", 1000, date(2026, 6, 1), 14)
    rates = planning._rates(book, pl.DataFrame([event]), draft)
    costs = planning._money(draft, rates, days=14, stores=10)
    plan = {"plan_id": "a", "mechanic": "gift", "depth_bp": 1000, "base_milli": 1_000_000, "price_minor": 1000,
            "cost_minor": 500, **costs}  # fmt: skip
    response = Response(float(np.log(1.3)), 0.0, {}, (0.0,) * 5, 0, 1000, ranges={"gift": (0, 1000)})
    got = forecast(pl.DataFrame([plan]), response).row(0, named=True)
    assert got["extra_margin_minor"] == pytest.approx(returns(book)["net_minor"].item(), abs=2)
    without = forecast(pl.DataFrame([{k: v for k, v in plan.items() if k not in costs}]), response)
    assert without["extra_margin_minor"].item() > got["extra_margin_minor"]  # what leaving costs out would say
    longer = planning._money(draft, rates, days=28, stores=5)
    assert longer["display_minor"] == costs["display_minor"]  # store-weeks


def test_a_base_at_the_shallowest_offer_is_compared_at_its_own_price():
    response = Response(0.0, 0.0, {}, (0.0,) * 5, 500, 3000, ranges={"rate": (500, 3000)})
    same = pl.DataFrame([{**PLAN, "plan_id": "a", "depth_bp": 500, "base_depth_bp": 500}])
    assert forecast(same, response)["extra_margin_minor"].item() == 0
