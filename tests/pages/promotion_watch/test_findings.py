"""The promotion watch says what the data say: when the pace flips, the sentence flips."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from crmlib.pages.promotion_watch.findings import watch as watch_findings
from crmlib.promotion.watch.running import Running
from crmlib.promotion.watch.watch import alarms, track
from tests.pages.promotions import FIRST, STORES, event
from tests.pages.wording import says


def run(per_day, *, margin=0.3, siblings=1.0, budget=10_000, days=6, plan=100_000):
    """A promotion of ten days after `days` of them; siblings below 1 have surely lost sales."""
    as_of = FIRST + timedelta(days=days - 1)
    sold = min(days, 10)
    actual = pl.DataFrame({"day": [FIRST + timedelta(days=i) for i in range(sold)], "quantity_milli": [per_day] * sold})
    daily = track(
        actual,
        plan_milli=plan,
        low_milli=plan * 7 // 10,
        high_milli=plan * 13 // 10,
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
    stores = stores.with_columns(behind=pl.col("share") < 0.7)
    sure = siblings < 1
    told = siblings if sure else None
    found = alarms(daily, as_of=as_of, margin_rate=margin, plan_margin_rate=0.3, sibling_ratio=told)
    money = (5000, 9000, budget)
    return Running(
        event(), as_of, daily, stores, found, None, margin, 0.3, siblings, *money, "stores", sibling_sure=sure
    )


def shelved(stock, *, days=6):
    shelves = pl.DataFrame(
        {"store_id": ["a", "b"], "stock_milli": [stock, 90_000], "per_day_milli": [1000, 1000], "empty": [0, 0]},
        schema_overrides={"empty": pl.UInt32},
    )
    return replace(run(10_000, days=days), shelves=shelves)


def test_stock_is_short_only_while_the_event_still_runs(words):
    short, fine = (watch_findings.shelves(shelved(s), STORES, words=words) for s in (1000, 9000))
    assert (short.status, fine.status) == ("fail", "ok")
    assert short.headline != fine.headline
    over = watch_findings.shelves(shelved(1000, days=10), STORES, words=words)
    assert over.status == "none" and over.chart is not None
    never = replace(run(10_000), shelves=shelved(1).shelves.clear())
    assert watch_findings.shelves(never, STORES, words=words).status == "none"


def test_the_watch_flips_with_the_pace(words):
    slow, fair, fast = (watch_findings.answer(run(p), words=words) for p in (5000, 10_000, 16_000))
    assert len({slow.sentence, fair.sentence, fast.sentence}) == 3
    assert [watch_findings.band(run(p), words=words).status for p in (5000, 10_000, 16_000)] == ["fail", "ok", "warn"]


def test_an_overspend_is_shown_before_it_happens(words):
    assert watch_findings.spending(run(10_000), words=words).status == "ok"
    assert watch_findings.spending(run(10_000, budget=8000), words=words).status == "fail"
    assert watch_findings.spending(run(10_000, budget=None), words=words).status == "none"


def test_margin_and_siblings_raise_their_own_words(words):
    heads = {
        watch_findings.margin(run(10_000, margin=m, siblings=s), words=words).headline
        for m in (0.3, 0.1)
        for s in (1.0, 0.5)
    }
    assert len(heads) == 4


def test_the_call_list_puts_the_largest_gap_first_and_gives_each_its_reason(words):
    found = watch_findings.actions(run(2000), STORES, words=words)
    assert found.table["gap_milli"].is_sorted(descending=True)
    assert found.table["reason"].n_unique() == found.table.height == 3


def test_the_alarms_say_what_they_are_about(words):
    quiet, loud = (watch_findings.answer(run(p, margin=m), words=words) for p, m in ((10_000, 0.3), (5000, 0.1)))
    assert quiet.figures[-1].comparison == words("promotion_watch.figure.alarms_none")
    both = words("promotion.join").join(words(f"promotion_watch.alarm.{kind}") for kind in ("band", "margin"))
    assert loud.figures[-1].comparison == both


URGENT = {
    "zh": ("今天", "现在", "限购", "先打", "补货", "照此收官"),
    "en": ("today", "now,", "call those", "limit units", "send or move"),
}


@pytest.mark.parametrize("days", [10, 14])
@pytest.mark.parametrize("per_day", [2_000, 10_000, 16_000])
def test_nothing_is_urgent_about_a_promotion_that_is_over(days, per_day, words):
    """From its last day on: no card tells anybody to limit units or call, whatever the figures."""

    def told(run_):
        whole = replace(run_, shelves=shelved(1000).shelves)
        cards = [watch_findings.band, watch_findings.margin, watch_findings.spending]
        found = [make(whole, words=words) for make in cards]
        found += [make(whole, STORES, words=words) for make in (watch_findings.stores, watch_findings.shelves)]
        answer, calls = watch_findings.answer(whole, words=words), watch_findings.actions(whole, STORES, words=words)
        text = [answer.sentence, calls.headline, *(f.label for f in answer.figures)]
        return " ".join([*text, *(t for c in found for t in (c.headline, c.note_seen, c.note_do))]).lower()

    over = told(run(per_day, margin=0.1, siblings=0.5, budget=8000, days=days))
    assert not [word for word in URGENT[words.language] if word in over]
    going = told(run(per_day, margin=0.1, siblings=0.5, budget=8000, days=6))
    assert [word for word in URGENT[words.language] if word in going]


def test_who_fell_behind_is_listed_for_the_next_time(words):
    going, over = (watch_findings.actions(run(2000, days=d), STORES, words=words) for d in (9, 10))
    assert going.headline == words("promotion_watch.call.headline.some", all="3", shown="3")
    assert over.headline == words("promotion_watch.call.headline.over", all="3", shown="3")
    assert going.note != over.note and over.table.equals(going.table)
    none = replace(
        run(2000, days=10), stores=run(2000).stores.with_columns(behind=pl.lit(value=False), status=pl.lit("done"))
    )
    assert watch_findings.actions(none, STORES, words=words).headline == words(
        "promotion_watch.call.headline.over_none"
    )


@pytest.mark.parametrize("days", [6, 10])
@pytest.mark.parametrize(
    ("per_day", "place", "colours"),
    [(2_000, "behind", ("bad", "fail")), (10_000, "on_plan", ("good", "ok")), (16_000, "ahead", ("neutral", "warn"))],
)
def test_sentence_tile_and_band_say_the_same_of_the_end(days, per_day, place, colours, words):
    found = run(per_day, days=days)
    answer, card = watch_findings.answer(found, words=words), watch_findings.band(found, words=words)
    where = words(f"promotion_watch.place.{place}")
    assert where in answer.sentence and answer.figures[1].comparison == where
    assert (answer.figures[1].tone, card.status) == colours


@pytest.mark.parametrize("days", [6, 10])
def test_without_a_plan_there_is_no_share_of_it_and_no_colour(days, words):
    found = run(9_000, days=days, plan=0)
    answer, card = watch_findings.answer(found, words=words), watch_findings.band(found, words=words)
    assert "%" not in answer.sentence and answer.figures[1].amount is None
    assert (answer.figures[1].tone, card.status) == ("neutral", "none")


def test_siblings_are_said_to_have_lost_sales_only_where_that_is_sure(words):
    sure, unsure, held = (
        watch_findings.margin(replace(run(10_000), sibling_ratio=r, sibling_sure=s), words=words)
        for r, s in ((0.7, True), (0.7, False), (1.2, False))
    )
    assert [c.status for c in (sure, unsure, held)] == ["warn", "ok", "ok"]
    assert says(words, "promotion_watch.margin.headline.eaten", sure.headline)
    assert says(words, "promotion_watch.margin.headline.fine", unsure.headline)
    assert len({c.note_seen for c in (sure, unsure, held)}) == 3


def test_stock_on_hand_is_called_that_and_a_slow_seller_is_not_said_to_sell_nothing(words):
    slow = replace(shelved(7_000), shelves=shelved(7_000).shelves.with_columns(per_day_milli=pl.lit(430)))
    found = watch_findings.shelves(slow, STORES, words=words)
    assert found.table["sold_a_day"].to_list() == [0.43, 0.43]
    html = found.view.as_raw_html()
    assert words.column("on_hand_milli") in html and words.column("stock_milli") not in html
    assert ">0.4<" in html and ">16.3<" in html


def test_the_share_of_the_budget_is_of_the_sum_it_stands_beside_or_says_which(words):
    cases = ((6, 10_000), (10, 10_000), (6, None))
    going, over, none = (watch_findings.answer(run(10_000, days=d, budget=b), words=words) for d, b in cases)
    share = {k: words.format.share(v / 10_000, digits=0) for k, v in (("now", 5000), ("end", 9000))}
    assert share["end"] in going.figures[2].comparison and going.figures[2].comparison[:2] != share["end"][:2]
    assert share["now"] in over.figures[2].comparison
    assert words.format.money(9000) in none.figures[2].comparison
