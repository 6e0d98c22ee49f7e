"""One list goes the whole way: proposed, drawn, approved, sent, replied to, closed, and read on `list_results`."""

from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
import yaml
from typer.testing import CliRunner, Result

from crmlib import cli
from crmlib.cli import said
from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import CrmError
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.outreach.register import Terms
from crmlib.pages.list_results import findings
from crmlib.pages.list_results.study import Study
from crmlib.pages.shared import lists
from crmlib.run.deliver import Smtp
from crmlib.run.lists import audit, book
from crmlib.serve import users
from crmlib.serve.login import Guard, LoginHandler
from crmlib.serve.register import RegisterHandler
from crmlib.serve.server import USERS
from crmlib.serve.sessions import Sessions
from crmlib.serve.users import Door
from tests.browser.conftest import Open
from tests.report import world
from tests.run.lists.conftest import Box, box
from tests.waiting import HANG

__all__ = ["box"]
pytestmark = [pytest.mark.browser, pytest.mark.long]
MAY = datetime(2026, 5, 10, 4, tzinfo=UTC)
NAME = "五月请回 <script>alert(1)</script>"
WORDS = {"li": "a long word of li", "wang": "a long word of wang"}


@pytest.fixture
def shop(lake: Lake, tmp_path: Path) -> Lake:
    """A lake with members, addresses, a message, two users, and a page's proposal."""
    made = Lake(shutil.copytree(lake.path, tmp_path / "lake"))
    ids = [f"C{i:04d}" for i in range(60)]
    own: dict[str, Any] = {"source": "crm", "by": "crm", "now": MAY}
    members = pl.DataFrame({"customer_id": ids, "region": "华东", "may_email": True, "tags": [[]] * 60})
    file_rows(made, CONTRACTS["customers"], members, batch="m", **own)
    people = pl.DataFrame({"customer_id": ids, "name": ids, "email": [f"m{i}@example.com" for i in range(60)]})
    file_rows(made, CONTRACTS["people"], people, batch="p", **own)
    message = {
        "message_id": "M1", "version": 1, "channel": "email", "language": "zh", "subject": "{name}",
        "body": "{name}：新茶到店。", "placeholders": ["name"], "signature": "茶铺", "opt_out_text": "退订",
    }  # fmt: skip
    file_rows(made, CONTRACTS["messages"], pl.DataFrame([message]), batch="w", **own)
    users.add(made.path / USERS, "li", password=WORDS["li"], regions=(), reports=(), may=("send",))
    users.add(made.path / USERS, "wang", password=WORDS["wang"], regions=(), reports=(), may=("approve",))
    page = world.opened(made, report="contact_list", variables={"as_of": date(2026, 5, 9)})
    terms = Terms("L2026-05", NAME, "win_back", "email", "", control_bp=5000, message_id="M1")
    lists.propose(page, pl.DataFrame({"recipient_id": ids}), terms)
    return made


class Desk:
    """The command line of one shop at a time of its own, with a mail server."""

    def __init__(self, shop: Lake, patch: pytest.MonkeyPatch, root: Path, smtp: Smtp) -> None:
        self.shop, self._patch = shop, patch
        (root / "notebooks").mkdir()
        (root / "params").mkdir()
        rules = {
            "smtp": smtp.model_dump(mode="json", exclude_none=True),
            "unsubscribe": "https://shop.example/u/{token}",
        }
        (root / "params" / "contact_rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        patch.chdir(root)
        patch.setenv("CRMLIB_LANGUAGE", "en")

    def do(self, *words: str, by: str, at: datetime, password: str = "") -> Result:
        self._patch.setattr(said, "now", lambda: at)
        typed = [*words, "--as", by, "--lake", str(self.shop.path)]
        return CliRunner().invoke(cli.app, ["list", *typed], input=f"{password or WORDS[by]}\n")


def refused(result: Result) -> str:
    assert isinstance(result.exception, CrmError), result.output
    return result.exception.code


@pytest.fixture
def desk(shop: Lake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, box: tuple[Box, Smtp]) -> Desk:
    root = tmp_path / "root"
    root.mkdir()
    return Desk(shop, monkeypatch, root, box[1])


def test_a_list_goes_the_whole_way_and_is_read_on_its_page(
    shop: Lake, desk: Desk, box: tuple[Box, Smtp], tmp_path: Path, visit: Open
) -> None:
    sink = box[0]
    drawn = desk.do("draw", "contact_list", by="li", at=MAY)
    assert "30 to contact, 30 left alone" in drawn.output
    assert refused(desk.do("draw", "contact_list", by="li", at=MAY)) == "outreach.drawn"
    assert refused(desk.do("send", "L2026-05", by="li", at=MAY)) == "outreach.state"
    assert refused(desk.do("approve", "L2026-05", by="li", at=MAY)) == "run.not_yours"
    assert refused(desk.do("approve", "L2026-05", by="wang", at=MAY, password="guessed")) == "run.not_yours"
    assert "approved" in desk.do("approve", "L2026-05", by="wang", at=MAY.replace(hour=5)).output
    night = desk.do("send", "L2026-05", by="li", at=MAY.replace(hour=14))
    assert refused(night) == "outreach.quiet"
    sent = desk.do("send", "L2026-05", by="li", at=MAY.replace(hour=6))
    assert "sent: 30" in sent.output and "through" in sent.output
    contact = book.find(shop, "L2026-05").contact["recipient_id"]
    assert sorted(m["To"] for m in sink.mails) == sorted(f"m{int(i[1:])}@example.com" for i in contact)
    back = tmp_path / "back.csv"
    codes = shop.pseudonyms(contact)
    back.write_text(f"code,kind,at\n{codes[0]},delivered,2026-05-10 15:00\n{codes[1]},opted_out,2026-05-10 16:00\n")
    assert "2 new" in desk.do("receipts", "L2026-05", str(back), by="li", at=MAY.replace(hour=9)).output
    assert refused(desk.do("close", "L2026-05", by="li", at=MAY.replace(day=20))) == "outreach.window_open"
    closed = desk.do("close", "L2026-05", by="li", at=MAY.replace(month=6, day=20))
    assert closed.exit_code == 0, closed.output
    kept = shop.table("read_outs").collect().row(0, named=True)
    assert (kept["n_contact"], kept["n_control"], kept["closed"]) == (30, 30, True)
    for language in ("zh", "en"):
        out = tmp_path / "page" / language
        out.mkdir(parents=True)
        shown(shop, out, language=language, verdict=kept["verdict"])
        for width in (1280, 390):
            seen = visit((out / "index.html").as_uri(), width=width)
            assert "五月请回" in seen.page.inner_text("main")
            assert (seen.alerts, seen.outside, seen.errors, seen.refused) == ([], [], [], [])
            assert seen.overflow() <= 0


@pytest.fixture
def served(shop: Lake, desk: Desk, tmp_path: Path, root: Path) -> Iterator[tuple[str, list[datetime]]]:
    """The login and the register at an address of this machine, and the time that it goes by."""
    now = [MAY]
    guard = Guard(Door(shop.path / USERS, time.monotonic), Sessions(time.monotonic), tmp_path / "audit.jsonl",
                  lambda: now[0])  # fmt: skip
    place = tmp_path / "root"
    shutil.copy(root / "notebooks" / "contact_list.ipynb", place / "notebooks")
    given = {"guard": guard, "lake": shop.path, "notebooks": place / "notebooks"}
    routes = [(r"/login", LoginHandler, {"guard": guard}), (r"/register", RegisterHandler, given)]
    ready, stop = threading.Event(), []

    async def run() -> None:
        sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
        app = tornado.web.Application(routes, cookie_secret="x", allowed_hosts={"127.0.0.1"})
        server = tornado.httpserver.HTTPServer(app)
        server.add_sockets(sockets)
        done = asyncio.Event()
        stop.extend([sockets[0].getsockname()[1], asyncio.get_running_loop(), done])
        ready.set()
        await done.wait()
        server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(HANG)
    yield f"http://127.0.0.1:{stop[0]}", now
    stop[1].call_soon_threadsafe(stop[2].set)
    thread.join(HANG)


def test_the_forms_take_a_list_the_whole_way(
    desk: Desk, served: tuple[str, list[datetime]], box: tuple[Box, Smtp], visit: Open, tmp_path: Path
) -> None:
    shop = desk.shop
    address, now = served
    seats = {}
    for name, width in (("li", 1280), ("wang", 390)):
        seen = seats[name] = visit(f"{address}/register?language=zh", width=width)
        seen.page.fill("input[name=name]", name)
        seen.page.fill("input[name=password]", WORDS[name])
        seen.page.click("button")

    def click(name: str, step: str, at: datetime) -> str:
        now[0] = at
        page = seats[name].page
        page.goto(f"{address}/register?language=zh")
        page.click(f'button[value="{step}"]')
        page.wait_for_load_state()
        assert (seats[name].alerts, seats[name].outside, seats[name].errors) == ([], [], [])
        assert seats[name].overflow() <= 0
        return str(page.inner_text("main"))

    assert "触达 30，不触达 30" in click("li", "draw:L2026-05", MAY)
    assert not seats["li"].page.query_selector('button[value="approve:L2026-05"]'), "nobody approves their own"
    assert "已批准" in click("wang", "approve:L2026-05", MAY.replace(hour=5))
    assert not seats["wang"].page.query_selector("button[value^=send]"), "without the right to send"
    assert "免打扰" in click("li", "send:L2026-05", MAY.replace(hour=14))
    assert not box[0].mails
    assert "已发完" in click("li", "send:L2026-05", MAY.replace(hour=6)) and len(box[0].mails) == 30
    codes = shop.pseudonyms(book.find(shop, "L2026-05").contact["recipient_id"])
    back = tmp_path / "back.csv"
    back.write_text(f"code,kind,at\n{codes[0]},replied,2026-05-10 15:00\n{codes[1]},opted_out,2026-05-10 16:00\n")
    assert "2 new" in desk.do("receipts", "L2026-05", str(back), by="li", at=MAY.replace(hour=9)).output
    assert "2026-06-07" in click("li", "close:L2026-05", MAY.replace(day=20)), "the window is still open"
    assert "已结案" in click("li", "close:L2026-05", MAY.replace(month=6, day=20))
    kept = shop.table("read_outs").collect().row(0, named=True)
    assert (kept["n_contact"], kept["n_control"], kept["closed"]) == (30, 30, True)
    out = tmp_path / "page"
    out.mkdir()
    shown(shop, out, language="zh", verdict=kept["verdict"])
    assert NAME in visit((out / "index.html").as_uri()).page.inner_text("main")
    told = [(line["what"], line["by"]) for line in audit.lines(shop.path)]
    assert told == [("drawn", "li"), ("approved", "wang"), ("sent", "li"), ("receipts", "li"), ("read out", "li")]


def shown(shop: Lake, out: Path, *, language: str, verdict: str) -> None:
    """The page as its notebook makes it."""
    page = world.opened(shop, report="list_results", language=language, out=out)
    study = Study(page)
    page.show(findings.answer(study), findings.money(study), findings.came(study), findings.left(study))
    page.show(findings.checks(study), findings.under_way(study), findings.todo(study), findings.limits(study))
    assert study.lists["verdict"].to_list() == [verdict]
    page.close()
