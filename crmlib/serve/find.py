"""A customer found by card number, phone or code: typed into a form, so that no number ever stands in an address.

Whoever may open a customer's page asks here and is led to it by the code that pages show. What another region has, or
another adviser, is answered like what nobody has. Wrong numbers slow down as wrong passwords do, and what is found is
counted too, so that numbers cannot be walked through; the audit holds who found whom, never what was typed.
"""

from __future__ import annotations

import asyncio
import sys
import unicodedata
from collections.abc import Callable
from datetime import date
from math import ceil
from pathlib import Path
from urllib.parse import urlencode

import polars as pl

from crmlib.core import owners
from crmlib.core.errors import CrmError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.outreach.permission import address_hash, normal_address
from crmlib.report.access import Sight
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.limits import Limits, Rule
from crmlib.serve.login import Guard, address_of, admitted
from crmlib.serve.outcomes import CODE
from crmlib.serve.users import User

REPORT = "customer_360"
"""Whoever may open this report may look a customer up."""
LONGEST, FEWEST_DIGITS = 64, 7
"""What may be typed; a phone has at least so many digits."""
FOUND, NEVER = Rule(free=30, most=60.0), Rule(free=sys.maxsize, most=0.0)
"""So many found cost nothing; then one a minute, as long as the user goes on within a quarter of an hour."""


def hits(clock: Callable[[], float]) -> Limits:
    """What a user has found so far; counted by the user, wherever they sit."""
    return Limits(clock, pair=NEVER, address=NEVER, here=NEVER, name=FOUND)


def found(folder: Path, typed: str, *, user: User, today: date) -> list[str]:
    """The codes of the customers that `typed` names, among those this user may see: one, several of a phone, or none.

    Parameters
    ----------
    typed : card number, phone in any way of writing, or the code of a list.
    """
    lake, asked = Lake(folder), "".join(unicodedata.normalize("NFKC", typed).split())
    ids = _visible(lake, user=user, today=today)
    here = ids.filter(ids.str.to_lowercase() == asked.lower())
    if here.is_empty() and CODE.fullmatch(asked.upper()):
        here = ids.filter(lake.pseudonyms(ids) == asked.upper())
    if here.is_empty():
        here = _of_phone(lake, ids, asked)
    return sorted(lake.pseudonyms(here).to_list())


def _visible(lake: Lake, *, user: User, today: date) -> pl.Series:
    """Ids of the members of the user's regions; of whoever has a staff number only the own."""
    if not lake.has("customers"):
        return pl.Series("customer_id", [], dtype=pl.String)
    sight = Sight(user.regions, lambda name: lake.table(name) if lake.has(name) else None)
    people = sight.rows("customers", lake.table("customers"))
    if user.staff:
        held = lake.table("assignments").collect() if lake.has("assignments") else None
        people = owners.of_day(people, held, as_of=today).filter(pl.col("owner_staff") == user.staff)
    return people.select("customer_id").collect()["customer_id"]


def _of_phone(lake: Lake, ids: pl.Series, asked: str) -> pl.Series:
    """Those of `ids` whose phone, in its one normal form, has the hash of what was typed."""
    digits = normal_address(asked)
    if "@" in digits or len(digits) < FEWEST_DIGITS or not lake.has("people"):
        return ids.clear()
    like = pl.col("phone").str.normalize("NFKC").str.replace_all(r"\D", "").str.ends_with(digits[-FEWEST_DIGITS:])
    rows = lake.table("people").filter(like).select("customer_id", "phone").collect()
    key = pseudonyms.key_of(lake.path)
    wanted = address_hash(asked, key=key)
    same = [one for one, phone in rows.iter_rows() if address_hash(str(phone), key=key) == wanted]
    return ids.filter(ids.is_in(same))


class FindHandler(Form):
    """The form, and where what is typed into it leads."""

    def initialize(self, *, guard: Guard, lake: Path, tries: Limits, hits: Limits) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._tries, self._hits = guard, lake, tries, hits

    def get(self) -> None:
        """The form, for whoever may open a customer's page; nothing is looked up by an address."""
        if self._user() is not None:
            self._form()

    async def post(self) -> None:
        """Lead to the customer's page; or say that nobody is found, or until when to wait."""
        user = self._user()
        if user is None:
            return
        self.check_xsrf_cookie()
        typed, address = self.get_body_argument("number", "")[:LONGEST], address_of(self)
        wait = max(self._tries.wait(user.name, address), self._hits.wait(user.name, address))
        if wait or not self._tries.begin(user.name, address):
            self._refuse(user, "early", 429, wait=wait or 1.0)
            return
        try:
            codes = await asyncio.to_thread(found, self._lake, typed, user=user, today=self._guard.clock().date())
        except CrmError:
            self._refuse(user, "lake", 503)
            return
        if not codes:
            self._refuse(user, "nobody", 400)
            return
        self._tries.right(user.name, address)
        self._hits.begin(user.name, address)
        for code in codes:
            self._guard.note(self, user, outcome="found", page=code)
        if len(codes) == 1:
            self.redirect(_page(codes[0], self.language()))
        else:
            self._form(several=codes)

    def _user(self) -> User | None:
        return admitted(self, self._guard, report=REPORT) if self.at_home() else None

    def _refuse(self, user: User, why: str, status: int, *, wait: float = 0.0) -> None:
        self._guard.note(self, user, outcome=f"find refused: {why}")
        self.set_status(status)
        if wait:
            self.set_header("Retry-After", str(ceil(wait)))
        self._form(problem=why, wait=ceil(wait))

    def _form(self, *, problem: str = "", wait: int = 0, several: list[str] | None = None) -> None:
        words = Words(self.language())
        links = "".join(
            f'<li><a href="{escape(_page(code, words.language))}">{escape(code)}</a></li>' for code in several or ()
        )
        blocks = (
            f'<form method="post" action="/find">{self.xsrf_form_html()!s}{shell.hidden(language=words.language)}'
            f'<label>{escape(words("serve.find.number"))}<input name="number" autocomplete="off" required autofocus'
            f' maxlength="{LONGEST}"></label><button>{escape(words("serve.find.go"))}</button></form>'
            f"{f'<ul>{links}</ul>' if links else ''}"
        )
        self.show(
            words, title=words("serve.find.title"), blocks=blocks,
            problem=words(f"serve.find.wrong.{problem}", seconds=words.format.count(wait)) if problem else "",
            said=words("serve.find.several", count=words.format.count(len(several))) if several else "",
            foot=foot(words, "find", REPORT),
        )  # fmt: skip


def _page(code: str, language: str) -> str:
    return f"/apps/{REPORT}?{urlencode({'customer': code, 'language': language})}"
