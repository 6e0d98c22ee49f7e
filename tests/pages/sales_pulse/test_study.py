"""The study of the sales pulse: figures are those of crmlib.sales on the same frames, sums close to the fen."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib import sales
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.sales_pulse import findings
from crmlib.pages.sales_pulse.study import Study
from tests.report import world

SECTIONS = (findings.course, findings.causes, findings.receipts, findings.margin, findings.places)


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="sales_pulse"))


def test_a_company_that_has_only_a_till_gets_the_page(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) and one.table.height for one in shown)
    assert isinstance(findings.answer(study), Answer)
    assert len(findings.limits(study).sentences) == 3


def test_what_is_not_connected_is_said_in_its_place(study: Study) -> None:
    target = findings.target(study)
    assert (target.key, target.status) == ("sales.target", "none")
    assert target.note_do == study.words("sales_pulse.target.unavailable.table.do")
    few = findings.stores(study)
    assert few.table.is_empty()
    assert few.note_do == study.words("sales_pulse.stores.unavailable.data.do")


def test_the_figure_of_sales_is_the_sum_of_the_lines_of_the_month(study: Study) -> None:
    lines = world.rows(study.page).collect()
    inside = lines.filter(pl.col("day").is_between(date(2026, 6, 1), date(2026, 6, 30)))
    figures = {f.key: f.amount for f in findings.answer(study).figures}
    assert figures["net"] == inside["net_minor"].sum()
    assert figures["receipts"] == inside.select("store_id", "day", "receipt_id").unique().height


def test_causes_receipts_margin_and_places_add_up_to_one_gap(study: Study) -> None:
    row = study.growth.filter(pl.col("comparison") == study.ground).row(0, named=True)
    gap = row["now_minor"] - row["then_minor"]
    assert study.split["gap_minor"].sum() == gap
    assert set(study.places.group_by("dimension").agg(pl.col("gap_minor").sum())["gap_minor"]) == {gap}
    now, then = (study.trade.filter(pl.col("comparison") == c).row(0, named=True) for c in ("now", study.ground))
    assert now["net_minor"] - then["net_minor"] == gap
    assert study.margin_split["gap_minor"].sum() == now["margin_minor"] - then["margin_minor"]


def test_the_page_splits_as_the_library_does_on_the_same_frames(study: Study) -> None:
    before, after = study.products
    plain = sales.split(before, after)
    others = ["mix", "price", "new", "gone", "odd"]
    shown = study.split.filter(pl.col("cause").is_in(others)).sort("cause")
    assert shown.equals(plain.filter(pl.col("cause").is_in(others)).sort("cause"))


def test_a_day_a_week_and_a_month_end_with_the_day_of_the_page(lake: Lake) -> None:
    for period, days in (("day", 1), ("week", 7), ("month", 30)):
        study = Study(world.opened(lake, report="sales_pulse", variables={"period": period}))
        assert (study.span[1] - study.span[0]).days + 1 == days
        assert isinstance(findings.answer(study), Answer)


def test_a_first_month_is_shown_and_nothing_is_compared(lake: Lake) -> None:
    study = Study(world.opened(lake, report="sales_pulse", variables={"as_of": "2024-08-10"}))
    assert study.ground is None
    assert findings.course(study).headline == study.words(
        "sales_pulse.course.headline.first",
        period=study.words("page.period", start="2024-08-01", end="2024-08-10"),
        net=study.words.format.money(study.trade["net_minor"][0]),
    )
    assert findings.causes(study).note_sure == study.words("page.unavailable.sure")
    assert findings.places(study).table["then_minor"].sum() == 0
    assert isinstance(findings.actions(study), ActionList | Finding)


def test_a_reader_of_one_region_sees_the_sales_of_its_stores(lake: Lake) -> None:
    south = Study(world.opened(lake, report="sales_pulse", regions=("华南",)))
    assert south.days["store_id"].unique().to_list() == ["S1"]
