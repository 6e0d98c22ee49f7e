"""The portal: home first, then by money at stake, then by light; it says when its newest page was made."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from crmlib.report.record import manifest
from crmlib.report.record.manifest import FindingRecord, Manifest
from crmlib.run import portal

NOW = datetime(2026, 11, 28, 23, 0, tzinfo=UTC)
DAY = "2026-10-31"


def put(
    reports: Path, report: str, *, stake: int | None, status: str = "warn", made: str = "", **asked: object
) -> None:
    found = (FindingRecord("k.x", "finding", status, "h", "t", 1, value_minor=stake),)
    record = Manifest(
        report,
        "zh",
        report,
        "?",
        DAY,
        status,
        f"{report} 结论",
        dict(asked),
        (),
        found,
        {},
        "CNY",
        "1",
        1,
        "r",
        made,
        "s",
    )
    folder = reports / report / "daily" / DAY / "zh"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("x")
    (folder / "manifest.json").write_text(manifest.dump(record))


def order(page: str, *reports: str) -> list[str]:
    return sorted(reports, key=lambda name: page.index(f"{name} 结论"))


def test_home_comes_first_then_money_then_lights(tmp_path: Path) -> None:
    put(tmp_path, "churn_review", stake=100_00, status="warn")
    put(tmp_path, "customer_value", stake=-900_00, status="warn")
    put(tmp_path, "data_health", stake=None, status="fail")
    put(tmp_path, "site_score", stake=5_000_00, status="ok")
    put(tmp_path, "home", stake=None, status="ok")
    page = portal.page(tmp_path, language="zh", now=NOW)
    names = ("churn_review", "customer_value", "data_health", "home", "site_score")
    assert order(page, *names) == ["home", "customer_value", "churn_review", "data_health", "site_score"]


def test_it_says_when_the_newest_page_was_made_not_what_time_it_is(tmp_path: Path) -> None:
    put(tmp_path, "churn_review", stake=None, made="2026-11-01T22:30:00+00:00")
    put(tmp_path, "data_health", stake=None, made="2026-10-31T22:30:00+00:00")
    page = portal.page(tmp_path, language="zh", now=NOW)
    assert "2026-11-02 06:30" in page and "UTC" not in page and "2026-11-28" not in page


def test_an_app_opens_with_the_parameters_of_its_page(tmp_path: Path) -> None:
    put(tmp_path, "churn_review", stake=None, region="华东", rhythm="weekly", as_of=DAY, language="zh", window=None)
    page = portal.page(tmp_path, language="zh", now=NOW, apps=["churn_review"])
    assert 'href="/apps/churn_review?language=zh&amp;region=%E5%8D%8E%E4%B8%9C&amp;rhythm=weekly"' in page
