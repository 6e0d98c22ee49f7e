"""The ledger tells the truth after any interruption."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmlib.core.errors import RunError
from crmlib.run import ledger as module
from crmlib.run.ledger import Ledger, set_aside_if_damaged

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def add(ledger: Ledger, run_id: str, *, output: str = "r/v/d/zh", input_hash: str = "h") -> None:
    ledger.add(
        run_id,
        report="r",
        variant="v",
        output=output,
        parameters={"region": "华东"},
        input_hash=input_hash,
        code_version="1",
        data_versions={"receipt_lines": 3},
        now=NOW,
    )


def test_a_run_is_queued_running_and_ended(ledger: Ledger) -> None:
    add(ledger, "a")
    assert ledger.runs()["state"].to_list() == ["queued"]
    ledger.start("a", now=NOW)
    assert ledger.runs()["state"].to_list() == ["running"]
    ledger.end("a", state="ok", now=NOW, seconds=1.5, peak_mb=200, verdicts={"f": "ok"}, output_hash="x")
    row = ledger.runs().row(0, named=True)
    assert (row["state"], row["seconds"], row["verdicts"], row["output_hash"]) == ("ok", 1.5, '{"f": "ok"}', "x")


def test_a_row_whose_process_is_gone_becomes_interrupted(ledger: Ledger, tmp_path: Path) -> None:
    add(ledger, "mine")
    add(ledger, "lost")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("update runs set pid = 999999999 where run_id = 'lost'")
    db.close()
    assert ledger.recover(now=NOW) == 1
    states = dict(ledger.runs().select("run_id", "state").iter_rows())
    assert states == {"mine": "queued", "lost": "interrupted"}


def test_a_number_given_to_another_process_since_does_not_count_as_alive(ledger: Ledger, tmp_path: Path) -> None:
    add(ledger, "old")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("update runs set pid_started = 1.0")
    db.close()
    assert ledger.recover(now=NOW) == 1


def test_the_newest_finished_run_of_an_output_is_found(ledger: Ledger) -> None:
    add(ledger, "a", input_hash="one")
    ledger.end("a", state="ok", now=NOW, seconds=1)
    add(ledger, "b", input_hash="two")
    ledger.end("b", state="failed", now=NOW, seconds=1)
    assert ledger.last_done("r/v/d/zh") == {"run_id": "a", "input_hash": "one"}
    assert ledger.last_done("r/v/d/en") is None


def test_a_ledger_of_an_earlier_version_gets_the_column_and_keeps_its_rows(ledger: Ledger, tmp_path: Path) -> None:
    add(ledger, "old")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("alter table runs drop column attempts")
    db.close()
    add(ledger, "new")
    ledger.end("new", state="ok", now=NOW, seconds=1, attempts=2)
    assert dict(ledger.runs().select("run_id", "attempts").iter_rows()) == {"old": None, "new": 2}


def test_only_queued_and_running_runs_are_active(ledger: Ledger) -> None:
    for run_id in ("queued", "running", "ended"):
        add(ledger, run_id)
    ledger.start("running", now=NOW)
    ledger.end("ended", state="ok", now=NOW, seconds=1)
    assert ledger.active() == {"queued", "running"}


def test_a_ledger_that_cannot_be_written_is_told_in_three_parts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="mend: free space"):
        add(Ledger(tmp_path / "file" / "ledger.sqlite"), "a")


def test_a_ledger_that_cannot_be_read_is_set_aside_and_a_locked_or_sound_one_stays(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    assert set_aside_if_damaged(path) is None
    add(ledger, "a")
    assert set_aside_if_damaged(path) is None
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        assert set_aside_if_damaged(path) is None
        with pytest.raises(RunError, match="locked"):
            ledger.start("a", now=NOW)
    content = path.read_bytes()
    path.write_bytes(b"garbage, " * 1000)
    place = set_aside_if_damaged(path)
    assert place is not None and place.read_bytes().startswith(b"garbage")
    path.write_bytes(content[:4096] + b"x" * (len(content) - 4096))
    assert set_aside_if_damaged(path) is not None
    assert ledger.runs().is_empty()


def test_the_end_of_a_run_that_the_ledger_does_not_know_is_said(ledger: Ledger) -> None:
    assert not ledger.end("nobody", state="ok", now=NOW, seconds=1)


def test_a_clock_that_was_set_back_does_not_make_an_older_run_the_last_one(ledger: Ledger) -> None:
    add(ledger, "a", input_hash="old")
    ledger.end("a", state="ok", now=NOW, seconds=1)
    add(ledger, "b", input_hash="new")
    ledger.end("b", state="ok", now=NOW - timedelta(hours=3), seconds=1)
    assert ledger.last_done("r/v/d/zh") == {"run_id": "b", "input_hash": "new"}


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 40, b"SQLite format 3\x00" + b"\xff" * 4000]
)
def test_a_damaged_ledger_is_called_damaged_and_not_full(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(RunError) as caught:
        Ledger(path).runs()
    assert caught.value.code == "run.ledger_damaged" and "crmlib schedule" in caught.value.mend


@pytest.fixture
def read_only(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger on a disk that takes nothing: every connection that may write fails as SQLite lets it fail."""
    add(ledger, "a")
    connect = sqlite3.connect

    def reading(path: object, **named: Any) -> sqlite3.Connection:
        address = str(path) if named.pop("uri", False) else f"file:{path}?mode=ro"
        return connect(address, uri=True, **named)

    monkeypatch.setattr("crmlib.run.ledger.sqlite3.connect", reading)
    return ledger


def test_a_read_only_ledger_is_still_read_and_what_would_write_is_told_in_three_parts(read_only: Ledger) -> None:
    assert read_only.runs()["run_id"].to_list() == ["a"] and read_only.active() == {"a"}
    assert read_only.last_done("r/v/d/zh") is None
    for write in (
        lambda: add(read_only, "b"),
        lambda: read_only.start("a", now=NOW),
        lambda: read_only.end("a", state="ok", now=NOW, seconds=1),
    ):
        with pytest.raises(RunError, match=r"readonly(.|\n)*mend: free space"):
            write()


def test_a_ledger_that_is_not_there_on_a_disk_that_takes_nothing_is_told_not_made_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        "crmlib.run.ledger.sqlite3.connect", lambda path, **_: connect(f"file:{path}?mode=ro", uri=True)
    )
    with pytest.raises(RunError, match="mend: free space"):
        Ledger(tmp_path / "none.sqlite").runs()
