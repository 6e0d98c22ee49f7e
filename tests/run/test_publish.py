"""Publishing: a reader sees the old report or the new one, never half of one."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from crmlib.run import publish

OUTPUT = "customer_value/weekly/2026-01-31/zh"


def stage(reports: Path, run_id: str, text: str, output: str = OUTPUT) -> Path:
    folder = publish.staging(reports, output, run_id)
    (folder / "index.html").write_text(text, encoding="utf-8")
    return folder


def test_a_staged_run_is_not_readable_until_it_is_published(tmp_path: Path) -> None:
    stage(tmp_path, "a", "one")
    assert not (tmp_path / OUTPUT).exists()
    publish.publish(tmp_path, OUTPUT, "a")
    assert (tmp_path / OUTPUT / "index.html").read_text() == "one"


def test_the_new_page_replaces_the_old_one_whose_folder_goes(tmp_path: Path) -> None:
    for run_id, text in (("a", "one"), ("b", "two")):
        stage(tmp_path, run_id, text)
        publish.publish(tmp_path, OUTPUT, run_id)
    assert (tmp_path / OUTPUT / "index.html").read_text() == "two"
    assert [p.name for p in (tmp_path / OUTPUT).parent.joinpath(publish.RUNS).iterdir()] == ["b"]


def test_latest_points_at_the_newest_day_even_when_an_older_one_is_made_again(tmp_path: Path) -> None:
    for run_id, day in (("a", "2026-02-28"), ("b", "2026-01-31")):
        output = f"customer_value/weekly/{day}/zh"
        stage(tmp_path, run_id, day, output)
        publish.publish(tmp_path, output, run_id)
    assert (tmp_path / "customer_value/weekly/latest/zh/index.html").read_text() == "2026-02-28"


def test_a_failure_before_the_rename_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(tmp_path, "a", "one")
    publish.publish(tmp_path, OUTPUT, "a")
    stage(tmp_path, "b", "two")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "symlink_to", full)
    with pytest.raises(OSError, match="No space"):
        publish.publish(tmp_path, OUTPUT, "b")
    assert (tmp_path / OUTPUT / "index.html").read_text() == "one"


def test_sweeping_removes_what_no_link_names_and_nobody_writes(tmp_path: Path) -> None:
    stage(tmp_path, "published", "one")
    publish.publish(tmp_path, OUTPUT, "published")
    stage(tmp_path, "orphan", "half")
    stage(tmp_path, "running", "half")
    assert publish.sweep(tmp_path, active=lambda: frozenset({"running"})) == 1
    left = sorted(p.name for p in (tmp_path / OUTPUT).parent.joinpath(publish.RUNS).iterdir())
    assert left == ["published", "running"]


def test_a_page_published_while_the_folders_are_looked_through_is_not_swept(tmp_path: Path) -> None:
    stage(tmp_path, "quick", "one")

    def active() -> frozenset[str]:
        publish.publish(tmp_path, OUTPUT, "quick")  # ends between the listing and this answer
        return frozenset()

    assert publish.sweep(tmp_path, active=active) == 0
    assert (tmp_path / OUTPUT / "index.html").read_text() == "one"


def days(reports: Path, *names: str) -> None:
    for day in names:
        output = f"r/v/{day}/zh"
        stage(reports, f"run-{day}", day, output)
        publish.publish(reports, output, f"run-{day}")


def left(reports: Path) -> list[str]:
    return sorted(p.name for p in (reports / "r/v").iterdir() if p.name not in {publish.GONE})


def test_days_beyond_both_rules_go_and_latest_stays(tmp_path: Path) -> None:
    days(tmp_path, "2024-01-01", "2025-05-01", "2025-12-01", "2026-01-01")
    gone = publish.retain(tmp_path, "r/v/2026-01-01/zh", keep_days=100, at_least=3)
    assert gone == ["2024-01-01"]
    assert left(tmp_path) == ["2025-05-01", "2025-12-01", "2026-01-01", "latest"]
    assert publish.retain(tmp_path, "r/v/2026-01-01/zh", keep_days=100, at_least=1) == ["2025-05-01"]
    assert publish.retain(tmp_path, "r/v/2026-01-01/zh", keep_days=1, at_least=1) == ["2025-12-01"]
    assert publish.retain(tmp_path, "r/v/2026-01-01/zh", keep_days=1, at_least=1) == []
    assert (tmp_path / "r/v/latest/zh/index.html").read_text() == "2026-01-01"
    assert not (tmp_path / "r/v" / publish.GONE).exists()


def test_an_old_day_that_was_just_made_or_is_being_made_stays(tmp_path: Path) -> None:
    days(tmp_path, "2020-01-01", "2021-01-01", "2026-01-01")
    with (tmp_path / "r/v/2021-01-01/.en.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert publish.retain(tmp_path, "r/v/2020-01-01/zh", keep_days=30, at_least=1) == []
    assert publish.retain(tmp_path, "r/v/2020-01-01/zh", keep_days=30, at_least=1) == ["2021-01-01"]
    assert left(tmp_path) == ["2020-01-01", "2026-01-01", "latest"]


def test_what_a_killed_removal_left_is_swept(tmp_path: Path) -> None:
    days(tmp_path, "2026-01-01")
    (tmp_path / "r/v" / publish.GONE / "2020-01-01.x" / "zh").mkdir(parents=True)
    publish.sweep(tmp_path, active=frozenset)
    assert left(tmp_path) == ["2026-01-01", "latest"]
    assert not (tmp_path / "r/v" / publish.GONE).exists()
