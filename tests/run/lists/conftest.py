"""A lake with members, addresses and a message; a list ready to leave; a real mail server on this machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from crmlib.core.contracts import CONTRACTS
from crmlib.data import Lake
from crmlib.data.lake.filed import file_rows
from crmlib.outreach.register import Terms
from crmlib.run.deliver import Smtp
from crmlib.run.lists import book
from crmlib.run.lists.rules import Rules
from tests.waiting import HANG, free_port

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
"""Noon in Shanghai."""
EVIL = {3: '=HYPERLINK("http://x")', 4: "Li\r\nBcc: all@example.com", 5: "<script>alert(1)</script>", 6: "{code}"}
"""Names that try a spreadsheet, a mail header, HTML and a template."""


class Box(Message):
    """Keeps what arrives; refuses addresses that begin with `no`."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []
        self.last, self.answered = 0, threading.Event()

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)
        if len(self.mails) == self.last:  # the sender waits for this answer
            self.answered.wait()

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _s: Any, _session: Any, envelope: Any, address: str, _o: Any
    ) -> str:
        if address.startswith("no"):
            return "550 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def box() -> Iterator[tuple[Box, Smtp]]:
    box = Box()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=HANG)
    controller.start()
    yield box, Smtp(host="127.0.0.1", port=port, security="loopback", sender="shop@example.com")
    box.answered.set()
    controller.stop()


def rules(smtp: Smtp | None = None, **changes: Any) -> Rules:
    return Rules(smtp=smtp, unsubscribe="https://shop.example/u/{token}", **changes)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return made(tmp_path_factory.mktemp("lists") / "lake")


@pytest.fixture(scope="session")
def prepared(founded: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The lake with the list L1 ready, by channel: made once, copied by each test."""
    lakes = {c: Lake(shutil.copytree(founded.path, tmp_path_factory.mktemp(c) / "lake")) for c in ("email", "sms")}
    for channel, lake in lakes.items():
        ready(lake, channel)
    return {channel: lake.path for channel, lake in lakes.items()}


@pytest.fixture
def mailing(prepared: dict[str, Path], tmp_path: Path) -> Lake:
    """A company whose list L1 is ready to be mailed."""
    return Lake(shutil.copytree(prepared["email"], tmp_path / "lake"))


@pytest.fixture
def texting(prepared: dict[str, Path], tmp_path: Path) -> Lake:
    """A company whose list L1 is ready to leave as short messages."""
    return Lake(shutil.copytree(prepared["sms"], tmp_path / "lake"))


@pytest.fixture
def company(founded: Lake, tmp_path: Path) -> Lake:
    return Lake(shutil.copytree(founded.path, tmp_path / "lake"))


def made(path: Path, *, n: int = 40) -> Lake:
    """A lake of n members with consent, phone and mail address, and one message for each channel."""
    lake = Lake(path)
    ids = [f"C{i:04}" for i in range(n)]
    own: dict[str, Any] = {"source": "crm", "by": "crm", "now": NOON}
    said = {"may_sms": True, "may_email": True, "may_call": True}
    members = pl.DataFrame({"customer_id": ids, "region": "east", "tags": [[]] * n}).with_columns(
        pl.lit(v).alias(c) for c, v in said.items()
    )
    file_rows(lake, CONTRACTS["customers"], members, batch="m", **own)
    people = pl.DataFrame({
        "customer_id": ids, "name": [EVIL.get(i, f"会员{i}") for i in range(n)],
        "phone": [f"+86 138{i:08}" for i in range(n)], "email": [f"m{i}@example.com" for i in range(n)],
    })  # fmt: skip
    file_rows(lake, CONTRACTS["people"], people, batch="p", **own)
    words = [
        ("sms", "{name}，秋茶到店，凭 {code} 领一份。", None), ("email", "{name}：\n秋茶到店。", "秋茶 {name}"),
        ("call", "您好，{name}。\n秋茶到店。", None),
    ]  # fmt: skip
    messages = pl.DataFrame([
        {"message_id": f"M-{c}", "version": 1, "channel": c, "language": "zh", "subject": subject, "body": text,
         "placeholders": ["name", "code"], "signature": "【茶铺】", "opt_out_text": "拒收请回复R"}
        for c, text, subject in words
    ])  # fmt: skip
    file_rows(lake, CONTRACTS["messages"], messages, batch="w", **own)
    return lake


def ready(lake: Lake, channel: str = "email", *, name: str = "L1", objective: str = "repeat", n: int = 40) -> None:
    """A list of the first n members, drawn by li and approved by wang."""
    ids = pl.DataFrame({"recipient_id": [f"C{i:04}" for i in range(n)]})
    terms = Terms(name, name, objective, channel, "li", control_bp=2000, message_id=f"M-{channel}")
    book.file(lake, ids, terms, at=NOON - timedelta(days=1), by="li")
    book.move(lake, book.find(lake, name), "approved", at=NOON - timedelta(hours=2), by="wang")
