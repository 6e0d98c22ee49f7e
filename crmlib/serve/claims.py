"""A customer claimed from the pool on the server: judged by the rules at once, kept with who and when.

A claim is two rows, of `pool_moves` and of `assignments`: from the next page on every report shows the new owner.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.cases import pooled
from crmlib.core.contracts.customers import ASSIGNMENTS
from crmlib.core.contracts.pool import POOL_MOVES
from crmlib.core.errors import LakeError, ModelError
from crmlib.data import Lake
from crmlib.data.lake.entered import Entry, enter_all
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.login import Guard, admitted
from crmlib.serve.outcomes import CODE, FORM, TypedError, member_of
from crmlib.serve.users import User

REPORT = "pool"
"""Whoever may open this report may claim."""
STAFF = re.compile(r"[\w.-]{1,32}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What was typed, checked: member's code, staff number, the form."""

    member: str
    staff: str
    form: str


def checked(typed: dict[str, str], *, user: User) -> Claim:
    """What was typed, if it can be; whoever has a staff number claims for nobody else.

    Raises
    ------
    TypedError
        `member`, `staff`, `own` or `form`: what is wrong.

    Examples
    --------
    >>> checked({"member": "abcd2345", "staff": "G101", "form": "0" * 32}, user=User("li", "", "")).member
    'ABCD2345'
    """
    member, staff = typed["member"].strip().upper(), typed["staff"].strip()
    if not CODE.fullmatch(member):
        raise TypedError("member")
    if not STAFF.fullmatch(staff):
        raise TypedError("staff")
    if user.staff and staff != user.staff:
        raise TypedError("own")
    if not FORM.fullmatch(typed["form"]):
        raise TypedError("form")
    return Claim(member, staff, typed["form"])


def keep(folder: Path, typed: Claim, *, user: User, now: datetime) -> bool:
    """Write the claim into the lake, if the rules grant it; false if this form was kept before.

    Raises
    ------
    TypedError
        `member` (not among the user's), `staff` (unknown, or gone), `no_pool`, `outside` (not in the pool), or the rule
        that refuses it: owned, locked, former_owner, day_limit, owned_limit.
    """
    lake, at = Lake(folder), now.astimezone(ZoneInfo(Lake(folder).time_zone))
    if not (lake.has("pool_rules") and lake.has("pool_moves")):
        raise TypedError("no_pool")
    customer = member_of(lake, typed.member, user=user)
    _here(lake, typed.staff, at)
    moves = lake.table("pool_moves").collect()
    pools = moves.filter(pl.col("customer_id") == customer)["pool_id"]
    if pools.is_empty():
        raise TypedError("outside")
    row = {
        "move_id": f"P{typed.form}", "customer_id": customer, "pool_id": pools[-1], "at": now.astimezone(UTC),
        "kind": "claimed", "staff_id": typed.staff,
    }  # fmt: skip
    owner = {
        "customer_id": customer, "starts_on": at.date(), "staff_id": typed.staff, "kind": "claim",
        "by_staff": user.staff or user.name or None,
    }  # fmt: skip
    return enter_all(
        lake, [Entry(POOL_MOVES, row), Entry(ASSIGNMENTS, owner, anew=True)], form=typed.form, by=user.name, now=now,
        fine=lambda: _judge(lake, customer, typed.staff, at),
    )  # fmt: skip


def _here(lake: Lake, staff: str, at: datetime) -> None:
    if not lake.has("staff"):
        return
    known = lake.table("staff").filter(pl.col("staff_id") == staff).select("left_on").collect()
    if known.is_empty() or any(day is not None and day <= at.date() for day in known["left_on"]):
        raise TypedError("staff")


def _judge(lake: Lake, customer: str, staff: str, at: datetime) -> None:
    """Refuse what the rules refuse; asked while nobody else can write, so two claims of one customer cannot both be."""
    moves = lake.table("pool_moves").select("customer_id", "kind", "at", "staff_id").collect()
    stood = pooled.standing(moves, as_of=at.date()).filter(pl.col("customer_id") == customer)
    if stood.is_empty() or not stood["inside"][0]:
        raise TypedError("owned" if stood.height and stood["kind"][0] != "removed" else "outside")
    none = {"customer_id": pl.String, "starts_on": pl.Date, "staff_id": pl.String, "ends_on": pl.Date}
    held = lake.table("assignments").collect() if lake.has("assignments") else pl.DataFrame(schema=none)
    asked = pl.DataFrame({"customer_id": [customer], "kind": ["claimed"], "at": [at], "staff_id": [staff]})
    moves = moves.with_columns(pl.col("kind").cast(pl.String))
    asked = asked.with_columns(pl.col("at").cast(moves.schema["at"]))
    try:
        rules = pooled.current(lake.table("pool_rules").collect(), on=at.date())
    except ModelError:
        raise TypedError("no_pool") from None
    judged = pooled.claims(pl.concat([moves, asked]), rules, held, as_of=at.date(), days=1)
    mine = judged.filter((pl.col("customer_id") == customer) & (pl.col("staff_id") == staff))
    if mine["refused"][-1] is not None:
        raise TypedError(str(mine["refused"][-1]))


class ClaimHandler(Form):
    """The form, and what is typed into it."""

    def initialize(self, *, guard: Guard, lake: Path) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake = guard, lake

    def get(self) -> None:
        """The form, for whoever may open the pool."""
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is not None:
            typed = {"member": self.get_query_argument("member", "")[:16], "staff": user.staff}
            self._form(typed, user, kept=self.get_query_argument("kept", ""))

    async def post(self) -> None:
        """Keep it, and say so; or say which rule refuses it, with everything typed still there."""
        user = admitted(self, self._guard, report=REPORT) if self.at_home() else None
        if user is None:
            return
        self.check_xsrf_cookie()
        typed = {name: self.get_body_argument(name, "")[:64] for name in ("member", "staff", "form")}
        problem, status = "", 400
        try:
            claim = checked(typed, user=user)
            await asyncio.to_thread(keep, self._lake, claim, user=user, now=self._guard.clock())
        except TypedError as wrong:
            problem = str(wrong)
        except LakeError as error:
            problem, status = "busy" if error.code == "lake.locked" else "lake", 503
        page = typed["member"]
        self._guard.note(self, user, outcome=f"claim refused: {problem}" if problem else "claim", page=page)
        if problem:
            self.set_status(status)
            self._form(typed, user, problem=problem)
            return
        self.redirect(f"/claim?kept={claim.member}&language={self.language()}")

    def _form(self, typed: dict[str, str], user: User, *, problem: str = "", kept: str = "") -> None:
        words = Words(self.language())
        told = words(f"serve.claim.wrong.{problem}") if problem else ""
        done = words("serve.claim.kept", member=kept) if CODE.fullmatch(kept) else ""
        number = typed["form"] if FORM.fullmatch(typed.get("form", "")) else uuid.uuid4().hex
        hidden = shell.hidden(form=number, language=words.language)
        fixed = " readonly" if user.staff else ""
        fields = "".join(
            f'<label>{escape(words(f"serve.claim.{name}"))}<input name="{name}" value="{escape(typed.get(name, ""))}"'
            f' autocomplete="off" required maxlength="{most}"{note}></label>'
            for name, most, note in (("member", 16, ""), ("staff", 32, fixed))
        )
        blocks = (
            f'<form method="post" action="/claim">'
            f"{self.xsrf_form_html()!s}{hidden}{fields}<button>{escape(words('serve.claim.save'))}</button></form>"
        )
        self.show(
            words, title=words("serve.claim.title"), blocks=blocks, problem=told, said=done, wide=True,
            foot=foot(words, "claim", REPORT),
        )  # fmt: skip
