"""Which pages a page about pages reads: the newest of each variant, of the reader's regions and reports only."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from crmlib.report.record import manifest
from crmlib.report.record.manifest import FindingRecord, Manifest
from crmlib.report.record.newest import at_stake, newest, of_regions

UNTIL = date(2026, 10, 31)


def record(report: str, day: str, *, region: str | None = None, findings: tuple[FindingRecord, ...] = ()) -> Manifest:
    return Manifest(
        report, "zh", report, "?", day, "ok", f"{report} {day}", {"region": region}, (), findings, {}, "CNY", "1", 1,
        "r", "2026-11-01", f"sha-{report}-{day}",
    )  # fmt: skip


def put(reports: Path, output: str, content: Manifest) -> None:
    folder = reports / output
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest.dump(content))


def found(reports: Path, regions: tuple[str, ...] | None = None, opens: tuple[str, ...] | None = None) -> list[str]:
    seen = of_regions(regions, opens)
    return [page.output for page in newest(reports, language="zh", until=UNTIL, seen=seen, skip="home")]


def test_of_each_variant_the_newest_day_that_is_not_ahead(tmp_path: Path) -> None:
    for day in ("2026-10-01", "2026-10-31", "2026-11-01"):
        put(tmp_path, f"a/daily/{day}/zh", record("a", day))
    put(tmp_path, "a/latest/latest/zh", record("a", "2026-10-31"))
    put(tmp_path, "home/daily/2026-10-30/zh", record("home", "2026-10-30"))
    put(tmp_path, "b/weekly/2026-10-25/en", record("b", "2026-10-25"))
    assert found(tmp_path) == ["a/daily/2026-10-31/zh"]


def test_a_regions_reader_sees_pages_of_the_region_and_never_those_of_the_company(tmp_path: Path) -> None:
    put(tmp_path, "a/daily/2026-10-31/zh", record("a", "2026-10-31"))
    put(tmp_path, "a/east/2026-10-31/zh", record("a", "2026-10-31", region="华东"))
    put(tmp_path, "b/east/2026-10-31/zh", record("b", "2026-10-31", region="华东"))
    assert found(tmp_path) == ["a/daily/2026-10-31/zh"]
    assert found(tmp_path, regions=("华东",)) == ["a/east/2026-10-31/zh", "b/east/2026-10-31/zh"]
    assert found(tmp_path, regions=("华东",), opens=("b",)) == ["b/east/2026-10-31/zh"]
    assert found(tmp_path, regions=("华南",)) == []


def test_a_broken_record_is_no_page_and_the_older_one_speaks(tmp_path: Path) -> None:
    put(tmp_path, "a/daily/2026-10-30/zh", record("a", "2026-10-30"))
    (tmp_path / "a/daily/2026-10-31/zh").mkdir(parents=True)
    (tmp_path / "a/daily/2026-10-31/zh/manifest.json").write_text('{"findings": [')
    assert found(tmp_path) == ["a/daily/2026-10-30/zh"]


def test_what_is_all_right_or_without_money_is_nothing_to_do() -> None:
    made = [
        FindingRecord("k.ok", "finding", "ok", "h", "t", 1, value_minor=900),
        FindingRecord("k.warn", "finding", "warn", "h", "t", 1, value_minor=-5),
        FindingRecord("k.silent", "finding", "fail", "h", "t", 1),
        FindingRecord("k.check", "check", "fail", "h", "t", 1, value_minor=700),
    ]
    assert [f.key for f in at_stake(record("a", "2026-10-31", findings=tuple(made)))] == ["k.warn"]
