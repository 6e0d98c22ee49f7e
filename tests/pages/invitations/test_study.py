"""The study of invitations on a till alone: goods are judged, but without consent nobody is drawn, and it says so."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.invitations import findings
from crmlib.pages.invitations import study as module
from crmlib.pages.invitations.study import Study
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="invitations"))


def test_without_consents_nobody_is_drawn(study: Study) -> None:
    made = [findings.cells(study), findings.goods(study), findings.power(study), findings.todo(study)]
    assert all(isinstance(f, Finding) and f.note_sure == study.words("page.unavailable.sure") for f in made)
    assert findings.answer(study).figures == ()
    assert study.words("page.source.customers") in findings.answer(study).sentence
    assert all(study.words("page.source.customers") in f.note_seen for f in made if isinstance(f, Finding))
    assert findings.means(study).status == "warn"


def test_goods_are_judged_without_any_other_table(study: Study) -> None:
    assert study.beaten.members > 0
    assert findings.beaten(study).role == "check"
    assert study.suggested["product_1"].null_count() == 0
    assert study.read.is_empty()


def test_of_very_many_members_some_are_drawn_to_judge_by_and_the_page_says_so(
    lake: Lake, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIED", study.baskets["customer_id"].n_unique() // 2)
    monkeypatch.setattr(module, "BLOCK", 7)
    some = Study(world.opened(lake, report="invitations"))
    assert some.tried["customer_id"].n_unique() == some.drawn and study.drawn is None
    assert some.fitted.members.equals(study.fitted.members), "goods are suggested by all baskets"
    if some.beaten.decay == study.beaten.decay:
        assert some.suggested.equals(study.suggested), "block by block"
    said = study.words("invitations.tried", count=study.words.format.count(some.drawn or 0))
    for card in (findings.beaten, findings.new):
        assert said in card(some).note_sure and said not in card(study).note_sure


def test_what_was_made_of_all_members_is_let_go_before_goods_are_suggested(lake: Lake) -> None:
    fresh = Study(world.opened(lake, report="invitations"))
    assert fresh.suggested.height
    assert not {"baskets", "lateness"} & vars(fresh).keys()
    assert {"times", "homes", "drawn", "current"} <= vars(fresh).keys(), "told before, not of baskets read once more"
