"""The promotion watch says what the data say: when the pace flips, the sentence flips."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl

from crmlib.pages.promotion_watch.findings import watch as watch_findings
from crmlib.promotion.watch.running import Running
from crmlib.promotion.watch.watch import alarms, track
from tests.pages.promotions import FIRST, STORES, event


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
    short, fine = (watch_findings.shelves(shelved(s), STORES, words=words) for s in (1000, 9000))
    assert (short.status, fine.status) == ("fail", "ok")
    assert short.headline != fine.headline
    over = watch_findings.shelves(shelved(1000, as_of=FIRST + timedelta(days=9)), STORES, words=words)
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


def test_nobody_is_called_about_a_promotion_that_is_over(words):
    going, over = (
        watch_findings.actions(replace(run(2000), as_of=FIRST + timedelta(days=d)), STORES, words=words)
        for d in (9, 10)
    )
    assert going.headline == words("promotion_watch.call.headline.some", all="3", shown="3")
    assert over.headline == words("promotion_watch.call.headline.over", all="3", shown="3")
    assert over.table.equals(going.table)
