"""The study of the margin page on receipts and stores alone."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.margin import findings
from crmlib.pages.margin.study import Study
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="margin"))


def test_receipts_with_costs_are_enough_for_the_page(study: Study) -> None:
    for make in (findings.rate, findings.stores, findings.under, findings.carried, findings.output):
        shown = make(study)
        assert isinstance(shown, Finding) and shown.note_sure != study.words("page.unavailable.sure")
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.actions(study), ActionList)


def test_what_is_not_connected_is_said_in_its_place(study: Study) -> None:
    for make, name in ((findings.purchases, "purchases"), (findings.diversion, "diversion")):
        shown = make(study)
        assert shown.table.is_empty()
        assert shown.note_do == study.words(f"margin.{name}.unavailable.table.do")


def test_the_margin_is_that_of_the_lines_of_the_window(study: Study, lake: Lake) -> None:
    lines = lake.table("receipt_lines").collect()
    inside = lines.filter(pl.col("day").is_between(*study.span))
    figures = {f.key: f.amount for f in findings.answer(study).figures}
    assert figures["net"] == inside["net_minor"].sum()
    assert figures["margin"] == inside["net_minor"].sum() - inside["cost_minor"].sum()
    assert study.by_store["short_minor"].sum() == pytest.approx(0, abs=3)
