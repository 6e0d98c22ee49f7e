"""The study of one customer: by default the one with the most at risk; tables that are not connected are named."""

from __future__ import annotations

import pytest

from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.pages.customer_360 import findings
from crmlib.pages.customer_360.study import Study
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


def test_steps_are_made_once(study: Study) -> None:
    for step in ("now", "described", "graded", "ranked", "chosen", "habits"):
        assert getattr(study, step) is getattr(study, step), step
