"""The study of business customers on a lake of receipts alone: every card says what to connect, the answer too."""

from __future__ import annotations

import inspect

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.business import findings
from crmlib.pages.business.study import Study
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="business"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)


def test_without_the_file_of_partners_the_answer_names_it(study: Study) -> None:
    said = findings.answer(study)
    assert study.words("page.source.partners") in said.sentence
    assert said.figures == ()
