"""Delivery: a real mail server with TLS, real hooks, each message once, failures to their own list."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from crmlib.core.errors import ParameterError, RunError
from crmlib.run import deliver
from crmlib.run.deliver import Announcement, Delivery  # type: ignore[attr-defined]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = Announcement(
    "customer_value/weekly/2026-01-31/zh", "customer_value", "zh", "先找回 7 位 A 类会员。", False, None, "f1"
)


class Box(Message):
    """Keeps what arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Box, deliver.Smtp]]:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    box = Box()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
    controller.start()
    yield box, deliver.Smtp(host="localhost", port=port, sender="crm@example.com", authority=tmp_path / "ca.pem")
    controller.stop()


def plan(smtp: deliver.Smtp | None = None, **changes: Any) -> Delivery:
    readers = {"value": {"reports": ["customer_value"], "mail": ["planner@example.com"]}}
    return Delivery.model_validate({"address": "https://reports.example/", "readers": readers, **changes}).model_copy(
        update={"smtp": smtp}
    )


def test_a_page_is_announced_once_with_answer_and_link(server: tuple[Box, deliver.Smtp], tmp_path: Path) -> None:
    box, smtp = server
    for _ in range(2):
        deliver.deliver([PAGE], plan=plan(smtp), noted=tmp_path / "noted", now=NOW)
    (mail,) = box.mails
    text = mail.get_payload(decode=True).decode()
    assert "先找回 7 位 A 类会员。" in text
    assert "https://reports.example/customer_value/weekly/2026-01-31/zh/index.html" in text
    assert not mail.is_multipart()


def test_a_page_is_attached_only_where_allowed(server: tuple[Box, deliver.Smtp], tmp_path: Path) -> None:
    box, smtp = server
    page = tmp_path / "index.html"
    page.write_text("<p>x</p>")
    readers = {"value": {"mail": ["planner@example.com"], "attach": True}}
    thing = Announcement(PAGE.output, PAGE.report, "zh", "一句话", False, page, "f")
    deliver.deliver([thing], plan=plan(smtp, readers=readers), noted=tmp_path / "noted", now=NOW)
    assert [p.get_filename() for p in box.mails[0].walk() if p.get_filename()] == ["customer_value.html"]


def test_a_server_nobody_vouches_for_gets_nothing(server: tuple[Box, deliver.Smtp], tmp_path: Path) -> None:
    box, smtp = server
    with pytest.raises(RunError, match="CertVerification"):
        deliver.deliver(
            [PAGE], plan=plan(smtp.model_copy(update={"authority": None})), noted=tmp_path / "noted", now=NOW
        )
    assert box.mails == []


def test_failures_go_to_their_own_list(server: tuple[Box, deliver.Smtp], tmp_path: Path) -> None:
    box, smtp = server
    failed = Announcement(PAGE.output, PAGE.report, "zh", "given: x", True, None, "r1")
    failures = {"mail": ["it@example.com"]}
    deliver.deliver([failed], plan=plan(smtp, failures=failures), noted=tmp_path / "noted", now=NOW)
    assert [m["To"] for m in box.mails] == ["it@example.com"]


def test_a_line_break_in_a_name_adds_no_header() -> None:
    smtp = deliver.Smtp(host="localhost", port=25, sender="crm@example.com")
    evil = Announcement("o", "x\nBcc: all@example.com", "zh", "s", False)
    mail = deliver.message(evil, reader=plan().readers["value"], plan=plan(smtp))
    assert mail["Bcc"] is None


class Hook(BaseHTTPRequestHandler):
    bodies: list[Any]
    keys: list[str]
    answer: bytes = b'{"errcode": 0}'

    def do_POST(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.keys.append(self.headers["Idempotency-Key"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hook]]:
    kind = type("Kind", (Hook,), {"bodies": [], "keys": []})
    web = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{web.server_port}/send?key=secret")
    yield kind
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_hooks_get_the_shape_they_expect(hook: type[Hook], tmp_path: Path, kind: str) -> None:
    readers = {"group": {"hooks": [{"kind": kind, "address_from": "HOOK"}]}}
    assert deliver.deliver([PAGE], plan=plan(readers=readers), noted=tmp_path / "noted", now=NOW) == 1
    (body,) = hook.bodies
    text = body["content"]["text"] if kind == "feishu" else body["text"]["content"]
    assert "先找回 7 位 A 类会员。" in text


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_a_planted_name_calls_nobody_and_hides_nothing_in_a_hooks_text(
    hook: type[Hook], tmp_path: Path, kind: str
) -> None:
    readers = {"group": {"hooks": [{"kind": kind, "address_from": "HOOK"}]}}
    name = '@all <at user_id="all">\u202egpj.exe\u200b\nhttps://evil.example'
    evil = replace(PAGE, sentence=name, report=f"x{name}")
    deliver.deliver([evil], plan=plan(readers=readers), noted=tmp_path / "noted", now=NOW)
    (body,) = hook.bodies
    text = body["content"]["text"] if kind == "feishu" else body["text"]["content"]
    assert not set(text) & set("@<\u202e\u200b") and text.count("\ufffd") >= 4
    assert text.splitlines()[0].startswith("x") and "mentioned" not in json.dumps(body) and "atMobiles" not in str(body)
    assert set(body) == ({"msg_type", "content"} if kind == "feishu" else {"msgtype", "text"})


def test_a_message_sent_again_after_a_kill_carries_the_key_of_the_first_and_no_other_message_does(
    hook: type[Hook], tmp_path: Path
) -> None:
    """A sender killed between the hook's answer and its note knows nothing of it, as one with an empty ledger."""
    one = {"kind": "wecom", "address_from": "HOOK"}
    sent = plan(readers={"group": {"hooks": [one, {**one, "kind": "feishu"}]}, "chiefs": {"hooks": [one]}})
    for ledger in ("killed", "next"):
        deliver.deliver([PAGE, replace(PAGE, fingerprint="f2")], plan=sent, noted=tmp_path / ledger, now=NOW)
    assert len(hook.keys) == 12 and hook.keys[:6] == hook.keys[6:] and len(set(hook.keys)) == 6


def test_a_hook_that_refuses_is_told_without_its_address(hook: type[Hook], tmp_path: Path) -> None:
    hook.answer = b'{"errcode": 93000}'
    readers = {"group": {"hooks": [{"kind": "wecom", "address_from": "HOOK"}]}}
    with pytest.raises(RunError) as caught:
        deliver.deliver([PAGE], plan=plan(readers=readers), noted=tmp_path / "noted", now=NOW)
    assert "secret" not in str(caught.value)
    assert len(hook.bodies) == 3


def test_a_wrong_file_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "delivery.yml"
    path.write_text("address: https://x\nreaders: {a: {mails: [x]}}\n")
    with pytest.raises(ParameterError, match=r"readers\.a\.mails"):
        deliver.read(path)
