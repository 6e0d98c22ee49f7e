"""Pages made on demand: what their readers get, and what becomes of those that hang, die, or take too much."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import psutil
import pytest

from crmlib.serve import lists, users
from tests.serve.test_login import WORD, Browser
from tests.waiting import HANG, end, free_port, gone, listens, until

AT_ONCE, DEADLINE, MEMORY_MB = 2, 20, 300
"""The deadline is what a hanging page costs here; half of it must be enough for a page that says a word."""
pytestmark = pytest.mark.long
PAGE = """
from IPython.display import publish_display_data
def send(text):
    publish_display_data({"text/html": text}, metadata={"text/html": {"crmlib": {"page": True}}})
tries = pathlib.Path(os.environ["CRMLIB_REPORTS"], f".tries-{NAME}")
tries.write_text(tries.read_text() + "." if tries.exists() else ".")
"""
BODIES = {
    "good": """
folder = pathlib.Path(os.environ["CRMLIB_LISTS"])
seen = os.environ.get("CRMLIB_REGIONS", "all")
(folder / "good.list.xlsx").write_bytes(b"PK " + seen.encode())
send(f'<p>{seen}</p><a href="/lists/{folder.name}/good.list.xlsx">list</a>')
""",
    "whose": """send("<p>" + os.environ.get("CRMLIB_PERSON", "head") + "</p>")""",
    "slow": "time.sleep(2)\nsend('<p>slow</p>')",
    "hung": "time.sleep(600)",
    "dies": "os.kill(os.getpid(), 9)",
    "dies_once": "if len(tries.read_text()) == 1:\n    os.kill(os.getpid(), 9)\nsend('<p>second</p>')",
    "hog": "held = bytearray(600_000_000)\nheld[::4096] = b'x' * len(held[::4096])\ntime.sleep(600)",
    "refused": 'send(\'<head><meta name="crmlib-status" content="422"></head>\')',
    "wrong": "raise RuntimeError('SECRET in /etc/passwd')",
}


def notebook(name: str, body: str) -> str:
    source = f"import os, pathlib, time\nNAME = {name!r}\n{PAGE}\n{body}"
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="page")])
    made.metadata.kernelspec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    return str(nbformat.writes(made))


class Served:
    """A server over the notebooks above, with two readers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("notebooks", "params", "lake", "reports"):
            (root / name).mkdir()
        for name, body in BODIES.items():
            (root / "notebooks" / f"{name}.ipynb").write_text(notebook(name, body), encoding="utf-8")
        own = root / "notebooks" / "own_good" / "own_good.ipynb"
        own.parent.mkdir()
        own.write_text(notebook("own_good", "send('<p>own</p>')"), encoding="utf-8")
        file = root / "lake" / "users.toml"
        users.add(file, "boss", password=WORD, regions=(), reports=())
        users.add(file, "li", password=WORD, regions=(), reports=("whose",), staff="G1")
        users.add(file, "east", password=WORD, regions=("East",), reports=("good", "slow"))
        self.port = free_port()
        command = [sys.executable, "-m", "crmlib.cli", "serve", "--port", str(self.port)]
        command += ["--lake", str(root / "lake"), "--out", str(root / "reports"), "--at-once", str(AT_ONCE)]
        command += ["--deadline", str(DEADLINE), "--memory-mb", str(MEMORY_MB), "--patience", "0.5"]
        place = os.environ.get("PYTHONPATH", "")
        env = os.environ | {"PYTHONPATH": f"{Path(lists.__file__).parents[2]}{os.pathsep}{place}"}
        self.process = subprocess.Popen(command, cwd=root, env=env, stderr=subprocess.DEVNULL)
        self.family = psutil.Process(self.process.pid)

    def wait(self) -> None:
        """Until it answers, and its warm parent forks."""

        def forks() -> bool:
            warm = [p for p in self.family.children() if "crmlib.run.process.parent" in p.cmdline()]
            return listens(self.port) and bool(warm) and Path(warm[0].cmdline()[3]).exists()

        until(forks, alive=lambda: self.process.poll() is None)

    def browser(self, name: str) -> Browser:
        """Somebody who has logged in."""
        browser = Browser(self.port)
        assert browser.login(name)[0] == 302
        return browser

    def tries(self, name: str) -> int:
        """How often a notebook was begun."""
        file = self.root / "reports" / f".tries-{name}"
        return len(file.read_text()) if file.exists() else 0

    def audit(self) -> list[dict[str, str]]:
        """All visits so far."""
        return [json.loads(line) for line in (self.root / "lake" / "audit.jsonl").read_text("utf-8").splitlines()]

    def kernels(self) -> list[psutil.Process]:
        """What the warm parent has forked."""
        (warm,) = (p for p in self.family.children() if "crmlib.run.process.parent" in p.cmdline())
        return [p for p in warm.children() if p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("served"))
    try:
        running.wait()
        yield running
    finally:
        end(running.process)


def link(text: str) -> str:
    found = re.search(r'href="(/lists/[^"]+)"', text)
    assert found is not None
    return found[1]


def test_a_list_is_given_to_the_reader_of_its_page_and_noted(server: Served) -> None:
    boss = server.browser("boss")
    status, text, _ = boss.ask("/apps/good?months=6")
    got, content, headers = boss.ask(link(text))
    assert (status, got, content) == (200, 200, "PK all")
    assert headers["content-disposition"] == 'attachment; filename="good.list.xlsx"'
    assert headers["content-type"] == lists.XLSX and headers["cache-control"] == "no-store"
    page, download = server.audit()[-2:]
    assert (page["outcome"], download["outcome"], download["user"]) == ("app", "list", "boss")
    assert download["page"] == "/apps/good?months=6" and download["asked"].endswith("/good.list.xlsx")


def test_nobody_else_gets_it_with_or_without_a_login(server: Served) -> None:
    boss, east = server.browser("boss"), server.browser("east")
    all_rows, own_rows = link(boss.ask("/apps/good")[1]), link(east.ask("/apps/good")[1])
    assert east.ask(own_rows)[1] == 'PK ["East"]'
    assert (east.ask(all_rows)[0], boss.ask(own_rows)[0]) == (410, 410)
    assert "PK" not in east.ask(all_rows)[1] + boss.ask(own_rows)[1]
    assert Browser(server.port).ask(all_rows)[0] == 302
    assert server.audit()[-2]["outcome"] == "no list"


@pytest.mark.parametrize(
    "tail", ["../../users.toml", "..%2f..%2fusers.toml", "good.list.xlsx/../x.xlsx", ".xlsx", "none.xlsx", "good.list"]
)
def test_no_other_file_is_reached_through_a_list(server: Served, tail: str) -> None:
    boss = server.browser("boss")
    address = link(boss.ask("/apps/good")[1])
    status, text, _ = boss.ask(address.rpartition("/")[0] + "/" + tail)
    assert status in {400, 403, 404, 410} and "hash" not in text


def test_a_list_is_gone_when_its_reader_may_no_longer_see_it(server: Served) -> None:
    file = server.root / "lake" / "users.toml"
    users.add(file, "west", password=WORD, regions=("West",), reports=("good",))
    west = server.browser("west")
    address = link(west.ask("/apps/good")[1])
    assert west.ask(address)[0] == 200
    users.add(file, "west", password=WORD, regions=("North",), reports=("good",))
    assert west.ask(address)[0] == 302
    again = server.browser("west")
    assert again.ask(address)[0] == 410


def test_a_reader_cannot_choose_the_regions_or_the_folder_of_lists(server: Served) -> None:
    headers = {"CRMLIB_REGIONS": "all", "X_Forwarded_User": "boss", "X_Crmlib_Proxy": "x"}
    text = server.browser("east").ask("/apps/good?CRMLIB_REGIONS=all&CRMLIB_LISTS=/tmp&regions=all", **headers)[1]
    assert '<p>["East"]</p>' in text


def test_an_app_is_of_the_reader_s_own_number_and_a_heads_page_is_not_sent_to_them(server: Served) -> None:
    asked = [server.browser(name).ask("/apps/whose?CRMLIB_PERSON=G2")[1] for name in ("boss", "li")]
    assert "<p>head</p>" in asked[0] and "<p>G1</p>" in asked[1]


def test_one_too_many_is_told_busy_and_when_to_come_back(server: Served) -> None:
    boss, east = server.browser("boss"), server.browser("east")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = [pool.submit(boss.ask, f"/apps/slow?n={n}") for n in range(AT_ONCE)]
        while server.tries("slow") < AT_ONCE and not any(m.done() for m in made):
            time.sleep(0.02)
        status, text, headers = east.ask("/apps/good?asked=while-busy")
        assert not any(m.done() for m in made), "the answer came while the others were still made"
        assert status == 503 and 1 <= int(headers["retry-after"]) <= 300 and "现在使用的人较多" in text
        assert [m.result()[0] for m in made] == [200] * AT_ONCE
    assert east.ask("/apps/good")[0] == 200


def test_a_page_made_once_is_sent_to_the_next_reader_with_the_same_rights_and_to_no_other(server: Served) -> None:
    file = server.root / "lake" / "users.toml"
    users.add(file, "boss2", password=WORD, regions=(), reports=())
    boss, boss2, east = server.browser("boss"), server.browser("boss2"), server.browser("east")
    before = server.tries("good")
    first, second, other = (b.ask("/apps/good?a=1&b=2")[1] for b in (boss, boss2, east))
    assert server.tries("good") == before + 2
    assert "<p>all</p>" in first and "<p>all</p>" in second and '<p>["East"]</p>' in other
    assert link(first) != link(second)  # each has a key of their own to the same lists
    assert boss2.ask(link(second))[:2] == (200, "PK all") and boss2.ask(link(first))[0] == 410
    assert boss.ask("/apps/good?b=2&a=1")[1] == first and server.tries("good") == before + 2
    (server.root / "lake" / "tables" / "x" / "_delta_log").mkdir(parents=True)
    assert boss.ask("/apps/good?a=1&b=2")[0] == 200 and server.tries("good") == before + 3


def test_readers_who_leave_leave_nothing_behind_that_computes(server: Served) -> None:
    boss = server.browser("boss")
    cookie = "; ".join(f"{k}={v}" for k, v in boss.cookies.items())
    left = [http.client.HTTPConnection("127.0.0.1", server.port) for _ in range(4)]
    for n, connection in enumerate(left):
        connection.request("GET", f"/apps/hung?n={n}", headers={"Cookie": cookie})
    until(lambda: server.tries("hung") >= AT_ONCE)
    for connection in left:
        connection.close()
    until(lambda: boss.ask("/apps/good?after=1")[0] == 200)
    until(lambda: not server.kernels())
    assert server.tries("hung") <= AT_ONCE  # no second attempt, as for what is given up, and none for those in the row
    (server.root / "reports" / ".tries-hung").unlink(missing_ok=True)


def test_a_page_that_refuses_is_no_success(server: Served) -> None:
    assert server.browser("boss").ask("/apps/refused")[0] == 422


@pytest.mark.parametrize("route", ["/x%00y", "/customer_value/%00/index.html", "/x%0ay", "/%01", "/lists/%00"])
def test_signs_that_no_name_has_are_no_error_of_the_server(server: Served, route: str) -> None:
    assert server.browser("boss").ask(route)[0] in {400, 404}


def test_nobody_sends_more_than_a_password(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=HANG) as connection:
        head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 500000000\r\n\r\n"
        connection.sendall(head.encode())
        assert b"400" in connection.recv(100).split(b"\r\n")[0]


def test_an_own_report_is_served_to_those_who_may_open_it_and_stands_on_the_portal(server: Served) -> None:
    boss, east = server.browser("boss"), server.browser("east")
    status, text, _ = boss.ask("/apps/own_good")
    assert (status, text.strip()) == (200, "<p>own</p>")
    assert east.ask("/apps/own_good")[0] in {403, 404}
    assert "/apps/own_good" in boss.ask("/")[1] and "/apps/own_good" not in east.ask("/")[1]
    (server.root / "notebooks/own_good/zh.toml").write_text('title = "甲"', encoding="utf-8")
    before = server.tries("own_good")
    assert boss.ask("/apps/own_good")[0] == 200 and server.tries("own_good") == before + 1, "its words changed"


def test_a_dead_kernel_is_replaced_once(server: Served) -> None:
    status, text, _ = server.browser("boss").ask("/apps/dies_once")
    assert (status, text.strip(), server.tries("dies_once")) == (200, "<p>second</p>", 2)


def test_a_kernel_that_dies_again_ends_in_a_readable_page(server: Served) -> None:
    status, text, _ = server.browser("boss").ask("/apps/dies")
    assert (status, server.tries("dies")) == (500, 2)
    assert "页面没有生成" in text and "The page was not made" in text and "Traceback" not in text


def test_what_hangs_is_stopped_at_the_deadline_and_says_so(server: Served) -> None:
    started = time.monotonic()
    status, text, _ = server.browser("boss").ask("/apps/hung")
    assert (status, server.tries("hung")) == (504, 2) and "计算时间过长" in text
    assert time.monotonic() - started >= DEADLINE - 1
    assert server.audit()[-1]["outcome"] == "slow"


def test_what_takes_too_much_memory_is_ended_at_once(server: Served) -> None:
    status, text, _ = server.browser("boss").ask("/apps/hog")
    assert (status, server.tries("hog")) == (500, 1) and "数据量太大" in text
    assert server.audit()[-1]["outcome"] == "memory"


def test_an_error_in_a_notebook_tells_the_reader_nothing_of_the_machine(server: Served) -> None:
    status, text, _ = server.browser("boss").ask("/apps/wrong")
    assert status == 500 and "SECRET" not in text and "passwd" not in text


def test_a_server_that_is_ended_leaves_no_workbooks(tmp_path: Path) -> None:
    running = Served(tmp_path)
    try:
        running.wait()
        running.browser("boss").ask("/apps/good")
        folder = tmp_path / "lake" / f".lists-{running.port}"
        assert list(folder.rglob("*.xlsx")) and folder.stat().st_mode & 0o077 == 0
    finally:
        end(running.process)
    assert not folder.exists()


def test_a_killed_server_leaves_no_kernel_behind(server: Served) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server.browser("boss").ask, "/apps/hung")
        until(server.kernels)
        family = [*server.family.children(recursive=True)]
        server.process.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            asked.result(timeout=HANG)
    until(lambda: gone(family))
