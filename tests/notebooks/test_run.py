"""Every notebook runs on the sample company in both languages, and its page keeps the rules of pages."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import nbformat
import pytest

from crmlib import data
from crmlib.data import Lake
from crmlib.kit.words import LANGUAGES

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CLOCK = datetime(2026, 11, 22, tzinfo=UTC)
MOST_FINDINGS, MOST_FIGURES = 7, 4
PAGE_BYTES = 450_000
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The sample company as its ingest leaves it."""
    lake = Lake(tmp_path_factory.mktemp("sample") / "lake")
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        data.ingest_all(Path("data_samples/sources.yml"), lake=lake, now=CLOCK)
    finally:
        os.chdir(before)
    return lake


def execute(path: Path, *, language: str, lake: Lake, out: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the cells as a runner does, in this process, and return the page."""
    run = {
        "face": "html", "clock": CLOCK.isoformat(), "seed": 7, "run_id": "t", "lake": str(lake.path), "out": str(out),
        "languages": list(LANGUAGES),
    }  # fmt: skip
    out.mkdir(parents=True)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    monkeypatch.setenv("CRMLIB_RUN", str(out / "run.json"))
    names: dict[str, object] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{path.stem}:{cell.id}", "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names["language"] = language
    return (out / "index.html").read_text(encoding="utf-8")


def texts(html: str, pattern: str) -> list[str]:
    return [unescape(re.sub(r"<[^>]+>", "", found)).strip() for found in re.findall(pattern, html, re.S)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_and_its_page_keeps_the_rules(
    path: Path, language: str, sample: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    html = execute(path, language=language, lake=sample, out=tmp_path / "out", monkeypatch=monkeypatch)
    record = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    findings = [f for f in record["findings"] if f["role"] == "finding"]
    assert 1 <= len(findings) <= MOST_FINDINGS
    assert record["answer"] and len(record["figures"]) <= MOST_FIGURES
    assert "图未能生成" not in html and "could not be drawn" not in html

    body = html[html.index("<body>") :]
    said = [record["answer"], *(f["headline"] for f in record["findings"]), *texts(body, r"<dd>(.*?)</dd>")]
    assert all(said) and not any(re.search(r"\{\w*\}|\bnan\b|\bNone\b|\binf\b", text) for text in said)
    heads = texts(body, r"<th\b[^>]*>(.*?)</th>")
    assert not [text for text in heads if MACHINE.search(text)]
    if language == "zh":
        assert all(CHINESE.search(f["headline"]) for f in record["findings"])
    notes = re.findall(r'<div class="notes">\s*<dl>(.*?)</dl>', body, re.S)
    assert all(note.count("<dt>") == 3 for note in notes), "what is seen, how sure, what to do"

    data_in_page = re.findall(
        r'data:application[^"]*|<script type="application/json".*?</script>|<table.*?</table>', html, re.S
    )
    assert len(html.encode()) - sum(len(d.encode()) for d in data_in_page) <= PAGE_BYTES
