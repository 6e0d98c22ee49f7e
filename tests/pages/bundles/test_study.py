"""The study of bundles on a shop whose members' goods are drawn independently: no bundle is made up."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.pages.bundles import findings
from crmlib.pages.bundles import study as module
from crmlib.pages.bundles.study import Study
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="bundles"))


def test_independent_goods_make_no_bundle(study: Study) -> None:
    assert study.testable and study.by_member
    assert study.tested.together().is_empty()
    assert study.tested.table.is_empty(), "no pair is bought often enough to be tested"
    assert findings.answer(study).sentence == study.words("bundles.answer.untested")
    assert findings.tries(study).table.is_empty()


def test_every_card_is_made_without_products_and_stock(study: Study) -> None:
    study.page.show(
        findings.answer(study), findings.pays(study), findings.uptake(study), findings.pairs(study),
        findings.artefacts(study), findings.tries(study), findings.limits(study),
    )  # fmt: skip
    assert len(study.page.shown.findings) == 4 and len(study.page.shown.actions) == 1


def test_of_very_many_receipts_some_are_drawn_and_the_page_says_so(
    lake: Lake, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWN", study.receipts // 2)
    some = Study(world.opened(lake, report="bundles"))
    assert 0.4 * study.tested.baskets < some.tested.baskets < 0.6 * study.tested.baskets
    assert some.counts.pairs.equals(study.counts.pairs) and some.plain.equals(study.plain)
    said = study.words.format.count(some.tested.baskets)
    assert said in findings.pairs(some).note_sure and said not in findings.pairs(study).note_sure
