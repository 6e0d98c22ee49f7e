"""The study of the home page: of the pages that its reader may see, the newest, by money."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.pages.home import findings
from crmlib.pages.home.study import Study
from crmlib.report.record import manifest
from crmlib.report.record.manifest import FindingRecord, Manifest
from tests.report import world

DAY = world.LAST.isoformat()


def put(
    reports: Path, variant: str, *stakes: int, region: str | None = None, report: str = "customer_value",
    status: str = "fail",
) -> None:  # fmt: skip
    keys = ("scoring.movers", "scoring.pyramid")
    found = tuple(
        FindingRecord(key, "finding", status, f"{variant} 少了", "t", 1, value_minor=stake, do="打电话")
        for key, stake in zip(keys, stakes, strict=False)
    )
    record = Manifest(
        report, "zh", f"{report}报表", "?", DAY, "fail", "结论", {"region": region}, (), found, {}, "CNY", "1", 1, "r",
        "t", "s",
    )  # fmt: skip
    folder = reports / report / variant / DAY / "zh"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest.dump(record))


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    put(tmp_path, "monthly", -500_00)
    put(tmp_path, "weekly", -300_00)
    put(tmp_path, "monthly", 800_00, report="churn_review")
    put(tmp_path, "monthly-east", 90_00, region="华东")
    return tmp_path


def test_one_finding_of_two_variants_is_one_thing_to_do_and_the_dearest_comes_first(lake: Lake, reports: Path) -> None:
    study = Study(world.opened(lake, report="home", reports=reports))
    assert study.costly["stake_minor"].to_list() == [800_00, 500_00]
    assert study.lights.height == 3
    assert study.lights["stake_minor"].to_list()[0] == 800_00


def test_a_page_of_a_region_knows_no_other(lake: Lake, reports: Path) -> None:
    study = Study(world.opened(lake, report="home", reports=reports, regions=("华东",)))
    assert study.costly["stake_minor"].to_list() == [90_00]
    assert "华东" in study.costly["report_title"][0]


def test_without_any_page_there_is_still_a_home_page(lake: Lake, tmp_path: Path) -> None:
    study = Study(world.opened(lake, report="home", reports=tmp_path))
    parts = (findings.to_do, findings.actions, findings.ahead, findings.data, findings.reports, findings.limits)
    study.page.show(findings.answer(study), *(part(study) for part in parts))
    assert study.page.shown.answer is not None
    assert study.page.shown.answer.sentence == study.words("home.answer.empty")


def test_a_list_leads_to_the_card_of_the_published_page(lake: Lake, reports: Path) -> None:
    study = Study(world.opened(lake, report="home", reports=reports))
    made = findings.actions(study)
    view = getattr(made, "view", None)
    assert view is not None
    assert f'href="../../../../churn_review/monthly/{DAY}/zh/index.html#scoring-movers"' in view.as_raw_html()


def test_each_page_has_its_dearest_first_and_what_has_no_verdict_comes_last(lake: Lake, tmp_path: Path) -> None:
    put(tmp_path, "monthly", 700_00, 600_00)
    put(tmp_path, "monthly", 100_00, report="churn_review", status="warn")
    put(tmp_path, "monthly", 900_00, report="receivables", status="none")
    study = Study(world.opened(lake, report="home", reports=tmp_path))
    assert study.costly["stake_minor"].to_list() == [700_00, 600_00, 100_00, 900_00]
    assert study.first["stake_minor"].to_list() == [700_00, 100_00, 600_00, 900_00]
    assert findings.answer(study).sentence.count(study.words.format.money(700_00)) == 1
    assert study.lights["stake_minor"].to_list() == [900_00, 700_00, 100_00]


def test_pages_of_two_rhythms_are_called_by_them(lake: Lake, reports: Path) -> None:
    study = Study(world.opened(lake, report="home", reports=reports))
    titles = study.lights["report_title"].to_list()
    assert len(set(titles)) == len(titles)
    assert "churn_review报表" in titles and any("周报" in title for title in titles)
