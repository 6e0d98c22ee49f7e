"""The front door: every route without, with a limited and with a full login, on a real server on loopback."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from crmlib import cli
from crmlib.core.errors import RunError
from crmlib.run.process import ask
from crmlib.run.workspace import Workspace
from crmlib.serve import lists, users
from crmlib.serve.server import guard
from tests.waiting import HANG, end, free_port, listens, until

WORD = "correct horse battery"
PAGES = {"east": "东区", "north": "北区", "all": None}
ROUTES = [
    "/",
    "/index.html",
    "/index.en.html",
    "/apps/customer_value",
    "/apps/no_such_report",
    "/customer_value/all/2026-01-31/zh/index.html",
    "/customer_value/east/2026-01-31/zh/tables.xlsx",
    "/customer_value/east/2026-01-31/zh/lists/value.tiers.xlsx",
    "/lists/0123456789abcdef0123456789abcdef/value.tiers.xlsx",
    "/churn_review/all/2026-01-31/zh/index.html",
    *(f"/{form}" for form in ("view", "claim", "register", "offer", "outcome", "merge", "reveal", "find")),
]
NEVER = [
    "/.ledger.sqlite",
    "/customer_value/all/2026-01-31/.runs/",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/customer_value/all/../../../secret.txt",
    "/customer_value/../../secret.txt/lists/x.xlsx",
    "/../lists/value.tiers.xlsx",
    "/customer_value/east/2026-01-31/zh/lists/../../../../../../secret.txt",
    "/lists/0123456789abcdef0123456789abcdef/../../users.toml",
    "/lists/..%2f..%2fusers.toml/x.xlsx",
    "/lake/users.toml",
    "/.lists-1/x/y.xlsx",
    "/static/../../secret.txt",
    "/api/contents",
    "/api/kernels",
    "/voila/files/secret.txt",
    "/voila/render/customer_value.ipynb",
    "/files/secret.txt",
    "/tree",
    "/lab",
]


class Browser:
    """A client with a cookie jar, one request per connection."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies = port, dict[str, str]()

    def ask(
        self, path: str, *, method: str = "GET", form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG)
        sent = {"Host": f"127.0.0.1:{self.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        body = urlencode(form) if form is not None else None
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, sent)
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", "replace")
        for name, value in reply.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        connection.close()
        return reply.status, text, {k.lower(): v for k, v in reply.getheaders()}

    def login(self, name: str, word: str = WORD, **more: str) -> tuple[int, str, dict[str, str]]:
        _, text, _ = self.ask("/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', text)
        assert token is not None
        return self.ask("/login", method="POST", form={"name": name, "password": word, "_xsrf": token[1], **more})


def page(reports: Path, report: str, variant: str, region: str | None) -> None:
    folder = reports / report / variant / "2026-01-31" / "zh"
    folder.mkdir(parents=True)
    book = f'<a href="data:{lists.XLSX};base64,{base64.b64encode(b"PK SECRET").decode()}" download="value.tiers.xlsx">'
    (folder / "index.html").write_text(f"<p>SECRET {variant}</p>{book}", encoding="utf-8")
    (folder / "tables.xlsx").write_text("SECRET")
    record = {"answer": f"答案 {variant}", "parameters": {"region": region}, "findings": []}
    (folder / "manifest.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    root = tmp_path_factory.mktemp("served")
    for name in ("notebooks", "params", "lake"):
        (root / name).mkdir()
    (root / "secret.txt").write_text("SECRET")
    (root / "reports").mkdir()
    (root / "reports" / ".ledger.sqlite").write_text("SECRET")
    for variant, region in PAGES.items():
        page(root / "reports", "customer_value", variant, region)
    page(root / "reports", "churn_review", "all", None)
    file = root / "lake" / "users.toml"
    users.add(file, "boss", password=WORD, regions=(), reports=())
    users.add(file, "east", password=WORD, regions=("东区",), reports=("customer_value",))
    port = free_port()
    code = "from crmlib.cli import app; app()"
    arguments = ["serve", "--port", str(port), "--lake", str(root / "lake"), "--out", str(root / "reports")]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=root, env={**os.environ, "LANG": "C"})
    try:
        until(lambda: listens(port), alive=lambda: process.poll() is None)
        yield port, root
    finally:
        end(process)


@pytest.mark.parametrize("route", ROUTES)
def test_without_a_login_every_route_leads_to_the_login(server: tuple[int, Path], route: str) -> None:
    status, text, headers = Browser(server[0]).ask(route)
    assert (status, "SECRET" in text) == (302, False)
    assert headers["location"].startswith("/login?next=")


@pytest.fixture(scope="module")
def known(server: tuple[int, Path]) -> dict[str, Browser]:
    """A stranger and two users who have logged in once: a login costs a tenth of a second on purpose."""
    browsers = {name: Browser(server[0]) for name in ("", "east", "boss")}
    assert [browsers[name].login(name)[0] for name in ("east", "boss")] == [302, 302]
    return browsers


@pytest.mark.parametrize("name", ["", "east", "boss"])
@pytest.mark.parametrize("route", NEVER)
def test_nobody_gets_files_kernels_or_paths_outside(known: dict[str, Browser], route: str, name: str) -> None:
    status, text, _ = known[name].ask(route)
    assert status in {302, 400, 403, 404}
    assert "SECRET" not in text


def test_a_limited_user_sees_their_own_region_and_report_only(server: tuple[int, Path]) -> None:
    browser = Browser(server[0])
    assert browser.login("east")[0] == 302
    _, portal, _ = browser.ask("/")
    assert "答案 east" in portal
    assert not any(f"答案 {other}" in portal for other in ("north", "all"))
    assert "/apps/churn_review" not in portal
    expected = {
        "/customer_value/east/2026-01-31/zh/index.html": 200,
        "/customer_value/east/2026-01-31/zh/tables.xlsx": 200,
        "/customer_value/north/2026-01-31/zh/index.html": 403,
        "/customer_value/all/2026-01-31/zh/index.html": 403,
        "/churn_review/all/2026-01-31/zh/index.html": 403,
        "/apps/churn_review": 403,
    }
    assert {route: browser.ask(route)[0] for route in expected} == expected


def test_the_lists_inside_a_finished_page_are_asked_for_one_by_one(server: tuple[int, Path]) -> None:
    port, root = server
    browser, folder = Browser(port), "/customer_value/east/2026-01-31/zh"
    browser.login("east")
    for page_address in (f"{folder}/index.html", f"{folder}/"):
        text = browser.ask(page_address)[1]
        assert 'href="lists/value.tiers.xlsx" download="value.tiers.xlsx"' in text and "base64" not in text
    status, content, headers = browser.ask(f"{folder}/lists/value.tiers.xlsx")
    assert (status, content, headers["content-type"]) == (200, "PK SECRET", lists.XLSX)
    lines = (root / "lake" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert (json.loads(lines[-1])["outcome"], json.loads(lines[-2])["outcome"]) == ("list", "page")
    refused = browser.ask("/customer_value/north/2026-01-31/zh/lists/value.tiers.xlsx")
    unknown = browser.ask(f"{folder}/lists/no.such.xlsx")
    assert (refused[0], unknown[0], "SECRET" in refused[1] + unknown[1]) == (403, 404, False)
    assert Browser(port).ask(f"{folder}/lists/value.tiers.xlsx")[0] == 302


def test_a_full_user_sees_all(server: tuple[int, Path]) -> None:
    browser = Browser(server[0])
    browser.login("boss")
    assert all(f"答案 {variant}" in browser.ask("/")[1] for variant in PAGES)
    assert browser.ask("/churn_review/all/2026-01-31/zh/index.html")[0] == 200


@pytest.mark.parametrize("header", ["X-Forwarded-User", "Remote-User", "X-Remote-User", "HTTP_REMOTE_USER"])
def test_a_forged_identity_header_opens_nothing(server: tuple[int, Path], header: str) -> None:
    assert Browser(server[0]).ask("/", **{header: "boss"})[0] == 302


def test_a_forged_cookie_opens_nothing(server: tuple[int, Path]) -> None:
    browser = Browser(server[0])
    browser.cookies["crmlib"] = "2|1:0|10:1|6:crmlib|8:Ym9zczp4|0000"
    assert browser.ask("/")[0] == 302


def test_a_post_without_the_forms_token_is_refused(server: tuple[int, Path]) -> None:
    form = {"name": "boss", "password": WORD}
    assert Browser(server[0]).ask("/login", method="POST", form=form)[0] == 403


def test_wrong_passwords_are_told_apart_from_nothing(server: tuple[int, Path]) -> None:
    known, unknown = Browser(server[0]).login("north-boss", "wrong"), Browser(server[0]).login("nobody", "wrong")
    assert (known[0], unknown[0]) == (401, 401)
    clean = re.compile(r'value="[^"]*"')
    assert clean.sub("", known[1]) == clean.sub("", unknown[1])


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_the_login_leads_nowhere_else(server: tuple[int, Path], target: str) -> None:
    browser = Browser(server[0])
    assert browser.login("boss", next=target)[2]["location"] == "/"


def test_the_cookie_is_closed_to_scripts_and_other_sites(server: tuple[int, Path]) -> None:
    cookie = Browser(server[0]).login("boss")[2]["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_logging_out_ends_the_session(server: tuple[int, Path]) -> None:
    browser = Browser(server[0])
    browser.login("boss")
    token = re.search(r'name="_xsrf" value="([^"]+)"', browser.ask("/")[1])
    assert token is not None
    browser.ask("/logout", method="POST", form={"_xsrf": token[1]})
    assert browser.ask("/")[0] == 302


def test_a_cookie_opens_nothing_after_its_logout(server: tuple[int, Path]) -> None:
    browser = Browser(server[0])
    browser.login("boss")
    stolen = dict(browser.cookies)
    token = re.search(r'name="_xsrf" value="([^"]+)"', browser.ask("/")[1])
    assert token is not None
    browser.ask("/logout", method="POST", form={"_xsrf": token[1]})
    thief = Browser(server[0])
    thief.cookies = stolen
    assert thief.ask("/")[0] == 302


@pytest.mark.parametrize("change", ["password", "right", "removed"])
def test_a_session_ends_at_once_with_a_new_password_another_right_or_no_user(
    server: tuple[int, Path], change: str
) -> None:
    port, root = server
    file, name = root / "lake" / "users.toml", f"temp-{change}"
    rights: dict[str, Any] = {"regions": ("东区",), "reports": ()}
    users.add(file, name, password=WORD, **rights)
    browser = Browser(port)
    assert browser.login(name)[0] == 302 and browser.ask("/")[0] == 200
    if change == "removed":
        entries = file.read_text(encoding="utf-8").split("\n\n")
        file.write_text("\n\n".join(e for e in entries if name not in e), encoding="utf-8")
    else:
        more = {"regions": ("北区",)} if change == "right" else {}
        users.add(file, name, password=WORD + "2", **(rights | more))
    assert browser.ask("/")[0] == 302


@pytest.mark.parametrize("route", ["/", "/login", "/logout", "/index.html", "/apps/customer_value"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_name_is_refused_everywhere(server: tuple[int, Path], route: str, method: str) -> None:
    form = {"name": "boss", "password": WORD} if method == "POST" else None
    status, text, _ = Browser(server[0]).ask(route, method=method, form=form, Host="evil.example")
    assert (status, "答案" in text, "<form" in text) in {(403, False, False), (405, False, False)}


@pytest.mark.parametrize(("proto", "secure"), [("https", True), ("http", False), ("", False)])
def test_the_cookie_is_for_https_only_where_the_proxy_says_https(
    server: tuple[int, Path], proto: str, secure: bool
) -> None:
    browser = Browser(server[0])
    token = re.search(r'name="_xsrf" value="([^"]+)"', browser.ask("/login")[1])
    assert token is not None
    form = {"name": "boss", "password": WORD, "_xsrf": token[1]}
    _, _, headers = browser.ask("/login", method="POST", form=form, X_Forwarded_Proto=proto)
    assert ("secure" in headers["set-cookie"].lower()) is secure


def test_guesses_from_elsewhere_are_held_against_their_own_address(server: tuple[int, Path]) -> None:
    port, root = server
    evil = Browser(port)

    def guess(address: str, name: str) -> int:
        token = re.search(r'name="_xsrf" value="([^"]+)"', evil.ask("/login")[1])
        assert token is not None
        form = {"name": name, "password": "wrong", "_xsrf": token[1]}
        return evil.ask("/login", method="POST", form=form, X_Forwarded_For=f"6.6.6.6, {address}")[0]

    found: list[int] = []
    while 429 not in found:  # waits grow until they are longer than any machine takes for a guess
        found.append(guess("203.0.113.9", f"name{len(found)}"))
    assert found[:5] == [401] * 5
    assert guess("203.0.113.10", "name0") == 401
    lines = [json.loads(line) for line in (root / "lake" / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = [line for line in lines if line["outcome"] == "wrong" and line["from"] == "203.0.113.9"]
    assert [line["name"] for line in wrong] == [f"name{n}" for n in range(len(wrong))]  # whose door it was


def test_code_records_and_whole_tables_beside_a_page_are_for_those_with_the_right(server: tuple[int, Path]) -> None:
    port, root = server
    folder = "/customer_value/all/2026-01-31/zh"
    for name in ("notebook.ipynb", "NOTEBOOK.IPYNB", "tables/x.parquet"):
        (root / "reports" / folder.strip("/") / name).parent.mkdir(exist_ok=True)
        (root / "reports" / folder.strip("/") / name).write_text("SECRET")
    users.add(root / "lake" / "users.toml", "auditor", password=WORD, regions=(), reports=(), records=True)
    boss, auditor = Browser(port), Browser(port)
    boss.login("boss")
    auditor.login("auditor")
    for name in ("notebook.ipynb", "NOTEBOOK.IPYNB", "tables/x.parquet", "manifest.json"):
        assert boss.ask(f"{folder}/{name}")[0] == 403
        assert auditor.ask(f"{folder}/{name}")[0] == 200


def test_a_reader_sees_the_apps_they_may_open_even_where_no_page_was_made_for_them(server: tuple[int, Path]) -> None:
    port, root = server
    (root / "notebooks" / "data_health.ipynb").write_text('{"cells": []}')
    (root / "notebooks" / "site_score.ipynb").write_text('{"cells": []}')
    users.add(root / "lake" / "users.toml", "west", password=WORD, regions=("西区",), reports=("data_health",))
    browser = Browser(port)
    browser.login("west")
    text = browser.ask("/index.en.html")[1]
    assert "/apps/data_health?language=en" in text and "site_score" not in text and "答案" not in text


def test_every_visit_leaves_a_line(server: tuple[int, Path]) -> None:
    port, root = server
    browser = Browser(port)
    browser.login("east")
    browser.ask("/customer_value/north/2026-01-31/zh/index.html")
    lines = [json.loads(line) for line in (root / "lake" / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    last = lines[-1]
    assert (last["user"], last["outcome"]) == ("east", "refused")
    Browser(port).login("north-boss", "wrong")
    last = json.loads((root / "lake" / "audit.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["user"], last["name"], last["outcome"]) == (None, "north-boss", "wrong")
    assert (root / "lake" / "audit.jsonl").stat().st_mode & 0o077 == 0


def started(root: Path, **environment: str) -> tuple[subprocess.Popen[str], int]:
    port = free_port()
    for name in ("notebooks", "params", "lake", "reports"):
        (root / name).mkdir(exist_ok=True)
    command = [sys.executable, "-m", "crmlib.cli", "serve", "--port", str(port), "--lake", str(root / "lake")]
    env = {**os.environ, "LANG": "C", **environment}
    process = subprocess.Popen(
        [*command, "--out", str(root / "reports")], cwd=root, env=env, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: process.poll() is not None or listens(port))
    return process, port


def test_an_open_server_is_for_this_machine_and_closed_by_its_first_user(tmp_path: Path) -> None:
    process, port = started(tmp_path)
    try:
        page(tmp_path / "reports", "customer_value", "all", None)
        assert Browser(port).ask("/")[0] == 200
        for header in ("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-Ip", "Via"):  # somebody's proxy
            assert Browser(port).ask("/", **{header: "203.0.113.9"})[0] == 302
            assert Browser(port).ask("/apps/customer_value", **{header: "203.0.113.9"})[0] == 302
        users.add(tmp_path / "lake" / "users.toml", "boss", password=WORD, regions=(), reports=())
        assert Browser(port).ask("/")[0] == 302
        browser = Browser(port)
        assert browser.login("boss")[0] == 302 and browser.ask("/")[0] == 200
        (tmp_path / "lake" / "users.toml").unlink()
        assert browser.ask("/")[0] == 302 and Browser(port).ask("/")[0] == 302
    finally:
        end(process)


def test_behind_a_proxy_nobody_without_an_identity_gets_anything(tmp_path: Path) -> None:
    proxy = {"CRMLIB_PROXY_HEADER": "X-Forwarded-User", "CRMLIB_PROXY_SECRET": "s3cret"}
    users.add(tmp_path / "lake" / "users.toml", "boss", password=WORD, regions=(), reports=())
    process, port = started(tmp_path, **proxy)
    try:
        page(tmp_path / "reports", "customer_value", "all", None)
        good = {"X-Forwarded-User": "boss", "X-Crmlib-Proxy": "s3cret"}
        assert Browser(port).ask("/", **good)[0] == 200
        for bad in ({}, {"X-Forwarded-User": "boss"}, {"X-Crmlib-Proxy": "s3cret"}, good | {"X-Forwarded-User": "x"}):
            assert Browser(port).ask("/", **bad)[0] == 403
        (tmp_path / "lake" / "users.toml").unlink()
        assert Browser(port).ask("/", **good)[0] == 403
    finally:
        end(process)


@pytest.mark.parametrize("given", [("HEADER",), ("SECRET",)])
def test_a_proxy_with_half_its_settings_is_refused_at_the_start(
    tmp_path: Path, given: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in given:
        monkeypatch.setenv(f"CRMLIB_PROXY_{name}", "x")
    space = Workspace(tmp_path, tmp_path / "lake", tmp_path / "reports")
    with pytest.raises(RunError, match="mend: ") as caught:
        guard(space, clock=lambda: datetime.now(UTC))
    assert caught.value.code == "run.half_proxy"


def test_a_proxy_without_users_is_refused_before_a_process_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("notebooks", "params", "lake", "reports"):
        (tmp_path / name).mkdir()
    for name, value in {"LANG": "C", "CRMLIB_PROXY_HEADER": "x", "CRMLIB_PROXY_SECRET": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    places = ["--lake", str(tmp_path / "lake"), "--out", str(tmp_path / "reports")]
    monkeypatch.setattr(sys, "argv", ["crmlib", "serve", "--port", str(free_port()), *places])
    monkeypatch.setattr(ask, "parent", lambda **_: pytest.fail("a process was started"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert ended.value.code == 1 and said.count("\n") == 3 and "mend: " in said
