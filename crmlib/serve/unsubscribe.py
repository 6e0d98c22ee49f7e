"""The one click of a mail (RFC 8058): a post takes the reader off, without login; a look changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from html import escape
from pathlib import Path

from crmlib.core.errors import LakeError
from crmlib.data import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.kit.words.locales import locale
from crmlib.run.lists import receipts
from crmlib.serve.closed import Closed

MOST = 200
"""Letters of a token; list, version, code and signature are shorter."""
PAGE = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action 'self'">
<title>{title}</title><style>body{{margin:0;background:#f7f9fb;color:#1f2933;font:16px/1.7 sans-serif}}
main{{max-width:40em;margin:12vh auto;padding:0 24px}}h1{{font-size:20px}}button{{font:inherit;padding:8px 20px}}
</style></head>
<body><main><h1>{title}</h1>{blocks}{form}</main></body></html>
"""


class UnsubscribeHandler(Closed):
    """Whoever has the address may use it: it names one list and one reader, and is signed."""

    def initialize(self, *, lake: Path, clock: Callable[[], datetime]) -> None:
        """Take what the application gives to every request."""
        self._lake, self._clock = lake, clock

    def check_xsrf_cookie(self) -> None:
        """A mail program has no cookie of ours; the token's signature stands for it."""

    def get(self, token: str) -> None:
        """Ask first: programs that look at every address of a mail take nobody off."""
        self._say("ask", form=True)

    async def post(self, token: str) -> None:
        """Take the reader off; the same answer for every token, so that nothing is learnt from it."""
        if len(token) <= MOST:
            try:
                await asyncio.to_thread(receipts.leave, Lake(self._lake), token, at=self._clock())
            except LakeError:
                self.say("busy")
                return
        self._say("done")

    def _say(self, what: str, *, form: bool = False) -> None:
        spoken = [(code, Words(code)) for code in LANGUAGES]
        blocks = "".join(
            f'<p lang="{locale(code).tag}">{escape(words(f"serve.unsubscribe.{what}"))}</p>' for code, words in spoken
        )
        label = escape(" · ".join(words("serve.unsubscribe.button") for _, words in spoken))
        button = f'<form method="post"><button>{label}</button></form>' if form else ""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(PAGE.format(title=label, blocks=blocks, form=button))
