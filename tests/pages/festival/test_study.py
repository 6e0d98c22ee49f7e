"""The study of the festival: sections say what to connect, and stock and vouchers are the steps of their own pages."""

from __future__ import annotations

import inspect

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.cards.study import Study as Cards
from crmlib.pages.festival import findings
from crmlib.pages.festival.study import Study
from crmlib.pages.stock.study import Study as Stock
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name not in {"answer", "limits"}]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="festival"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)


def test_without_goods_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    assert study.words("page.source.products") in said.sentence
    assert said.figures == ()


@pytest.mark.parametrize(
    ("step", "other"),
    [("on_hand", Stock), ("moves", Stock), ("book", Stock), ("vouchers", Cards), ("coming", Cards), ("needed", Cards)],
)
def test_stock_and_vouchers_are_the_same_steps_as_on_their_own_pages(step: str, other: type) -> None:
    assert inspect.getattr_static(Study, step) is inspect.getattr_static(other, step)
