"""JupyterLab shows cards; a run that fails leaves a readable page; Voilà gets exactly one output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from crmlib.data.lake.lake import Lake
from crmlib.report import faces
from crmlib.report.failure import ERROR_RECORD
from tests.report import world
from tests.report.test_context import run_file

OPEN = "from crmlib import report\npage = report.open('customer_value', globals())"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A kernel without the kernel."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    made.history_manager.enabled = False
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown in the notebook or handed to Voilà."""
    found: list[str] = []
    monkeypatch.setattr(faces, "_show", found.append)
    monkeypatch.setattr(faces, "send", found.append)
    return found


def run_cell(shell: InteractiveShell, source: str) -> Any:
    return shell.run_cell(source, silent=True)


def test_a_lab_shows_a_card_with_its_picture_and_no_script(lake: Lake, sent: list[str]) -> None:
    page = world.fill(world.opened(lake, face="lab"))
    page.close()
    assert len(sent) == 6  # answer, three findings with their pictures, list, closing note; limits are for the page
    assert sum("<svg" in card and 'class="picture"' in card for card in sent) == 2
    assert not any("<script" in card for card in sent) and "客户价值报表" in sent[-1]


def test_voila_is_sent_one_whole_page(lake: Lake, sent: list[str]) -> None:
    world.fill(world.opened(lake, face="voila")).close()
    assert len(sent) == 1 and sent[0].startswith("<!doctype html>") and "<form" in sent[0]


def test_a_failed_run_records_its_error_in_every_language_and_the_error_goes_on(
    lake: Lake, out: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRMLIB_RUN", str(run_file(out, lake=str(lake.path), out=str(out))))
    result = run_cell(shell, f"months = 99\n{OPEN}")
    said = json.loads((out / ERROR_RECORD).read_text(encoding="utf-8"))
    assert result.error_in_exec is not None
    assert "不能大于 36" in said["zh"]["given"] and "36" in said["en"]["given"]
    assert "Traceback" not in str(said)
    printed = capsys.readouterr().out
    assert "months" in printed and "Traceback" not in printed


def test_an_unexpected_error_in_a_later_cell_says_its_kind_only(
    lake: Lake, out: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRMLIB_RUN", str(run_file(out, lake=str(lake.path), out=str(out))))
    assert run_cell(shell, f"language = 'en'\n{OPEN}").success
    run_cell(shell, "raise KeyError('13800138000')")
    said = json.loads((out / ERROR_RECORD).read_text(encoding="utf-8"))
    assert "KeyError" in said["zh"]["given"] and "13800138000" not in str(said)
    assert "KeyError" in capsys.readouterr().out  # the executed notebook keeps the trace for analysts


def test_in_voila_an_error_is_answered_with_the_form(
    lake: Lake, shell: InteractiveShell, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRMLIB_RUN", raising=False)
    for name, value in (
        ("SERVER_SOFTWARE", "voila/0.5"), ("QUERY_STRING", "months=99&language=en"), ("CRMLIB_LAKE", str(lake.path)),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    assert run_cell(shell, OPEN).error_in_exec is not None
    assert len(sent) == 1 and "must be at most 36" in sent[0] and "华东" in sent[0]


def test_a_manifest_says_what_the_page_says(lake: Lake, out: Path) -> None:
    world.fill(world.opened(lake, out=out)).close()
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert record["answer"] in (out / "index.html").read_text(encoding="utf-8")
    assert record["made_at"] not in (out / "index.html").read_text(encoding="utf-8")
