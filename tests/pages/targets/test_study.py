"""The study of the targets page on a till alone: a forecast, a split for next year, and what to connect."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer, Finding
from crmlib.pages.targets import findings
from crmlib.pages.targets.study import Study
from tests.report import world

NEEDY = (findings.course, findings.stores, findings.sellers, findings.year, findings.changes, findings.actions)


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="targets", variables={"as_of": "2026-06-20", "total": 100}))


def test_without_targets_the_page_stands_and_says_what_to_connect(study: Study) -> None:
    assert isinstance(findings.answer(study), Answer)
    for make in NEEDY:
        shown = make(study)
        assert isinstance(shown, Finding) and shown.table.is_empty()
        assert study.words("page.source.targets") in shown.note_do + shown.note_seen


def test_next_year_is_split_exactly_without_any_target(study: Study) -> None:
    shown = findings.proposal(study)
    assert study.proposed["amount_minor"].sum() == 100_000_000
    assert shown.table.height == study.proposed.height
    assert len(findings.limits(study).sentences) == 3
