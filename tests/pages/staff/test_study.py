"""The study of the staff page on a lake without staff: sections say what to connect, the answer too."""

from __future__ import annotations

import inspect
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.staff import findings
from crmlib.pages.staff.findings import done
from crmlib.pages.staff.study import Study
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="staff"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)


def test_without_staff_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    assert study.words("page.source.staff") in said.sentence
    assert said.figures == ()


def test_figures_that_add_money_are_read_in_yuan_and_say_so() -> None:
    """441,660 fen are 4,416.60 yuan; orders that are counted stay as they are."""
    defs = pl.LazyFrame(
        {"figure_id": ["orders", "value"], "version": [1, 1], "name": ["Orders", "Sold"], "unit": ["rows", "minor"]}
    )
    page: Any = SimpleNamespace(table=lambda _: defs, words=Words("en"))
    study = Study(page)
    assert study.figure_names == {"orders": "Orders", "value": "Sold (yuan)"}
    rows = pl.DataFrame({"figure_id": ["orders", "value"], "counted": [4, 441_660], "target": [8, 1_100_000]})
    assert study._in_units(rows, "counted", "target").rows() == [("orders", 4, 8), ("value", 4416.6, 11_000)]


@pytest.mark.parametrize("person", [None, "G101"])
def test_before_the_first_period_with_targets_the_page_says_that_there_is_no_sheet(person: str | None) -> None:
    page: Any = SimpleNamespace(words=Words("en"))
    study = Study(page)
    study.__dict__["period"] = None
    lost = pl.DataFrame(schema={"owner_staff": pl.String, "value_minor": pl.Int64})
    said = done.answer(study.sheet, lost, words=study.words, names={}, person=person, figures={})
    assert said.figures[0].amount is None and "{" not in said.sentence
    found = done.sheets(study.sheet, {}, {}, words=study.words, person=person, period=None, as_of=date(2026, 6, 30))
    assert found.table.is_empty()
