"""The study of early warning: each step once, on a lake of receipts and shops alone."""

from __future__ import annotations

import pytest

from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.early_warning import findings
from crmlib.pages.early_warning.study import Study
from tests.report import world

SECTIONS = (
    findings.entries, findings.capacity, findings.value_at_risk, findings.last_list, findings.silence,
    findings.league_check, findings.calibration_check,
)  # fmt: skip


def study_of(lake: Lake) -> Study:
    return Study(world.opened(lake, report="early_warning"))


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return study_of(lake)


def test_every_card_is_made_of_receipts_alone(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) for one in shown)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.watch_list(study), ActionList)
    assert study.words("early_warning.limits.no_contacts") in findings.limits(study).sentences
    assert (study.contacts, study.points, study.file, study.last_goods) == (None, None, None, None)
    for step in ("seen", "options", "trial", "risk", "staked", "listed", "past", "silence", "health"):
        assert getattr(study, step) is getattr(study, step), step


def test_the_check_is_the_same_whatever_an_analyst_asks_first(study: Study, lake: Lake) -> None:
    assert study_of(lake).health.calibration == study.health.calibration


def test_a_step_that_fails_costs_its_section_and_no_other(
    study: Study, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ModelError("churn.no_fit")

    monkeypatch.setattr(Study, "silence", property(refuse))
    again = study_of(lake)
    lost = findings.silence(again)
    assert (lost.key, lost.status) == ("churn.silence", "none")
    assert lost.headline.startswith(study.words("early_warning.silence.title"))
    assert findings.value_at_risk(again).table.height


def test_where_no_window_has_closed_the_checks_say_so(
    study: Study, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = study_of(lake)
    again.__dict__["tests"] = []
    assert [make(again).status for make in (findings.league_check, findings.calibration_check)] == ["none", "none"]
    assert findings.league_check(again).key == "churn.league"
    assert findings.value_at_risk(again).table.height  # the risk itself is still there
    assert study.words("early_warning.limits.no_test") in findings.limits(again).sentences
