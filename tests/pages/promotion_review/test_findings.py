"""The promotion review says what the data say: when they flip, sentence and colour flip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from crmlib.pages.promotion_review.findings import books, next_time, review, shop_floor
from crmlib.pages.promotion_review.findings.review import verdict
from crmlib.promotion.books.ledger import ledger, returns
from crmlib.promotion.books.takers import GROUPS
from tests.pages.promotions import STORES, event


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
    found = review.answer(event(**changes), words=words)
    assert verdict(event(**changes)) == kind
    assert found.sentence.startswith("春节坚果")
    sentences = {review.answer(event(**c), words=words).sentence for c in ({}, changes)}
    assert len(sentences) == (1 if kind == "gain" else 2)


def test_a_loss_is_never_green(words):
    figures = {f.key.split(".")[0]: f for f in review.answer(event(net_margin_minor=-5, roi=-0.1), words=words).figures}
    assert figures["net"].tone == figures["roi"].tone == "bad"
    assert figures["discount"].tone == "bad"  # above its budget
    assert {f.key.split(".")[0]: f for f in review.answer(event(), words=words).figures}["net"].tone == "good"


def book(price_paid):
    parts = pl.DataFrame({"event_id": ["X"], "role": ["event"], "effect_milli": [50_000], "base_milli": [100_000]})
    money = pl.DataFrame({"event_id": ["X"], "price_minor": [1000], "paid_minor": [price_paid], "cost_minor": [600]})
    return ledger(parts, money)


def test_the_ledger_flips_from_earned_to_lost(words):
    good, bad = book(950), book(700)
    fine = books.money(event(roi=returns(good)["roi"][0]), good, words=words, missing={})
    poor = books.money(event(roi=returns(bad)["roi"][0]), bad, words=words, missing={"halo": "no_partner"})
    assert (fine.status, poor.status) == ("ok", "fail")
    assert fine.headline != poor.headline
    assert fine.table["amount_minor"].to_list() == good["amount_minor"].to_list()
    remarks = dict(poor.table.select("line", "remark").iter_rows())
    amounts = dict(poor.table.select("line", "amount_minor").iter_rows())
    assert amounts["halo"] is None and remarks["halo"] == words(
        "promotion_review.money.not_estimable", reason=words("promotion_review.parts.reason.no_partner")
    )
    assert amounts["gift"] is None and remarks["gift"] == words("promotion_review.money.not_connected")
    assert words("promotion_review.ledger.halo") in poor.note_sure


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
    most = books.takers(taken(regular=51, new_back=49), words=words)
    half = books.takers(taken(regular=50, new_back=50), words=words)
    none = books.takers(taken(), words=words)
    assert (most.status, half.status, none.status) == ("warn", "ok", "none")
    assert len({most.headline, half.headline, none.headline}) == 3


def test_without_partner_the_gap_is_absent_and_the_reason_is_said(words):
    found = books.slot(event(), None, None, reason="no_earlier_slot", words=words)
    assert found.chart is None and found.table.is_empty()
    assert words("promotion_review.slot.reason.no_earlier_slot") in found.headline


def test_the_gap_names_its_largest_cause(words):
    gap = pl.DataFrame({"cause": ["stores", "price"], "factor": [1.1, 0.8], "gap_minor": [100, -300]})
    found = books.slot(event(), event(name="去年"), gap, reason=None, words=words)
    assert words("promotion_review.cause.price") in found.headline


@pytest.mark.parametrize(
    ("states", "status"),
    [(["done", "done", "silent"], "ok"), (["done", "not_done", "silent"], "fail"), (["silent"] * 3, "none")],
)
def test_execution_is_judged_by_stores_with_sales_only(states, status, words):
    table = pl.DataFrame(
        {"store_id": ["a", "b", "c"], "lines": [5, 5, 0], "at_plan": [1.0, 0.5, None], "status": states}
    )
    found = shop_floor.execution(table, STORES, words=words)
    assert found.status == status
    assert "<b>" not in found.view.as_raw_html().replace("&lt;b&gt;", "")


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
    told = shop_floor.execution(table, STORES, words=words, orders=orders, out=out)
    assert "30" in told.note_seen and "48" in told.note_seen and "09:00" in told.note_seen
    assert told.table.select("mean_min", "max_min", "empty").row(0) == (30.0, 48.0, 1)
    assert told.note_do == words("promotion_review.execution.do.out")
    bare = shop_floor.execution(table, STORES, words=words)
    assert "48" not in bare.note_seen and "mean_min" not in bare.table.columns
    none = shop_floor.execution(table, STORES, words=words, out=out.clear())
    assert words("promotion_review.execution.none_out") in none.note_seen


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
    whole = review.parts(event(), judged(), words=words)
    few = review.parts(event(), judged(whole=False), words=words)
    known = review.parts(event(), judged(sibling=-60), words=words)
    reason = {r: words(f"promotion_review.parts.reason.{r}") for r in ("taken", "few", "no_partner")}
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
    with_loss = review.parts(event(), judged(sibling=-60), words=words).headline
    without = review.parts(event(), judged(), words=words).headline
    assert words("promotion_review.parts.loss.both") in with_loss
    assert words("promotion_review.parts.loss.both") not in without


@pytest.mark.parametrize(("against", "kind"), [("none", "weak"), ("least", "least")])
def test_a_gain_told_from_depth_and_time_alone_is_said_to_be_weaker_and_never_simply_repeated(against, kind, words):
    one = event(status="r7", engine="response", against=against, agrees=None, fires=None)
    assert verdict(one) == kind
    plain = review.answer(event(), words=words).sentence
    assert review.answer(one, words=words).sentence != plain
    advice = next_time.actions(pl.DataFrame([one]), words=words).table["advice"].item()
    assert advice == words("promotion_review.action.measure")
