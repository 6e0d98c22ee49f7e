"""The lock pins every package with hashes and names no address; advisories carried in are matched by version."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks import audit

ROOT = Path(__file__).resolve().parents[1]
GOOD = "polars==1.0.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"


def test_the_lock_pins_everything_with_hashes_and_names_no_address() -> None:
    lock, wrong = audit.locked((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert len(lock) > 100 and wrong == []
    assert {"polars", "deltalake", "tornado", "voila"} <= set(lock)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("polars>=1.0\n", "no pinned version"),
        ("polars==1.0.0\n", "no hash"),
        ("polars @ https://x.example/polars.whl\n", "an address"),
        (f"--extra-index-url https://x.example\n{GOOD}", "an address"),
    ],
)
def test_a_lock_that_lets_another_package_in_is_told(text: str, told: str) -> None:
    assert any(told in line for line in audit.locked(text)[1])
    assert audit.locked(GOOD) == ({"polars": frozenset({"1.0.0"})}, [])


def record(name: str = "Polars", *, ecosystem: str = "PyPI", **part: Any) -> dict[str, Any]:
    return {"id": "X-1", "summary": "bad", "affected": [{"package": {"name": name, "ecosystem": ecosystem}, **part}]}


def within(*events: dict[str, str]) -> dict[str, Any]:
    return record(ranges=[{"type": "ECOSYSTEM", "events": list(events)}])


@pytest.mark.parametrize(
    ("advisory", "hit"),
    [
        (record(versions=["1.0.0"]), True),
        (record(versions=["1.0.1"]), False),
        (within({"introduced": "0"}, {"fixed": "1.0.1"}), True),
        (within({"introduced": "0"}, {"fixed": "0.9.2"}), False),
        (within({"introduced": "1.1"}), False),
        (within({"introduced": "0.5"}, {"last_affected": "0.9.1"}), False),
        (within({"introduced": "0"}, {"fixed": "0.9"}, {"introduced": "0.9.5"}, {"fixed": "2"}), True),
        (record(versions=["0.9.2"]), True),
        (record("other", versions=["1.0.0"]), False),
        (record(ecosystem="npm", versions=["1.0.0"]), False),
        (record(versions=["1.0.0"]) | {"withdrawn": "2026-01-01"}, False),
    ],
)
def test_an_advisory_names_a_locked_version_by_list_or_range(advisory: dict[str, Any], hit: bool) -> None:
    assert bool(list(audit.named(advisory, {"polars": frozenset({"1.0.0", "0.9.2"})}))) is hit


def test_the_database_is_read_as_an_archive_or_as_a_folder(tmp_path: Path) -> None:
    one = json.dumps(record(versions=["1.0.0"]))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "X-1.json").write_text(one)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.writestr("X-1.json", one)
    for place in (tmp_path / "folder", tmp_path / "all.zip"):
        assert [r["id"] for r in audit.advisories(place)] == ["X-1"]


def packed(place: Path, **files: str) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.json", text)
    return place


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "no advisory in it"),
        ({"X-1": "{"}, "X-1.json is no JSON"),
        ({"X-1": "[]"}, "X-1.json is no advisory"),
        ({"X-1": json.dumps(record(ecosystem="npm"))}, "no advisory for PyPI"),
    ],
)
def test_an_archive_that_is_no_database_for_pypi_is_refused_in_three_parts(
    files: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(audit.UnreadError, match=told) as refused:
        audit.compared(packed(tmp_path / "all.zip", **files), {})
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == ["given", "expected", "mend"]


@pytest.mark.parametrize("cut", [0, 40, -30])
def test_an_archive_that_came_half_or_not_at_all_is_never_called_clean(cut: int, tmp_path: Path) -> None:
    whole = packed(tmp_path / "whole.zip", **{f"X-{n}": json.dumps(record()) for n in range(9)})
    (tmp_path / "all.zip").write_bytes(whole.read_bytes()[:cut])
    for place in (tmp_path / "all.zip", tmp_path / "none.zip"):
        with pytest.raises(audit.UnreadError):
            audit.compared(place, {})


def test_the_command_prints_what_advisories_say_and_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lock").write_text(GOOD)
    monkeypatch.setattr(audit, "installed", lambda _: [])

    def ends(place: Path) -> tuple[object, str]:
        monkeypatch.setattr("sys.argv", ["audit", "--lock", str(tmp_path / "lock"), "--advisories", str(place)])
        with pytest.raises(SystemExit) as ended:
            audit.main()
        shown = capsys.readouterr()
        return ended.value.code, shown.out + shown.err

    bad = packed(tmp_path / "bad.zip", one=json.dumps(record(versions=["1.0.0"])), two=json.dumps(record("x")))
    assert ends(bad) == (1, "polars 1.0.0: X-1 bad\n1 packages locked; 2 advisories; 1 wrong\n")
    code, told = ends(packed(tmp_path / "good.zip", one=json.dumps(record(versions=["0.1"]))))
    assert code == 0 and "1 advisories; 0 wrong" in told
    code, told = ends(tmp_path / "none.zip")
    assert code == 2 and "mend: " in told
