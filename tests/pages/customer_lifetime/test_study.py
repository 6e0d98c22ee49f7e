"""The study of lifetime value: each step once, chance drawn in one order whatever is asked first."""

from __future__ import annotations

import pytest

from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.customer_lifetime import findings
from crmlib.pages.customer_lifetime.study import Study
from tests.report import world

SECTIONS = (
    findings.tiers, findings.undecided, findings.cohorts, findings.stores, findings.newcomers, findings.models,
    findings.tracking, findings.conditional, findings.frequency, findings.calibration, findings.spread, findings.spend,
)  # fmt: skip


def study_of(lake: Lake) -> Study:
    return Study(world.opened(lake, report="customer_lifetime", variables={"model": "bg_nbd"}))


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return study_of(lake)


def test_every_card_is_made_of_receipts_alone(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) for one in shown)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.keep_list(study), ActionList)
    assert len(findings.limits(study).sentences) == 6
    for step in ("lines", "bought", "history", "test", "season", "learned", "forecast", "lives"):
        assert getattr(study, step) is getattr(study, step), step


def test_the_list_is_the_same_whatever_an_analyst_asks_first(study: Study, lake: Lake) -> None:
    other = study_of(lake)
    assert other.forecast.listed.equals(study.forecast.listed)


def test_a_step_that_fails_costs_the_sections_that_need_it_and_no_other(
    study: Study, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ModelError("clv.no_rows")

    monkeypatch.setattr(Study, "linked", property(refuse))
    again = study_of(lake)
    lost = findings.spend(again)
    assert (lost.key, lost.status, lost.table.height) == ("clv.check.spend", "none", 0)
    assert lost.headline.startswith(again.words("customer_lifetime.check.spend.title"))
    assert findings.tiers(again).table.height
