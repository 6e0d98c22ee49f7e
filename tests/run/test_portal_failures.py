"""On the portal a report that never succeeded stands with its failure page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmlib.kit.words import Language, Words
from crmlib.run import portal

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def failed(reports: Path, day: str, language: str) -> str:
    """Where an attempt left its failure page, and its address."""
    file = reports / "site_score" / "quarterly" / day / "failed" / language / "error.html"
    file.parent.mkdir(parents=True)
    file.write_text("why", encoding="utf-8")
    return file.relative_to(reports).as_posix()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_report_that_never_succeeded_is_listed_red_with_its_newest_failure(
    tmp_path: Path, language: Language
) -> None:
    words = Words(language)
    old, new = (failed(tmp_path, day, language) for day in ("2026-10-30", "2026-10-31"))
    page = portal.page(tmp_path, language=language, now=NOW)
    assert page.count(f'href="{new}"') == 2 and old not in page
    assert words("portal.never") in page and words("portal.failed") not in page
    assert words("portal.light.fail") in page and words("site_score.title") in page
    assert "error.html" not in portal.page(tmp_path, language=language, now=NOW, allowed=lambda output: False)


def test_once_it_has_a_page_the_page_stands_there_and_the_failure_beside_it(tmp_path: Path) -> None:
    new = failed(tmp_path, "2026-10-31", "en")
    made = tmp_path / "site_score" / "quarterly" / "2026-10-30" / "en"
    made.mkdir(parents=True)
    (made / "index.html").touch()
    (made / "manifest.json").write_text(json.dumps({"answer": "Look at Elm Street first."}), encoding="utf-8")
    page = portal.page(tmp_path, language="en", now=NOW)
    words = Words("en")
    assert "Look at Elm Street first." in page and words("portal.failed") in page and words("portal.never") not in page
    assert page.count(f'href="{new}"') == 1
