"""A finished page is announced: by mail over TLS and by the message hooks of WeCom, DingTalk and Feishu.

`params/delivery.yml` says who gets what. A message carries the answer and a link; the page itself only where
`attach: true` allows it. Failures go to a list of their own. Messages wait in a queue (`outbox`) until they have left,
each once, so that a server that is down for a day costs nobody a message.
"""

from __future__ import annotations

import hashlib
import json
import os
import smtplib
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crmlib.core.errors import ParameterError, RunError
from crmlib.kit.escape import shown
from crmlib.kit.words import Language, Words
from crmlib.run.outbox import Announcement, Message, Outbox

Hook = Literal["wecom", "dingtalk", "feishu"]
_TRIES = 3
_TIMEOUT = 20.0
_MOST_ANSWER = 1 << 16


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Smtp(_Strict):
    """The mail server; the password is in the environment variable `password_from`, never in the file.

    Without encryption (`loopback`) only to a relay on this machine.
    """

    host: str
    port: int = Field(ge=1, le=65_535)
    security: Literal["tls", "starttls", "loopback"] = "starttls"
    sender: str
    user: str | None = None
    password_from: str = "CRMLIB_SMTP_PASSWORD"
    authority: Path | None = None

    @model_validator(mode="after")
    def plain_on_this_machine_only(self) -> Self:
        """Nothing leaves this machine in the clear."""
        if self.security == "loopback" and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("loopback is for a server on this machine")
        return self


class Webhook(_Strict):
    """A message hook; its secret address is in the environment variable `address_from`."""

    kind: Hook
    address_from: str


class Reader(_Strict):
    """Who gets the pages of which reports, in which language."""

    reports: tuple[str, ...] = ()
    language: Language = "zh"
    mail: tuple[str, ...] = ()
    hooks: tuple[Webhook, ...] = ()
    attach: bool = False


class Delivery(_Strict):
    """The content of `params/delivery.yml`; `address` is where readers find the reports folder."""

    address: str
    smtp: Smtp | None = None
    readers: dict[str, Reader] = Field(default_factory=dict)
    failures: Reader | None = None


def read(path: Path) -> Delivery:
    """Read and check `params/delivery.yml`.

    Raises
    ------
    ParameterError
        `run.bad_delivery`.
    """
    try:
        return Delivery.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as problem:
        first = problem.errors()[0] if isinstance(problem, ValidationError) else None
        where = (
            ".".join(str(p) for p in first["loc"]) + ": " + first["msg"] if first else " ".join(str(problem).split())
        )
        raise ParameterError("run.bad_delivery", values={"file": str(path), "problem": where}) from None


def deliver(things: Sequence[Announcement], *, plan: Delivery, noted: Path, now: datetime) -> int:
    """Announce each thing, and what still waits, to its readers, once; return how many messages left.

    Raises
    ------
    RunError
        `run.undelivered` after every reader was tried, if some could not be reached: their messages wait.
    """
    queue = Outbox(noted)
    queue.put(things, now=now)
    sent = queue.send(partial(messages, plan=plan), now=now)
    if sent.problems:
        shown = "; ".join(sent.problems[:3])
        raise RunError("run.undelivered", values={"count": sent.waiting, "problems": shown})
    return sent.left


def message(thing: Announcement, *, reader: Reader, plan: Delivery) -> EmailMessage:
    """The mail about one thing: plain text, the answer first, a link; the page attached only where allowed."""
    words = Words(reader.language)
    mail = EmailMessage()
    mail["Subject"] = _one_line(
        words(f"run.mail.{'failed' if thing.failed else 'subject'}", title=_title(thing, words))
    )
    mail["From"] = plan.smtp.sender if plan.smtp else ""
    mail["To"] = ", ".join(reader.mail)
    mail["Message-ID"] = _message_id(thing, reader)
    mail.set_content(f"{shown(thing.sentence)}\n\n{link(thing, plan)}\n")
    if reader.attach and thing.page is not None:
        mail.add_attachment(thing.page.read_bytes(), maintype="text", subtype="html", filename=f"{thing.report}.html")
    return mail


def _message_id(thing: Announcement, reader: Reader) -> str:
    """The same for the same message: a copy sent again after a crash is known as one."""
    return f"<{_key(thing, *reader.mail)}@crmlib.invalid>"


def _key(thing: Announcement, *to: str) -> str:
    return hashlib.sha256("\n".join((thing.output, thing.fingerprint, *to)).encode()).hexdigest()[:32]


def hook_body(kind: Hook, text: str) -> dict[str, object]:
    """The JSON that a message hook expects for a plain text.

    Examples
    --------
    >>> hook_body("feishu", "hello")
    {'msg_type': 'text', 'content': {'text': 'hello'}}
    """
    text = text.replace("<", "\uff1c").replace(
        "@", "\uff20"
    )  # full width: what calls people, or everybody, in such a message
    if kind == "feishu":
        return {"msg_type": "text", "content": {"text": text}}
    return {"msgtype": "text", "text": {"content": text}}


def link(thing: Announcement, plan: Delivery) -> str:
    """Where the reader finds the page."""
    return f"{plan.address.rstrip('/')}/{thing.output}/index.html"


def _readers(thing: Announcement, plan: Delivery) -> Mapping[str, Reader]:
    if thing.failed:
        return {"failures": plan.failures} if plan.failures else {}
    return {
        name: reader
        for name, reader in plan.readers.items()
        if reader.language == thing.language and (not reader.reports or thing.report in reader.reports)
    }


def messages(thing: Announcement, *, plan: Delivery) -> Iterator[Message]:
    """To whom a thing goes, and how; made when it is sent, since the plan may have changed while it waited."""
    for name, reader in _readers(thing, plan).items():
        if reader.mail and plan.smtp:
            mail = partial(_again, partial(_mail, thing, reader=reader, plan=plan, server=plan.smtp))
            yield Message(f"{name}:mail", "mail", mail, _refused)
        for hook in reader.hooks:
            server = f"{hook.kind}:{hook.address_from}"
            key = _key(thing, name, server)
            post = partial(_again, partial(_post_about, thing, reader=reader, plan=plan, hook=hook, key=key))
            yield Message(f"{name}:{server}", server, post, _refused)


def _refused(problem: Exception) -> bool:
    """Whether this one message was not wanted; else the server is away, and its others wait."""
    return isinstance(problem, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError | FileNotFoundError | ValueError)


def _mail(thing: Announcement, *, reader: Reader, plan: Delivery, server: Smtp) -> None:
    _send_mail(server, message(thing, reader=reader, plan=plan))


def _post_about(thing: Announcement, *, reader: Reader, plan: Delivery, hook: Webhook, key: str) -> None:
    text = f"{_one_line(_title(thing, Words(reader.language)))}\n{shown(thing.sentence)}\n{link(thing, plan)}"
    post(os.environ.get(hook.address_from, ""), hook_body(hook.kind, text), key=key)


def connect(server: Smtp) -> smtplib.SMTP:
    """A connection to a mail server, over TLS but on this machine, and logged in."""
    trust = ssl.create_default_context(cafile=str(server.authority) if server.authority else None)
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=trust)
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)
    try:
        if server.security == "starttls":
            connection.starttls(context=trust)
        if server.user:
            connection.login(server.user, os.environ.get(server.password_from, ""))
    except BaseException:
        connection.close()
        raise
    return connection


def _send_mail(server: Smtp, mail: EmailMessage) -> None:
    connection = connect(server)
    try:
        connection.send_message(mail)
        with suppress(OSError, smtplib.SMTPException):  # it has left: a server that says goodbye badly changes nothing
            connection.quit()
    finally:
        connection.close()


def post(address: str, body: Mapping[str, object], *, key: str) -> None:
    """Post `body`; `key` is the same for the same message, so a receiver can drop a copy sent again after a crash."""
    if not address.startswith(("https://", "http://127.0.0.1:")):
        raise OSError("a hook's address must be https")
    request = urllib.request.Request(  # the scheme is checked above
        address,
        data=json.dumps(body, ensure_ascii=False).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
            answer = json.loads(reply.read(_MOST_ANSWER) or b"{}")
    except (ValueError, HTTPException) as problem:  # a page where an answer was expected, or half of one
        raise OSError(f"the hook did not answer as one ({type(problem).__name__})") from None
    code = answer.get("errcode", answer.get("code", 0)) if isinstance(answer, dict) else 0
    if code:
        raise OSError(f"the hook answered {code}")


def _again(send: Callable[[], None]) -> None:
    """Try again only what may pass: a lost connection or a temporary refusal, not a wrong password."""
    for attempt in range(_TRIES):
        try:
            send()
            return
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused, ssl.SSLCertVerificationError):
            raise
        except (OSError, smtplib.SMTPException):
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.5 * 2**attempt)


def _title(thing: Announcement, words: Words) -> str:
    key = f"{thing.report}.title"
    return words.label(key) or thing.report


def _one_line(text: str) -> str:
    return " ".join(shown(text).split())
