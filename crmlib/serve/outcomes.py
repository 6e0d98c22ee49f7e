"""What came of a contact, entered on the server: reached or not, why, when next; kept in the lake with who and when."""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.core.contracts.contacts import CONTACTS, LOSS_REASONS, LOSS_REASONS_GIVEN
from crmlib.core.errors import LakeError
from crmlib.data import Lake
from crmlib.data.lake.entered import Entry, enter_all
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.login import Guard, admitted
from crmlib.serve.users import User

REPORT = "contact_list"
"""Whoever may open this report may enter what came of its lines."""
RESULTS = ("reached", "no_answer", "opted_out", "lost")
CHANNELS = ("phone", "sms", "store", "online")
FORM = re.compile(r"[0-9a-f]{32}")
CODE = re.compile(r"[A-Z2-7]{8,16}")


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed, checked: member's code, channel, result, reason (or none), next day (or none), the form."""

    member: str
    channel: str
    result: str
    reason: str | None
    next_on: date | None
    form: str


class TypedError(ValueError):
    """Something typed that cannot be: its argument is the key of the sentence that says so."""


def checked(typed: dict[str, str], *, today: date) -> Entered:
    """What was typed, if it can be.

    Raises
    ------
    TypedError
        `member`, `result`, `next` or `form`: what is wrong.

    Examples
    --------
    >>> checked({"member": "abcd2345", "channel": "phone", "result": "reached", "reason": "", "next": "",
    ...          "form": "0" * 32}, today=date(2026, 11, 2)).member
    'ABCD2345'
    """
    member = typed["member"].strip().upper()
    if not CODE.fullmatch(member):
        raise TypedError("member")
    known = typed["channel"] in CHANNELS and typed["result"] in RESULTS
    if not known or typed["reason"] not in ("", *LOSS_REASONS):
        raise TypedError("result")
    if not FORM.fullmatch(typed["form"]):
        raise TypedError("form")
    try:
        next_on = date.fromisoformat(typed["next"]) if typed["next"] else None
    except ValueError:
        raise TypedError("next") from None
    if next_on is not None and next_on < today:
        raise TypedError("next")
    return Entered(member, typed["channel"], typed["result"], typed["reason"] or None, next_on, typed["form"])


def member_of(lake: Lake, code: str, *, user: User) -> str:
    """The member behind a code, if this user may know of them.

    Raises
    ------
    TypedError
        `member` for a code that nobody of the user's regions has: the same answer for both, so that nothing is learnt.
    """
    people = lake.table("customers").select("customer_id", "region").collect()
    seen = people if user.regions is None else people.filter(pl.col("region").is_in(user.regions))
    found = seen["customer_id"].filter(lake.pseudonyms(seen["customer_id"]) == code)
    if found.len() != 1:
        raise TypedError("member")
    return str(found[0])


def keep(folder: Path, typed: Entered, *, user: User, now: datetime) -> bool:
    """Write the contact into the lake; false if this form was kept before."""
    lake = Lake(folder)
    row: dict[str, Any] = {
        "contact_id": f"P{typed.form}",
        "customer_id": member_of(lake, typed.member, user=user),
        "staff_id": user.name or None,
        "at": now.astimezone(UTC),
        "channel": typed.channel,
        "purpose": "win_back",
        "outcome": typed.result,
        "reason": typed.reason,
        "direction": "out",
        "reached": typed.result not in {"no_answer"},
        "next_at": None if typed.next_on is None else datetime.combine(typed.next_on, time(1), tzinfo=UTC),
    }
    why = {"customer": typed.member, "at": now.astimezone(UTC), "reason": typed.reason}
    reasons = [Entry(LOSS_REASONS_GIVEN, why)] if typed.reason else []
    return enter_all(lake, [*reasons, Entry(CONTACTS, row)], form=typed.form, by=user.name, now=now)


class OutcomeHandler(Form):
    """The form, and what is typed into it."""

    def initialize(self, *, guard: Guard, lake: Path) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake = guard, lake

    def get(self) -> None:
        """The form, for whoever may open the contact list."""
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is not None:
            self._form({"member": self.get_query_argument("member", "")[:16]}, kept=self.get_query_argument("kept", ""))

    async def post(self) -> None:
        """Keep it, and say so; or say what cannot be, with everything typed still there."""
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is None:
            return
        self.check_xsrf_cookie()
        names = ("member", "channel", "result", "reason", "next", "form")
        typed = {name: self.get_body_argument(name, "")[:64] for name in names}
        now = self._guard.clock()
        try:
            entered = checked(typed, today=now.date())
            await asyncio.to_thread(keep, self._lake, entered, user=user, now=now)
        except TypedError as wrong:
            self._guard.note(self, user, outcome="outcome refused", page=typed["member"])
            self.set_status(400)
            self._form(typed, problem=str(wrong))
            return
        except LakeError as error:
            self._guard.note(self, user, outcome="outcome not kept", page=typed["member"])
            self.set_status(503)
            self._form(typed, problem="busy" if error.code == "lake.locked" else "lake")
            return
        self._guard.note(self, user, outcome="outcome", page=entered.member)
        self.redirect(f"/outcome?kept={entered.member}&language={self.language()}")

    def _form(self, typed: dict[str, str], *, problem: str = "", kept: str = "") -> None:
        words = Words(self.language())
        code = escape(typed.get("member", ""))
        number = typed["form"] if FORM.fullmatch(typed.get("form", "")) else uuid.uuid4().hex
        fields = {
            "member": f'<input name="member" value="{code}" autocomplete="off" required maxlength="16">',
            "channel": _select("channel", {c: words(f"serve.outcome.channels.{c}") for c in CHANNELS}, typed),
            "result": _select("result", {c: words(f"serve.outcome.results.{c}") for c in RESULTS}, typed, " required"),
            "reason": _select("reason", _reasons(words), typed),
            "next": f'<input type="date" name="next" value="{escape(typed.get("next", ""))}">',
        }
        labels = "".join(f"<label>{escape(words(f'serve.outcome.{k}'))}{v}</label>" for k, v in fields.items())
        blocks = (
            f'<form method="post" action="/outcome">{self.xsrf_form_html()!s}'
            f"{shell.hidden(form=number, language=words.language)}{labels}"
            f"<button>{escape(words('serve.outcome.save'))}</button></form>"
        )
        self.show(
            words, title=words("serve.outcome.title"), blocks=blocks,
            problem=words(f"serve.outcome.wrong.{problem}") if problem else "",
            said=words("serve.outcome.kept", member=kept) if CODE.fullmatch(kept) else "",
            foot=foot(words, "outcome", REPORT),
        )  # fmt: skip


def _reasons(words: Words) -> dict[str, str]:
    return {"": words("serve.outcome.no_reason")} | {c: words(f"churn.cause.{c}") for c in LOSS_REASONS}


def _select(name: str, named: dict[str, str], typed: dict[str, str], note: str = "") -> str:
    return f'<select name="{name}"{note}>{_options(named, typed.get(name, ""))}</select>'


def _options(named: dict[str, str], chosen: str) -> str:
    mark = {True: " selected", False: ""}
    return "".join(
        f'<option value="{escape(code)}"{mark[code == chosen]}>{escape(name)}</option>' for code, name in named.items()
    )
