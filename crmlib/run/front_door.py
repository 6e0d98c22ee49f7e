"""Who comes in: login, session, rights on apps and finished pages, and a line in the audit for each visit.

The identity comes from a signed cookie set here, or from a reverse proxy that proves itself with a secret; never from
an address, and never from a header alone. Without a users file (a server for oneself) everybody is the owner.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import urlencode

import tornado.web

from crmlib.run import portal
from crmlib.run.users import Door, User
from crmlib.text import LANGUAGES, Language, Words

COOKIE = "crmlib"
SESSION_DAYS = 0.5
OWNER = User(name="", hash="", mark="")
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
    door : users and passwords; none means no login.
    audit : file of visits, one JSON line each.
    clock : for the audit.
    proxy : the reverse proxy that is believed, if any.
    secure : cookies over https only.
    """

    door: Door | None
    audit: Path
    clock: Callable[[], datetime]
    proxy: Proxy | None = None
    secure: bool = False

    def who(self, handler: tornado.web.RequestHandler) -> User | None:
        """The user of this request, or none."""
        if self.door is None:
            return OWNER
        users = self.door.users()
        if self.proxy is not None:
            proof = handler.request.headers.get(self.proxy.proof, "")
            if not hmac.compare_digest(proof.encode(), self.proxy.secret.encode()):
                return None
            return users.get(handler.request.headers.get(self.proxy.header, ""))
        signed = handler.get_signed_cookie(COOKIE, max_age_days=SESSION_DAYS)
        if not signed:
            return None
        name, _, mark = signed.decode().rpartition(":")
        user = users.get(name)
        return user if user is not None and hmac.compare_digest(user.mark, mark) else None

    def note(self, handler: tornado.web.RequestHandler, user: User | None, *, outcome: str, page: str = "") -> None:
        """Write who asked for what and what came of it; of a list also the page that it stood on."""
        line = {
            "at": self.clock().isoformat(),
            "user": user.name if user else None,
            "from": handler.request.remote_ip,
            "asked": handler.request.uri,
            "outcome": outcome,
        }
        if page:
            line["page"] = page
        self.audit.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.audit, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


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


def may_see_page(user: User, reports: Path, path: str) -> bool:
    """Whether a user may see a file below the reports folder: the right report, and a page of their own region."""
    parts = [p for p in path.split("/") if p]
    if user.regions is None and user.reports is None:
        return True
    if len(parts) < portal.DEPTH or not user.may_open(parts[0]):
        return False
    parameters = portal.manifest(reports.joinpath(*parts[: portal.DEPTH])).get("parameters", {})
    region = parameters.get("region") if isinstance(parameters, dict) else None
    return user.may_see(str(region) if region else None)


class LoginHandler(tornado.web.RequestHandler):
    """The login form, and what is typed into it."""

    def initialize(self, *, guard: Guard, headers: dict[str, str]) -> None:
        """Take what the application gives to every request."""
        self._guard, self._headers_given = guard, headers
        for name, value in headers.items():
            self.set_header(name, value)

    def get(self) -> None:
        """The form."""
        self._form()

    async def post(self) -> None:
        """Let in, or say that name and password do not match (not which of them)."""
        self.check_xsrf_cookie()
        door = self._guard.door
        if door is None:
            self.redirect("/")
            return
        name, word = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        address = self.request.remote_ip or ""
        loop = asyncio.get_running_loop()
        user = await loop.run_in_executor(None, lambda: door.enter(name, word, address=address))
        self._guard.note(self, user, outcome="entered" if user else "wrong")
        if user is None:
            self.set_status(401)
            self._form("locked" if door.locked(name, address) else "wrong", name=name)
            return
        self.set_signed_cookie(
            COOKIE,
            f"{user.name}:{user.mark}",
            expires_days=SESSION_DAYS,
            httponly=True,
            samesite="Strict",
            secure=self._guard.secure,
        )
        self.redirect(_inside(self.get_body_argument("next", "/")))

    def _form(self, problem: str = "", *, name: str = "") -> None:
        language = language_of(self)
        words = Words(language)
        template = Template(files("crmlib.run").joinpath("login.html").read_text(encoding="utf-8"))
        self.finish(
            template.substitute(
                lang="zh-CN" if language == "zh" else "en",
                **{key: escape(words(f"serve.login.{key}")) for key in ("title", "name", "password", "enter", "help")},
                problem=escape(words(f"serve.login.{problem}")) if problem else "",
                typed=escape(name),
                next=escape(_inside(self.get_argument("next", "/"))),
                token=self.xsrf_form_html(),
            )
        )


class LogoutHandler(tornado.web.RequestHandler):
    """The end of a session."""

    def initialize(self, *, guard: Guard) -> None:
        """Take what the application gives to every request."""
        self._guard = guard

    def post(self) -> None:
        """Forget the session."""
        self.check_xsrf_cookie()
        self.clear_cookie(COOKIE)
        self.redirect("/login")


def portal_page(
    handler: tornado.web.RequestHandler, user: User, *, reports: Path, language: Language, now: datetime
) -> str:
    """The portal of one user: only reports and pages that this user may see, with apps and a way out."""
    out = f'<form method="post" action="/logout">{handler.xsrf_form_html()!s}' if user.name else ""
    return portal.page(
        reports,
        language=language,
        now=now,
        allowed=lambda output: may_see_page(user, reports, output),
        apps=user.may_open,
        leave=out,
    )


def language_of(handler: tornado.web.RequestHandler) -> Language:
    """The first of our languages that the browser asks for; Chinese if it does not say."""
    asked = [part.strip()[:2].lower() for part in handler.request.headers.get("Accept-Language", "").split(",")]
    ours: list[Language] = [language for wish in asked for language in LANGUAGES if language == wish]
    return ours[0] if ours else "zh"


def _inside(address: str) -> str:
    """An address of our own; anything that leads elsewhere becomes the portal."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\")) and not any(ord(c) < 33 for c in address)
    return address if fine else "/"
