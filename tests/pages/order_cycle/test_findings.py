"""The order cycle page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.cases.cycle import Cycle, CycleTest
from crmlib.core.renewal import Renewal
from crmlib.pages.order_cycle.findings import calls, rhythm
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
BUYERS = pl.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "last_on": [AS_OF - timedelta(days=d) for d in (70, 10, 300, 60)],
        "n": [9, 9, 9, 9], "p_30": [0.6, 0.9, 0.0, 0.5], "p_90": [0.7, 1.0, 0.1, 0.6],
        "stopped": [0.3, 0.01, 0.98, 0.45], "usual_gap": [20.0, 21.0, 20.0, 30.0],
        "state": ["late", "on_time", "stopped", "late"], "cycle_days": [21, 21, 21, 14],
        "agreed_on": [AS_OF] * 4, "agreed_late": [49, 0, 279, 46], "margin_minor": [50_000, 90_000, 10_000, None],
        "buyer": ["A", "B", "C", "D"], "region": ["E"] * 4, "owner": ["Li", "Li", "Li", "Wu"],
        "gone": [False, False, False, True],
    }
)  # fmt: skip
SAID = Cycle(BUYERS, 5, Renewal(2.0, 1.0, 20.0, 1.0, 9.0, 9))
ROWS = pl.DataFrame({"customer_id": [str(i) for i in range(50)], "p": [0.5] * 50, "y": [1.0, 0.0] * 25})
TEST = CycleTest(50, 25.0, 25, 0.25, ok=True, rows=ROWS)
MISSED = replace(TEST, ordered=40, ok=False)
CALLS = BUYERS.filter(pl.col("state") == "late")


def test_the_answer_names_the_first_to_call_and_is_calm_without_late_ones(words):
    late = rhythm.answer(SAID, CALLS, 20, TEST, words=words)
    fine = rhythm.answer(SAID, CALLS.clear(), 20, TEST, words=words)
    assert says(words, "order_cycle.answer.late", late.sentence)
    assert "A" in late.sentence
    assert says(words, "order_cycle.answer.fine", fine.sentence)
    assert [f.tone for f in (late.figures[1], fine.figures[1])] == ["bad", "good"]
    assert [f.tone for f in (late.figures[3], rhythm.answer(SAID, CALLS, 20, MISSED, words=words).figures[3])] == [
        "good",
        "bad",
    ]


def test_too_small_a_slot_of_last_year_is_not_compared_with(words):
    assert words("order_cycle.beside_slot", slot="3") not in rhythm.answer(SAID, CALLS, 3, TEST, words=words).sentence


@pytest.mark.parametrize(("slot", "kind"), [(3, "alone"), (30, "like"), (100, "fewer"), (11, "more")])
def test_more_or_fewer_than_last_year_is_said_beyond_chance_only(words, slot, kind):
    many = replace(SAID, buyers=pl.concat([BUYERS.with_columns(p_30=pl.lit(0.9))] * 8)) if kind == "more" else replace(
        SAID, buyers=pl.concat([BUYERS] * 12)
    )  # fmt: skip
    rows = pl.DataFrame({"first_on": [AS_OF], "last_on": [AS_OF], "expected": [float(many.buyers["p_30"].sum())]})
    found = rhythm.spans(rows, many, slot, TEST, words=words)
    assert says(words, f"order_cycle.spans.headline.{kind}", found.headline)
    assert found.status == {"alone": "none", "fewer": "warn"}.get(kind, "ok")
    assert rhythm.spans(rows, many, slot, MISSED, words=words).status == "warn"


def test_late_ones_are_amber_and_nobody_late_is_green(words):
    late, fine = (rhythm.states(b, 5, words=words) for b in (BUYERS, BUYERS.filter(pl.col("state") == "on_time")))
    assert (late.status, fine.status) == ("warn", "ok")
    assert late.table["buyers"].sum() == BUYERS.height
    assert dict(late.table.select("cycle_state", "buyers").iter_rows())["late"] == 2
    assert says(words, "order_cycle.states.headline.fine", fine.headline)


def test_an_agreement_nobody_keeps_is_named_and_who_stopped_is_left_out(words):
    found = rhythm.agreed(BUYERS, words=words)
    assert says(words, "order_cycle.agreed.headline.off", found.headline)
    assert found.table["buyer"].to_list() == ["D", "A", "B"]
    kept = rhythm.agreed(BUYERS.filter(pl.col("cycle_days") == 21), words=words)
    assert says(words, "order_cycle.agreed.headline.kept", kept.headline)
    assert says(
        words, "order_cycle.agreed.headline.none", rhythm.agreed(BUYERS.drop("cycle_days"), words=words).headline
    )


def test_late_buyers_of_somebody_who_left_are_red(words):
    bad = calls.owners(CALLS, words=words)
    good = calls.owners(CALLS.filter(~pl.col("gone")), words=words)
    assert (bad.status, good.status) == ("fail", "ok")
    assert words("page.has_left", name="Wu") in bad.table["owner"].to_list()
    assert bad.table["buyers"].sum() == CALLS.height
    assert calls.owners(CALLS.clear(), words=words).status == "ok"


def test_the_list_has_one_line_a_buyer_with_owner_and_day(words):
    made = calls.listed(CALLS, words=words, as_of=AS_OF, capacity=1)
    assert made.table.height == 1
    assert says(words, "order_cycle.actions.headline.capped", made.headline)
    every = calls.listed(CALLS, words=words, as_of=AS_OF, capacity=9)
    assert every.table["owner"].null_count() == 0
    assert every.table["due_on"].min() > AS_OF
    assert every.table["suggestion"].to_list() == [words("order_cycle.advice.call"), words("order_cycle.advice.owner")]


def test_a_forecast_that_missed_is_amber_with_both_sums(words):
    held, missed = (rhythm.check(t, words=words) for t in (TEST, MISSED))
    assert (held.status, missed.status) == ("ok", "warn")
    assert "40" in missed.note_seen and "25" in missed.note_seen
    assert says(words, "order_cycle.check.headline.missed", missed.headline)
    assert held.table["buyers"].sum() == TEST.buyers
