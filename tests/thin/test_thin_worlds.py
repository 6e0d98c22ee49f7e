"""A page is never lost to one section: whatever a company lacks, every report comes, in planners' words.

Each report is made on each thin world once, in one language or the other in turn; on the thinnest in both.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import Future
from html import unescape
from pathlib import Path
from typing import Any

import nbformat
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES
from crmlib.report import drawing, registry
from tests.thin import world

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
REPORTS = sorted(registry.package_rooms())
THINNEST = "one_receipt"
_OF_SHOPS = ("one_store", "no_stores_table", "one_category", "no_promotions", "promotions_always")
_OF_MEMBERS = ("whole", "no_members_table", "no_products", *_OF_SHOPS)
SAME = {
    "customer_": _OF_MEMBERS,
    "churn_": _OF_MEMBERS,
    "early_": _OF_MEMBERS,
    "promotion_": ("no_members_table", "thirty_members", "whole"),
    "site_": ("no_costs", "no_members_table", "thirty_members", "ten_months", "one_category", *_OF_SHOPS),
}
"""Worlds that cost seconds and show these reports nothing that "lines_only", "no_costs" or other tests do not;
with CRMLIB_ALL_WORLDS set every report meets every world."""
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b|\bnan\b|\bNone\b|\binf\b|\{\w*\}|Error\b")
"""What no sentence of a page holds; the file that IT maps a table in is named to IT."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")
NAMED = "params/sources.yml"


class Worlds:
    """Lakes made when first asked for, and pages made on them without drawing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tables, self.lakes = folder, world.company(), dict[str, Lake]()

    def lake(self, name: str) -> Lake:
        if name not in self.lakes:
            tables = world.WORLDS[name](self.tables)
            self.lakes[name] = world.lake(self.folder / name, tables, remembered=self.folder / "remembered")
        return self.lakes[name]

    def page(self, name: str, report: str, language: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """The manifest of the page, with its HTML."""
        out = self.folder / "pages" / name / report / language
        out.mkdir(parents=True)
        run = {
            "face": "html", "clock": world.CLOCK.isoformat(), "seed": 7, "run_id": "t", "out": str(out),
            "lake": str(self.lake(name).path), "languages": list(LANGUAGES),
        }  # fmt: skip
        (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
        monkeypatch.setenv("CRMLIB_RUN", str(out / "run.json"))
        names: dict[str, object] = {}
        for cell in nbformat.read(NOTEBOOKS / f"{report}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{report}:{cell.id}", "exec"), names)
                if "parameters" in cell.metadata.get("tags", []):
                    names["language"] = language
        made = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return made | {"html": (out / "index.html").read_text(encoding="utf-8")}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Charts are built but not drawn: pictures are other tests' affair."""

    def order(self: drawing.Drawer, chart: Any, *, language: str, key: str = "chart") -> Future[drawing.Drawing]:
        drawn: Future[drawing.Drawing] = Future()
        chart.to_dict()
        drawn.set_result(drawing.Drawing(svg="<svg></svg>", vega="{}"))
        return drawn

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(drawing.Drawer, "order", order)
        yield Worlds(tmp_path_factory.mktemp("thin"))


def said(page: dict[str, Any]) -> list[str]:
    """Every sentence that a reader of the page meets."""
    body = page["html"][page["html"].index("<body>") :]
    notes = re.findall(r"<dd>(.*?)</dd>", body, re.S)
    texts = (unescape(re.sub(r"<[^>]+>", "", note)).strip() for note in notes)
    return [page["answer"], *(f["headline"] for f in page["findings"]), *(t.replace(NAMED, "") for t in texts)]


def meets(report: str, name: str) -> bool:
    """Whether a page of the report can differ from that of a world it is tried on anyway; new reports meet all."""
    if os.environ.get("CRMLIB_ALL_WORLDS"):
        return True
    families = (name for family, names in SAME.items() if report.startswith(family) for name in names)
    return name not in families


def cases() -> Iterator[Any]:
    for i, report in enumerate(REPORTS):
        for j, name in enumerate(n for n in world.WORLDS if meets(report, n)):
            for language in LANGUAGES if name == THINNEST else (LANGUAGES[(i + j) % 2],):
                yield pytest.param(name, report, language, id=f"{report}-{name}-{language}")


@pytest.mark.parametrize(("name", "report", "language"), cases())
def test_a_page_comes_whatever_is_missing(
    worlds: Worlds, name: str, report: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = worlds.page(name, report, language, monkeypatch)
    sentences = said(page)
    assert page["answer"] and page["findings"] and all(sentences)
    assert [text for text in sentences if MACHINE.search(text)] == []
    if language == "zh":
        assert [text for text in sentences if not CHINESE.search(text)] == []
