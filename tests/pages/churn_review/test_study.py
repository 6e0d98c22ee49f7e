"""The study of the churn review: what stands on which page, and what a missing table costs."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.churn_review import findings
from crmlib.pages.churn_review.study import Study
from tests.report import world

ALWAYS = (findings.flow, findings.stores, findings.causes, findings.fill)
CHECKS = (findings.league_check, findings.calibration_check, findings.tiers_check, findings.drift_check)
CONTACTS = (findings.follow_up, findings.winback)


def study_of(lake: Lake, rhythm: str) -> Study:
    return Study(world.opened(lake, report="churn_review", variables={"rhythm": rhythm}))


@pytest.fixture(scope="module")
def monthly(lake: Lake) -> Study:
    return study_of(lake, "monthly")


def test_every_card_of_the_monthly_page_is_made_of_receipts_and_shops(monthly: Study) -> None:
    shown = [make(monthly) for make in (*ALWAYS, findings.stages, *CHECKS)]
    assert all(isinstance(one, Finding) for one in shown)
    lost = [one.key for one in shown if one.note_sure == monthly.words("page.unavailable.sure")]
    assert lost == ["churn.drift"]  # sixty members are too few to see a drift: that costs this section alone
    assert isinstance(findings.answer(monthly), Answer)
    assert isinstance(findings.reason_list(monthly), ActionList)
    for step in ("seen", "times", "moved", "shut", "known", "lost", "told", "why", "rates", "put", "health"):
        assert getattr(monthly, step) is getattr(monthly, step), step


def test_without_contacts_their_sections_say_what_to_connect(monthly: Study) -> None:
    lost = [make(monthly) for make in CONTACTS]
    assert [one.key for one in lost] == ["churn.follow_up", "churn.winback"]
    assert all(monthly.words("page.source.contacts") in one.note_seen for one in lost)
    assert monthly.words("churn_review.limits.no_contacts") in findings.limits(monthly).sentences


def test_the_weekly_page_has_the_flow_and_no_checks(lake: Lake) -> None:
    weekly = study_of(lake, "weekly")
    assert (weekly.tests, weekly.origins, weekly.suggested) == ([], [], None)
    assert all(make(weekly) == () for make in (*CHECKS, *CONTACTS, findings.stages, findings.owners))
    assert all(isinstance(make(weekly), Finding) for make in ALWAYS)
    assert "risk" not in weekly.__dict__
