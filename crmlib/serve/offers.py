"""A draft offer kept, and a promotion moved on: submitted, approved by a second person, rejected, withdrawn.

What is kept is what a page has just priced on real baskets: the page leaves it beside its lists, where only its reader
finds it (`Context.leave`). So nothing is saved or approved that was not priced, on the data of today, with the reader's
rights. Each move is a row of `promotion_steps` with who and when, checked while nobody else can write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.core.contracts.base import TIME_ZONE
from crmlib.core.contracts.offers import OFFERS
from crmlib.core.contracts.promotion_books import PROMOTION_STEPS
from crmlib.core.contracts.promotions import PROMOTIONS
from crmlib.core.errors import ModelError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.data import Lake
from crmlib.data.lake.entered import Entry, enter_all
from crmlib.promotion.books import board, states
from crmlib.promotion.lift import calendar
from crmlib.promotion.offers.tried import DAYS
from crmlib.report.access import Sight
from crmlib.serve.users import User

REPORT = "promotion_desk"
"""Whoever may open this report may draft."""
FILE = "offers.json"
"""What the desk leaves: `newest` (last day of its data), `draft`, and `waiting` promotions by id, each as priced."""
MOVES: dict[str, states.State] = {
    "submit": "submitted", "approve": "approved", "reject": "rejected", "withdraw": "cancelled",
}  # fmt: skip
FORM = re.compile(r"[0-9a-f]{32}")
MOST_YUAN = Decimal(1_000_000_000)
HOLDS = ("approved", "running")
"""Stages with which a promotion may not meet on the same goods, stores and days."""
STEP = 100
"""A budget is proposed in whole hundreds."""


class OfferError(ValueError):
    """A move that cannot be: its argument is the key of the sentence that says so, `detail` fills it in."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key)
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Standing:
    """A promotion as it stands: its row, its life so far, and who wrote it."""

    row: dict[str, Any]
    case: states.Case
    authors: frozenset[str]


def priced(folder: Path | None) -> dict[str, Any]:
    """What a page left; nothing where it did not, or where it is no longer kept."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def proposed(found: Mapping[str, Any]) -> int:
    """What an offer is likely to take off in its days [currency units], in whole hundreds: by what it cost in 28."""
    first, last = (datetime.fromisoformat(found["offer"][c]) for c in ("starts_at", "ends_at"))
    yuan = found["discount_minor"] / 100 * (last - first).days / DAYS
    return int(-(-yuan // STEP) * STEP)


def save(
    folder: Path,
    found: Mapping[str, Any],
    typed: Mapping[str, str],
    *,
    user: User,
    now: datetime,
    newest: date,
) -> str:
    """Keep a priced draft under a name and a budget; its id. `typed`: name, budget, form, move (`save` or `submit`).

    Raises
    ------
    OfferError
        `name`, `budget`, `form`, `begun`: what is wrong.
    """
    lake, name = Lake(folder), " ".join(typed["name"].split())
    if not name or len(name) > 40:
        raise OfferError("name")
    if not FORM.fullmatch(typed["form"]):
        raise OfferError("form")
    budget = _minor(typed["budget"], lake.currency)
    offer = dict(found["offer"])
    span = {c: _instant(offer[c]) for c in ("starts_at", "ends_at")}
    if datetime.fromisoformat(offer["starts_at"]).date() <= newest:
        raise OfferError("begun")
    state = "submitted" if typed["move"] == "submit" else "draft"
    id_ = f"D{now:%y%m}{typed['form'][:8]}"
    rule = {k: offer.get(k) for k in OFFERS.schema.columns() if k in offer} | span
    rule |= {"offer_id": id_, "promotion_id": id_, "name": name}
    row = {
        "promotion_id": id_, "version": 1, "name": name, "mechanic": offer["mechanic"], **span,
        "stores": offer["stores"], "products": offer["products"], "category": found["category"], "grades": [],
        "depth_bp": found["depth_bp"], "budget_minor": budget, "state": state, "frozen": False,
    }  # fmt: skip
    step = _step(id_, 1, state, user, now)
    entries = [Entry(OFFERS, rule), Entry(PROMOTION_STEPS, step), Entry(PROMOTIONS, row)]
    enter_all(lake, entries, form=typed["form"], by=user.name, now=now)
    return id_


def move(
    folder: Path,
    id_: str,
    how: str,
    *,
    form: str,
    user: User,
    now: datetime,
    left: Mapping[str, Any],
) -> None:
    """Move a promotion on; `left`: what the page left, in which one that is to be approved must stand as priced.

    Raises
    ------
    OfferError
        `right`, `own`, `moved`, `unpriced`, `begun`, `clash`, `other`, `form`: why not.
    """
    if not FORM.fullmatch(form) or how not in MOVES:
        raise OfferError("form")
    lake = Lake(folder)
    there = standing(lake, id_, user=user, now=now)
    row = {k: v for k, v in there.row.items() if k in PROMOTIONS.schema.columns()}
    row = {k: v for k, v in row.items() if not k.startswith("src_")}
    row |= {"state": MOVES[how], "frozen": how == "approve" or row["frozen"], "known_at": now.astimezone(UTC)}
    amount = (row["budget_minor"] or 0) if how == "approve" else None
    step = _step(id_, row["version"], MOVES[how], user, now, amount=amount)
    entries = [Entry(PROMOTION_STEPS, step), Entry(PROMOTIONS, row, anew=True)]

    def fine() -> None:
        check(lake, standing(lake, id_, user=user, now=now), how, user=user, now=now, left=left)

    enter_all(lake, entries, form=form, by=user.name, now=now, fine=fine)


def check(lake: Lake, there: Standing, how: str, *, user: User, now: datetime, left: Mapping[str, Any]) -> None:
    """Refuse a move that this user may not make, or that cannot be made (`move`)."""
    id_ = there.case.promotion_id
    if how in {"approve", "reject"} and not user.allowed("approve"):
        raise OfferError("right")
    if how in {"approve", "reject"} and user.name in there.authors:
        raise OfferError("own")
    if how == "withdraw" and user.name not in there.authors:
        raise OfferError("other")
    try:
        states.move(there.case, MOVES[how], actor=user.name or "-", at=now)
    except ModelError:
        raise OfferError("moved") from None
    if how != "approve":
        return
    if not left.get("waiting", {}).get(id_):
        raise OfferError("unpriced")
    if user.regions is not None and not _all_mine(lake, there.row["stores"], user):
        raise OfferError("right")
    newest = date.fromisoformat(str(left["newest"]))
    if there.row["starts_at"].date() <= newest:
        raise OfferError("begun")
    met = meets(lake, id_, as_of=newest)
    if met:
        raise OfferError("clash", met[0])


def standing(lake: Lake, id_: str, *, user: User, now: datetime) -> Standing:
    """A promotion as this user may see it.

    Raises
    ------
    OfferError
        `unknown`: there is none, or none of the user's regions.
    """
    sight = Sight(user.regions, lambda name: lake.table(name) if lake.has(name) else None)
    rows = sight.rows("promotions", lake.table("promotions")).filter(pl.col("promotion_id") == id_)
    found = rows.sort("version").collect() if lake.has("promotions") else None
    if found is None or found.is_empty():
        raise OfferError("unknown")
    row = found.row(-1, named=True)
    steps = _steps(lake, id_).filter(pl.col("at") <= now.astimezone(ZoneInfo(lake.time_zone)))
    told = [states.Step(s, a, at) for s, a, at in steps.select("state", "actor", "at").iter_rows()]
    own = str(row["state"] or "draft")
    state = max([own, *[s.state for s in told[-1:]]], key=lambda s: board.LIFE.get(s, -1))
    case = states.Case(id_, state=state, version=row["version"], steps=tuple(told))  # type: ignore[arg-type]
    authors = {s.actor for s in told if s.state in {"draft", "submitted"}}
    return Standing(row, case, frozenset(authors))


def meets(lake: Lake, id_: str, *, as_of: date) -> list[str]:
    """Names of approved or running promotions on the same goods, stores and days."""
    plans = calendar.frozen_versions(lake.table("promotions"))
    steps = lake.table("promotion_steps") if lake.has("promotion_steps") else None
    found = board.board(plans, as_of=as_of, steps=steps)
    names = {r["promotion_id"]: r["name"] or r["promotion_id"] for r in found.iter_rows(named=True)}
    fixed = set(found.filter(pl.col("stage").is_in(HOLDS) | (pl.col("promotion_id") == id_))["promotion_id"])
    pairs = board.meetings(found.filter(pl.col("promotion_id").is_in(fixed))).select("one", "other").iter_rows()
    return [str(names[b if a == id_ else a]) for a, b in pairs if id_ in {a, b}]


def _steps(lake: Lake, id_: str) -> pl.DataFrame:
    if not lake.has("promotion_steps"):
        return PROMOTION_STEPS.schema.create_empty()
    rows = lake.table("promotion_steps").filter(pl.col("promotion_id") == id_)
    return rows.with_columns(pl.col("state").cast(pl.String)).sort("at").collect()


def _all_mine(lake: Lake, stores: list[str], user: User) -> bool:
    mine = set(Sight(user.regions, lake.table).shops())
    return bool(stores) and set(stores) <= mine


def _step(
    id_: str, version: int, state: str, user: User, now: datetime, *, amount: int | None = None
) -> dict[str, Any]:
    return {
        "promotion_id": id_, "version": version, "state": state, "at": now.astimezone(UTC),
        "actor": user.name or "-", "amount_minor": amount,
    }  # fmt: skip


def _instant(wall: str) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(TIME_ZONE)).astimezone(UTC)


def _minor(typed: str, currency: str) -> int:
    """Currency units as typed, in minor units."""
    try:
        yuan = Decimal(typed.replace(",", "").strip())
    except InvalidOperation:
        raise OfferError("budget") from None
    minor = yuan * MINOR_PER_UNIT[currency]
    if not yuan.is_finite() or not 0 < yuan <= MOST_YUAN or minor != minor.to_integral_value():
        raise OfferError("budget")
    return int(minor)
