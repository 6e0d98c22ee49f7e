"""The promotion plan says what the forecast says: when the figures flip, the sentence flips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.pages.promotion_plan.findings import expenses, misses, refusal
from crmlib.pages.promotion_plan.findings import plan as plan_findings
from crmlib.pages.promotion_plan.findings import stores as store_findings
from crmlib.pages.promotion_plan.findings.what_if import grid
from crmlib.pages.shared.promotion_wording import depth_text
from crmlib.promotion.lift.baseline import Season
from crmlib.promotion.plan.forecast import Response, drafts, forecast, what_if
from crmlib.promotion.plan.planning import Draft, Plan
from tests.pages.promotions import FIRST, event
from tests.pages.wording import says

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
    good, bad = plan(), plan(cost=990)
    for say in (lambda p: plan_findings.answer(p, words=words).sentence, lambda p: grid(p, words=words).headline):
        assert say(good) != say(bad)
    assert plan_findings.drafts(bad, words=words).status == "fail"


def test_the_holdout_asks_for_no_more_stores_than_needed(words):
    found = store_findings.holdout(plan(), words=words)
    assert found.status == "ok" and "4" in found.headline


def test_every_finding_of_the_plan_has_words_and_a_picture(words):
    for make in (plan_findings.drafts, grid, store_findings.holdout, misses.check):
        found = make(plan(), words=words)
        assert found.chart is not None and found.note_do and found.note_sure
    assert plan_findings.clashes(plan(), words=words).status == "ok"
    assert store_findings.stock(plan(), words=words, service=0.95).table.height == 1


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
    fine = expenses.budget(table, accounts, words=words)
    over = table.with_columns(reserved_minor=pl.lit(80), left_minor=pl.lit(-30), over=pl.lit(value=True))
    assert (fine.status, expenses.budget(over, accounts, words=words).status) == ("ok", "fail")
    near = expenses.budget(table.with_columns(reserved_minor=pl.lit(45)), accounts, words=words)
    claims = expenses.budget(table, accounts.with_columns(over_cap_minor=pl.lit(7_00)), words=words)
    assert near.status == claims.status == "warn"
    assert words("promotion_plan.activity.festival") in near.headline
    assert words.format.money(7_00) in claims.headline
    assert len({c.note_do for c in (fine, near, claims)}) == 3
    assert words("promotion_plan.activity.festival") in expenses.budget(over, accounts, words=words).headline


def answers(**changes):
    row = {
        "mechanic": "rate",
        "depth_bp": 1500,
        "lift": 0.4,
        "low": 0.1,
        "high": 0.7,
        "base_milli": 1000,
        "events": 4,
        "few": False,
    }
    return pl.DataFrame([row, row | {"mechanic": "price", "lift": 0.9, **changes}])


def test_a_mechanic_with_few_events_is_not_called_the_best(words):
    best = plan_findings.response(answers(), words=words)
    few = plan_findings.response(answers(few=True), words=words)
    none = plan_findings.response(answers().with_columns(few=pl.lit(value=True)), words=words)
    assert words("promotion.mechanic.price") in best.headline and words("promotion.mechanic.rate") in few.headline
    assert (best.status, few.status, none.status) == ("none", "none", "warn")


def past(*net):
    rows = [event(promotion_id=f"p{i}", net_margin_minor=n) for i, n in enumerate(net)]
    return pl.DataFrame(rows, schema_overrides={"net_margin_minor": pl.Int64})


def test_lessons_are_good_only_where_most_like_events_earned(words):
    good, bad, loss = (plan_findings.lessons(past(*net), words=words) for net in ((5, 5, -1), (5, -1, -1), (-1, -1)))
    none = plan_findings.lessons(past(1).clear(), words=words)
    assert [found.status for found in (good, bad, loss, none)] == ["ok", "warn", "warn", "none"]
    assert len({found.headline for found in (good, bad, loss, none)}) == 4
    assert loss.note_do == bad.note_do != good.note_do


@pytest.mark.parametrize("code", ["out_of_season", "no_slot", "few_events", "none_judged", "no_base", "not_converged"])
def test_a_forecast_outside_its_support_is_a_refusal_in_words_without_a_figure(code, words):
    why = ModelError(f"promotion.{code}")
    got = refusal.refused(why, Draft("月饼礼盒", "rate", 1500, FIRST, 14), words=words)
    assert "月饼礼盒" in got.sentence and got.figures == ()
    assert "promotion." not in got.sentence


def elsewhere(*, price=3000, cost=600, ranges=None, depths=(500, 1500)):
    """A plan whose mechanic was tried within `ranges` only."""
    response = replace(RESPONSE, ranges=ranges or {"nth_unit": (5000, 5000)})
    money = {**MONEY, "price_minor": price, "cost_minor": cost}
    asked = {**money, "plan_id": "asked", "depth_bp": 1500, "base_milli": 900_000}
    scenario = {"days": 14, "products": 5, "stores": 9, "base_milli": 900_000, **prices(money)}
    return replace(
        plan(price, cost), drafts=drafts(asked, response=response), asked=forecast(pl.DataFrame([asked]), response),
        grid=what_if({"mechanic": "rate"}, pl.DataFrame([scenario]), depths_bp=list(depths), response=response),
        response=response,
    )  # fmt: skip


@pytest.mark.parametrize("cost", [600, 2990])
def test_depths_that_were_never_tried_are_neither_recommended_nor_coloured(cost, words):
    """Second pieces at half price were tried, percent off was not: whatever it seems to bring, it is no advice."""
    untried = elsewhere(cost=cost)
    got = plan_findings.answer(untried, words=words)
    assert says(words, "promotion_plan.answer.untried", got.sentence)
    assert got.figures[1].tone == "neutral"
    card, chart = plan_findings.drafts(untried, words=words), grid(untried, words=words)
    assert card.status == "warn"
    assert says(words, "promotion_plan.drafts.headline.untried", card.headline)
    assert chart.headline == words("promotion_plan.grid.headline.untried")
    calls = store_findings.stock(untried, words=words, service=0.95)
    assert calls.note.startswith(words("promotion_plan.stock.hold"))


def test_a_title_about_what_was_tried_names_the_range_and_marks_what_lies_beyond(words):
    """The shallowest depth loses least but was never tried: the title is not about it, and every place marks it."""
    found = elsewhere(price=1000, cost=900, ranges={"rate": (1500, 3000)})
    chart = grid(found, words=words)
    assert says(words, "promotion_plan.grid.headline.loss", chart.headline)
    least = found.grid.sort("extra_margin_minor").row(-1, named=True)
    assert least["extrapolated"] and least["depth_bp"] == 500
    assert depth_text(1500, words) in chart.headline and f" {depth_text(500, words)}" not in f" {chart.headline}"
    assert words.format.money(abs(least["extra_margin_minor"])) not in chart.headline
    remark = words("promotion_plan.remark")
    assert chart.view.as_raw_html().count(remark) == 1
    card = plan_findings.drafts(found, words=words)
    assert says(words, "promotion_plan.drafts.headline.loss", card.headline)
    assert words("promotion_plan.which.tried") in card.headline
    assert card.view.as_raw_html().count(remark) == 1
    marked = chart.chart.to_dict()["datasets"]
    assert [r["beyond"] for rows in marked.values() for r in rows if "beyond" in r].count(True) >= 1


def test_the_answer_and_its_tile_speak_of_the_same_draft(words):
    """−2,437 in the sentence over −3,620 in the tile: the sentence gives both, each with its draft."""
    found = plan(cost=990)
    got = plan_findings.answer(found, words=words)
    asked, best = found.asked["extra_margin_minor"].item(), found.drafts["extra_margin_minor"][0]
    assert asked < best < 0
    for amount, depth in ((asked, 1500), (best, found.drafts["depth_bp"][0])):
        assert words.format.money(-amount) in got.sentence and depth_text(depth, words) in got.sentence
    assert depth_text(1500, words) in got.figures[1].comparison
    assert (got.figures[1].value, got.figures[1].tone) == (words.format.money(asked), "bad")


@pytest.mark.parametrize(
    ("errors", "kind", "status"),
    [
        ([0.05] * 20 + [0.2, -0.2] * 3, "fine", "ok"),
        ([-0.2] * 21 + [0.2] * 8 + [0.0] * 15, "high", "warn"),
        ([0.2] * 21 + [-0.2] * 8 + [0.0] * 15, "low", "warn"),
        ([0.9, -0.9] * 10, "wide", "warn"),
    ],
)
def test_a_forecast_that_leans_to_one_side_is_never_called_fine(errors, kind, status, words):
    found = misses.check(replace(plan(), response=replace(RESPONSE, errors=tuple(errors))), words=words)
    assert says(words, f"promotion_plan.check.headline.{kind}", found.headline)
    assert (found.status, found.note_do) == (status, words(f"promotion_plan.check.do.{kind}"))
    assert found.table["events"].sum() == len(errors)


def test_the_stock_list_is_of_stores_that_need_some(words):
    stores = pl.DataFrame(
        {
            "store_id": ["a", "b", "c"], "city": ["c"] * 3, "name": ["一店", "二店", "三店"], "base_milli": [9, 90, 9],
            "stock_milli": [12, 120, 12], "on_hand_milli": [2, 200, None], "order_milli": [10, 0, None],
        }
    )  # fmt: skip
    paying = replace(plan(cost=0), stores=stores, on_hand=True)
    found = store_findings.stock(paying, words=words, service=0.95)
    assert found.table["store_id"].to_list() == ["a", "c"]
    assert says(words, "promotion_plan.stock.headline.send", found.headline)
    none = store_findings.stock(replace(paying, stores=stores[1:2]), words=words, service=0.95)
    assert none.table.is_empty() and says(words, "promotion_plan.stock.headline.enough", none.headline)
    assert not found.note.startswith(words("promotion_plan.stock.hold"))
    losing = store_findings.stock(replace(plan(cost=990), stores=stores, on_hand=True), words=words, service=0.95)
    assert losing.note.startswith(words("promotion_plan.stock.hold"))
