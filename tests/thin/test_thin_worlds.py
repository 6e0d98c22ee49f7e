"""A page is never lost to one section: whatever a company lacks, every report comes, in planners' words.

Each report is made on thin worlds in one language or the other in turn, and on the thinnest in both. Reports
are found by themselves; each meets the worlds in which it fell and those in which anything falls.
``CRMLIB_ALL_WORLDS=1`` makes every report on every world (some minutes).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit import notebook
from crmlib.kit.words import LANGUAGES
from crmlib.pages.promotion_review import study as review
from crmlib.pages.shared import promotion_ground
from crmlib.report import registry
from crmlib.report.html import sheets
from tests.report import quick
from tests.thin import world

pytestmark = pytest.mark.long
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
REPORTS = sorted(registry.package_rooms())
THINNEST = "one_receipt"
SLOW = ("churn_review", "customer_lifetime", "customer_profile", "early_warning", "promotion_plan")
"""Reports that cost seconds where data are plenty; on the worlds of `REFUSED` they are cheap."""
REFUSED = ("no_cards", "one_month", "returns_only")
TRIED = {
    "customer_value": ("no_costs", "three_months", "ten_months"),
    "customer_360": ("lines_only",),
    "early_warning": ("thirty_members",),
    "promotion_review": ("no_costs", "three_months", "one_store", "promotions_always"),
    "promotion_watch": ("ten_months", "no_stores_table", "promotions_always"),
    "promotion_plan": ("no_products", "no_promotions", "promotions_always"),
    "data_health": ("whole", "no_costs", "no_members_table", "promotions_always"),
    "home": ("lines_only", "whole"),
    "sales_pulse": ("no_costs", "three_months", "one_store", "no_stores_table", "lines_only", "promotions_always"),
    "site_score": (),
    "site_selection": (),
}
"""Worlds in which a page fell, or could say what is not so."""
NEW = ("no_products", "returns_only")
"""Of reports that do not stand above."""
ANSWERED = {
    "customer_value": ("no_costs", "ten_months", "three_months"),
    "promotion_review": ("promotions_always", "no_costs"),
    "promotion_plan": ("promotions_always", "no_cards"),
    "sales_pulse": ("no_costs", "lines_only"),
}
"""Worlds that are no excuse: an answer with its figures comes all the same."""
LACKING = {"zh": ("门店档案", "商品档案", "促销档案"), "en": ("stores", "products", "promotions")}
"""What promotion pages miss where there are receipts only: told all at once, not one by one."""
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b|\bnan\b|\bNone\b(?! of)|\binf\b|\{\w*\}|\wError\b")
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
        for cell in notebook.read(NOTEBOOKS / f"{report}.ipynb").cells:
            if cell.kind == "code":
                exec(compile(cell.source, f"{report}:{cell.number}", "exec"), names)
                if "parameters" in cell.tags:
                    names["language"] = language
        made = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return made | {"html": (out / "index.html").read_text(encoding="utf-8")}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Charts are built, neither checked nor drawn, and no workbook is written: these are other tests' affair."""

    with pytest.MonkeyPatch.context() as patched:
        quick.undrawn(patched)
        quick.draws(patched)
        patched.setattr(promotion_ground, "ROUNDS", 1)
        patched.setattr(review.Study, "rounds", promotion_ground.PromotionStudy.rounds)
        patched.setattr(sheets, "xlsx", lambda *_, **__: b"")
        yield Worlds(tmp_path_factory.mktemp("thin"))


def said(page: dict[str, Any]) -> list[str]:
    """Every sentence that a reader of the page meets."""
    body = page["html"][page["html"].index("<body>") :]
    notes = (
        n
        for d in re.findall(r'class="notes">\s*<dl>(.*?)</dl>', body, re.S)
        for n in re.findall(r"<dd>(.*?)</dd>", d, re.S)
    )
    texts = (unescape(re.sub(r"<[^>]+>", "", note)).strip() for note in notes)
    return [page["answer"], *(f["headline"] for f in page["findings"]), *(t.replace(NAMED, "") for t in texts)]


def meets(report: str, name: str) -> bool:
    """Whether the report is tried on the world; with CRMLIB_ALL_WORLDS every report meets every world (minutes)."""
    if os.environ.get("CRMLIB_ALL_WORLDS"):
        return True
    own = REFUSED[REPORTS.index(report) % len(REFUSED)]
    return name in {THINNEST, own} or name in TRIED.get(report, () if report in SLOW else NEW)


def cases() -> Iterator[Any]:
    for i, report in enumerate(REPORTS):
        for j, name in enumerate(n for n in world.WORLDS if meets(report, n)):
            for language in LANGUAGES if name == THINNEST else (LANGUAGES[(i + j) % 2],):
                yield pytest.param(name, report, language, id=f"{report}-{name}-{language}")


@pytest.mark.parametrize(("name", "report", "language"), list(cases()))
def test_a_page_comes_whatever_is_missing(
    worlds: Worlds, name: str, report: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = worlds.page(name, report, language, monkeypatch)
    sentences = said(page)
    assert page["answer"] and page["findings"] and all(sentences)
    assert [text for text in sentences if MACHINE.search(text)] == []
    assert page["figures"] or name not in ANSWERED.get(report, ())
    if name == THINNEST and report in {"promotion_review", "promotion_watch", "promotion_plan"}:
        assert all(word in page["answer"] for word in LACKING[language])
    if language == "zh":
        assert [text for text in sentences if not CHINESE.search(text)] == []
