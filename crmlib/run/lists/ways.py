"""Ways out: a mail server, a file for whoever calls or sends short messages, a message service's hook."""

from __future__ import annotations

import csv
import io
import os
import smtplib
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

import xlsxwriter

from crmlib.core.errors import RunError
from crmlib.outreach.message import neutral
from crmlib.outreach.permission import normal_address
from crmlib.run import deliver
from crmlib.run.deliver import Smtp
from crmlib.run.lists import audit
from crmlib.run.lists.letters import Letter

Ended = Literal["sent", "failed", "unknown"]
HEAD = ("code", "name", "phone", "text", "key")
"""Columns of a hand-off file."""


class Way(Protocol):
    """Hands letters over; `together`: all at once or none, else one by one."""

    together: bool

    def open(self) -> None:
        """Make sure that it works before anything is claimed."""

    def carry(self, letters: Sequence[Letter], *, at: datetime) -> tuple[Ended, str]:
        """Hand over, and say how it ended, with a note."""

    def close(self) -> None:
        """Nothing more comes."""


class Mail:
    """One connection for many mails; a mail that a broken connection may have taken with it is not known to be sent."""

    together = False

    def __init__(self, server: Smtp | None) -> None:
        if server is None:
            raise RunError("run.no_way", values={"way": "smtp"})
        self._server = server
        self._line: smtplib.SMTP | None = None

    def open(self) -> None:
        """Connect.

        Raises
        ------
        RunError
            `run.way_closed`: nothing was claimed, everything waits.
        """
        try:
            self._line = self._line or deliver.connect(self._server)
        except (OSError, smtplib.SMTPException) as problem:
            raise RunError("run.way_closed", values={"problem": type(problem).__name__}) from None

    def carry(self, letters: Sequence[Letter], *, at: datetime) -> tuple[Ended, str]:
        """Send one mail."""
        (letter,) = letters
        assert self._line is not None and letter.mail is not None
        try:
            self._line.send_message(letter.mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as problem:
            return "failed", type(problem).__name__
        except (OSError, smtplib.SMTPException) as problem:
            self.close()
            return "unknown", type(problem).__name__
        return "sent", ""

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
        self._line = None


class HandOff:
    """A file for whoever calls or sends: the only place where a phone stands beside a list; deleted after 30 days."""

    together = True

    def __init__(self, lake: Path, *, by: str, kind: Literal["xlsx", "csv"] = "xlsx") -> None:
        self._lake, self._by, self._kind = lake, by, kind
        self.path: Path | None = None

    def open(self) -> None:
        """Make the folder, closed to others."""
        folder = self._lake / audit.FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)

    def carry(self, letters: Sequence[Letter], *, at: datetime) -> tuple[Ended, str]:
        """Write the file whole, and its line in the audit."""
        key = letters[0].key
        name = f"{key.list_id}-{key.version}-{key.channel}-{at:%Y%m%dT%H%M%S}.{self._kind}"
        rows = [(x.code, x.name, _phone(x), x.text, f"{x.key.list_id}/{x.key.version}/{x.code}") for x in letters]
        content = _xlsx(rows) if self._kind == "xlsx" else _csv(rows)
        target = self._lake / audit.FOLDER / name
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        self.path = target
        audit.note(
            self._lake, what="handed off", by=self._by, at=at, list=key.list_id, file=name, rows=len(rows),
            sha256=sha256(content).hexdigest(),
        )  # fmt: skip
        return "sent", name

    def close(self) -> None:
        """The file is whole already."""


class Hook:
    """A message service: one JSON body per message, with a key by which it drops copies."""

    together = False

    def __init__(self, address: str, *, post: Callable[..., None] = deliver.post) -> None:
        self._address, self._post = address, post

    def open(self) -> None:
        """There must be an address.

        Raises
        ------
        RunError
            `run.no_way`.
        """
        if not self._address:
            raise RunError("run.no_way", values={"way": "webhook"})

    def carry(self, letters: Sequence[Letter], *, at: datetime) -> tuple[Ended, str]:
        """Post one message."""
        (letter,) = letters
        try:
            self._post(
                self._address, body(letter), key=sha256("/".join(map(str, letter.key)).encode()).hexdigest()[:32]
            )
        except OSError as problem:
            return "unknown", type(problem).__name__
        return "sent", ""

    def close(self) -> None:
        """Every post stands by itself."""


def body(letter: Letter) -> dict[str, object]:
    """What a message service is told of one message."""
    key = letter.key
    return {"list": key.list_id, "version": key.version, "channel": key.channel, "code": letter.code,
            "to": normal_address(letter.address), "text": letter.text, "parts": letter.parts}  # fmt: skip


def _phone(letter: Letter) -> str:
    return normal_address(letter.address) if letter.address else ""


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(HEAD)
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8")


def _xlsx(rows: Sequence[Sequence[str]]) -> bytes:
    made = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(made, plain) as book:
        sheet = book.add_worksheet("list")
        for r, row in enumerate([HEAD, *rows]):
            for c, cell in enumerate(row):
                sheet.write_string(r, c, neutral(cell))
    return made.getvalue()
