"""The study of data health: the answer counts the checks shown; without contact details no doubles are claimed."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.pages.data_health import findings
from crmlib.pages.data_health.study import Study
from tests.report import world

CHECKS = (
    findings.freshness, findings.volume, findings.contracts, findings.ingest_sum, findings.card_share, findings.doubles,
    findings.no_persons, findings.gaps, findings.gone, findings.odd, findings.known,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="data_health"))


def test_the_answer_is_made_of_the_checks_shown(study: Study) -> None:
    study.page.show(*(check(study) for check in CHECKS))
    checks = study.page.shown.findings
    assert len(checks) == len(CHECKS)
    figure = next(f for f in findings.answer(study).figures if f.key == "checks")
    assert figure.amount == sum(f.status in {"warn", "fail"} for f in checks)


def test_where_contact_details_are_missing_nobody_says_that_there_are_no_doubles(study: Study) -> None:
    found = findings.doubles(study)
    assert found.headline != study.words("data_health.doubles.headline.none")
    assert study.words("page.source.people") in found.note_do


def test_only_the_tables_that_are_there_are_looked_at_for_gaps(study: Study) -> None:
    assert study.gaps["table"].unique().to_list() == ["receipt_lines"]
    assert study.birthdays is None


def test_this_page_may_try_another_limit_of_receipts(lake: Lake) -> None:
    strict = Study(world.opened(lake, report="data_health", variables={"receipts_day": 2}))
    usual = Study(world.opened(lake, report="data_health"))
    assert strict.apart.flagged.height >= usual.apart.flagged.height
