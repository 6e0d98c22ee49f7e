"""A handler whose answers are closed: to frames, sniffing, other host names and curious errors."""

from __future__ import annotations

from typing import Any

import tornado.web

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
