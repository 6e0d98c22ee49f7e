"""The app as a planner uses it: a real server, a real browser, the form's whole path, and no other route."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe

from crmlib.data.lake.lake import Lake
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.long]
START_SECONDS, END_SECONDS = 90, 20
REPORT = "customer_value"
CLOSED = (
    "/api/kernels", "/api/kernels/x/channels", "/api/contents", "/api/contents/customer_value.ipynb", "/api/sessions",
    "/api/terminals", "/api/status", "/voila/files/customer_value.ipynb", "/voila/files/../../etc/passwd",
    "/voila/render/customer_value.ipynb", "/voila/tree", "/voila/api/contents/", "/voila/static/voila.js",
    "/voila/templates/lab/static/voila.js", "/voila/api/shutdown/x", "/voila/api/themes/x", "/voila/query/x", "/lab",
    "/tree", "/notebooks/customer_value.ipynb", "/files/customer_value.ipynb", "/metrics",
    "/apps/", "/apps/nope", "/apps/../notebooks/customer_value.ipynb", "/apps/%2e%2e%2fcustomer_value",
    "/apps/customer_value.ipynb", "/apps/Customer_Value", "/apps/customer_value/../../x", "/.ledger.sqlite",
    "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc%2fpasswd", "/customer_value/.runs/x/index.html", "//etc/passwd",
)  # fmt: skip


class Server:
    """`crmlib serve` on a free port of this machine."""

    def __init__(self, root: Path, lake: Path, reports: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "crmlib.cli", "serve", "--port", str(self.port)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
        self.process = subprocess.Popen(
            [*command, "--lake", str(lake), "--out", str(reports)], cwd=root, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            try:
                self.get("/none")
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise TimeoutError("the server did not start")

    def get(
        self, path: str, *, host: str | None = None, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Status and headers of an answer; `path` is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"127.0.0.1:{self.port}")
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        connection.close()
        return answer

    def address(self, query: str = "") -> str:
        """Of the app."""
        return f"http://127.0.0.1:{self.port}/apps/{REPORT}{query}"

    def kernels(self) -> list[int]:
        """Processes that run a notebook for somebody."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                files = " ".join(child.cmdline()) + " ".join(f.path for f in child.open_files())
                sockets = [c for c in child.net_connections("unix") if "kernel" in str(c.laddr)]
            except psutil.Error:
                continue
            if sockets or "ipykernel" in files:
                found.append(child.pid)
        return found


@pytest.fixture(scope="module")
def server(root: Path, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for these tests, ended by its own id."""
    running = Server(root, lake.path, tmp_path_factory.mktemp("reports"))
    try:
        running.wait()
        yield running
    finally:
        family = [running.process.pid, *(p.pid for p in psutil.Process(running.process.pid).children(recursive=True))]
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
        left = [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        until = time.monotonic() + END_SECONDS
        while left and time.monotonic() < until:
            time.sleep(0.1)
            left = [pid for pid in left if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        assert not left, "processes outlived the server"


def test_the_forms_whole_path(server: Server, visit: Open) -> None:
    seen = visit(server.address())
    page = seen.page
    drawn, charts = seen.drawn()
    assert drawn == charts > 0
    page.fill("#f-months", "99")
    page.click("form button")
    page.wait_for_selector("#m-months")
    assert page.inner_text("#m-months") == "不能大于 36"
    assert page.get_attribute("#f-months", "aria-invalid") == "true" and page.input_value("#f-months") == "99"
    assert page.query_selector(".answer") is None
    assert page.evaluate("document.activeElement.id") == "f-months"
    page.fill("#f-months", "6")
    page.select_option("#f-region", "华东")
    page.focus("form button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".answer", timeout=120_000)
    page.wait_for_selector("html[data-drawn=yes]", state="attached", timeout=120_000)
    page.fill("#f-months", "5")
    # the name of a window outlives its pages: what the button said while the next page was made
    page.evaluate("document.forms[0].addEventListener('submit', e => { window.name = e.submitter.textContent; })")
    page.click("form button")
    page.wait_for_url("**months=5**", timeout=120_000)
    page.wait_for_selector(".answer", timeout=120_000)
    assert page.evaluate("window.name") == "正在计算…"
    page.go_back()
    page.wait_for_selector("form button >> text=查询", timeout=120_000)
    assert "months=6" in page.url and "region=%E5%8D%8E%E4%B8%9C" in page.url
    assert "范围：华东" in page.inner_text("header") and page.input_value("#f-months") == "6"
    page.click("text=English")
    page.wait_for_selector("html[lang=en]", state="attached", timeout=120_000)
    assert page.input_value("#f-months") == "6" and "Scope: 华东" in page.inner_text("header")
    assert (seen.outside, seen.alerts, seen.errors, seen.refused) == ([], [], [], [])


@pytest.mark.parametrize("width", [1200, 390])
def test_axe_finds_nothing_in_the_app_and_nothing_sticks_out(server: Server, visit: Open, width: int) -> None:
    seen = visit(server.address("?language=en"), width=width)
    found = Axe().run(seen.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found] == []
    assert seen.overflow() <= 0


def test_a_wrong_value_in_the_address_is_answered_without_a_stack_trace(server: Server) -> None:
    answer = server.get(f"/apps/{REPORT}?mnths=6&template=lab&theme=dark&capacity=x")
    text = answer.body.decode()  # type: ignore[attr-defined]
    assert answer.status == 400 and "Traceback" not in text and "ipykernel" not in text
    assert "mnths" in text and "months" in text and "template" in text


HOSTILE = "/apps/customer_value?" + "&".join(
    f"{name}={quote(value)}"
    for name, value in (
        ("months", '"><img src=x onerror=alert(1)>'), ("region", "</script><script>alert(1)</script>"),
        ("<svg onload=alert(1)>", "x"), ("language", "javascript:alert(1)"), ("next", "//evil.example"),
    )
)  # fmt: skip


def test_a_hostile_address_and_hostile_headers_come_back_as_text(server: Server, visit: Open) -> None:
    seen = visit(f"http://127.0.0.1:{server.port}{HOSTILE}")
    seen.page.wait_for_timeout(300)
    assert (seen.alerts, seen.outside, seen.errors) == ([], [], [])
    assert seen.page.query_selector("img, iframe, object, svg, base") is None
    assert seen.page.input_value("#f-months") in ("", '"><img src=x onerror=alert(1)>')
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript", "X-Forwarded-For": "<b>1</b>"}
    text = server.get("/", headers=headers | {"X-Forwarded-Prefix": "//evil.example", "Forwarded": "host=evil.example"})
    assert b"evil.example" not in text.body and b"<b>1</b>" not in text.body  # type: ignore[attr-defined]


def test_kernels_end_when_their_page_is_sent(server: Server) -> None:
    assert server.get(f"/apps/{REPORT}?months=99").status == 400
    until = time.monotonic() + END_SECONDS
    while server.kernels() and time.monotonic() < until:
        time.sleep(0.1)
    assert server.kernels() == []


def test_every_request_gets_its_own_parameters(server: Server) -> None:
    def shown(months: int) -> bool:
        text = server.get(f"/apps/{REPORT}?capacity={months}&months=99").body.decode()  # type: ignore[attr-defined]
        return f'value="{months}"' in text

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(shown, range(41, 50)))


@pytest.mark.parametrize("path", CLOSED)
def test_nothing_else_is_served(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status in (400, 403, 404)
    assert b"Traceback" not in answer.body and b"root:" not in answer.body  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost@evil.example"]
)
@pytest.mark.parametrize("path", [f"/apps/{REPORT}", "/"])
def test_only_names_of_this_machine_are_answered(server: Server, host: str, path: str) -> None:
    assert server.get(path, host=host).status in (400, 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_is_possible(server: Server, method: str) -> None:
    assert server.get(f"/apps/{REPORT}", method=method).status in (403, 405)


def test_answers_may_not_be_framed_sniffed_or_kept(server: Server) -> None:
    headers = server.get(f"/apps/{REPORT}?months=99").headers
    assert headers["X-Frame-Options"] == "DENY" and headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in headers["Cache-Control"] and headers["Referrer-Policy"] == "no-referrer"
