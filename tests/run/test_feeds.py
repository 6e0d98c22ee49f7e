"""A report waits for the feeds that its answer is made of, says so, and is made when they have come."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crmlib.core.errors import CrmError, RunError
from crmlib.data import Lake
from crmlib.kit.words import Words
from crmlib.report import registry
from crmlib.run import feeds, ingest, portal, publish
from tests.run.test_scheduler import DAY, REPORTS, Company, Hook, company, hook  # noqa: F401

SITES = "cells", "site_score"
LINES = "till", "receipt_lines"


def test_what_a_report_needs_is_what_its_answer_asks_for() -> None:
    assert registry.needs("customer_value") == ("receipt_lines",)
    assert set(registry.needs("site_score")) == {"receipt_lines", "cells", "sites", "competitors"}
    assert registry.needs("nobodys_own") == ("receipt_lines",)
    assert all("receipt_lines" in registry.needs(name) for name in registry.package_rooms())


def noted(company: Company, *came: tuple[str, str, bool]) -> None:  # noqa: F811
    feeds.note(company.space.lake, came, now=company.clock())


def test_only_the_reports_that_need_a_feed_wait_for_it_and_the_portal_and_a_message_say_so(
    company: Company,  # noqa: F811
    hook: type[Hook],  # noqa: F811
) -> None:
    noted(company, ("till", "receipt_lines", True), ("map", "cells", False))
    assert not company.look(DAY)
    assert company.reports() == sorted(set(REPORTS) - {"site_score"})
    assert any("map (cells)" in line and "mend: " in line for line in company.said)
    assert sum("map (cells)" in text or "site_score" in text for text in hook.texts) == 1
    failure = company.space.reports / "site_score/daily/2026-11-01/failed/zh" / publish.ERROR
    assert "map (cells)" in failure.read_text(encoding="utf-8")
    page = (company.space.reports / portal.PAGES["zh"]).read_text(encoding="utf-8")
    assert "site_score/daily/2026-11-01/failed/zh/error.html" in page
    noted(company, ("map", "cells", True))
    assert company.look(timedelta(hours=1))
    assert company.reports() == ["site_score"]


def test_a_report_that_takes_any_feed_does_not_wait(company: Company) -> None:  # noqa: F811
    noted(company, ("till", "receipt_lines", False))
    company.write("data_health", 'report: data_health\nschedule: {cron: "0 6 * * *", feeds: any}\n')
    assert not company.look(DAY)
    assert company.reports() == ["data_health"]


def test_the_ingest_notes_what_came_and_what_did_not(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("id\nC1\n")
    text = "".join(
        f"{name}:\n  table: customers\n  files: {file}\n  columns: {{customer_id: id}}\n"
        for name, file in (("good", "good.csv"), ("bad", "none.csv"))
    )
    (tmp_path / "sources.yml").write_text(text)
    lake, said = Lake(tmp_path / "lake"), list[str]()

    def run(source: str) -> None:
        now = datetime.fromisoformat("2026-11-01T04:00+08:00")
        ingest.run(source, sources=tmp_path / "sources.yml", lake=lake, now=now, say=said.append, words=Words("en"))

    with pytest.raises(CrmError):
        run("all")
    assert {f.source: f.came for f in feeds.read(lake.path).values()} == {"good": True, "bad": False}
    (tmp_path / "none.csv").write_text("id\nC2\n")
    run("bad")
    assert [f.source for f in feeds.failed(lake.path, ["customers"])] == []
    (lake.path / feeds.FILE).write_text("[{")
    assert feeds.read(lake.path) == {}


def test_the_refusal_names_source_table_and_time(tmp_path: Path) -> None:
    feeds.note(tmp_path, [("till", "receipt_lines", False)], now=datetime.fromisoformat("2026-11-01T04:00+08:00"))
    with pytest.raises(RunError, match=r"2026-11-01T04:00\+08:00(.|\n)*till \(receipt_lines\)"):
        feeds.check(tmp_path, "customer_value")
