"""Cards of one person: proposed by the data's health, accepted, rejected or taken back by who has the right.

Each decision is a row of `card_merges` with who and when, the latest one counts: nothing is overwritten, so a merge can
be taken back at any time. Names and phones are not shown: the reason says which of them agree.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.core.contracts.customers import CARD_MERGES
from crmlib.core.errors import LakeError
from crmlib.customers.members import identity
from crmlib.data import Lake
from crmlib.data.lake.entered import Entry, enter_all
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report.access import Sight
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.lists import Lists
from crmlib.serve.login import Guard, admitted
from crmlib.serve.users import User

REPORT = "data_health"
FILE = "doubles.json"
"""What the page leaves: `rows` of keep_id, merge_id, keep, merge (their codes), reason, against, probability, told."""
MOVES = {"accepted": ("", "rejected", "undone"), "rejected": ("", "undone"), "undone": ("accepted",)}
"""What may be decided → in which states of a pair; empty: nothing was decided yet."""
FORM = re.compile(r"[0-9a-f]{32}")
MOST = 100


class MergeError(ValueError):
    """A decision that cannot be: its argument is the key of the sentence that says so."""


def standing(lake: Lake) -> dict[tuple[str, str], str]:
    """Pair of cards → what was decided last."""
    if not lake.has("card_merges"):
        return {}
    last = identity.latest(lake.table("card_merges").collect().sort("at"))
    return {(a, b): str(s) for a, b, s in last.select("keep_id", "merge_id", "state").iter_rows()}


def decide(folder: Path, row: Mapping[str, Any], state: str, *, form: str, user: User, now: datetime) -> bool:
    """Keep what somebody decided about a pair; false if this form was kept before.

    Raises
    ------
    MergeError
        `form`, `moved` (somebody else decided meanwhile), `region` (a card of another region).
    """
    if not FORM.fullmatch(form) or state not in MOVES:
        raise MergeError("form")
    lake, pair = Lake(folder), (str(row["keep_id"]), str(row["merge_id"]))
    sight = Sight(user.regions, lake.table)
    mine = sight.rows("customers", lake.table("customers")).filter(pl.col("customer_id").is_in(pair))
    if mine.select(pl.len()).collect().item() != len(pair):
        raise MergeError("region")

    def fine() -> None:
        if standing(lake).get(pair, "") not in MOVES[state]:
            raise MergeError("moved")

    told = {
        "keep_id": pair[0], "merge_id": pair[1], "reason": row["reason"], "probability": row["probability"],
        "state": state, "by": user.name or "-", "at": now.astimezone(UTC),
    }  # fmt: skip
    return enter_all(lake, [Entry(CARD_MERGES, told)], form=form, by=user.name, now=now, fine=fine)


class MergeHandler(Form):
    """The pairs, and what is decided about one of them."""

    def initialize(self, *, guard: Guard, lake: Path, lists: Lists) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._lists = guard, lake, lists

    def get(self) -> None:
        """All pairs as they stand."""
        found = self._found()
        if found is not None:
            self._show(found[1], "")

    async def post(self) -> None:
        """Keep one decision, and show how all stand."""
        found = self._found()
        if found is None:
            return
        user, left = found
        state, _, at = self.get_body_argument("pair", "").partition(":")
        form = self.get_body_argument("form", "")
        rows, problem, page = left["rows"], "", ""
        try:
            if not at.isdecimal() or int(at) >= len(rows):
                raise MergeError("form")
            page = f"{rows[int(at)]['keep']}+{rows[int(at)]['merge']}"
            now = self._guard.clock()
            await asyncio.to_thread(decide, self._lake, rows[int(at)], state, form=form, user=user, now=now)
        except MergeError as wrong:
            problem = str(wrong)
            self.set_status(400)
        except LakeError as error:
            problem = "busy" if error.code == "lake.locked" else "lake"
            self.set_status(503)
        self._guard.note(self, user, outcome=f"merge refused: {problem}" if problem else f"merge {state}", page=page)
        self._show(left, problem)

    def _found(self) -> tuple[User, dict[str, Any]] | None:
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is None:
            return None
        if self.request.method == "POST":
            self.check_xsrf_cookie()
        if not user.allowed("merge"):
            self._guard.note(self, user, outcome="merge refused: right")
            self.set_status(403)
            self._show({"rows": []}, "right")
            return None
        kept = self._lists.find(self.get_argument("list", "")[:64], user)
        try:
            left = json.loads((kept.folder / FILE).read_text(encoding="utf-8")) if kept else None
        except (OSError, ValueError):
            left = None
        if left is None:
            self._guard.note(self, user, outcome="no list")
            self.say("expired")
            return None
        return user, left

    def _show(self, left: Mapping[str, Any], problem: str) -> None:
        words, rows = Words(self.language()), left["rows"][:MOST]
        there = standing(Lake(self._lake)) if rows else {}
        states = [there.get((r["keep_id"], r["merge_id"]), "") for r in rows]
        counts = {s: words.format.count(states.count(s)) for s in MOVES} | {
            "open": words.format.count(states.count(""))
        }
        listed = self.get_argument("list", "")[:64]
        fields = shell.hidden(list=listed, language=words.language, form=uuid.uuid4().hex)
        heads = "".join(f'<th scope="col">{escape(words(f"serve.merge.{c}"))}</th>' for c in ("pair", "why", "state"))
        body = "".join(_row(at, row, state, words) for at, (row, state) in enumerate(zip(rows, states, strict=True)))
        blocks = (
            f'<p role="status">{escape(words("serve.merge.counts", **counts))}</p>'
            f'<form method="post" action="/merge">{self.xsrf_form_html()!s}{fields}<table><thead>'
            f"<tr>{heads}</tr></thead><tbody>{body}</tbody></table></form>"
        )
        self.show(
            words, title=words("serve.merge.title"), blocks=blocks if rows else "", wide=True,
            problem=words(f"serve.merge.wrong.{problem}") if problem else "",
            foot=foot(words, "merge", REPORT),
        )  # fmt: skip


def _row(at: int, row: Mapping[str, Any], state: str, words: Words) -> str:
    told = escape(words(f"serve.merge.states.{state or 'open'}"))
    buttons = "".join(
        f'<button name="pair" value="{move}:{at}">{escape(words(f"serve.merge.moves.{move}"))}<span class="hidden">'
        f" {escape(row['keep'])} {escape(row['merge'])}</span></button> "
        for move, before in MOVES.items()
        if state in before
    )
    cells = {"pair": f"{escape(row['keep'])} + {escape(row['merge'])}", "why": escape(row["told"])}
    cells["state"] = f"{told} {buttons}"
    return (
        "<tr>"
        + "".join(
            f'<td data-label="{escape(words(f"serve.merge.{c}"))}"><span>{v}</span></td>' for c, v in cells.items()
        )
        + "</tr>"
    )
