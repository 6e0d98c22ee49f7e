"""The portal and the login, as they are served: for everybody, in both languages, wide and narrow."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tornado.web
from axe_playwright_python.sync_playwright import Axe
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from crmlib.kit.words import Language
from crmlib.run import portal
from crmlib.serve import closed, users
from crmlib.serve import login as front_door
from crmlib.serve.login import Guard, LoginHandler
from crmlib.serve.sessions import Sessions
from tests.browser.conftest import Open, Visit

pytestmark = [pytest.mark.browser, pytest.mark.long]
BOTH = pytest.mark.parametrize("language", ["zh", "en"])
WIDTHS = pytest.mark.parametrize("width", [1200, 390])
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
ANSWERS = {
    ("customer_value", "monthly", "warn"): {
        "zh": "前 20% 的顾客贡献 68% 的销售额，比去年多 3 个百分点。",
        "en": "The top 20 % of customers make 68 % of sales, 3 points more than a year ago.",
    },
    ("early_warning", "weekly-region-华东", "fail"): {
        "zh": "本周有 1,284 位高价值顾客超过惯常间隔仍未到店，先联系名单前 200 位。",
        "en": "1,284 valuable customers stay away longer than usual; call the first 200 on the list.",
    },
    ("data_health", "daily", "ok"): {"zh": "数据齐全，可以使用。", "en": "The data are complete and may be used."},
    ("site_selection", "quarterly", "none"): {"zh": "尚无判断。", "en": "No verdict yet."},
}
DAYS = [f"2026-{month:02d}-28" for month in range(1, 11)]


class Served(tornado.web.RequestHandler):
    """The portal of the owner, as the server sends it."""

    def initialize(self, *, reports: Path) -> None:
        self.reports = reports

    def get(self) -> None:
        language = closed.language_of(self)
        user = users.User("li.na", "", "")
        self.finish(front_door.portal_page(self, user, reports=self.reports, apps=(), language=language, now=NOW))


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of four reports in both languages; the last attempt at one of them failed."""
    root = tmp_path_factory.mktemp("reports")
    for (report, variant, status), answers in ANSWERS.items():
        for day in DAYS:
            for language, answer in answers.items():
                folder = root / report / variant / day / language
                folder.mkdir(parents=True)
                (folder / "index.html").write_text("<!doctype html><title>x</title>", encoding="utf-8")
                region = {"region": "华东"} if "华东" in variant else {}
                record = {"answer": answer, "findings": [{"key": "k", "status": status}], "parameters": region}
                (folder / "manifest.json").write_text(json.dumps(record), encoding="utf-8")
    failed = [f"customer_value/monthly/{DAYS[-1]}/{language}" for language in ("zh", "en")]
    portal.write(root, runs=pl.DataFrame({"output": failed, "state": ["failed"] * 2}), now=NOW)
    return root


@pytest.fixture(scope="module")
def address(reports: Path) -> Iterator[str]:
    """Portal and login on a free port of this machine."""
    door = users.Door(reports / "users.toml", lambda: 0.0)
    guard = Guard(door=door, sessions=Sessions(lambda: 0.0), audit=reports / "audit.jsonl", clock=lambda: NOW)
    users.add(reports / "users.toml", "li.na", password="correct horse battery", regions=(), reports=())
    routes: list[Any] = [
        ("/", Served, {"reports": reports}),
        ("/login", LoginHandler, {"guard": guard}),
    ]
    listening, port = bind_unused_port()
    loop = asyncio.new_event_loop()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        server = HTTPServer(
            tornado.web.Application(routes, cookie_secret="test", xsrf_cookies=True, allowed_hosts={"127.0.0.1"})
        )
        server.add_socket(listening)
        loop.run_forever()
        server.stop()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def nothing_wrong(seen: Visit) -> None:
    found = Axe().run(seen.page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []
    assert seen.overflow() <= 0
    assert (seen.outside, seen.errors, seen.refused) == ([], [], [])


@BOTH
@WIDTHS
def test_axe_finds_nothing_in_the_portal_and_nothing_sticks_out(
    reports: Path, visit: Open, language: Language, width: int
) -> None:
    nothing_wrong(visit((reports / portal.PAGES[language]).as_uri(), width=width))


@BOTH
@WIDTHS
def test_axe_finds_nothing_in_the_served_portal(address: str, visit: Open, language: str, width: int) -> None:
    seen = visit(address, width=width, language=language)
    assert seen.page.query_selector("form button") is not None
    nothing_wrong(seen)


@BOTH
@WIDTHS
def test_axe_finds_nothing_in_the_login_before_and_after_a_wrong_password(
    address: str, visit: Open, language: str, width: int
) -> None:
    seen = visit(f"{address}/login", width=width, language=language)
    nothing_wrong(seen)
    seen.page.fill("[name=name]", "li.na")
    seen.page.fill("[name=password]", "not the word")
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_selector("[role=alert]:not(:empty)")
    assert seen.page.input_value("[name=name]") == "li.na"
    nothing_wrong(seen)


def test_the_search_leaves_what_matches_and_says_when_nothing_does(reports: Path, visit: Open) -> None:
    page = visit((reports / "index.html").as_uri()).page
    page.fill("#q", "高价值顾客")
    assert page.locator("#rows tr:visible").count() == 1
    page.fill("#q", "没有这样的报表")
    assert page.locator("#rows tr:visible").count() == 0
    assert page.is_visible("#none")


def test_the_urgent_comes_first_and_variants_are_said_in_words(reports: Path, visit: Open) -> None:
    page = visit((reports / "index.html").as_uri()).page
    assert [light.inner_text() for light in page.query_selector_all(".light")] == ["要处理", "留意", "无判断", "正常"]
    variants = [p.inner_text() for p in page.query_selector_all("td:nth-child(2) p")]
    assert variants == ["周报 · 区域 华东", "月报", "季报", "日报"]
