"""A planner's walk over one server of the sample company, whose clock the test turns on.

From the login to the dearest problem, its list, a name, what came of it, and the next page that shows it; from a draft
to its price, the approval, the watch and the review.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe

from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import Words
from crmlib.serve import users
from tests.browser.conftest import chromium

pytestmark = [pytest.mark.browser, pytest.mark.long]
WORD = "correct horse battery"
MORNING, NEXT = "2026-11-01T08:00:00+08:00", "2026-11-15T08:00:00+08:00"
SERVE = """
import sys
from datetime import datetime
from pathlib import Path
from crmlib.kit.words import Words
from crmlib.run import workspace
from crmlib.serve import server
from crmlib.serve.handlers import Bounds
port, clock, lake, reports = sys.argv[1:]
space = workspace.find(start=Path.cwd(), lake=Path(lake), reports=Path(reports))
now = lambda: datetime.fromisoformat(Path(clock).read_text())
server.serve(space, port=int(port), clock=now, say=print, words=Words("en"), bounds=Bounds(at_once=2))
"""


@dataclass
class World:
    """The server of a copy of the sample company, and what was looked at on the way."""

    address: str
    lake: Lake
    clock: Path
    axe: dict[str, list[str]] = field(default_factory=dict)

    def tomorrow(self) -> None:
        """The next two weeks come in: those before them again, a fortnight on."""
        lines = self.lake.table("receipt_lines").collect()
        last = lines["day"].max()
        assert last is not None
        fresh = lines.filter(pl.col("day") > last - timedelta(days=14))
        fortnight = pl.duration(days=14)
        moved = fresh.with_columns(
            pl.col("day") + fortnight,
            pl.col("sold_at") + fortnight,
            pl.col("known_at") + fortnight,
            line_id="N" + pl.col("line_id"),
            receipt_id="N" + pl.col("receipt_id"),
        )
        if "day_n" in moved.columns:
            moved = moved.with_columns(pl.col("day_n") + 14)
        stored = delta.scan(self.lake.table_path("receipt_lines")).collect_schema()
        rows = moved.with_columns(month=pl.col("day").dt.strftime("%Y-%m")).select(
            pl.col(c).dt.convert_time_zone("UTC") if isinstance(d, pl.Datetime) else pl.col(c).cast(d)
            for c, d in stored.items()
        )
        batch = delta.Batch("next-days", {"source": "pos", "table": "receipt_lines", "at": NEXT})
        path = self.lake.table_path("receipt_lines")
        delta.append(path, rows, batch=batch, partition="month", description='{"currency": "CNY"}')
        self.clock.write_text(NEXT, encoding="utf-8")


@pytest.fixture(scope="module")
def world(root: Path, sample_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for the walks, ended by its own id; the contact list is published, as every Monday morning."""
    if chromium() is None:
        pytest.skip("no Chromium")
    place = tmp_path_factory.mktemp("walk")
    lake, reports, clock = Lake(place / "lake"), place / "reports", place / "clock"
    shutil.copytree(sample_lake.path, lake.path)
    clock.write_text(MORNING, encoding="utf-8")
    for name, may in (("li.na", ("reveal",)), ("wang.wei", ("approve",))):
        users.add(lake.path / "users.toml", name, password=WORD, regions=(), reports=(), may=may)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONPATH": str(root)}
    run = ["-m", "crmlib.cli", "run", "params/contact_list", "--lake", str(lake.path), "--out", str(reports)]
    subprocess.run([sys.executable, *run], cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-c", SERVE, str(port), str(clock), str(lake.path), str(reports)]
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield World(f"http://127.0.0.1:{port}", lake, clock)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Planner:
    """Somebody with a browser."""

    def __init__(self, browser: Any, world: World, name: str, *, language: str, width: int) -> None:
        self.world, self.language, self.words = world, language, Words(language)  # type: ignore[arg-type]
        window = {"width": width, "height": 900}
        self.page = browser.new_context(viewport=window, locale={"zh": "zh-CN", "en": "en-US"}[language]).new_page()
        self.page.set_default_timeout(120_000)
        self.go("/login")
        self.seen("login")
        self.page.fill("[name=name]", name)
        self.page.fill("[name=password]", WORD)
        self.page.click("button")

    def go(self, path: str) -> None:
        joined = "&" if "?" in path else "?"
        asked = path if "language=" in path or path == "/login" else f"{path}{joined}language={self.language}"
        self.page.goto(f"{self.world.address}{asked}", timeout=120_000)

    def seen(self, what: str) -> None:
        """Nothing that axe objects to, and nothing that sticks out of the window."""
        found = Axe().run(self.page).response["violations"]
        self.world.axe[f"{what} {self.language}"] = [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found]
        assert self.world.axe[f"{what} {self.language}"] == []
        assert self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, what

    def text(self) -> str:
        return str(self.page.inner_text("body"))


WALKS = pytest.mark.parametrize(("language", "width"), [("zh", 1280), ("en", 390)])
PROMOTIONS: dict[str, str] = {}
MEMBERS: dict[str, str] = {}


@WALKS
def test_from_the_login_to_the_dearest_problem_its_list_a_name_and_what_came_of_it(
    browser: Any, world: World, language: str, width: int
) -> None:
    li = Planner(browser, world, "li.na", language=language, width=width)
    li.seen("portal")
    li.go("/apps/home")
    li.seen("home")
    li.page.click("table a >> nth=0")
    assert "/contact_list/" in li.page.url and li.page.query_selector(".answer")
    li.seen("page of the dearest problem")
    li.go("/apps/contact_list")
    li.seen("its list")
    line = li.page.locator("#contacts tbody tr", has_text=li.words("churn.means.call")).first
    code = MEMBERS[language] = line.locator("a").first.inner_text().strip()
    li.page.click(".lead a")
    li.seen("what names are opened for")
    li.page.select_option("[name=purpose]", "contact")
    li.page.click("button[value=show]")
    li.seen("names")
    assert re.search(r"1\d{10}", li.text()) and code in li.text()
    li.page.click(f"a:text-is('{code}')")
    li.page.select_option("[name=result]", "opted_out")
    li.seen("outcome")
    li.page.click("main button")
    assert li.words("serve.outcome.kept", member=code) in li.text()
    told = [json.loads(line) for line in (world.lake.path / "audit.jsonl").read_text().splitlines()]
    assert [t["user"] for t in told if t["outcome"] == "revealed" and t["page"] == code] == ["li.na"] * len(MEMBERS)


@WALKS
def test_whoever_gives_a_card_number_is_found_and_the_number_stands_in_no_address(
    browser: Any, world: World, language: str, width: int
) -> None:
    li = Planner(browser, world, "li.na", language=language, width=width)
    asked: list[str] = []
    li.page.on("request", lambda request: asked.append(request.url))
    bought = world.lake.table("receipt_lines").select("customer_id")
    known = world.lake.table("customers").join(bought, on="customer_id", how="semi").select("customer_id").collect()
    card = known["customer_id"].sort()[{"zh": 0, "en": 1}[language]]
    li.go("/apps/customer_360")
    li.page.click(f"a:text-is('{li.words('customer_360.find')}')")
    li.seen("who is found")
    li.page.fill("[name=number]", card[:-1])
    li.page.click("main button")
    assert li.words("serve.find.wrong.nobody") in li.text()
    li.page.fill("[name=number]", card)
    li.page.click("main button")
    code = world.lake.pseudonyms(pl.Series([card]))[0]
    assert f"customer={code}" in li.page.url and code in li.text() and li.page.query_selector(".answer")
    li.seen("customer")
    assert not [url for url in asked if card in url]
    assert card not in (world.lake.path / "audit.jsonl").read_text()


@WALKS
def test_from_a_draft_to_its_price_and_the_approval_of_a_second_person(
    browser: Any, world: World, language: str, width: int
) -> None:
    li = Planner(browser, world, "li.na", language=language, width=width)
    goods = {"zh": "饼干", "en": "饮料"}[language]
    first = "2026-11-02"
    li.go(f"/apps/promotion_desk?draft=nth_unit&draft_pay=50&draft_category={goods}&draft_first={first}&draft_days=7")
    li.seen("desk")
    li.page.click("#promotion-draft .lead a")
    li.seen("draft")
    name = f"{goods} {language}"
    li.page.fill("[name=name]", name)
    li.page.fill("[name=budget]", "3000")
    li.page.click("button[value=submit]")
    assert li.words("serve.offer.done.submit") in li.text()
    assert li.page.query_selector("button[value=approve]") is None, "nobody approves a draft of their own"
    PROMOTIONS[language] = re.findall(r"promotion=([^&]+)", li.page.url)[0]
    wang = Planner(browser, world, "wang.wei", language=language, width=width)
    wang.go("/apps/promotion_desk")
    row = wang.page.locator("#promotion-calendar tr", has_text=name)
    link = row.get_by_text(wang.words("promotion_desk.stage.submitted"), exact=True)
    wang.page.goto(f"{world.address}{link.get_attribute('href')}")
    wang.seen("approval")
    wang.page.click("button[value=approve]")
    assert wang.words("serve.offer.done.approve") in wang.text()


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 390)])
def test_the_next_pages_show_what_was_entered_and_the_promotion_is_watched_and_reviewed(
    browser: Any, world: World, language: str, width: int
) -> None:
    if not PROMOTIONS or not MEMBERS:
        pytest.skip("follows the walks above")
    if world.clock.read_text(encoding="utf-8") == MORNING:
        world.tomorrow()
    li = Planner(browser, world, "li.na", language=language, width=width)
    code, promotion = MEMBERS[language], PROMOTIONS[language]
    li.go(f"/apps/customer_360?customer={code}")
    assert li.words("serve.outcome.results.opted_out") in li.page.content(), li.page.inner_text("body")[:3000]
    li.go("/apps/contact_list")
    line = li.page.locator("#contacts tbody tr", has_text=code)
    assert line.count() == 0 or li.words("churn.means.call") not in line.inner_text()
    li.go("/apps/promotion_desk?as_of=2026-11-05")
    name = {"zh": "饼干 zh", "en": "饮料 en"}[language]
    watched = li.page.locator("#promotion-running", has_text=name)
    assert watched.count() == 1
    li.go(f"/apps/promotion_watch?promotion={promotion}&as_of=2026-11-05")
    assert name in li.text() and li.page.query_selector(".answer")
    li.seen("watch")
    li.go(f"/apps/promotion_review?promotion={promotion}")
    assert name in li.text() and li.page.query_selector(".answer")
    li.seen("review")
