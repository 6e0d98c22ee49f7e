"""No violation on any page, app and form of the package: all of them, in one browser, one after the other.

Every page of the sample company in both languages, with the form that it has as an app; the small pages of the server;
the forms in which something is entered. Charts stay the pictures that are there without scripts, and of a long table
its first rows and its last stand for the others. Contrast is the dear rule: it is asked where an element stands whose
chain of tags, classes and styles was not seen before, because elements of one chain look alike. Chinese is read on a
wide window, English on a phone; ``CRMLIB_ALL_AXE=1`` reads everything on both, contrast always (minutes).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
import tornado.web
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.report import registry
from crmlib.report.form.fields import form
from crmlib.report.form.parameters import Issue
from crmlib.report.html import render
from crmlib.report.html.content import Content, Head
from crmlib.run import handbooks
from crmlib.serve import find, merges, offer_form, offers, outcomes, reveal, small_pages, unsubscribe
from crmlib.serve.limits import Limits
from crmlib.serve.lists import Lists
from crmlib.serve.users import User
from tests.sample_pages import NOTEBOOKS, SamplePages
from tests.serve.test_merges import PAIR, Front
from tests.serve.test_offers import NEWEST, PRICED
from tests.serve.test_reveal import ROWS

pytestmark = [pytest.mark.browser, pytest.mark.long]
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WIDTHS = {"zh": 1280, "en": 390}
ALL = bool(os.environ.get("CRMLIB_ALL_AXE"))
ROW, BODY = re.compile(r"<tr>.*?</tr>", re.S), re.compile(r"(<tbody[^>]*>)(.*?)(</tbody>)", re.S)
PICTURE = re.compile(r"(<svg[^>]*>).*?(</svg>)", re.S)
"""Its inside is nobody's to read: it stands as one image with a text."""
HEAVY = re.compile(r'<script type="(?:text/plain|application/json)".*?</script>', re.S)
SIGNATURES = """() => {
  const seen = new Set(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    let at = walk.currentNode.parentElement, chain = [];
    if (!walk.currentNode.data.trim() || at.closest("svg, script, style")) continue;
    for (; at && at !== document.body; at = at.parentElement)
      chain.push(at.tagName + "." + at.className + "[" + (at.getAttribute("style") || "") + "]");
    seen.add(chain.join(" < "));
  }
  return [...seen];
}"""
RUN = """contrast => axe.run(document, {
  resultTypes: ["violations"], preload: false, rules: {"color-contrast": {enabled: contrast}},
}).then(found => found.violations.map(
  v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3).join(" ")))"""
OVER = "document.documentElement.scrollWidth - window.innerWidth"


def lightened(html: str) -> str:
    """`html` with its markup and without its weight."""

    def shortened(body: re.Match[str]) -> str:
        rows = ROW.findall(body[2])
        return body[0] if len(rows) < 6 else "".join((body[1], *rows[:4], rows[-1], body[3]))

    plain = PICTURE.sub(r"\1\2", HEAVY.sub("", html))
    return BODY.sub(shortened, re.sub(r'href="data:application[^"]*"', 'href="x.xlsx"', plain))


@dataclass
class Reader:
    """A browser that reads page after page and remembers what it has seen and found."""

    page: Any
    folder: Path
    seen: set[tuple[int, str]] = field(default_factory=set)
    found: dict[str, list[str]] = field(default_factory=dict)

    def read(self, name: str, html: str, *, language: str) -> None:
        """Everything open, on the window of the language."""
        file = self.folder / "page.html"
        file.write_text(lightened(html), encoding="utf-8")
        for width in sorted(WIDTHS.values()) if ALL else [WIDTHS[language]]:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.goto(file.as_uri())
            self.look(f"{name} {language} {width}", width)

    def look(self, name: str, width: int) -> None:
        """What axe says of the page that is open, and whether anything sticks out of the window."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        new = {(width, chain) for chain in self.page.evaluate(SIGNATURES)} - self.seen
        self.seen |= new
        self.page.evaluate(AXE)
        found = self.page.evaluate(RUN, ALL or bool(new))
        if self.page.evaluate(OVER) > 0:
            found.append("wider than the window")
        if found:
            self.found[name] = found


def with_form(html: str, report: str, language: str) -> str:
    """The page as the app shows it: its form before its answer, with a message beside a field."""
    words = Words(language)
    kind = registry.model(report)
    wrong = [Issue(next(iter(kind.model_fields)), "x", "other")]
    made = form(report, kind, given={"language": language}, issues=wrong, regions=("华东", "华南"), words=words)
    own = render.html(Content(language=language, head=Head(title="x", question="x"), form=made), words=words)
    found = re.search(r"<form .*?</form>", own, re.S)
    assert found is not None, report
    return html.replace('<main id="content"', '<main id="content" data-app', 1).replace(
        '<section class="answer"', f'{found[0]}<section class="answer"', 1
    )


def small() -> Iterator[tuple[str, str, str]]:
    """Small pages of the server: name, HTML, language."""
    for language in LANGUAGES:
        for role in handbooks.PAGES:
            yield f"handbook {role}", handbooks.page(role, language), language
    for reason in small_pages.STATUS:
        yield f"server says {reason}", small_pages.page(reason), "zh"


def served(lake: Lake, folder: Path) -> Iterator[tuple[str, str, str]]:
    """The forms in which something is entered, from a server of this machine: name, address, language."""
    lists, front = Lists(folder, lambda: 0.0), Front(User("boss", "", "b", may=("merge", "reveal", "send", "approve")))
    left = {
        "data_health": (merges.FILE, {"rows": [PAIR] * 3}),
        "contact_list": (reveal.FILE, {"title": "x", "rows": ROWS}),
        "promotion_desk": (offers.FILE, {"newest": str(NEWEST), "draft": PRICED, "waiting": {}}),
    }
    keys = {}
    for report, (file, content) in left.items():
        kept = lists.open(front.user, report, asked=f"/apps/{report}")
        (kept / file).write_text(json.dumps(content), encoding="utf-8")
        keys[report] = kept.name
    given: dict[str, Any] = {"guard": front, "lake": lake.path}
    routes: list[Any] = [
        ("/merge", merges.MergeHandler, given | {"lists": lists}),
        ("/reveal", reveal.RevealHandler, given | {"lists": lists}),
        ("/offer", offer_form.OfferHandler, given | {"lists": lists}),
        ("/outcome", outcomes.OutcomeHandler, given),
        ("/find", find.FindHandler, given | {"tries": Limits(time.monotonic), "hits": find.hits(time.monotonic)}),
        ("/unsubscribe/(.*)", unsubscribe.UnsubscribeHandler, {"lake": lake.path, "clock": front.clock}),
    ]
    listening, port = bind_unused_port()
    loop = asyncio.new_event_loop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        server = HTTPServer(tornado.web.Application(routes, cookie_secret="x", allowed_hosts={"127.0.0.1"}))
        server.add_socket(listening)
        loop.run_forever()
        server.stop()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    root = f"http://127.0.0.1:{port}"
    for language in LANGUAGES:
        spoken = f"language={language}"
        yield "form of merges", f"{root}/merge?list={keys['data_health']}&{spoken}", language
        yield "form of names", f"{root}/reveal?list={keys['contact_list']}&{spoken}", language
        yield "form of an offer", f"{root}/offer?priced={keys['promotion_desk']}&{spoken}", language
        yield "form of a number", f"{root}/find?{spoken}", language
        yield "form of an outcome", f"{root}/outcome?{spoken}", language
        yield "form of a mail", f"{root}/unsubscribe/x", language
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_axe_finds_nothing_on_any_page_app_and_form(
    sample_pages: SamplePages, lake: Lake, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    reports = [path.stem for path in reversed(NOTEBOOKS)]  # another worker that makes them too begins at the other end
    made = {(r, code): sample_pages.page(r, code) for r in reports for code in LANGUAGES}
    browser = request.getfixturevalue("browser")
    reader = Reader(browser.new_context(viewport={"width": 1280, "height": 900}).new_page(), tmp_path)
    for (report, language), folder in made.items():
        html = (folder / "index.html").read_text(encoding="utf-8")
        reader.read(report, with_form(html, report, language), language=language)
    for name, html, language in small():
        reader.read(name, html, language=language)
    for name, address, language in served(lake, tmp_path / "lists"):
        reader.page.set_viewport_size({"width": WIDTHS[language], "height": 900})
        reader.page.goto(address)
        assert reader.page.query_selector("form") is not None, name
        reader.look(f"{name} {language} {WIDTHS[language]}", WIDTHS[language])
    reader.page.context.close()
    assert reader.found == {}
    assert len(reader.seen) > 200
