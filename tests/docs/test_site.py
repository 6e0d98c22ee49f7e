"""What the site is made of: links between its parts, the reader's language, the gallery's code, pages of the sample."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crmlib.kit.words import Words
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_site", ROOT / "docs" / "site" / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", ["zh", "en"])
def test_links_of_the_docs_lead_to_pages_of_the_site(build: ModuleType, language: Any, tmp_path: Path) -> None:
    own = build.told(language)
    assert set(own["nav"]) == set(build.PARTS)
    for name, part in build.PARTS.items():
        (tmp_path / part).mkdir(exist_ok=True)
        build.written(name, tmp_path / part, language, own)
    for page in tmp_path.rglob("*.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), (page, target)
    chinese = sum("!!! note" not in p.read_text(encoding="utf-8") for p in tmp_path.rglob("*.md"))
    assert chinese >= len(build.PARTS) - (2 if language == "zh" else 0)


def test_a_page_of_a_report_leads_to_that_of_the_sample_and_its_links_hold(build: ModuleType, tmp_path: Path) -> None:
    place = "home/daily/2026-10-31/en/index.html"
    for name in (place, "index.html", "home/daily/2026-10-31/failed/en/error.html"):
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text("<p>", encoding="utf-8")
    build.pages_of_the_sample(tmp_path / "made", tmp_path / "site")
    shown = {p.relative_to(tmp_path / "site").as_posix() for p in (tmp_path / "site").rglob("*.html")}
    assert shown == {f"sample/{place}", "sample/index.html"}
    page = build.report_page("home", Words("en"), build.told("en"), sample=place)
    (target,) = re.findall(r'href="([^"]+)"', page)
    (tmp_path / "site" / "en" / "reports").mkdir(parents=True)
    assert (tmp_path / "site" / "en" / "reports" / target).is_file()


def test_the_gallery_shows_the_code_that_the_suite_runs(build: ModuleType, tmp_path: Path) -> None:
    build.gallery(tmp_path)
    pages = [p.read_text(encoding="utf-8") for p in sorted(tmp_path.glob("*.md"))]
    assert len(pages) == 5 and all(page.startswith("# ") and "```python" in page for page in pages)
