"""Damaged lakes and keys: the right thing is named, nothing is made up."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import polars as pl
import pytest

from crmlib import cli
from crmlib.core.errors import LakeError
from crmlib.data import Lake, check_lake
from crmlib.data.lake import delta, pseudonyms
from crmlib.kit.words import LANGUAGES, Words
from crmlib.report.form.explain import explain
from tests.data.conftest import LINES, Desk
from tests.waiting import HANG


def filled(desk: Desk, times: int = 2) -> Lake:
    for n in range(times):
        desk.csv(f"{n}.csv", *(line.replace("R", f"R{n}") for line in LINES))
        desk.ingest()
    return desk.lake


def said(error: LakeError) -> None:
    for language in LANGUAGES:
        parts = explain(error, Words(language))
        assert all((parts.given, parts.expected, parts.mend)) and "{" not in f"{parts}"


@pytest.mark.parametrize("content", [b"", b"short", os.urandom(32)], ids=["empty", "short", "other"])
def test_an_empty_short_or_other_key_is_refused_and_the_backup_named(tmp_path: Path, content: bytes) -> None:
    lake = Lake(tmp_path / "lake")
    lake.pseudonyms(pl.Series(["a"]))
    (tmp_path / "lake" / "pseudonym.key").write_bytes(content)
    with pytest.raises(LakeError, match="backup") as caught:
        lake.pseudonyms(pl.Series(["a"]))
    assert caught.value.code == "lake.key_damaged"
    said(caught.value)


def test_a_lost_key_is_not_made_anew_in_silence(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    before = lake.pseudonyms(pl.Series(["a"]))
    key = tmp_path / "lake" / "pseudonym.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(LakeError, match="backup") as caught:
        lake.pseudonyms(pl.Series(["a"]))
    assert caught.value.code == "lake.key_lost" and not key.exists()
    said(caught.value)
    key.write_bytes(kept)
    assert lake.pseudonyms(pl.Series(["a"])).to_list() == before.to_list()


def test_a_key_from_before_marks_is_marked_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "pseudonym.key").write_bytes(b"k" * 32)
    assert pseudonyms.key_of(tmp_path) == b"k" * 32
    (tmp_path / "pseudonym.key").unlink()
    with pytest.raises(LakeError):
        pseudonyms.key_of(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "noise", "gone"])
def test_a_damaged_file_is_named_with_the_last_version_that_is_whole(
    desk: Desk, harm: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = filled(desk)
    newest = max(lake.table_path("receipt_lines").rglob("*.parquet"), key=lambda p: p.stat().st_mtime_ns)
    whole = newest.read_bytes()
    match harm:
        case "cut":
            newest.write_bytes(whole[: len(whole) // 2])
        case "noise":
            newest.write_bytes(os.urandom(len(whole)))
        case "gone":
            newest.unlink()
    (bad,) = check_lake(lake.path).checks.filter(~pl.col("ok")).rows(named=True)
    assert bad["table"] == "receipt_lines" and "version 0 is whole" in bad["expected"]
    assert lake.table("receipt_lines", version=0).collect().height == len(LINES)
    with pytest.raises(BaseException) as caught:  # an engine may panic, which is no Exception
        lake.table("receipt_lines").collect()
    found = delta.damage(caught.value)
    assert found is not None
    said(found)

    def broken() -> None:
        raise caught.value

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().err
    assert "check --lake" in told and "Traceback" not in told


def test_a_damaged_log_is_told_in_one_line_and_spoils_no_other_table(desk: Desk) -> None:
    lake = filled(desk)
    desk.write("stores.csv", "id,name,region\nS1,a,x\nS2,b,y\n")
    desk.describe(
        desk.sources.read_text(encoding="utf-8").replace('files: "*.csv"', 'files: "[0-9].csv"')
        + "\nshops:\n  table: stores\n  files: stores.csv\n  columns: {store_id: id, name: name, region: region,"
        " kind: {constant: own}}\n"
    )
    desk.ingest("shops")
    log = sorted((lake.table_path("receipt_lines") / "_delta_log").glob("*.json"))[-1]
    log.write_text('{"broken')
    checks = Lake(lake.path), check_lake(lake.path).checks
    (bad,) = checks[1].filter(~pl.col("ok")).rows(named=True)
    assert bad["table"] == "receipt_lines" and "<unknown>" not in bad["found"] and len(bad["found"]) <= 200
    assert "version 0 is whole" in bad["expected"]
    assert checks[0].table("stores").collect().height == 2


def test_files_without_a_log_are_no_sound_lake(desk: Desk) -> None:
    lake = filled(desk)
    for log in (lake.table_path("receipt_lines") / "_delta_log").iterdir():
        log.unlink()
    assert not check_lake(lake.path).ok


def test_a_state_is_kept_while_an_ingest_is_under_way(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    done = threading.Event()
    with lake.writing():  # as long as a large ingest may take
        thread = threading.Thread(target=lambda: (lake.write_state("s", pl.DataFrame({"a": [1]})), done.set()))
        thread.start()
        thread.join(timeout=HANG)
    assert done.is_set() and lake.state("s") is not None


def test_persons_rows_set_apart_and_states_are_closed_to_others(desk: Desk) -> None:
    desk.csv("a.csv", *LINES, "R9,S2,0008,P3,nonsense,1,1")
    desk.ingest()
    desk.lake.write_state("list", pl.DataFrame({"customer_id": ["a"]}))
    desk.lake.pseudonyms(pl.Series(["a"]))
    for place in ("set_apart", "state/list", "pseudonym.key", "pseudonym.mark"):
        assert stat.S_IMODE((desk.lake.path / place).stat().st_mode) & 0o077 == 0, place
    delta.append(desk.lake.table_path("people"), pl.DataFrame({"a": [1]}), batch=delta.Batch("b"), partition=None,
                 description="{}")  # fmt: skip
    assert stat.S_IMODE(desk.lake.table_path("people").stat().st_mode) == 0o700
