"""A headless Chromium that may reach nothing but files and this machine's own server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from crmlib.data.lake.lake import Lake
from tests.report import world
from tests.waiting import HANG

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]  # fmt: skip
ALLOWED = ("file://", "data:", "blob:", "about:", "http://127.0.0.1:")


@dataclass
class Visit:
    """A page that was opened, and everything that must not have happened meanwhile."""

    page: Any
    outside: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def drawn(self) -> tuple[int, int]:
        """How many charts are drawn by script with marks in them, out of how many."""
        charts = self.page.query_selector_all(".chart")
        live = [
            c
            for c in charts
            if c.get_attribute("data-drawn") == "yes"
            and c.query_selector("svg [class*=mark] path, svg [class*=mark] text")
        ]
        return len(live), len(charts)

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


Open = Callable[..., Visit]


def chromium() -> str | None:
    """Where Chromium is, if it is."""
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for a file of tests; they are skipped without it, but fail where CI is set.

    Its driver holds an event loop that counts as running: it ends before tests of the server want theirs.
    """
    path = chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("CI is set but there is no Chromium: install the system's package `chromium`")
        pytest.skip("no Chromium: install the system's package `chromium`")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Open]:
    """Open an address, wait until the charts are drawn, and watch."""
    contexts = []

    def open_(address: str, *, width: int = 1200, scripts: bool = True, language: str | None = None) -> Visit:
        window = {"width": width, "height": 900}
        context = browser.new_context(viewport=window, java_script_enabled=scripts, locale=language)
        contexts.append(context)
        page = context.new_page()
        seen = Visit(page)
        page.on("request", lambda r: None if r.url.startswith(ALLOWED) else seen.outside.append(r.url))
        page.on("dialog", lambda d: (seen.alerts.append(d.message), d.dismiss()))
        page.on("pageerror", lambda e: seen.errors.append(str(e)))
        page.on("console", lambda m: seen.refused.append(m.text) if "Content Security Policy" in m.text else None)
        page.goto(address, timeout=HANG * 1000)
        if scripts and page.query_selector(".chart"):
            page.wait_for_selector("html[data-drawn=yes]", state="attached", timeout=HANG * 1000)
        return seen

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two years of a company with three shops."""
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")


@pytest.fixture(scope="session")
def pages(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same full page in both languages, beside each other."""
    day = tmp_path_factory.mktemp("reports")
    made = {}
    for language in ("zh", "en"):
        out = day / language
        out.mkdir()
        world.fill(world.opened(lake, language=language, out=out, languages=("zh", "en"))).close()
        made[language] = out / "index.html"
    return made
