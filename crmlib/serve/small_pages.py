"""What the app server says when there is no report to send: unknown, busy, too slow, not made."""

from __future__ import annotations

from typing import Literal

from crmlib.kit.escape import escape
from crmlib.kit.words import LANGUAGES, Words, locale
from crmlib.serve import shell

Reason = Literal["unknown", "busy", "slow", "memory", "failed", "refused", "denied", "expired"]
STATUS: dict[Reason, int] = {
    "unknown": 404, "expired": 410, "refused": 403, "denied": 403, "busy": 503, "slow": 504, "memory": 500,
    "failed": 500,
}  # fmt: skip


def page(reason: Reason) -> str:
    """A small page in both languages, because the server does not know the reader's.

    Examples
    --------
    >>> "504" in page("slow"), page("unknown").count("<h1")
    (False, 2)
    """
    spoken = [(language, Words(language)) for language in LANGUAGES]
    blocks = "".join(
        f'<section lang="{locale(code).tag}"><h1>{escape(words(f"serve.{reason}.title"))}</h1>'
        f"<p>{escape(words(f'serve.{reason}.text'))}</p></section>"
        for code, words in spoken
    )
    return shell.page(lang=locale(LANGUAGES[0]).tag, title=spoken[0][1](f"serve.{reason}.title"), main=blocks)
