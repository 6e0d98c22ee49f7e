"""The study of the goods page on a till alone."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.goods import findings
from crmlib.pages.goods.study import Study
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="goods"))


def test_a_company_that_has_only_a_till_gets_the_page(study: Study) -> None:
    for make in (findings.earners, findings.losers, findings.slow, findings.fresh, findings.steady, findings.prices):
        assert isinstance(make(study), Finding)
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.actions(study), ActionList)


def test_the_goods_add_up_to_the_lines_of_the_period(study: Study, lake: Lake) -> None:
    lines = lake.table("receipt_lines").collect()
    inside = lines.filter(pl.col("day").is_between(*study.span))
    assert study.stand.table["v1"].sum() == inside["net_minor"].sum()
    assert study.stand.table["margin_minor"].sum() == inside["net_minor"].sum() - inside["cost_minor"].sum()
    assert study.ground == "same_slot"


def test_nine_goods_are_too_few_for_growth_and_the_card_says_so(study: Study) -> None:
    assert findings.growth(study).note_sure == study.words("page.unavailable.sure")


def test_a_short_history_is_halved(lake: Lake) -> None:
    early = Study(world.opened(lake, report="goods", variables={"as_of": "2024-08-28"}))
    known = (early.page.as_of - early.begins).days + 1
    assert (early.span[1] - early.span[0]).days + 1 == known // 2
    assert early.ground == "last_period"
