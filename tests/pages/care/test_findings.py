"""The care page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.cases.care import DayPlan
from crmlib.cases.care_day import TASKS, Lot, account
from crmlib.pages.care.findings import kept, today
from tests.pages.wording import says

TODAY = date(2026, 11, 1)
PLAN = pl.DataFrame(
    {
        "person_id": list("abcd"), "customer_id": list("abcd"), "kind": ["birthday", "use_up", "points", "complaint"],
        "due_on": [TODAY, TODAY - timedelta(days=20), TODAY, TODAY], "reason": ["birthday", "p", "120", "9"],
        "owner_staff": ["G", "G", None, "G"], "value_minor": [100_00, 900_00, 5_00, None], "call_from": [540] * 4,
        "call_to": [1260] * 4, "state": ["open", "open", "not_fitted", "cancelled"],
    }
)  # fmt: skip
ROOM = pl.DataFrame({"staff_id": ["G"], "tasks_per_day": [12]})
EMPTY = account(pl.DataFrame(schema=TASKS), as_of=TODAY)


def done(late: int, n: int = 40):
    days = [TODAY - timedelta(days=5)] * n
    rows = pl.DataFrame(
        {"owner_staff": ["G"] * (n // 2) + ["H"] * (n - n // 2), "due_on": days,
         "done_at": [d + timedelta(days=int(i < late)) for i, d in enumerate(days)], "state": ["done"] * n}
    )  # fmt: skip
    return account(rows.with_columns(pl.col("done_at").cast(pl.Datetime)), as_of=TODAY)


def test_the_answer_says_whether_it_fits_and_whom_to_call_first(words):
    first = ["A", "B", "C", "D"]
    over = today.answer(PLAN.with_columns(owner_staff=pl.lit("G")), EMPTY, words=words, first=first)
    fits = today.answer(PLAN.filter(pl.col("state") == "open"), done(0), words=words, first=["A", "B"])
    none = today.answer(PLAN.clear(), EMPTY, words=words, first=[])
    assert says(words, "care.answer.over", over.sentence) and "B" in over.sentence
    assert says(words, "care.answer.fits", fits.sentence)
    nobody = today.answer(PLAN, EMPTY, words=words, first=first)
    assert says(words, "care.answer.nobody", nobody.sentence), "what nobody does is not what does not fit"
    assert says(words, "care.answer.none", none.sentence)
    assert [f.tone for f in over.figures[2:]] == ["bad", "neutral"]
    assert [f.tone for f in fits.figures[2:]] == ["good", "good"]
    assert today.answer(PLAN, done(20), words=words, first=["A", "B"]).figures[3].tone == "bad"


def test_long_overdue_tasks_are_amber(words):
    old = today.due(DayPlan(PLAN, 3), words=words, today=TODAY)
    fresh = today.due(DayPlan(PLAN.filter(pl.col("due_on") == TODAY), 0), words=words, today=TODAY)
    assert (old.status, fresh.status) == ("warn", "ok")
    assert old.table["care_tasks"].sum() == 3, "what is cancelled is not to be done"
    assert says(words, "care.due.headline.fresh", fresh.headline)


def test_tasks_of_nobody_are_red_too_many_amber_and_the_rest_green(words):
    names = {"G": "Li"}
    red = today.owners(PLAN, ROOM, names, words=words)
    over = PLAN.filter(pl.col("owner_staff").is_not_null()).with_columns(
        state=pl.when(pl.col("customer_id") == "a").then(pl.lit("not_fitted")).otherwise("state")
    )
    amber = today.owners(over, ROOM, names, words=words)
    green = today.owners(PLAN.filter(pl.col("owner_staff").is_not_null()), ROOM, names, words=words)
    assert [f.status for f in (red, amber, green)] == ["fail", "warn", "ok"]
    assert words("care.nobody") in red.table["owner"].to_list()
    left = today.owners(
        PLAN.with_columns(owner_staff=pl.lit("X")).with_columns(state=pl.lit("not_fitted")), ROOM, {}, words=words
    )
    assert left.table["owner"].to_list() == [words("page.has_left", name="X")]


@pytest.mark.parametrize(("late", "kind", "status"), [(0, "kept", "ok"), (4, "kept", "ok"), (6, "late", "warn")])
def test_more_than_a_tenth_late_is_amber(words, late, kind, status):
    found = kept.account(done(late), {}, words=words)
    assert (found.status, says(words, f"care.account.headline.{kind}", found.headline)) == (status, True)
    sums = found.table.select(pl.col("care_due", "care_in_time", "care_late", "care_open", "care_cancelled").sum()).row(
        0
    )
    assert sums[0] == sum(sums[1:])


def test_an_adviser_is_named_only_beyond_chance(words):
    names = {"G": "Li", "H": "Wu"}
    assert "Li" in kept.account(done(18), names, words=words).note_do
    assert "Li" not in kept.account(done(5), names, words=words).note_do
    both = pl.concat(
        [
            done(6).filter(pl.col("owner_staff") == "G"),
            done(6).filter(pl.col("owner_staff") == "G").with_columns(owner_staff=pl.lit("H")),
        ]
    )
    assert says(words, "care.account.do.late", kept.account(both, names, words=words).note_do)


@pytest.mark.parametrize(
    ("lot", "kind", "status"),
    [
        (Lot(100, 60, 100, 20, 0.2, 0.5), "helps", "ok"), (Lot(100, 20, 100, 60, -0.5, -0.2), "harms", "fail"),
        (Lot(100, 30, 100, 30, -0.1, 0.1), "unclear", "none"), (Lot(9, 3, 9, 3, None, None), "few", "none"),
        (Lot(9, 3, 0, 0, None, None), "none", "none"),
    ],
)  # fmt: skip
def test_an_effect_is_told_only_by_lot_and_beyond_chance(words, lot, kind, status):
    found = kept.lot(lot, words=words)
    assert (found.status, says(words, f"care.lot.headline.{kind}", found.headline)) == (status, True)


def test_more_worse_than_better_is_amber(words):
    rows = pl.DataFrame(
        {
            "product_id": ["p"] * 4,
            "effect": ["better", "worse", "worse", None],
            "suggestion": [None, "less salt", None, "x"],
        }
    )
    bad = kept.effects(rows, {"p": "Floss"}, words=words)
    good = kept.effects(rows.with_columns(effect=pl.lit("better")), {"p": "Floss"}, words=words)
    assert (bad.status, good.status) == ("warn", "ok")
    assert "Floss" in bad.note_do and "less salt" in bad.note_seen


def test_impossible_birthdays_are_amber_and_the_counts_add_up(words):
    counts = {"kept": 90, "placeholder": 5, "impossible": 2, "missing": 3}
    bad, good = kept.birthdays(counts, words=words), kept.birthdays(counts | {"impossible": 0}, words=words)
    assert (bad.status, good.status) == ("warn", "ok")
    assert bad.table["customers"].sum() == 100


def test_the_list_holds_what_fits_by_value_with_hours_and_a_reason_in_words(words):
    rows = today.chosen(PLAN, capacity=50)
    made = today.listed(
        rows,
        PLAN,
        words=words,
        pseudonyms=["B", "A"],
        forms=["", ""],
        names={"G": "Li"},
        goods={"p": "Floss"},
        today=TODAY,
    )
    assert made.table["customer"].to_list() == ["B", "A"]
    assert "Floss" in made.table["reason"][0]
    assert words.format.count(20) in made.table["reason"][0]
    assert made.table["call_hours"].unique().to_list() == [words("care.hours", start="9:00", end="21:00")]
    assert says(words, "care.actions.headline.all", made.headline)
    few = today.listed(rows.head(1), PLAN, words=words, pseudonyms=["B"], forms=[""], names={}, goods={}, today=TODAY)
    assert says(words, "care.actions.headline.capped", few.headline)
