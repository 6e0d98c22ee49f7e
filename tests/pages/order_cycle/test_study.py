"""The study of the order cycle page on a lake of receipts alone: nobody has a rhythm, and every card says so."""

from __future__ import annotations

import inspect

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.order_cycle import findings
from crmlib.pages.order_cycle.study import Study
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="order_cycle"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_orders_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)


def test_without_orders_there_is_an_answer_without_figures(study: Study) -> None:
    said = findings.answer(study)
    assert said.sentence
    assert said.figures == ()
