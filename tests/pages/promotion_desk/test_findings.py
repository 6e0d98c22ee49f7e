"""The promotion desk says what the data say: when a stage, a budget or a margin flips, sentence and colour flip."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, time, timedelta

import polars as pl
import pytest
import vl_convert

from crmlib.core.errors import ContractError
from crmlib.kit.words import Words
from crmlib.pages.promotion_desk.drafting import terms
from crmlib.pages.promotion_desk.findings import baskets, calendars, decisions, drafts, earned, live
from crmlib.promotion.books.portfolio import portfolio
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.tried import Tried
from crmlib.promotion.plan.forecast import Response
from tests.pages.promotion_watch.test_findings import run
from tests.pages.promotions import FIRST, event
from tests.pages.wording import says

TODAY = FIRST + timedelta(days=5)


def board(*stages, days=3, **changes):
    rows = [
        {
            "promotion_id": f"P{i}", "name": f"活动{i}", "mechanic": "rate", "depth_bp": 1500, "category": "坚果",
            "first_day": TODAY + timedelta(days=days), "last_day": TODAY + timedelta(days=days + 6), "stores": [],
            "products": [], "budget_minor": 5_000_00, "stage": stage, "days_to": days, "reserved_minor": 300_00,
            "funding_open_minor": 0,
        }
        | changes
        for i, stage in enumerate(stages)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def whole(*nets, spread=10_00):
    ends = ("net_margin_low_minor", -spread), ("net_margin_high_minor", spread)
    rows = [event(promotion_id=str(n), net_margin_minor=n, category="c", **{k: n + d for k, d in ends}) for n in nets]
    return pl.DataFrame(rows)


def said(words, stages, nets, runs=()):
    total = portfolio(whole(*nets), by=()).row(0, named=True)
    return calendars.answer(board(*stages), list(runs), total, soon=14, words=words)


def test_the_answer_ends_with_where_the_most_money_is(words):
    held = said(words, ["closed"] * 3, [5_00])
    lost = said(words, ["closed"], [-900_00])
    over = said(words, ["approved"], [5_00], [run(10_000, budget=1)])
    calm = said(words, ["approved"], [5_00])
    closed = words("promotion_desk.answer.most.calm")
    total = portfolio(whole(5_00), by=()).row(0, named=True)
    dark = board("closed").with_columns(reserved_minor=pl.lit(None, dtype=pl.Int64))
    unknown = calendars.answer(dark, [], total, soon=14, words=words)
    assert says(words, "promotion_desk.answer.most.open", unknown.sentence) and closed not in unknown.sentence
    assert says(words, "promotion_desk.answer.most.held", held.sentence) and words.format.money(900_00) in held.sentence
    assert says(words, "promotion_desk.answer.most.lost", lost.sentence) and words.format.money(900_00) in lost.sentence
    assert says(words, "promotion_desk.answer.most.over", over.sentence) and words.format.money(8_999) in over.sentence
    assert closed in calm.sentence
    assert [a.figures[3].tone for a in (held, lost)] == ["neutral", "bad"]
    assert (held.figures[2].tone, calm.figures[2].tone) == ("bad", "neutral")


@pytest.mark.parametrize(
    ("stages", "days", "kind", "status"),
    [
        (["approved", "running"], 3, "fine", "ok"),
        (["approved", "draft"], 3, "late", "warn"),
        (["approved", "draft"], 30, "fine", "ok"),
        (["draft", "unapproved"], 3, "wild", "fail"),
    ],
)
def test_the_calendar_turns_amber_for_what_begins_soon_and_red_for_what_runs_without_approval(
    stages, days, kind, status, words
):
    found = board(*stages, days=days)
    card = calendars.calendar(found, {"P0": "/apps/x?a=1&b=2"}, as_of=TODAY, soon=14, words=words)
    assert says(words, f"promotion_desk.calendar.headline.{kind}", card.headline)
    assert (card.status, card.note_do) == (status, words(f"promotion_desk.calendar.do.{kind}"))
    html = card.view.as_raw_html()
    assert 'href="/apps/x?a=1&amp;b=2"' in html and words(f"promotion_desk.stage.{stages[0]}") in html


def test_the_calendar_is_drawn_with_every_promotion_and_stage():
    words = Words("zh")
    card = calendars.calendar(board("approved", "running", "settled"), {}, as_of=TODAY, soon=14, words=words)
    svg = vl_convert.vegalite_to_svg(card.chart.to_json())
    assert all(text in svg for text in ("活动0", "活动1", "活动2", words("promotion_desk.stage.running")))
    assert "NaN" not in svg


def test_clashes_are_named_by_what_meets(words):
    found = board("approved", "draft")
    met = pl.DataFrame(
        {"one": ["P0"], "other": ["P1"], "first_day": [TODAY], "last_day": [TODAY], "stores": [2], "products": [None]},
        schema_overrides={"products": pl.Int64},
    )
    some = calendars.meetings(met, found, words=words)
    none = calendars.meetings(met.clear(), found, words=words)
    assert (some.status, none.status) == ("warn", "ok")
    html = some.view.as_raw_html()
    assert "活动0" in html and "活动1" in html and words("promotion_desk.meetings.all") in html


@pytest.mark.parametrize(
    ("runs", "kind", "status"),
    [
        ([(10_000, 10_000)], "fine", "ok"),
        ([(10_000, 10_000), (2_000, 10_000)], "behind", "warn"),
        ([(10_000, 8_000), (2_000, 10_000)], "over", "fail"),
        ([], "none_next", "none"),
    ],
)
def test_what_runs_is_judged_by_plan_and_budget(runs, kind, status, words):
    ahead = [{**event(), "days_to": 4, "first_day": TODAY + timedelta(days=4)}]
    card = live.running([run(p, budget=b) for p, b in runs], ahead, {}, words=words)
    assert says(words, f"promotion_desk.running.headline.{kind}", card.headline)
    assert card.status == status and card.table.height == len(runs)
    if not runs:
        bare = live.running([], [], {}, words=words)
        assert bare.headline == words("promotion_desk.running.headline.none")


RESPONSE = Response(0.4, 0.0, {"rate": 0.0}, (0.0,), 1000, 2000, None, {"rate": 0.15}, {"rate": (1000, 2000)})


def tried(discount, margin=1_000):
    row = {"product_id": "p", "quantity_milli": 1000, "list_minor": 50_00, "discount_minor": 9_00, "net_minor": 41_00}
    basket = pl.DataFrame([row])
    return Tried("P0", 9, 9, 5_000, discount, margin, basket)


GOODS = pl.DataFrame({"product_id": ["p"], "name": ["<b>果</b>"]})


@pytest.mark.parametrize(
    ("discount", "depth", "pays", "verdict"),
    [(200, 1500, "may", ("fine", "ok")), (600, 1500, "no", ("short", "warn")), (2_000, 1500, "no", ("never", "warn")),
     (600, 500, "unknown", ("fine", "ok"))],
)  # fmt: skip
def test_a_promotion_whose_past_lift_cannot_reach_what_it_takes_is_amber(discount, depth, pays, verdict, words):
    kind, status = verdict
    ahead = board("approved", depth_bp=depth).to_dicts()
    card = baskets.tried_on(ahead, {"P0": tried(discount)}, RESPONSE, GOODS, words=words)
    assert card.table["pays"].to_list() == [pays]
    assert says(words, f"promotion_desk.baskets.headline.{kind}", card.headline)
    assert card.status == status
    assert words.format.money(41_00) in card.note_seen
    none = baskets.tried_on(ahead, {}, RESPONSE, GOODS, words=words)
    assert none.status == "none" and words("promotion_desk.baskets.dark", dark="1") in none.note_seen


@pytest.mark.parametrize(
    ("nets", "spread", "kind", "status"),
    [((-500, -500), 100, "stop", "fail"), ((500, 500), 100, "repeat", "ok"), ((500, -500), 100, "test", "none"),
     ((-500, -500), 5_000, "test", "none")],
)  # fmt: skip
def test_a_kind_is_stopped_or_repeated_only_where_its_whole_range_says_so(nets, spread, kind, status, words):
    past = whole(*nets, spread=spread)
    kinds, cells = portfolio(past), portfolio(past, by=("mechanic", "depth_bp", "category"))
    card = earned.portfolio(kinds, cells, portfolio(past, by=()).row(0, named=True), words=words)
    assert says(words, f"promotion_desk.portfolio.headline.{kind}", card.headline)
    assert card.status == status
    assert words(f"promotion_desk.advice.{kind}") in card.view.as_raw_html()


NOTHING = baskets.on_baskets([], {}, RESPONSE, words=Words("zh"))


@pytest.mark.parametrize(("discount", "advice"), [(600, "lower"), (2_000, "never")])
def test_what_is_ahead_and_cannot_pay_is_to_be_decided_by_the_margin_it_misses(discount, advice, words):
    found = board("approved", depth_bp=1500)
    kinds = portfolio(whole(-500_00, -600_00))
    priced = baskets.on_baskets(found.to_dicts(), {"P0": tried(discount)}, RESPONSE, words=words)
    got = decisions.actions(found, [], kinds, {}, tried=priced, soon=14, words=words)
    assert got.table["advice"].to_list() == [words(f"promotion_desk.do.{advice}")]
    days = (found["last_day"][0] - found["first_day"][0]).days + 1
    lift = math.expm1(RESPONSE.log_lift("rate", 1500))
    kept = (1_000 - discount) * (1 + lift)
    assert got.table["stake_minor"].to_list() == [pytest.approx((1_000 - kept) * days / 28, abs=1)]


def test_decisions_are_ranked_by_money_each_with_its_reason(words):
    over = board("closed", days=-9, reserved_minor=70_00, funding_open_minor=20_00)
    found = pl.concat([over, board("draft").with_columns(promotion_id=pl.lit("D"))])
    kinds = portfolio(whole(-500_00, -600_00))
    got = decisions.actions(found, [run(2_000, budget=8_000)], kinds, {}, tried=NOTHING, soon=14, words=words)
    assert got.table["stake_minor"].is_sorted(descending=True)
    assert set(got.table["advice"]) == {
        words(f"promotion_desk.do.{k}") for k in ("settle", "claim", "decide", "rethink", "overspend", "behind")
    }
    late = decisions.actions(found, [], kinds, {}, tried=NOTHING, soon=1, words=words)
    assert words("promotion_desk.do.decide") not in late.table["advice"].to_list()
    none = decisions.actions(board("approved"), [], portfolio(whole(5_00)), {}, tried=NOTHING, soon=14, words=words)
    assert none.headline == words("promotion_desk.action.headline.none") and none.view is None


SPAN = (datetime.combine(TODAY, time()), datetime.combine(TODAY, time()) + timedelta(days=7))
SPEND = Offer("draft", "threshold_off", *SPAN, threshold_minor=100_00, off_minor=10_00, per_full=True)


@pytest.mark.parametrize(
    ("found", "kind", "status"),
    [
        (tried(200), "priced", "none"),
        (tried(2_000), "never", "fail"),
        (replace(tried(0), touched=0), "idle", "warn"),
        (None, "nothing", "none"),
    ],
)
def test_a_draft_is_told_in_its_own_terms_with_what_it_costs(found, kind, status, words):
    card = drafts.draft(SPEND, found, GOODS, words=words)
    assert says(words, f"promotion_desk.draft.headline.{kind}", card.headline)
    assert card.status == status and "None" not in card.note_seen
    if found is not None:
        assert words.format.money(100_00) in card.headline and words.format.money(10_00) in card.headline
        assert card.table["paid_minor"].to_list() == [41_00]
    none = drafts.draft(None, None, GOODS, words=words)
    no = drafts.refused(ContractError("promotion.offer_rate"), words=words)
    assert (none.status, no.status) == ("none", "warn") and none.note_do != no.note_do


@pytest.mark.parametrize("mechanic", ["rate", "price", "nth_unit", "multi_rate", "threshold_off", "threshold_rate"])
def test_every_mechanic_of_the_form_has_terms(mechanic, words):
    offer = Offer(
        "d", mechanic, *SPAN, rate_bp=8800, min_units=3, off_minor=5_00, threshold_minor=50_00, price_minor=9_90
    )
    said = terms(offer, words)
    assert "None" not in said and "{" not in said
