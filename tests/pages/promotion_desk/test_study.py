"""The study of the promotion desk on a lake without promotions: every section says what to connect, none crashes."""

from __future__ import annotations

import inspect
from datetime import timedelta

import polars as pl
import pytest

from crmlib.core.errors import LakeError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.promotion_desk import findings
from crmlib.pages.promotion_desk.study import Study
from tests.pages.promotions import FramesPage
from tests.report import world

SECTIONS = [f for _, f in inspect.getmembers(findings, inspect.isfunction) if hasattr(f, "__wrapped__")]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="promotion_desk"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_promotions_there_is_no_answer_and_so_no_page(study: Study) -> None:
    with pytest.raises(LakeError) as refused:
        findings.answer(study)
    assert refused.value.code == "report.not_connected"


def test_promotions_ahead_are_tried_on_the_receipts_of_the_page_without_bulk_orders() -> None:
    goods = world.lines()["product_id"].unique().sort()
    tables = {
        "receipt_lines": world.lines(), "stores": world.stores(),
        "products": pl.DataFrame({"product_id": goods, "category_2": ["坚果"] * len(goods)}),
    }  # fmt: skip
    study = Study(FramesPage("promotion_desk", tables))
    row = {
        "promotion_id": "X", "mechanic": "rate", "depth_bp": 1000, "stores": [], "products": goods[:1].to_list(),
        "first_day": world.LAST + timedelta(days=5), "last_day": world.LAST + timedelta(days=9),
    }  # fmt: skip
    study.__dict__["ahead"] = [row, row | {"promotion_id": "G", "mechanic": "gift"}]
    assert list(study.tried) == ["X"]
    found = study.tried["X"]
    assert 0 < found.touched <= found.baskets
    assert found.discount_minor == pytest.approx(found.list_minor * 0.1, rel=0.01)
