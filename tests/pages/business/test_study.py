"""The study of business customers on a lake of receipts alone: every card says what to connect, the answer too."""

from __future__ import annotations

import inspect

import polars as pl
import pytest

from crmlib.core.errors import ModelError
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


def test_a_customer_that_is_not_on_file_is_refused_by_name_and_not_shown_as_another(lake: Lake) -> None:
    made = Study(world.opened(lake, report="business", variables={"partner": "P404"}))
    made.__dict__["customers"] = pl.DataFrame({"partner_id": ["P1", "P2"]})
    with pytest.raises(ModelError) as refused:
        _ = made.chosen
    assert (refused.value.code, refused.value.values) == ("cases.no_such_partner", {"partner": "P404"})
