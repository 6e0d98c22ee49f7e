"""The study of meetings on a lake without meetings: sections say what to connect, the answer too."""

from __future__ import annotations

import inspect
from datetime import datetime

import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.meetings import findings
from crmlib.pages.meetings.study import Study
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="meetings"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)  # type: ignore[operator]
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_meetings_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    asked = ("meetings", "meeting_guests", "meeting_orders")
    assert all(study.words(f"page.source.{table}") in said.sentence for table in asked)
    assert said.figures == ()


def test_meetings_are_called_by_day_and_kind_and_two_of_a_day_by_their_place(lake: Lake) -> None:
    days = [datetime(2026, 3, 1, 14), datetime(2026, 3, 1, 19), datetime(2026, 4, 1, 14)]  # noqa: DTZ001
    held = pl.LazyFrame(
        {"meeting_id": ["M1", "M2", "M3"], "at": days, "kind": ["T"] * 3, "place": ["Hall", None, "Hall"]}
    )
    page = world.opened(lake, report="meetings")
    page.table = lambda name: held  # type: ignore[method-assign]
    assert Study(page).called == {"M1": "2026-03-01 T Hall M1", "M2": "2026-03-01 T M2", "M3": "2026-04-01 T"}


def test_a_meeting_that_is_not_there_and_a_day_before_the_first_are_refused_by_name(lake: Lake) -> None:
    held = pl.LazyFrame({"meeting_id": ["M1", "M2"], "at": [datetime(2026, 3, 1, 14), datetime(2026, 4, 1, 14)]})  # noqa: DTZ001

    def refusal(meeting: str | None, rows: pl.LazyFrame) -> ModelError:
        page = world.opened(lake, report="meetings", variables={"meeting": meeting})
        page.table = lambda name: rows  # type: ignore[method-assign]
        with pytest.raises(ModelError) as error:
            _ = Study(page).event
        return error.value

    gone, early = refusal("M9", held), refusal(None, held.filter(pl.col("meeting_id") == ""))
    assert (gone.code, gone.values) == ("cases.no_such_meeting", {"meeting": "M9", "known": "M1, M2"})
    assert early.code == "cases.not_held"
