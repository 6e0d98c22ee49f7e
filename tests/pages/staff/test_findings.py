"""The staff page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.cases import staff
from crmlib.pages.staff.findings import done, left
from tests.pages.wording import says

AS_OF = date(2026, 10, 15)
OCTOBER = (date(2026, 10, 1), date(2026, 10, 30))
NAMES = {"a": "Li", "b": "Wu", "gone": "Yu"}
LOST = pl.DataFrame(
    [("deal", "d1", "gone", "E", 900_00, "a"), ("task", "t1", "gone", "E", 0, None)],
    schema=["kind", "thing_id", "owner_staff", "region", "value_minor", "new_owner"], orient="row",
)  # fmt: skip


def sheet(a=10_000, b=2_000):
    rows = [("a", "calls", 9, 0, 10, a, 10_000, a), ("b", "calls", 2, -1, 10, b, 10_000, b)]
    columns = ["staff_id", "figure_id", "counted", "corrected", "target", "reached_bp", "weight_bp", "points_bp"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.mark.parametrize(
    ("kind", "rows", "lost", "person"),
    [
        ("left", sheet(), LOST, None), ("fine", sheet(), LOST.clear(), None), ("no_sheet", None, LOST.clear(), None),
        ("own", sheet().head(1), LOST, "a"), ("no_targets", sheet().clear(), LOST, "a"),
    ],
)  # fmt: skip
def test_the_answer_is_the_heads_or_ones_own(words, kind, rows, lost, person):
    said = done.answer(rows, lost, words=words, names=NAMES, person=person, figures={"calls": "Calls"})
    assert says(words, f"staff.answer.{kind}", said.sentence)
    assert said.figures[1].tone == ("bad" if lost.height else "good")
    if kind == "own":
        assert "Li" in said.sentence and "Calls" in said.sentence


def test_anything_of_somebody_gone_is_red_and_the_sums_are_those_of_the_leavers(words):
    red, green = (left.handover(rows, NAMES, words=words) for rows in (LOST, LOST.clear()))
    assert (red.status, green.status) == ("fail", "ok")
    assert says(words, "staff.handover.headline.unplaced", red.headline)
    placed = left.handover(LOST.with_columns(new_owner=pl.lit("a")), NAMES, words=words)
    assert says(words, "staff.handover.headline.open", placed.headline)
    assert red.table["things"].sum() == LOST.height
    assert red.table["things_minor"].sum() == LOST["value_minor"].sum()


def test_the_hand_over_list_names_old_and_new_owner_and_who_is_missing(words):
    made = left.listed(LOST, {"d1": "Deal"}, NAMES, words=words, as_of=AS_OF, capacity=9)
    assert made.table["thing"].to_list() == ["Deal", "t1"]
    assert made.table["owner"].to_list() == ["Li", words("staff.nobody")]
    assert made.table["suggestion"].to_list() == [words("staff.advice.deal"), words("staff.advice.hire")]
    dead = LOST.head(1).with_columns(value_minor=pl.lit(0, dtype=pl.Int64))
    shut = left.listed(dead, {}, NAMES, words=words, as_of=AS_OF, capacity=9)
    assert shut.table["suggestion"].to_list() == [words("staff.advice.dead")], "a deal that brings nothing is closed"
    assert says(
        words,
        "staff.actions.headline.capped",
        left.listed(LOST, {}, NAMES, words=words, as_of=AS_OF, capacity=1).headline,
    )
    assert says(
        words,
        "staff.actions.headline.none",
        left.listed(LOST.clear(), {}, NAMES, words=words, as_of=AS_OF, capacity=1).headline,
    )


def test_behind_the_pace_is_judged_by_the_days_gone(words):
    made = done.sheets(sheet(), NAMES, {"calls": "Calls"}, words=words, person=None, period=OCTOBER, as_of=AS_OF)
    assert says(words, "staff.sheets.headline.below", made.headline), "20 of 100 after half the month is behind"
    fine = done.sheets(sheet(b=5_100), NAMES, {}, words=words, person=None, period=OCTOBER, as_of=AS_OF)
    assert says(words, "staff.sheets.headline.reached", fine.headline)
    assert made.table["points_bp"].sum() == 12_000
    own = done.sheets(sheet().head(1), NAMES, {}, words=words, person="a", period=OCTOBER, as_of=AS_OF)
    assert says(words, "staff.sheets.headline.own", own.headline)
    none = done.sheets(sheet().clear(), NAMES, {}, words=words, person=None, period=None, as_of=AS_OF)
    assert says(words, "staff.sheets.headline.none", none.headline)


@pytest.mark.parametrize(
    ("gap", "late", "kind", "status"), [(2, 0, "apart", "warn"), (0, 3, "late", "warn"), (0, 0, "agrees", "ok")]
)
def test_a_typed_figure_that_differs_is_amber_and_shown_with_both(words, gap, late, kind, status):
    rows = pl.DataFrame(
        {"staff_id": ["a"], "kind": ["week"], "period_start": [AS_OF], "period_end": [AS_OF], "figure_id": ["calls"],
         "value": [5 + gap], "counted": [5], "late_rows": [late], "gap": [gap]}
    )  # fmt: skip
    found = done.reports(rows, ["b"], NAMES, {"calls": "Calls"}, words=words, kind="week")
    assert (found.status, says(words, f"staff.reports.headline.{kind}", found.headline)) == (status, True)
    assert "Wu" in found.note_seen
    if gap:
        assert all(text in found.headline for text in ("7", "5", "Calls", "Li"))


def test_low_coverage_is_amber(words):
    rows = pl.DataFrame({"staff_id": ["a", "b"], "owned": [10, 10], "covered": [1, 2], "share": [0.1, 0.2]})
    low = done.coverage(rows, NAMES, words=words)
    some = done.coverage(rows.with_columns(covered=pl.lit(5), share=pl.lit(0.5)), NAMES, words=words)
    assert (low.status, some.status) == ("warn", "ok")
    assert "Li" in low.note_do


def test_more_tasks_than_time_is_amber_and_so_is_nobody_on_the_roster(words):
    rows = pl.DataFrame({"staff_id": ["a"], "due_minutes": [90], "rostered_minutes": [60], "load": [1.5]})
    assert done.load(rows, NAMES, words=words, minutes=15).status == "warn"
    assert (
        done.load(rows.with_columns(load=pl.lit(None, dtype=pl.Float64)), NAMES, words=words, minutes=15).status
        == "warn"
    )
    assert done.load(rows.with_columns(load=pl.lit(0.5)), NAMES, words=words, minutes=15).status == "ok"


def test_nobody_is_named_inside_chance_and_whoever_is_beyond_it_is(words):
    even = pl.DataFrame({"staff_id": list("abc"), "hits": [60, 62, 58], "trials": [100] * 3})
    odd = pl.DataFrame({"staff_id": list("abc"), "hits": [60, 62, 15], "trials": [100] * 3})
    few = pl.DataFrame({"staff_id": list("ab"), "hits": [10, 1], "trials": [12, 12]})
    for rows, kind in ((even, "chance"), (odd, "beyond"), (few, "few"), (even.head(1), "none")):
        found = done.compared(staff.compare(rows), NAMES | {"c": "Xu"}, words=words, person=None)
        assert says(words, f"staff.compared.headline.{kind}", found.headline), kind
    named = done.compared(staff.compare(odd), NAMES | {"c": "Xu"}, words=words, person=None)
    assert "Xu" in named.headline and "Li" not in named.headline
    own = done.compared(staff.compare(odd), NAMES, words=words, person="a")
    assert own.table["person"].to_list() == ["Li"], "a person sees the own row"
