"""What the app server says when there is no report to send: unknown, busy, too slow, not made."""

from __future__ import annotations

from html import escape
from typing import Literal

from crmlib.kit.words import LANGUAGES, Words, locale

Reason = Literal["unknown", "busy", "slow", "memory", "failed", "refused", "denied", "expired"]
STATUS: dict[Reason, int] = {
    "unknown": 404, "expired": 410, "refused": 403, "denied": 403, "busy": 503, "slow": 504, "memory": 500,
    "failed": 500,
}  # fmt: skip

_STYLE = (
    "body{margin:0;background:#f7f9fb;color:#1f2933;"
    'font:16px/1.7 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}'
    "main{max-width:40em;margin:12vh auto;padding:0 24px}h1{font-size:22px}"
)
_PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body><main>{blocks}</main></body></html>
"""


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
    return _PAGE.format(title=escape(spoken[0][1](f"serve.{reason}.title")), style=_STYLE, blocks=blocks)
