"""The study of customer value: each step once, and every section on a lake of receipts alone."""

from __future__ import annotations

import pytest

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.customer_value import findings
from crmlib.pages.customer_value.study import Study
from tests.report import world

SECTIONS = (
    findings.concentration, findings.migration, findings.value_matrix, findings.movers, findings.overdue_upper,
    findings.back_test, findings.segments, findings.loyalty,
)  # fmt: skip


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake))


def test_every_section_is_made_without_members_and_products(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) for one in shown)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.contact_list(study), ActionList)
    assert len(findings.limits(study).sentences) == 3
    assert study.width is None


def test_steps_are_made_once(study: Study) -> None:
    for step in ("lines", "days", "span", "apart", "now", "before", "tiers", "held", "moves", "late", "chosen"):
        assert getattr(study, step) is getattr(study, step), step


def test_a_step_that_fails_costs_the_sections_that_need_it_and_no_other(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise ModelError("scoring.empty", values={"name": "members"})

    monkeypatch.setattr(panels, "store_day", refuse)
    study = Study(world.opened(lake))
    lost = findings.loyalty(study)
    assert (lost.key, lost.status, lost.table.height) == ("scoring.loyalty", "none", 0)
    assert lost.headline.startswith(study.words("customer_value.loyalty.title"))
    assert findings.segments(study).table.height
