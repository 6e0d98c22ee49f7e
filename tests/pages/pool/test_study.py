"""The study of the pool page on a lake without a pool: sections say what to connect, the answer too."""

from __future__ import annotations

import inspect

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.pool import findings
from crmlib.pages.pool.study import Study
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="pool"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_a_pool_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    missing = study.page.missing("pool_rules", "customers", "pool_moves")
    assert missing and all(study.words(f"page.source.{table}") in said.sentence for table in missing)
    assert said.figures == ()
