from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import findings as promotion_plan
from crmlib.pages.promotion_review import findings as promotion_review
from crmlib.pages.promotion_review.findings.review import verdict
from crmlib.pages.promotion_watch import findings as promotion_watch
from crmlib.promotion.books.ledger import ledger, returns
from crmlib.promotion.books.takers import GROUPS
from crmlib.promotion.lift.baseline import Season
from crmlib.promotion.plan.forecast import Response, drafts, forecast, what_if
from crmlib.promotion.plan.planning import Draft, Plan
from crmlib.promotion.watch.running import Running
from crmlib.promotion.watch.watch import alarms, track

FIRST = date(2026, 3, 2)


@pytest.fixture(params=["zh", "en"])
def words(request):
    return Words(request.param)


def event(**changes):
    row = {
        "promotion_id": "X",
        "name": "春节坚果",
        "mechanic": "rate",
        "depth_bp": 1500,
        "first_day": FIRST,
        "status": "ok",
        "lift_milli": 500_000,
        "low_milli": 300_000,
        "high_milli": 700_000,
        "net_margin_minor": 80_000,
        "roi": 0.4,
        "output_per_input": 1.5,
        "discount_minor": 100_000,
        "budget_minor": 90_000,
        "fires": False,
        "agrees": True,
        "controls": 9,
        "base_milli": 1_000_000,
        "lift": 0.5,
    }
    return row | changes


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "gain"),
        ({"fires": True}, "doubt"),
        ({"agrees": False}, "doubt"),
        ({"net_margin_minor": -1}, "costly"),
        ({"low_milli": -5}, "unclear"),
        ({"low_milli": -9, "high_milli": -3}, "drop"),
        ({"lift_milli": None}, "unjudged"),
    ],
)
def test_the_answer_follows_the_data(changes, kind, words):
    found = promotion_review.answer(event(**changes), words=words)
    assert verdict(event(**changes)) == kind
    assert found.sentence.startswith("春节坚果")
    sentences = {promotion_review.answer(event(**c), words=words).sentence for c in ({}, changes)}
    assert len(sentences) == (1 if kind == "gain" else 2)


def test_a_loss_is_never_green(words):
    figures = {
        f.key.split(".")[0]: f
        for f in promotion_review.answer(event(net_margin_minor=-5, roi=-0.1), words=words).figures
    }
    assert figures["net"].tone == figures["roi"].tone == "bad"
    assert figures["discount"].tone == "bad"  # above its budget
    assert {f.key.split(".")[0]: f for f in promotion_review.answer(event(), words=words).figures}["net"].tone == "good"


def book(price_paid):
    parts = pl.DataFrame({"event_id": ["X"], "role": ["event"], "effect_milli": [50_000], "base_milli": [100_000]})
    money = pl.DataFrame({"event_id": ["X"], "price_minor": [1000], "paid_minor": [price_paid], "cost_minor": [600]})
    return ledger(parts, money)


def test_the_ledger_flips_from_earned_to_lost(words):
    good, bad = book(950), book(700)
    fine = promotion_review.money(event(roi=returns(good)["roi"][0]), good, words=words, missing={})
    poor = promotion_review.money(event(roi=returns(bad)["roi"][0]), bad, words=words, missing={"halo": "no_partner"})
    assert (fine.status, poor.status) == ("ok", "fail")
    assert fine.headline != poor.headline
    assert fine.table["amount_minor"].to_list() == good["amount_minor"].to_list()
    remarks = dict(poor.table.select("line", "remark").iter_rows())
    amounts = dict(poor.table.select("line", "amount_minor").iter_rows())
    assert amounts["halo"] is None and remarks["halo"] == words(
        "promotion.review.money.not_estimable", reason=words("promotion.review.parts.reason.no_partner")
    )
    assert amounts["gift"] is None and remarks["gift"] == words("promotion.review.money.not_connected")
    assert words("promotion.ledger.halo") in poor.note_sure


def taken(**amounts):
    return pl.DataFrame(
        {
            "group": GROUPS,
            "members": [1] * len(GROUPS),
            "receipts": [1] * len(GROUPS),
            "quantity_milli": [1000] * len(GROUPS),
            "discount_minor": [amounts.get(g, 0) for g in GROUPS],
            "net_minor": [100] * len(GROUPS),
        }
    )


def test_most_of_the_discount_to_regulars_is_said_only_above_a_half(words):
    most = promotion_review.takers(taken(regular=51, new_back=49), words=words)
    half = promotion_review.takers(taken(regular=50, new_back=50), words=words)
    none = promotion_review.takers(taken(), words=words)
    assert (most.status, half.status, none.status) == ("warn", "ok", "none")
    assert len({most.headline, half.headline, none.headline}) == 3


def test_without_partner_the_gap_is_absent_and_the_reason_is_said(words):
    found = promotion_review.slot(event(), None, None, reason="no_earlier_slot", words=words)
    assert found.chart is None and found.table.is_empty()
    assert words("promotion.review.slot.reason.no_earlier_slot") in found.headline


def test_the_gap_names_its_largest_cause(words):
    gap = pl.DataFrame({"cause": ["stores", "price"], "factor": [1.1, 0.8], "gap_minor": [100, -300]})
    found = promotion_review.slot(event(), event(name="去年"), gap, reason=None, words=words)
    assert words("promotion.cause.price") in found.headline


STORES = pl.DataFrame({"store_id": ["a", "b", "c"], "name": ["一店", "<b>二店</b>", "三店"]})


@pytest.mark.parametrize(
    ("states", "status"),
    [(["done", "done", "silent"], "ok"), (["done", "not_done", "silent"], "fail"), (["silent"] * 3, "none")],
)
def test_execution_is_judged_by_stores_with_sales_only(states, status, words):
    table = pl.DataFrame(
        {"store_id": ["a", "b", "c"], "lines": [5, 5, 0], "at_plan": [1.0, 0.5, None], "status": states}
    )
    found = promotion_review.execution(table, STORES, words=words)
    assert found.status == status
    assert "<b>" not in found.view.as_raw_html().replace("&lt;b&gt;", "")


RESPONSE = Response(0.2, 1.5, {"rate": 0.0}, tuple(i / 20 - 0.5 for i in range(21)), 500, 3000)
MONEY = {"mechanic": "rate", "price_minor": 1000, "cost_minor": 600}


def prices(money):
    return {k: money[k] for k in ("price_minor", "cost_minor")}


def plan(price=1000, cost=600):
    money = {**MONEY, "price_minor": price, "cost_minor": cost}
    asked = {**money, "plan_id": "asked", "depth_bp": 1500, "base_milli": 900_000}
    return Plan(
        draft=Draft("坚果", "rate", 1500, FIRST, 14),
        response=RESPONSE,
        stores=pl.DataFrame(
            {"store_id": ["a"], "city": ["c"], "name": ["一店"], "base_milli": [9], "stock_milli": [12]}
        ),
        asked=forecast(pl.DataFrame([asked]), RESPONSE),
        drafts=drafts(asked, response=RESPONSE),
        season=Season(0.9, np.zeros(0, dtype=np.int64), known=True),
        grid=what_if(
            {"mechanic": "rate"},
            pl.DataFrame(
                [{"days": d, "products": 5, "stores": 9, "base_milli": 9000 * d, **prices(money)} for d in (7, 14)]
            ),
            depths_bp=[500, 1500],
            response=RESPONSE,
        ),
        holdout=pl.DataFrame(
            {
                "held_out": [2, 4],
                "se": [0.2, 0.1],
                "power": [0.5, 0.9],
                "smallest_lift": [0.4, 0.2],
                "lost_units": [3.0, 6.0],
            }
        ),
        clashes=pl.DataFrame(
            schema={
                "promotion_id": pl.String,
                "name": pl.String,
                "mechanic": pl.String,
                "depth_bp": pl.Int32,
                "first_day": pl.Date,
                "last_day": pl.Date,
                "stores": pl.UInt32,
            }
        ),
    )


def test_a_plan_that_cannot_pay_says_so(words):
    good, bad = promotion_plan.answer(plan(), words=words), promotion_plan.answer(plan(cost=990), words=words)
    assert good.sentence != bad.sentence
    assert promotion_plan.drafts(plan(cost=990), words=words).status == "fail"
    assert (
        promotion_plan.grid(plan(cost=990), words=words).headline != promotion_plan.grid(plan(), words=words).headline
    )


def test_the_holdout_asks_for_no_more_stores_than_needed(words):
    found = promotion_plan.holdout(plan(), words=words)
    assert found.status == "ok" and "4" in found.headline


def test_every_finding_of_the_plan_has_words_and_a_picture(words):
    for make in (promotion_plan.drafts, promotion_plan.grid, promotion_plan.holdout, promotion_plan.check):
        found = make(plan(), words=words)
        assert found.chart is not None and found.note_do and found.note_sure
    assert promotion_plan.clashes(plan(), words=words).status == "ok"
    assert promotion_plan.stock(plan(), words=words, service=0.95).table.height == 1


def run(per_day, *, margin=0.3, siblings=1.0, budget=10_000):
    as_of = FIRST + timedelta(days=5)
    actual = pl.DataFrame({"day": [FIRST + timedelta(days=i) for i in range(6)], "quantity_milli": [per_day] * 6})
    daily = track(
        actual,
        plan_milli=100_000,
        low_milli=70_000,
        high_milli=130_000,
        first_day=FIRST,
        last_day=FIRST + timedelta(days=9),
        as_of=as_of,
    )
    stores = pl.DataFrame(
        {
            "store_id": ["a", "b", "c"],
            "lines": [3, 0, 3],
            "at_plan": [1.0, None, 0.2],
            "status": ["done", "silent", "partly"],
            "actual_milli": [per_day, 0, 100],
            "plan_milli": [10_000, 500, 900],
        }
    ).with_columns(share=pl.col("actual_milli") / pl.col("plan_milli"))
    found = alarms(daily, as_of=as_of, margin_rate=margin, plan_margin_rate=0.3, sibling_ratio=siblings)
    return Running(event(), as_of, daily, stores, found, None, margin, 0.3, siblings, 5000, 9000, budget)


def shelved(stock, *, as_of=FIRST + timedelta(days=5)):
    shelves = pl.DataFrame(
        {"store_id": ["a", "b"], "stock_milli": [stock, 90_000], "per_day_milli": [1000, 1000], "empty": [0, 0]},
        schema_overrides={"empty": pl.UInt32},
    )
    return replace(run(10_000), shelves=shelves, as_of=as_of)


def test_stock_is_short_only_while_the_event_still_runs(words):
    short, fine = (promotion_watch.shelves(shelved(s), STORES, words=words) for s in (1000, 9000))
    assert (short.status, fine.status) == ("fail", "ok")
    assert short.headline != fine.headline
    over = promotion_watch.shelves(shelved(1000, as_of=FIRST + timedelta(days=9)), STORES, words=words)
    assert over.status == "none" and over.chart is not None
    never = replace(run(10_000), shelves=shelved(1).shelves.clear())
    assert promotion_watch.shelves(never, STORES, words=words).status == "none"


def test_execution_tells_waits_and_what_ran_out(words):
    table = pl.DataFrame({"store_id": ["a"], "lines": [5], "at_plan": [1.0], "status": ["done"]})
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    waits = [12, 48]
    orders = pl.DataFrame(
        {
            "store_id": ["a"] * 3,
            "ordered_at": [at] * 3,
            "checked_out_at": [*(at + timedelta(minutes=m) for m in waits), None],
        }
    )
    out = pl.DataFrame({"store_id": ["a"], "product_id": ["p"], "sold_out_at": [at], "days_left": [3]})
    told = promotion_review.execution(table, STORES, words=words, orders=orders, out=out)
    assert "30" in told.note_seen and "48" in told.note_seen and "09:00" in told.note_seen
    assert told.table.select("mean_min", "max_min", "empty").row(0) == (30.0, 48.0, 1)
    assert told.note_do == words("promotion.review.execution.do.out")
    bare = promotion_review.execution(table, STORES, words=words)
    assert "48" not in bare.note_seen and "mean_min" not in bare.table.columns
    none = promotion_review.execution(table, STORES, words=words, out=out.clear())
    assert words("promotion.review.execution.none_out") in none.note_seen


def test_the_watch_flips_with_the_pace(words):
    slow, fair, fast = (promotion_watch.answer(run(p), words=words) for p in (5000, 10_000, 16_000))
    assert len({slow.sentence, fair.sentence, fast.sentence}) == 3
    assert [promotion_watch.band(run(p), words=words).status for p in (5000, 10_000, 16_000)] == ["fail", "ok", "warn"]


def test_an_overspend_is_shown_before_it_happens(words):
    assert promotion_watch.spending(run(10_000), words=words).status == "ok"
    assert promotion_watch.spending(run(10_000, budget=8000), words=words).status == "fail"
    assert promotion_watch.spending(run(10_000, budget=None), words=words).status == "none"


def test_margin_and_siblings_raise_their_own_words(words):
    heads = {
        promotion_watch.margin(run(10_000, margin=m, siblings=s), words=words).headline
        for m in (0.3, 0.1)
        for s in (1.0, 0.5)
    }
    assert len(heads) == 4


def test_the_call_list_puts_the_largest_gap_first_and_gives_each_its_reason(words):
    found = promotion_watch.actions(run(2000), STORES, words=words)
    assert found.table["gap_milli"].is_sorted(descending=True)
    assert found.table["reason"].n_unique() == found.table.height == 3


def test_the_alarms_say_what_they_are_about(words):
    quiet, loud = (promotion_watch.answer(run(p, margin=m), words=words) for p, m in ((10_000, 0.3), (5000, 0.1)))
    assert quiet.figures[-1].comparison == words("promotion_watch.figure.alarms_none")
    both = words("promotion.join").join(words(f"promotion_watch.alarm.{kind}") for kind in ("band", "margin"))
    assert loud.figures[-1].comparison == both


def test_nobody_is_called_about_a_promotion_that_is_over(words):
    going, over = (
        promotion_watch.actions(replace(run(2000), as_of=FIRST + timedelta(days=d)), STORES, words=words)
        for d in (9, 10)
    )
    assert going.headline == words("promotion_watch.call.headline.some", all="3", shown="3")
    assert over.headline == words("promotion_watch.call.headline.over", all="3", shown="3")
    assert over.table.equals(going.table)


def test_an_activity_over_its_budget_turns_the_card_red(words):
    accounts = pl.DataFrame({"over_cap_minor": [0], "over_minor": [0], "edited": [False], "released_minor": [5]})
    table = pl.DataFrame(
        {
            "activity": ["festival"],
            "budget_minor": [100],
            "spent_minor": [50],
            "reserved_minor": [20],
            "left_minor": [30],
            "over": [False],
        }
    )
    fine = promotion_plan.budget(table, accounts, words=words)
    over = table.with_columns(reserved_minor=pl.lit(80), left_minor=pl.lit(-30), over=pl.lit(value=True))
    assert (fine.status, promotion_plan.budget(over, accounts, words=words).status) == ("ok", "fail")
    assert words("promotion.activity.festival") in promotion_plan.budget(over, accounts, words=words).headline


def judged(*, sibling=None, whole=True):
    """A lift of one event: gross 500, dip −100, siblings as given (None: no cells), no partner goods."""
    effects = {"event": 500, "dip": -100, "waiting": 0} | ({} if sibling is None else {"sibling": sibling})
    effects["net"] = sum(effects.values())
    parts = pl.DataFrame(
        [
            {
                "event_id": "X",
                "role": role,
                "actual_milli": 1000 * (effect + 900),
                "base_milli": 900_000,
                "effect_milli": 1000 * effect,
                "lower_milli": 1000 * (effect - 50),
                "upper_milli": 1000 * (effect + 50),
            }
            for role, effect in effects.items()
        ]
    )
    roles = [*(r for r in effects if r != "net"), *([] if whole or sibling is not None else ["sibling"])]
    cells = pl.DataFrame({"event_id": "X", "role": roles, "counted": [r in effects for r in roles]})
    events = pl.DataFrame({"event_id": ["X"], "status": ["ok"]})
    scale = SimpleNamespace(placebos=100)
    return SimpleNamespace(parts=parts, cells=cells, events=events, coverage=0.9, achieved=0.9, scale=scale)


def test_a_part_that_cannot_be_estimated_is_named_with_its_reason_and_has_no_number(words):
    whole = promotion_review.parts(event(), judged(), words=words)
    few = promotion_review.parts(event(), judged(whole=False), words=words)
    known = promotion_review.parts(event(), judged(sibling=-60), words=words)
    reason = {r: words(f"promotion.review.parts.reason.{r}") for r in ("taken", "few", "no_partner")}
    assert reason["taken"] in whole.note_seen and reason["no_partner"] in whole.note_seen
    assert reason["few"] in few.note_seen and reason["taken"] not in few.note_seen
    assert reason["no_partner"] in known.note_seen and reason["few"] not in known.note_seen
    assert whole.table["role"].to_list() == ["event", "dip", "waiting", "sibling", "halo", "net"]
    assert whole.table.filter(pl.col("role").is_in(["sibling", "halo"]))["effect_milli"].null_count() == 2
    assert known.table.filter(pl.col("role") == "sibling")["effect_milli"].item() == -60_000
    for found in (whole, few, known):
        effects = dict(found.table.select("role", "effect_milli").iter_rows())
        assert sum(v or 0 for r, v in effects.items() if r != "net") == effects["net"]


def test_the_headline_blames_switching_only_where_it_was_estimated(words):
    with_loss = promotion_review.parts(event(), judged(sibling=-60), words=words).headline
    without = promotion_review.parts(event(), judged(), words=words).headline
    assert words("promotion.review.parts.loss.both") in with_loss
    assert words("promotion.review.parts.loss.both") not in without
