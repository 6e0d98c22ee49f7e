"""The one click of a mail (RFC 8058): a post takes the reader off, without login; a look changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from crmlib.core.errors import LakeError
from crmlib.data import Lake
from crmlib.kit.escape import escape
from crmlib.kit.words import LANGUAGES, Words
from crmlib.kit.words.locales import locale
from crmlib.run.lists import receipts
from crmlib.serve import shell
from crmlib.serve.closed import Closed

MOST = 200
"""Letters of a token; list, version, code and signature are shorter."""


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
        label = " · ".join(words("serve.unsubscribe.button") for _, words in spoken)
        button = f'<form method="post"><button>{escape(label)}</button></form>' if form else ""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        main = shell.content(title=label, blocks=blocks, foot=button)
        self.finish(shell.page(lang=locale(LANGUAGES[0]).tag, title=label, main=main))
