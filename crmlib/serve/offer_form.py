"""The form at which a priced draft is kept and a promotion moved on, and what it says of one that stands."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from crmlib.core.errors import LakeError
from crmlib.data import Lake
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.serve import offers, shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.lists import Lists
from crmlib.serve.login import Guard, admitted
from crmlib.serve.offers import OfferError, Standing
from crmlib.serve.users import User

NEXT: dict[str, tuple[str, ...]] = {"draft": ("submit", "withdraw"), "submitted": ("approve", "reject", "withdraw")}
"""What may be done with a promotion of a state."""


class OfferHandler(Form):
    """The form, and what is sent by it."""

    def initialize(self, *, guard: Guard, lake: Path, lists: Lists) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._lists = guard, lake, lists

    async def get(self) -> None:
        """A priced draft to keep, or a promotion as it stands."""
        user = admitted(self, self._guard, report=offers.REPORT) if self.at_home() else None
        if user is not None:
            await self._answer(user, {}, done=self.get_query_argument("done", ""))

    async def post(self) -> None:
        """Do it, and say so; or say why not, with everything typed still there."""
        user = admitted(self, self._guard, report=offers.REPORT) if self.at_home() else None
        if user is None:
            return
        self.check_xsrf_cookie()
        typed = {name: self.get_body_argument(name, "")[:64] for name in ("name", "budget", "form", "move")}
        id_, left = self._asked("promotion"), self._left(user)
        try:
            id_ = await asyncio.to_thread(self._do, user, id_, typed, left)
        except OfferError as wrong:
            self._guard.note(self, user, outcome=f"offer refused: {wrong}", page=id_)
            await self._answer(user, typed, problem=str(wrong), detail=wrong.detail)
        except LakeError as error:
            self._guard.note(self, user, outcome="offer not kept", page=id_)
            self.set_status(503)
            await self._answer(user, typed, problem="busy" if error.code == "lake.locked" else "lake")
        else:
            self._guard.note(self, user, outcome=f"offer {typed['move']}", page=id_)
            done = {"promotion": id_, "done": typed["move"], "language": self.language()}
            self.redirect(f"/offer?{urlencode(done)}")

    def _do(self, user: User, id_: str, typed: Mapping[str, str], left: Mapping[str, Any]) -> str:
        now = self._guard.clock()
        if id_:
            offers.move(self._lake, id_, typed["move"], form=typed["form"], user=user, now=now, left=left)
            return id_
        if not left.get("draft"):
            raise OfferError("unpriced")
        newest = date.fromisoformat(str(left["newest"]))
        return offers.save(self._lake, left["draft"], typed, user=user, now=now, newest=newest)

    def _asked(self, name: str) -> str:
        return self.get_argument(name, "")[:64]

    def _left(self, user: User) -> dict[str, Any]:
        kept = self._lists.find(self._asked("priced"), user)
        return offers.priced(kept.folder if kept is not None and kept.report == offers.REPORT else None)

    async def _answer(
        self, user: User, typed: Mapping[str, str], *, problem: str = "", detail: str = "", done: str = ""
    ) -> None:
        id_, left, there = self._asked("promotion"), self._left(user), None
        try:
            if id_:
                now = self._guard.clock()
                there = await asyncio.to_thread(offers.standing, Lake(self._lake), id_, user=user, now=now)
        except OfferError:
            self._guard.note(self, user, outcome="no offer", page=id_)
            self.say("unknown")
            return
        if problem and self.get_status() == 200:
            self.set_status(400)
        elif not id_ and not left.get("draft"):
            self._guard.note(self, user, outcome="no offer")
            self.say("expired")
            return
        words = Words(self.language())
        found = left.get("draft") if there is None else left.get("waiting", {}).get(id_)
        blocks = _facts(found, there, words) + self._form(user, there, found, typed, words)
        told = words(f"serve.offer.wrong.{problem}", detail=detail) if problem else ""
        said = words(f"serve.offer.done.{done}") if done in {"save", *offers.MOVES} and there else ""
        title = words("serve.offer.new") if there is None else there.row["name"] or id_
        self.show(
            words, title=str(title), blocks=blocks, problem=told, said=said,
            foot=foot(words, "offer", offers.REPORT),
        )  # fmt: skip

    def _form(
        self, user: User, there: Standing | None, found: Mapping[str, Any] | None, typed: Mapping[str, str],
        words: Words,
    ) -> str:  # fmt: skip
        moves = (
            ("save", "submit") if there is None else [m for m in NEXT.get(there.case.state, ()) if _own(m, user, there)]
        )
        if not moves or (there is None and found is None):
            return ""
        kept = typed.get("form", "")
        form = kept if offers.FORM.fullmatch(kept) else uuid.uuid4().hex
        hidden = {"form": form, "language": words.language, "priced": self._asked("priced")}
        hidden |= {"promotion": there.case.promotion_id} if there else {}
        fields = shell.hidden(**hidden)
        if there is None and found is not None:
            given = {"name": typed.get("name", ""), "budget": typed.get("budget") or str(offers.proposed(found))}
            fields += "".join(
                f'<label>{escape(words(f"serve.offer.{k}"))}<input name="{k}" value="{escape(v)}" required'
                f' maxlength="40" autocomplete="off"></label>'
                for k, v in given.items()
            )
        names = {m: words(f"serve.offer.move.{'save_submit' if there is None and m == 'submit' else m}") for m in moves}
        buttons = "".join(f'<button name="move" value="{m}">{escape(name)}</button> ' for m, name in names.items())
        return f'<form method="post" action="/offer">{self.xsrf_form_html()!s}{fields}<p>{buttons}</p></form>'


def _own(move: str, user: User, there: Standing) -> bool:
    """Whether a move is offered: withdrawing to who wrote it, judging to a second person with the right."""
    mine = user.name in there.authors
    return mine if move == "withdraw" else move == "submit" or (user.allowed("approve") and not mine)


def _facts(found: Mapping[str, Any] | None, there: Standing | None, words: Words) -> str:
    """What it is, what it costs as priced today, and who did what when."""
    form, rows = words.format, []
    if there is not None:
        row = there.row
        span = row["starts_at"].date(), row["ends_at"]
        rows.append(("state", words(f"serve.offer.state.{there.case.state}")))
        stores = row["stores"]
    elif found is not None:
        offer = found["offer"]
        span = datetime.fromisoformat(offer["starts_at"]).date(), datetime.fromisoformat(offer["ends_at"])
        stores = offer["stores"]
    else:
        return ""
    last = (span[1] - timedelta(microseconds=1)).date()
    rows.append(("days", words("serve.offer.span", first=form.day(span[0]), last=form.day(last))))
    rows.append(("stores", words("serve.offer.of", count=form.count(len(stores))) if stores else words("page.all")))
    if there is not None and there.row["budget_minor"]:
        rows.append(("budget_is", form.money(there.row["budget_minor"])))
    if found:
        touched = {"baskets": form.count(found["baskets"]), "touched": form.count(found["touched"])}
        rows.insert(0, ("terms", found["told"]))
        money = {k: form.money(found[f"{k}_minor"]) for k in ("discount", "margin")}
        rows.append(("priced", words("serve.offer.cost", **touched, **money)))
    else:
        rows.append(("priced", words("serve.offer.not_priced")))
    facts = "".join(f"<dt>{escape(words(f'serve.offer.fact.{k}'))}</dt><dd>{escape(v)}</dd>" for k, v in rows)
    steps = () if there is None else there.case.steps
    told = [
        words("serve.offer.step", state=words(f"serve.offer.state.{s.state}"), by=s.actor, at=f"{s.at:%Y-%m-%d %H:%M}")
        for s in steps
    ]
    items = "".join(f"<li>{escape(one)}</li>" for one in told)
    return f"<dl>{facts}</dl>" + (f"<ol>{items}</ol>" if items else "")
