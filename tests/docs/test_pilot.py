"""The pilot of the docs, walked on the sample in both languages: what it shows is what comes; pages are made in CI."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from crmlib.cli import app
from crmlib.data import Lake
from tests.docs.pages import ROOT

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def walk() -> ModuleType:
    spec = importlib.util.spec_from_file_location("walk", ROOT / "docs" / "site" / "walk.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_step_ends_as_it_says_and_prints_what_it_shows(
    language: str, walk: ModuleType, sample_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("data_samples", "params", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRMLIB_LANGUAGE", language)
    page = ROOT / "docs" / ("pilot.zh.md" if language == "zh" else "pilot.md")
    steps = list(walk.steps(page.read_text(encoding="utf-8")))
    assert sum(len(step.lines) for step in steps) >= 10 and {step.code for step in steps} == {0, 1}
    for step in steps:
        printed = "".join(done(line, sample_lake, step.code) for line in step.lines)
        assert all(told in printed for told in step.told), printed


def done(line: str, lake: Lake, code: int) -> str:
    words = shlex.split(line)
    if words[:2] == ["crmlib", "ingest"]:  # what the tests have ingested already
        shutil.copytree(lake.path, words[words.index("--lake") + 1])
        return ""
    if words[:2] == ["crmlib", "run"]:
        return ""
    if words[0] == "crmlib":
        ran = CliRunner().invoke(app, words[1:])
        assert ran.exit_code == code, (line, ran.output)
        return ran.output
    return subprocess.run(["bash", "-c", line], check=True, capture_output=True, text=True).stdout


def test_a_page_that_shows_what_does_not_come_is_noticed(
    walk: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["walk", str(page)])
    for told, code in (("one\n", 0), ("two\n", 1)):
        page.write_text(f"<!-- walk -->\n```sh\necho one\n```\n```text\n{told}```\n", encoding="utf-8")
        if code == 0:
            walk.main()
        else:
            with pytest.raises(SystemExit, match="not printed by echo one"):
                walk.main()
    page.write_text("<!-- walk -->\n```sh\nfalse\n```\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="ended with 1"):
        walk.main()
