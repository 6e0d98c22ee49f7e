"""The study of the receivables page on a lake without invoices: sections say what to connect, and there is no page."""

from __future__ import annotations

import inspect

import pytest

from crmlib.core.errors import LakeError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.receivables import findings
from crmlib.pages.receivables.study import Study
from tests.report import world

SECTIONS = [f for _, f in inspect.getmembers(findings, inspect.isfunction) if hasattr(f, "__wrapped__")]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="receivables"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_invoices_there_is_no_answer_and_so_no_page(study: Study) -> None:
    with pytest.raises(LakeError) as refused:
        findings.answer(study)
    assert refused.value.code == "report.not_connected"
