"""Who comes in: login, session, rights on apps and finished pages, and a line in the audit for each visit.

The identity comes from a session opened here, or from a reverse proxy that proves itself with a secret; never from an
address, and never from a header alone. Without users, on a server for oneself, whoever sits at this machine is the
owner; what was passed on by a proxy is not from this machine, and without an identity it is refused.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from threading import get_native_id
from typing import ClassVar
from urllib.parse import urlencode

import tornado.web

from crmlib.kit.escape import escape, shown
from crmlib.kit.words import Language, Words
from crmlib.run import handbooks, portal
from crmlib.serve import shell
from crmlib.serve.closed import Closed, Form
from crmlib.serve.limits import HERE_NAMES as HERE
from crmlib.serve.sessions import SECONDS, Sessions
from crmlib.serve.users import Door, User

COOKIE = "crmlib"
PASSED_ON = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via")
"""Headers of a request that came through a proxy."""
WAITING = 20
"""So many passwords may wait to be checked; whoever comes then is told to come again."""


def _humbly() -> None:
    """Passwords give way to pages, where the system knows priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, get_native_id(), 10)


CHECKING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password", initializer=_humbly)
"""Passwords are checked one after the other, so that a flood of them leaves the machine to the pages."""
OWNER = User(name="", hash="", mark="", records=True)
"""Everybody, on a server without users: it listens on this machine only."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A reverse proxy that has done the login: it names the user in `header` and proves itself by `secret`."""

    header: str
    secret: str
    proof: str = "X-Crmlib-Proxy"


@dataclass(frozen=True, slots=True)
class Guard:
    """What every handler asks.

    Parameters
    ----------
    door : users and passwords.
    sessions : who is in.
    audit : file of visits, one JSON line each.
    clock : for the audit.
    proxy : the reverse proxy that is believed, if any.
    secure : cookies over https only.
    """

    door: Door
    sessions: Sessions
    audit: Path
    clock: Callable[[], datetime]
    proxy: Proxy | None = None
    secure: bool = False

    def who(self, handler: tornado.web.RequestHandler) -> User | None:
        """The user of this request, or none."""
        headers = handler.request.headers
        if self.proxy is not None:
            proof = headers.get(self.proxy.proof, "")
            if not hmac.compare_digest(proof.encode(), self.proxy.secret.encode()):
                return None
            return self.door.users().get(headers.get(self.proxy.header, ""))
        if self.door.open():
            return None if any(name in headers for name in PASSED_ON) else OWNER
        token = handler.get_signed_cookie(COOKIE, max_age_days=SECONDS / 86_400)
        session = self.sessions.find(token.decode()) if token else None
        user = self.door.users().get(session.name) if session is not None else None
        return user if session is not None and user is not None and _same(user.mark, session.mark) else None

    def note(
        self,
        handler: tornado.web.RequestHandler,
        user: User | None,
        *,
        outcome: str,
        page: str = "",
        name: str = "",
        purpose: str = "",
    ) -> None:
        """Write who asked for what and what came of it.

        Parameters
        ----------
        page : of a list, the page that it stood on; of a member, the code; name : of a login, the name that was typed.
        purpose : what names were opened for. Marks that nobody sees are shown: a line of the audit reads as it is.
        """
        line = {
            "at": self.clock().isoformat(),
            "user": user.name if user else None,
            "from": address_of(handler),
            "asked": handler.request.uri,
            "outcome": outcome,
        }
        told = (("page", page), ("name", name[:64]), ("purpose", purpose))
        line |= {key: shown(value) for key, value in told if value}
        self.audit.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.audit, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def address_of(handler: tornado.web.RequestHandler) -> str:
    """Where a request comes from: what a proxy on this machine added last, else the peer itself."""
    peer = handler.request.remote_ip or ""
    passed = handler.request.headers.get_list("X-Forwarded-For")
    last = passed[-1].rsplit(",", 1)[-1].strip()[:64] if passed and peer in HERE else ""
    return last or peer


def over_https(handler: tornado.web.RequestHandler) -> bool:
    """Whether the reader's browser speaks https to the proxy before us."""
    return handler.request.headers.get("X-Forwarded-Proto", "").split(",")[-1].strip().lower() == "https"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def admitted(handler: tornado.web.RequestHandler, guard: Guard, *, report: str | None) -> User | None:
    """The user, if there is one who may open `report`; otherwise the answer is sent: the login, or a refusal."""
    user = guard.who(handler)
    if user is None:
        guard.note(handler, None, outcome="login")
        if guard.proxy is not None or handler.request.method != "GET":
            handler.send_error(403)
        else:
            handler.redirect("/login?" + urlencode({"next": handler.request.uri or "/"}))
        return None
    if report is not None and not user.may_open(report):
        guard.note(handler, user, outcome="refused")
        handler.send_error(403)
        return None
    return user


RECORDS = frozenset(("ipynb", "json", "parquet"))
"""Endings of what lies beside a page for those who check it: code, record, whole tables."""


def may_see_page(user: User, reports: Path, path: str) -> bool:
    """Whether a user may see a file below the reports folder: the right report, and a page of their own region.

    Whoever has a staff number sees pages that can be of one person only where they are of that number.
    What lies beside a page for those who check it (`RECORDS`) is for users with that right.
    """
    parts = [p for p in path.split("/") if p]
    if not user.records and path.rsplit(".", 1)[-1].lower() in RECORDS:
        return False
    if user.regions is None and user.reports is None and not user.staff:
        return True
    if len(parts) < portal.DEPTH or not user.may_open(parts[0]):
        return False
    parameters = portal.manifest(reports.joinpath(*parts[: portal.DEPTH])).get("parameters", {})
    named = parameters if isinstance(parameters, dict) else {}
    if user.staff and (not named or named.get("person", user.staff) != user.staff):
        return False
    region = named.get("region")
    return user.may_see(str(region) if region else None)


class LoginHandler(Form):
    """The login form, and what is typed into it."""

    waiting: ClassVar[int] = 0
    """Passwords that wait to be checked, of all requests."""

    def initialize(self, *, guard: Guard) -> None:
        """Take what the application gives to every request."""
        self._guard = guard

    def prepare(self) -> None:
        """Only hosts of our own."""
        self.at_home()

    def get(self) -> None:
        """The form."""
        self._form()

    async def post(self) -> None:
        """Let in, or say that name and password do not match (not which of them)."""
        self.check_xsrf_cookie()
        door = self._guard.door
        if door.open() or self._guard.proxy is not None:
            self.redirect("/")
            return
        name, word = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        address = address_of(self)
        if LoginHandler.waiting >= WAITING:
            self._guard.note(self, None, outcome="busy", name=name)
            self.say("busy", after=5)
            return
        early = door.limits.wait(name, address)
        user = None if early else await self._checked(name, word, address)
        self._guard.note(self, user, outcome="entered" if user else "early" if early else "wrong", name=name)
        if user is None:
            self._refuse(name, door.limits.wait(name, address) if early else 0.0)
            return
        self.set_signed_cookie(
            COOKIE,
            self._guard.sessions.open(user),
            expires_days=SECONDS / 86_400,
            httponly=True,
            samesite="Strict",
            secure=self._guard.secure or over_https(self),
        )
        self.redirect(_inside(self.get_body_argument("next", "/")))

    async def _checked(self, name: str, word: str, address: str) -> User | None:
        """The user, once it was this password's turn."""
        LoginHandler.waiting += 1
        try:
            loop, door = asyncio.get_running_loop(), self._guard.door
            return await loop.run_in_executor(CHECKING, lambda: door.enter(name, word, address=address))
        finally:
            LoginHandler.waiting -= 1

    def _refuse(self, name: str, wait: float) -> None:
        self.set_status(429 if wait else 401)
        if wait:
            self.set_header("Retry-After", str(ceil(wait)))
        self._form("locked" if wait else "wrong", name=name, wait=ceil(wait))

    def _form(self, problem: str = "", *, name: str = "", wait: int = 0) -> None:
        words = Words(self.language())
        blocks = (
            f'<form method="post" action="/login">{self.xsrf_form_html()!s}'
            f"{shell.hidden(next=_inside(self.get_argument('next', '/')))}"
            f'<label>{escape(words("serve.login.name"))}<input name="name" value="{escape(name)}"'
            f' autocomplete="username" required autofocus></label>'
            f'<label>{escape(words("serve.login.password"))}<input name="password" type="password"'
            f' autocomplete="current-password" required></label>'
            f"<button>{escape(words('serve.login.enter'))}</button></form>"
        )
        said = f'<p class="soft">{escape(words("serve.login.help"))}</p>\n'
        self.show(
            words, title=words("serve.login.title"), blocks=blocks,
            problem=words(f"serve.login.{problem}", seconds=words.format.count(wait)) if problem else "",
            foot=f'{said}<p class="soft">{handbooks.links(words.language, root="/")}</p>',
        )  # fmt: skip


class LogoutHandler(Closed):
    """The end of a session."""

    def initialize(self, *, guard: Guard) -> None:
        """Take what the application gives to every request."""
        self._guard = guard

    def prepare(self) -> None:
        """Only hosts of our own."""
        self.at_home()

    def post(self) -> None:
        """Forget the session, here and in the browser."""
        self.check_xsrf_cookie()
        token = self.get_signed_cookie(COOKIE, max_age_days=SECONDS / 86_400)
        if token:
            self._guard.note(self, self._guard.who(self), outcome="left")
            self._guard.sessions.end(token.decode())
        self.clear_cookie(COOKIE)
        self.redirect("/login")


def portal_page(
    handler: tornado.web.RequestHandler,
    user: User,
    *,
    reports: Path,
    apps: Iterable[str],
    language: Language,
    now: datetime,
    views: str = "",
) -> str:
    """The portal of one user: own views, the pages that this user may see, the apps they may open, and a way out."""
    out = f'<form method="post" action="/logout">{handler.xsrf_form_html()!s}' if user.name else ""
    return portal.page(
        reports,
        language=language,
        now=now,
        allowed=lambda output: may_see_page(user, reports, output),
        apps=[name for name in apps if user.may_open(name)],
        leave=out,
        views=views,
    )


def _inside(address: str) -> str:
    """An address of our own; anything that leads elsewhere becomes the portal."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\")) and not any(ord(c) < 33 for c in address)
    return address if fine else "/"
