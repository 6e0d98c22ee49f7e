"""The study of one customer: by default the one with the most at risk; tables that are not connected are named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ModelError
from crmlib.customers import view360
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.pages.customer_360 import findings
from crmlib.pages.customer_360.study import Study, Year
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.lifetime_ground import Lifetime
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="customer_360"))


def test_every_section_is_made_of_receipts_alone_and_shows_no_id(study: Study) -> None:
    shown = [make(study) for make in (findings.standing, findings.course, findings.basket, findings.on_file)]
    assert [one.key for one in shown] == ["one.standing", "one.course", "one.basket", "one.file"]
    assert study.words("page.source.contacts") in shown[-1].note_seen
    said = findings.answer(study).sentence
    assert study.shown_as in said and study.chosen not in said
    assert not [one for one in shown if study.chosen in str(one.table.rows())]


def test_a_pseudonym_finds_its_customer(study: Study, lake: Lake) -> None:
    asked = world.opened(lake, report="customer_360", variables={"customer": study.shown_as})
    assert Study(asked).chosen == study.chosen
    nobody = Study(world.opened(lake, report="customer_360", variables={"customer": "ZZZZ"}))
    with pytest.raises(ModelError) as caught:
        findings.answer(nobody)
    assert caught.value.code == "scoring.no_such_customer"


def test_what_a_customer_brings_is_of_a_year_whatever_period_is_asked_for(lake: Lake) -> None:
    asked = world.opened(lake, report="customer_360", variables={"months": 6})
    assert Year(asked).ahead == Lifetime(world.opened(lake)).ahead


def test_sources_are_the_same_whether_scores_are_found_or_made(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    rows = pl.DataFrame(
        {"contact_id": ["c1"], "customer_id": ["nobody"], "at": [world.CLOCK - timedelta(days=40)], "purpose": ["care"]}
    )
    file_rows(lake, CONTRACTS["contacts"], rows, batch="c", source="crm", by="crm", now=world.CLOCK)
    pages = [world.opened(lake, report="customer_360") for _ in range(2)]
    for page in pages:
        assert Watch(page).lateness is not None
    assert pages[0].used == pages[1].used >= {"contacts"}


def test_one_customers_scores_are_those_of_all(study: Study) -> None:
    now, ids = study.members_in(study.dates["start"], study.dates["end"]), study.chosen
    assert study.described.equals(now.filter(pl.col("customer_id") == ids))
    months = view360.months_of(study.days, customer=ids, as_of=study.page.as_of)
    assert study.months.equals(months)


def test_steps_are_made_once(study: Study) -> None:
    for step in ("now", "described", "graded", "ranked", "chosen", "habits"):
        assert getattr(study, step) is getattr(study, step), step
