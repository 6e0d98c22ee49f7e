"""What comes from outside is text in the portal, the login, the audit, mails, hooks and the terminal, too."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from tornado.httputil import HTTPHeaders

from crmlib.kit.words import LANGUAGES, Words
from crmlib.run import deliver, portal, progress
from crmlib.serve import lists
from crmlib.serve import login as front_door
from crmlib.serve import small_pages as voila_pages
from crmlib.serve.login import Guard
from crmlib.serve.sessions import Sessions
from crmlib.serve.users import Door, User
from tests.report.payloads import FORMULAS, PAYLOADS

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
ALL = " ".join(PAYLOADS)
MENTIONS = ('<at user_id="all">all</at>', "<@all>", "@all", "<!channel>")


class Tags(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "formaction")]


def harmless(page: str, like: str) -> None:
    """`page` has no element, attribute or kind of address that the same page with plain words has not."""
    tags, plain = Tags(page), Tags(like)
    assert (tags.found - plain.found, tags.attributes - plain.attributes) == (set(), set())
    new = {a.strip().lower() for a in set(tags.addresses) - set(plain.addresses)}
    assert not [a for a in new if a.startswith(("javascript", "data", "http", "//"))]


def portal_of(root: Path, text: str, *, folder: str = "variant") -> str:
    day = root / "customer_value" / folder / "2026-01-31" / "zh"
    day.mkdir(parents=True)
    (day / "index.html").touch()
    record = {"answer": text, "parameters": {"region": text, text: text}, "findings": [{"status": text}]}
    (day / "manifest.json").write_text(json.dumps(record), encoding="utf-8")
    return portal.page(root, language="zh", now=NOW, apps=[path.name for path in root.iterdir() if path.is_dir()])


def test_the_portal_shows_answers_parameters_and_names_as_text(tmp_path: Path) -> None:
    plain = portal_of(tmp_path / "plain", "word")
    for n, payload in enumerate([*PAYLOADS, ALL]):
        harmless(portal_of(tmp_path / str(n), payload), plain)
    for n, folder in enumerate(("<img src=x onerror=alert(1)>", '"onload=alert(1)"', "javascript:alert(1)", "&lt;")):
        harmless(portal_of(tmp_path / f"f{n}", "x", folder=folder), plain)


def test_the_portal_shows_marks_that_nobody_sees(tmp_path: Path) -> None:
    shown = portal_of(tmp_path, "Li\u202eNa\u200b")
    assert "Li\ufffdNa\ufffd" in shown and not {"\u202e", "\u200b"} & set(shown)


class Asked:
    """As much of a request as an audit line needs."""

    def __init__(self, uri: str, address: str = "127.0.0.1") -> None:
        self.request = SimpleNamespace(uri=uri, remote_ip=address, headers=HTTPHeaders())


@pytest.mark.parametrize(
    "text", [*PAYLOADS[::7], ALL, '"}\n{"user": "boss", "outcome": "entered"}', "\r\n\x1b[2J", "\ud800"]
)
def test_each_visit_is_one_line_of_the_audit_whatever_was_asked(tmp_path: Path, text: str) -> None:
    door, sessions = Door(tmp_path / "users.toml", float), Sessions(float)
    guard = Guard(door=door, sessions=sessions, audit=tmp_path / "audit.jsonl", clock=lambda: NOW)
    handler: Any = Asked(f"/apps/x?{text}", address=text)
    guard.note(handler, User(text, "", ""), outcome="page", page=text)
    guard.note(handler, None, outcome="login")
    lines = (tmp_path / "audit.jsonl").read_bytes().split(b"\n")
    assert len(lines) == 3 and lines[2] == b""
    first, second = (json.loads(line) for line in lines[:2])
    assert (first["user"], first["page"], second["outcome"]) == (text, text, "login")
    assert b"\x1b" not in lines[0]


def sent(text: str, hook: deliver.Hook = "feishu") -> tuple[Any, dict[str, Any]]:
    thing = deliver.Announcement(text, "customer_value", "zh", text, failed=False)  # type: ignore[attr-defined]
    plan = deliver.Delivery(address="https://x.example", smtp=deliver.Smtp(host="h", port=25, sender="a@x.example"))
    mail = deliver.message(thing, reader=deliver.Reader(mail=("b@x.example",)), plan=plan)
    return message_from_bytes(mail.as_bytes(), policy=policy.default), deliver.hook_body(hook, text)


@pytest.mark.parametrize("text", [*PAYLOADS[::5], ALL, "a\r\nBcc: all@x.example\r\n\r\nx", *FORMULAS[:3]])
def test_a_mail_is_plain_text_to_its_readers_only(text: str) -> None:
    mail, _ = sent(text)
    assert mail.get_content_type() == "text/plain" and not mail.is_multipart()
    assert (mail["To"], mail["Bcc"], mail["Cc"]) == ("b@x.example", None, None)


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
@pytest.mark.parametrize("text", [*PAYLOADS[::9], *MENTIONS])
def test_a_hook_gets_plain_text_that_calls_nobody(kind: deliver.Hook, text: str) -> None:
    body = json.dumps(sent(text, kind)[1], ensure_ascii=False)
    assert json.loads(body).keys() in ({"msg_type", "content"}, {"msgtype", "text"})
    assert "<" not in body and "markdown" not in body


@pytest.mark.parametrize("terminal", [True, False])
def test_the_ledger_on_a_terminal_has_neither_markup_nor_control_characters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, terminal: bool
) -> None:
    evil = "[bold red]x[/] \x1b[2J\x1b]0;t\x07 \x9b31m\u202e"
    plain = {"queued_at": NOW.isoformat(), "state": "failed", "seconds": 1.0, "peak_mb": 1.0, "attempts": 1}
    row = plain | {"output": evil, "verdicts": json.dumps({"k": evil}), "message": evil}
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    progress.print_runs(pl.DataFrame([row]), reports=tmp_path, words=Words("en"))
    shown = capsys.readouterr().out
    assert not [c for c in shown if not c.isprintable() and c not in "\n\t"]
    assert "[bold" in shown


def test_the_servers_own_pages_say_nothing_of_what_was_asked() -> None:
    for reason in voila_pages.STATUS:
        page = voila_pages.page(reason)
        assert Tags(page).addresses == ["data:,"], "the empty icon of the frame, nothing else"
        assert "{" not in Tags(page).found
        assert all(Words(language)(f"serve.{reason}.title") in page for language in LANGUAGES)


@pytest.mark.parametrize("payload", [*PAYLOADS, "//evil.example", "/\\evil.example", "/x\r\nSet-Cookie: a=b"])
def test_the_login_leads_inside_only(payload: str) -> None:
    inside = front_door._inside(payload)
    assert inside.startswith("/") and not inside.startswith(("//", "/\\")) and "\n" not in inside


def test_a_page_that_pretends_to_hold_lists_gives_only_bytes() -> None:
    evil = (
        f'<a href="data:{lists.XLSX};base64,%%%" download="x.xlsx">'
        '<a href="data:text/html;base64,PHM+" download="y.xlsx">'
    )
    assert lists.inside(evil, "x.xlsx") is None and lists.inside(evil, "y.xlsx") is None
    assert lists.linked(evil) == evil


def test_days_in_the_portal_are_folders_not_markup(tmp_path: Path) -> None:
    day = tmp_path / "customer_value" / "v" / "<script>alert(1)<"
    (day / "zh").mkdir(parents=True)
    (day / "zh" / "index.html").touch()
    assert "<script>alert" not in portal.page(tmp_path, language="zh", now=NOW)
