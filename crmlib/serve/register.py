"""The register of lists at the server: drawn, approved by a second person, sent, closed; each step in one's own name.

The same steps as `crmlib list`, with the same refusals. What stands here is the register itself, so nothing is taken
from the browser but which list and which step; whoever was quicker is told how it stands now. Lists of phones leave by
the command line, because the file with them must stay on the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from crmlib.core.errors import CrmError, ModelError, RunError
from crmlib.data import Lake
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report import registry
from crmlib.run.failures import told
from crmlib.run.lists import audit, book, closing, rules, sending, ways
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.login import Guard, admitted
from crmlib.serve.users import User

REPORT = "list_results"
"""Whoever handles lists may open this report."""
RIGHT = {"draw": "", "approve": "approve", "cancel": "send", "send": "send", "finish": "send", "close": "send"}
"""Steps and the right that each takes; drawing takes that of the report that proposed the list."""
NEXT: dict[str, tuple[str, ...]] = {
    "drawn": ("approve", "cancel"), "approved": ("send", "cancel"), "sending": ("send", "finish"), "sent": ("close",),
    "closed": ("close",),
}  # fmt: skip
DONE: dict[str, Any] = {"approve": "approved", "cancel": "cancelled"}
SHOWN = 60
"""Newest lists that are shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """A list or a proposal as it is shown: what to send back, name, where it stands, people, owner, steps offered."""

    id: str
    name: str
    state: str
    people: tuple[int, int]
    owner: str
    steps: tuple[str, ...]


def may(user: User, step: str, *, report: str = REPORT, owner: str = "") -> bool:
    """Whether a user may do a step: by a name of their own, for all regions, and nobody approves their own list."""
    able = bool(user.name) and user.regions is None and user.may_open(report)
    right = RIGHT[step]
    return able and (not right or user.allowed(right)) and not (step == "approve" and user.name == owner)


def do(folder: Path, params: Path, step: str, asked: str, *, user: User, clock: Callable[[], datetime]) -> str:
    """Take a step; the list's id.

    Parameters
    ----------
    params : folder of parameters, with the rules of contact. asked : the list's id; of a draw the proposed one.

    Raises
    ------
    RunError
        `run.not_yours`; `run.no_way` for a list that leaves by phone or in the shop.
    ModelError
        What the register refuses.
    """
    lake = Lake(folder)
    report = book.proposed(lake, asked).report if step == "draw" else REPORT
    if not may(user, step, report=report):
        raise RunError("run.not_yours", values={"name": user.name or "-", "right": RIGHT[step] or report})
    given, at = rules.read(params), clock()
    if step == "draw":
        made = book.draw(lake, asked, at=at, by=user.name, rules=given.contact)
        audit.note(folder, what="drawn", by=user.name, at=at, list=made.drawn.list_id, seal=made.drawn.seal)
        return made.drawn.list_id
    if step in DONE:
        book.step(lake, asked, DONE[step], at=at, by=user.name)
        audit.note(folder, what=DONE[step], by=user.name, at=at, list=asked)
    elif step == "close":
        closing.close(lake, asked, at=at, by=user.name)
    else:
        channel = str(book.find(lake, asked).row["channel"])
        if channel != "email":
            raise RunError("run.no_way", values={"way": channel})
        way = ways.Mail(given.smtp)
        sending.send(lake, asked, channel=channel, way=way, rules=given, clock=clock, by=user.name,
                     finish=step == "finish")  # fmt: skip
    return asked


def lines(lake: Lake, user: User, reports: Iterable[str]) -> list[Line]:
    """What waits to be drawn, then every list, the newest first."""
    found = [
        Line(
            p.terms.list_id,
            p.terms.name,
            "draft",
            (p.eligible.height, 0),
            "",
            ("draw",) if may(user, "draw", report=p.report) else (),
        )
        for p in book.waiting(lake, reports)
    ]
    for list_id in reversed(book.names(lake)[-SHOWN:]):
        try:
            one = book.find(lake, list_id)
        except ModelError:
            found.append(Line(list_id, list_id, "edited", (0, 0), "", ()))
            continue
        group = one.rows["group"].cast(pl.String).value_counts()
        n = dict(group.iter_rows())
        owner = one.life.owner
        steps = tuple(s for s in NEXT.get(one.life.state, ()) if may(user, s, owner=owner))
        people = n.get("contact", 0), n.get("control", 0)
        found.append(Line(list_id, str(one.row["name"]), one.life.state, people, owner, steps))
    return found


class RegisterHandler(Form):
    """All lists, and the next step of each."""

    def initialize(self, *, guard: Guard, lake: Path, notebooks: Path) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._root = guard, lake, notebooks.parent

    async def get(self) -> None:
        """How all lists stand."""
        user = self._user()
        if user is not None:
            await self._show(user)

    async def post(self) -> None:
        """Take one step, and show how all stand."""
        user = self._user()
        if user is None:
            return
        self.check_xsrf_cookie()
        step, _, asked = self.get_body_argument("step", "")[:128].partition(":")
        if step not in RIGHT or not asked:
            self._guard.note(self, user, outcome="list refused: form")
            self.set_status(400)
            await self._show(user, problem="form")
            return
        params, clock = self._root / "params", self._guard.clock
        try:
            done = await asyncio.to_thread(do, self._lake, params, step, asked, user=user, clock=clock)
        except CrmError as error:
            self._guard.note(self, user, outcome=f"list {step} refused: {error.code}", page=asked)
            self.set_status(403 if error.code == "run.not_yours" else 400)
            await self._show(user, refused=error)
            return
        self._guard.note(self, user, outcome=f"list {step}", page=done)
        await self._show(user, said=(step, done))

    def _user(self) -> User | None:
        """Who asks; a reader of some regions is told that lists are for all of them."""
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is not None and user.regions is not None:
            self._guard.note(self, user, outcome="list refused: right")
            self.say("denied")
            return None
        return user

    def _reports(self) -> list[str]:
        return sorted(registry.servable(project=self._root))

    async def _show(
        self, user: User, *, problem: str = "", refused: CrmError | None = None, said: tuple[str, str] | None = None
    ) -> None:
        words = Words(self.language())
        rows = await asyncio.to_thread(lines, Lake(self._lake), user, self._reports())
        wrong = told(refused, words=words) if refused else words(f"serve.register.wrong.{problem}") if problem else ""
        done = words(f"serve.register.done.{said[0]}", list=said[1]) if said else ""
        self.show(
            words, title=words("serve.register.title"), problem=wrong, said=done, wide=True,
            blocks=_blocks(rows, words, self.xsrf_form_html()),
            foot=foot(words, "register", REPORT),
        )  # fmt: skip


def _blocks(rows: list[Line], words: Words, token: str | bytes) -> str:
    if not rows:
        return f"<p>{escape(words('serve.register.none'))}</p>"
    heads = {c: words(f"serve.register.column.{c}") for c in ("name", "people", "owner", "state")}
    top = "".join(f'<th scope="col">{escape(h)}</th>' for h in heads.values())
    body = "".join(_row(line, heads, words) for line in rows)
    language = shell.hidden(language=words.language)
    shown = token.decode() if isinstance(token, bytes) else token
    return (
        f'<form method="post" action="/register">{shown}{language}<table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></form>"
    )


def _row(line: Line, heads: Mapping[str, str], words: Words) -> str:
    count = words.format.count
    kind = "open" if line.state == "draft" else "drawn"
    people = words(f"serve.register.people.{kind}", contact=count(line.people[0]), control=count(line.people[1]))
    state = words(f"serve.register.stands.{line.state}")
    buttons = "".join(
        f'<button name="step" value="{step}:{escape(line.id)}">{escape(words(f"serve.register.step.{step}"))}'
        f'<span class="hidden"> {escape(line.name)}</span></button> '
        for step in line.steps
    )
    cells = {
        "name": f"{escape(line.name)}<br><span class=\"soft\">{escape(line.id)}</span>",
        "people": escape("" if line.state == "edited" else people), "owner": escape(line.owner or "—"),
        "state": f"{escape(state)} {buttons}",
    }  # fmt: skip
    told_cells = "".join(f'<td data-label="{escape(heads[c])}"><span>{v}</span></td>' for c, v in cells.items())
    return f"<tr>{told_cells}</tr>"
