"""A handler whose answers are closed: to frames, sniffing, other host names and curious errors."""

from __future__ import annotations

from typing import Any

import tornado.web

from crmlib.kit.escape import escape
from crmlib.kit.words import LANGUAGES, Language, Words, locale
from crmlib.serve import shell
from crmlib.serve.small_pages import STATUS, Reason, page

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_REASONS: dict[int, Reason] = {400: "refused", 403: "denied", 404: "unknown"}


class Closed(tornado.web.RequestHandler):
    """Every answer of this server."""

    def set_default_headers(self) -> None:
        """No sniffing, no framing, no referrer, no copies."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Never a stack trace."""
        self.finish(page(_REASONS.get(status_code, "failed")))

    def at_home(self) -> bool:
        """Whether this was asked for under a name of our own; a page elsewhere that points a name here gets nothing."""
        if self.request.host.rsplit(":", 1)[0] in self.settings["allowed_hosts"]:
            return True
        self.say("refused")
        return False

    def say(self, reason: Reason, *, after: int = 30) -> None:
        """Answer with one of the server's own small pages; `after` is when [s] a busy server is worth another try."""
        self.set_status(STATUS[reason])
        self.set_header("Content-Type", "text/html; charset=utf-8")
        if reason == "busy":
            self.set_header("Retry-After", str(after))
        self.finish(page(reason))


class Form(Closed):
    """A handler whose page is one form, in the language of its address or of the browser."""

    def language(self) -> Language:
        """What the form says it was read in, else what the browser asks for."""
        asked = self.get_argument("language", "")
        return next((ours for ours in LANGUAGES if ours == asked), language_of(self))

    def show(
        self, words: Words, *, title: str, blocks: str, foot: str, problem: str = "", said: str = "", wide: bool = False
    ) -> None:
        """Send the page; `problem`, `said` and `title` are text, `blocks` and `foot` are HTML."""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        main = shell.content(title=title, blocks=blocks, problem=problem, said=said, foot=foot)
        self.finish(shell.page(lang=locale(words.language).tag, title=title, main=main, wide=wide))


def foot(words: Words, form: str, app: str = "", *, back: str = "") -> str:
    """What every form ends with: what it is for, and the way back to its app, or to the portal.

    Parameters
    ----------
    form, back : whose words say it.
    """
    address = f"/apps/{app}?language={words.language}" if app else "/"
    said, leads = escape(words(f"serve.{form}.help")), escape(words(f"serve.{back or form}.back"))
    return f'<p class="soft">{said}</p>\n<p><a href="{escape(address)}">{leads}</a></p>'


def language_of(handler: tornado.web.RequestHandler) -> Language:
    """The first of our languages that the browser asks for; Chinese if it does not say."""
    asked = [part.strip()[:2].lower() for part in handler.request.headers.get("Accept-Language", "").split(",")]
    ours: list[Language] = [language for wish in asked for language in LANGUAGES if language == wish]
    return (*ours, LANGUAGES[0])[0]
