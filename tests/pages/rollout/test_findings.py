"""The acceptance page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.cases.accept import compare
from crmlib.cases.old_rules import by_scope
from crmlib.pages.rollout.findings import figures, plan
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
KEY = {"figure_id": "net_sales", "scope": "north", "period": "2026-09"}
STEPS = pl.DataFrame(
    {"step_id": ["a", "b"], "title": ["Contract", None], "phase": ["plan", "set_up"], "region": ["north", None],
     "owner": ["IT", "HR"], "due_on": [date(2026, 9, 1), date(2026, 10, 20)], "done_on": [date(2026, 9, 1), None],
     "evidence": ["signed", None], "blocking": [True, True], "late_days": [60, 11]}
)  # fmt: skip
OPEN = STEPS.filter(pl.col("done_on").is_null())


def against(new, *, explained=0, scope="north"):
    key = KEY | {"scope": scope}
    old = pl.DataFrame([key | {"value": 10_000, "definition": "net"}])
    why = pl.DataFrame([key | {"reason": "timing", "amount": explained}])
    return compare(old, pl.DataFrame([key | {"value": new}]), why)


FINE, BAD = against(12_000, explained=2_000), against(12_000, explained=500)


@pytest.mark.parametrize(
    ("kind", "found", "blocking"),
    [("go", FINE, OPEN.clear()), ("steps", FINE, OPEN), ("figures", BAD, OPEN.clear()), ("both", BAD, OPEN)],
)
def test_it_is_a_go_only_with_every_figure_explained_and_no_step_open(words, kind, found, blocking):
    said = plan.answer(STEPS, blocking, found, words=words)
    assert says(words, f"rollout.answer.{kind}", said.sentence)
    assert said.figures[0].amount == (0 if found is FINE else 1_500)
    assert (said.figures[3].tone == "bad") == bool(blocking.height)


def test_an_overdue_blocking_step_is_red(words):
    late, fine = (plan.steps(STEPS, blocking, words=words) for blocking in (OPEN, OPEN.clear()))
    assert (late.status, fine.status) == ("fail", "ok")
    assert "HR" in late.note_do
    assert late.table["steps_n"].sum() == STEPS.height


def test_the_pilot_says_the_headline(words):
    rows = pl.concat(
        [by_scope(against(12_000, explained=2_000), first=[]), by_scope(against(1, scope="south"), first=[])]
    )
    ready, stuck = (figures.pilot(rows, [region], words=words) for region in ("north", "south"))
    assert (ready.status, stuck.status) == ("ok", "fail")
    assert says(words, "rollout.pilot.headline.ready", ready.headline)
    assert "south" in stuck.headline
    assert says(words, "rollout.pilot.headline.alone", figures.pilot(rows, ["east"], words=words).headline)


@pytest.mark.parametrize(("found", "kind", "status"), [(FINE, "explained", "ok"), (BAD, "open", "fail")])
def test_the_parts_sum_to_the_difference(words, found, kind, status):
    made = figures.split(found, words=words)
    assert made.status == status
    assert says(words, f"rollout.split.headline.{kind}", made.headline)
    assert made.table["amount_minor"].sum() == 2_000
    lines = figures.lines(found, words=words)
    assert (lines.status, lines.table.height) == (status, 1)


def test_the_list_has_steps_then_figures_each_with_an_owner(words):
    made = plan.listed(OPEN, BAD, words=words, as_of=AS_OF)
    assert made.table["owner"].to_list() == ["HR", words("rollout.keeper")]
    assert figures.yuan(1_500, words) in made.table["reason"][1]
    assert words.format.month(date(2026, 9, 1)) in made.table["rollout_item"][1]
    none = plan.listed(OPEN.clear(), FINE, words=words, as_of=AS_OF)
    assert says(words, "rollout.actions.headline.none", none.headline)


def test_a_figure_of_the_old_reports_only_is_named_as_such(words):
    only = compare(
        pl.DataFrame([KEY | {"value": 5, "definition": "net"}]), pl.DataFrame([KEY | {"value": 5}]).clear(),
        pl.DataFrame([KEY | {"reason": "timing", "amount": 0}]).clear(),
    )  # fmt: skip
    made = plan.listed(OPEN.clear(), only, words=words, as_of=AS_OF)
    assert made.table["reason"].to_list() == [words("rollout.reason.only_old")]
    assert figures.split(only, words=words).status == "none"
