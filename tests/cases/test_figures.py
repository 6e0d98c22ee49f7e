"""Figures are counted from rows by a named query; typed ones stand beside them, over the same days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crmlib.cases import figures
from crmlib.core.errors import ModelError

AT = datetime(2026, 10, 20, 9, tzinfo=UTC)
CONTACTS = pl.DataFrame(
    {
        "staff_id": ["a", "a", "a", None], "at": [AT, AT + timedelta(days=1), AT, AT], "amount_minor": [5, 7, 9, 1],
        "known_at": [AT, AT + timedelta(days=3), AT, AT], "outcome": ["reached", "reached", "declined", "reached"],
    }
)  # fmt: skip


def defs(where="outcome=reached", unit="rows", table="contacts"):
    return pl.DataFrame({"figure_id": ["f"], "table": [table], "where": [where], "unit": [unit]})


def test_a_figure_counts_the_rows_of_its_condition_and_notes_what_was_booked_late():
    made = figures.facts(defs(), {"contacts": CONTACTS})
    assert made.height == 2, "a row of nobody counts for nobody"
    one = figures.actuals(made, first=date(2026, 10, 20), last=date(2026, 10, 31)).row(0, named=True)
    assert (one["actual"], one["late_rows"]) == (2, 1)
    assert figures.actuals(made, first=date(2026, 10, 21), last=date(2026, 10, 31))["actual"].to_list() == [1]


def test_a_unit_of_money_adds_and_a_table_that_is_not_there_gives_no_rows():
    made = figures.facts(defs(where=None, unit="minor"), {"contacts": CONTACTS})
    assert made["amount"].sum() == 21
    assert figures.facts(defs(table="tickets"), {"contacts": CONTACTS}).is_empty()


@pytest.mark.parametrize(("where", "unit", "asked"), [("mood=good", "rows", "mood"), (None, "hours", "hours")])
def test_a_figure_that_cannot_be_counted_is_refused_by_name(where, unit, asked):
    with pytest.raises(ModelError, match=asked) as refused:
        figures.facts(defs(where=where, unit=unit), {"contacts": CONTACTS})
    assert refused.value.code == "cases.bad_figure"


def test_typed_figures_are_compared_with_the_rows_of_their_own_days():
    reports = pl.DataFrame(
        {"staff_id": ["a", "b"], "kind": ["week"] * 2, "period_start": [date(2026, 10, 19)] * 2,
         "period_end": [date(2026, 10, 20), date(2026, 10, 25)], "typed": [["f=3", "g=x"], ["f= 2"]]}
    )  # fmt: skip
    told = figures.typed(reports)
    assert told.select("staff_id", "figure_id", "value").rows() == [("a", "f", 3), ("b", "f", 2)]
    rows = figures.beside(figures.facts(defs(), {"contacts": CONTACTS}), told)
    assert rows.select("staff_id", "counted", "gap").rows() == [("a", 1, 2), ("b", 0, 2)]


def test_the_newest_valid_version_holds_role_by_role():
    rules = pl.DataFrame(
        {"role": ["a", "a", "a", "b"], "figure_id": ["f", "f", "g", "f"], "version": [1, 2, 2, 1],
         "valid_from": [date(2026, 1, 1), date(2026, 6, 1), date(2026, 6, 1), date(2026, 1, 1)]}
    )  # fmt: skip
    assert figures.current(rules, on=date(2026, 5, 1)).rows() == [rules.row(0), rules.row(3)]
    assert figures.current(rules, on=date(2026, 7, 1))["version"].to_list() == [2, 2, 1]
