"""The study of the site score on a lake that has no map."""

from __future__ import annotations

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.site_score import findings
from crmlib.pages.site_score.study import Study
from tests.report import world


def test_without_a_map_the_ranking_says_what_to_connect(lake: Lake) -> None:
    study = Study(world.opened(lake))
    lost = findings.ranking(study)
    assert isinstance(lost, Finding)
    assert (lost.key, lost.status) == ("sites.score", "none")
    assert study.words("page.source.cells") in lost.note_seen
    assert study.words("page.source.cells") in findings.answer(study).sentence
    assert len(findings.limits(study).sentences) == 2
