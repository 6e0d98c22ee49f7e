"""Names and phones behind the codes of a list: opened for a purpose, to whoever has the right, each line in the audit.

A page that shows people leaves its list beside its workbooks, where only its reader finds it. Whoever may reveal says
what for, and gets the names on the screen or in a workbook for the hand-off. A phone is opened only where the list
says call or text and the member still allows it; each member opened is a line in the audit, written first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.data import Lake
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report.access import Sight
from crmlib.report.html import sheets
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.lists import XLSX, Lists
from crmlib.serve.login import Guard, admitted
from crmlib.serve.users import User

FILE = "people.json"
"""What a page of people leaves: `title`, `rows` (id, code, way, and what stands on its line in words)."""
PURPOSES = ("contact", "visit", "complaint", "other")
WAYS = {"call": ("phone", "may_call"), "sms": ("phone", "may_sms"), "email": ("email", "may_email")}
"""How a member is to be reached → what is opened for it, and the consent that it takes."""
PARTNER = "partner"
"""Kind of a line that is a business customer's: the first of its people is opened, not a member."""
SHOWN = ("reason", "suggestion", "owner", "due_on")
NAME = "hand_off.xlsx"


def opened(folder: Path, rows: Sequence[Mapping[str, Any]], *, user: User) -> pl.DataFrame:
    """The lines of a list with who they are: customer_id (the code), name, phone, email and what stands on the line.

    Members of other regions, and what a member does not allow any more, stay closed (null).
    """
    lake = Lake(folder)
    sight = Sight(user.regions, lambda name: lake.table(name) if lake.has(name) else None)
    firms = _firms(lake, sight, [str(row["id"]) for row in rows if row.get("kind") == PARTNER])
    ids = [str(row["id"]) for row in rows if row.get("kind") != PARTNER]
    consent = {}
    if ids:
        may = sight.rows("customers", lake.table("customers")).filter(pl.col("customer_id").is_in(ids))
        consent = {r["customer_id"]: r for r in may.collect().iter_rows(named=True)}
    who = {}
    if ids and lake.has("people"):
        people = sight.rows("people", lake.table("people")).filter(pl.col("customer_id").is_in(ids))
        who = {r["customer_id"]: r for r in people.collect().iter_rows(named=True)}
    lines = [
        _line(row, firms.get(row["id"], {}), {"may_call": True})
        if row.get("kind") == PARTNER
        else _line(row, who.get(row["id"], {}), consent.get(row["id"], {}))
        for row in rows
    ]
    columns = ("customer_id", "name", "phone", "email", *SHOWN)
    return pl.DataFrame(lines, schema=dict.fromkeys(columns, pl.String), orient="row")


def _firms(lake: Lake, sight: Sight, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The first person of each partner of the reader's regions: name with role, and phone unless calls are refused."""
    if not ids or not lake.has("partner_people"):
        return {}
    rows = sight.rows("partner_people", lake.table("partner_people")).filter(pl.col("partner_id").is_in(ids)).collect()
    first = rows.sort("partner_id", "person_no").unique("partner_id", keep="first", maintain_order=True)
    refused = _refused(lake)
    return {
        r["partner_id"]: {
            "name": r["name"] and f"{r['name']} {r['role'] or ''}".strip(),
            "phone": None if r["partner_id"] in refused else r["phone"],
        }
        for r in first.iter_rows(named=True)
    }


def _refused(lake: Lake) -> set[str]:
    """Partners whose last word on calls is no."""
    if not lake.has("consents"):
        return set()
    log = lake.table("consents").filter(
        pl.col("recipient").cast(pl.String) == PARTNER, pl.col("channel").cast(pl.String) == "call"
    )
    last = log.collect().sort("at").unique("recipient_id", keep="last")
    return set(last.filter(~pl.col("granted"))["recipient_id"])


def _line(row: Mapping[str, Any], who: Mapping[str, Any], may: Mapping[str, Any]) -> tuple[Any, ...]:
    column, consent = WAYS.get(str(row.get("way")), ("", ""))
    told = {column: who.get(column)} if column and may.get(consent) else {}
    shown = (None if row.get(c) is None else str(row[c]) for c in SHOWN)
    return (row["code"], who.get("name"), told.get("phone"), told.get("email"), *shown)


class RevealHandler(Form):
    """The question what for, and the names."""

    def initialize(self, *, guard: Guard, lake: Path, lists: Lists) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._lists = guard, lake, lists

    def get(self) -> None:
        """What is asked before anything is opened."""
        found = self._found()
        if found is not None:
            self._show(found[1], "")

    async def post(self) -> None:
        """Open the list: a line in the audit for each member, then the names."""
        found = self._found()
        if found is None:
            return
        user, left = found
        purpose, note = self.get_body_argument("purpose", ""), self.get_body_argument("note", "")[:80].strip()
        if purpose not in PURPOSES or (purpose == "other" and not note):
            self._guard.note(self, user, outcome="reveal refused: purpose")
            self.set_status(400)
            self._show(left, "purpose")
            return
        frame = await asyncio.to_thread(opened, self._lake, left["rows"], user=user)
        in_file = self.get_body_argument("how", "") == "file"
        what = "revealed in a file" if in_file else "revealed"
        for code in frame.filter(pl.col("name").is_not_null())["customer_id"]:
            self._guard.note(self, user, outcome=what, page=code, purpose=f"{purpose} {note}".strip())
        if in_file:
            words = Words(self.language())
            sheet = sheets.Sheet(str(left["title"]), frame.select(c for c in frame.columns if _told(frame, c)))
            book = await asyncio.to_thread(sheets.xlsx, [sheet], words=words, day=self._guard.clock().date())
            self.set_header("Content-Type", XLSX)
            self.set_header("Content-Disposition", f'attachment; filename="{NAME}"')
            self.finish(book)
        else:
            self._show(left, "", frame=frame)

    def _found(self) -> tuple[User, dict[str, Any]] | None:
        """Who asks, and the list; none, and an answer, where there is no right or no list."""
        user = admitted(self, self._guard, report=None) if self.at_home() else None
        if user is None:
            return None
        if self.request.method == "POST":
            self.check_xsrf_cookie()
        if not user.allowed("reveal"):
            self._guard.note(self, user, outcome="reveal refused: right")
            self.set_status(403)
            self._show({"title": "", "rows": []}, "right")
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

    def _show(self, left: Mapping[str, Any], problem: str, *, frame: pl.DataFrame | None = None) -> None:
        words = Words(self.language())
        rows = left["rows"]
        firms = any(row.get("kind") == PARTNER for row in rows)
        blocks = (
            _table(frame, words, outcomes=not firms)
            if frame is not None
            else self._form(len(rows), words)
            if rows
            else ""
        )
        title = words("serve.reveal.title", count=words.format.count(len(rows)))
        page = "business" if firms else "contact_list"
        self.show(
            words, title=title, blocks=blocks, problem=words(f"serve.reveal.wrong.{problem}") if problem else "",
            foot=foot(words, "reveal", page, back="outcome"),
            wide=True,
        )  # fmt: skip

    def _form(self, count: int, words: Words) -> str:
        options = "".join(
            f'<option value="{code}">{escape(words(f"serve.reveal.purposes.{code}") if code else "")}</option>'
            for code in ("", *PURPOSES)
        )
        fields = shell.hidden(list=self.get_argument("list", "")[:64], language=words.language)
        return (
            f'<form method="post" action="/reveal">{self.xsrf_form_html()!s}{fields}'
            f'<label>{escape(words("serve.reveal.purpose"))}<select name="purpose" required>{options}</select></label>'
            f'<label>{escape(words("serve.reveal.note"))}<input name="note" maxlength="80" autocomplete="off"></label>'
            f'<p><button name="how" value="show">{escape(words("serve.reveal.show", count=words.format.count(count)))}'
            f'</button> <button name="how" value="file">{escape(words("serve.reveal.file"))}</button></p></form>'
        )


def _told(frame: pl.DataFrame, column: str) -> bool:
    return frame[column].null_count() < frame.height


def _table(frame: pl.DataFrame, words: Words, *, outcomes: bool = True) -> str:
    """The names, each member's code leading to where the outcome is written down."""
    columns = [c for c in frame.columns if _told(frame, c)]
    heads = "".join(f'<th scope="col">{escape(words.column(c))}</th>' for c in columns)
    body = ""
    for row in frame.select(columns).iter_rows(named=True):
        told = {c: "—" if v is None else escape(str(v)) for c, v in row.items()}
        code = told["customer_id"]
        if outcomes:
            told["customer_id"] = f'<a href="/outcome?member={code}&amp;language={words.language}">{code}</a>'
        body += (
            "<tr>" + "".join(f'<td data-label="{escape(words.column(c))}">{told[c]}</td>' for c in columns) + "</tr>"
        )
    said = escape(words("serve.reveal.done", count=words.format.count(frame["name"].drop_nulls().len())))
    return (
        f'<p class="good" role="status">{said}</p><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )
