"""Care tasks: made by rules, one per person and day, within consent, quiet hours and what an adviser can do.

A rule gives candidates (customer_id, kind, due_on, reason, …); `plan` merges and fits them. Effects are by lot only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.cases.birthdays import birthdays
from crmlib.cases.engine import Identity
from crmlib.cases.points import expiring
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

KINDS = (
    "complaint", "follow_up", "first_use", "use_up", "points",
    "birthday", "anniversary", "meeting", "win_back", "other",
)  # fmt: skip
"""In order of precedence: which of a person's tasks of one day leads."""
DRAWN = ("use_up", "birthday", "anniversary", "win_back", "other")
"""Kinds that nobody waits for: whoever the draw leaves alone is left alone."""
FIRST_USE_DAYS = 3
QUIET = (21 * 60, 9 * 60)
"""No calls from 21:00 to 9:00 [minutes after midnight]."""
CANDIDATE = {"customer_id": pl.String, "kind": pl.String, "due_on": pl.Date, "reason": pl.String}


def first_use(purchases: AnyFrame, guided: AnyFrame, *, days: int = FIRST_USE_DAYS) -> pl.DataFrame:
    """Candidates some days after the first purchase ever of a guided product.

    Parameters
    ----------
    purchases : customer_id, product_id, day [date].
    guided : product_id, first_use_days (null: `days`).
    """
    bought = to_polars(purchases, needs=("customer_id", "product_id", "day"), name="purchases")
    guides = to_polars(guided, needs=("first_use_days",), name="guided_products", key="product_id")
    first = bought.group_by("customer_id", "product_id").agg(pl.col("day").min())
    wait = pl.duration(days=pl.col("first_use_days").fill_null(days))
    rows = first.join(guides.select("product_id", "first_use_days"), on="product_id", how="inner")
    return _candidates(rows.with_columns(due_on=(pl.col("day") + wait).cast(pl.Date)), "first_use", "product_id")


def special(customers: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """Candidates on birthdays between two days."""
    rows = birthdays(customers, first=first, last=last)
    return _candidates(rows.with_columns(due_on=pl.col("day"), kind_of=pl.lit("birthday")), "birthday", "kind_of")


def promised(contacts: AnyFrame) -> pl.DataFrame:
    """Candidates on days promised in a contact: customer_id, contact_id, next_at (date or time)."""
    rows = to_polars(contacts, needs=("customer_id", "contact_id", "next_at"), name="contacts")
    due = rows.filter(pl.col("next_at").is_not_null()).with_columns(due_on=pl.col("next_at").cast(pl.Date))
    return _candidates(due, "follow_up", "contact_id")


def points_expiring(points: AnyFrame, *, as_of: date, ahead: int, life_days: int | None = None) -> pl.DataFrame:
    """Candidates for those who lose points within `ahead` days."""
    rows = expiring(points, as_of=as_of, ahead=ahead, life_days=life_days)
    return _candidates(rows.with_columns(due_on=pl.lit(as_of)), "points", "expiring")


def _candidates(rows: pl.DataFrame, kind: str, reason: str) -> pl.DataFrame:
    return rows.select("customer_id", kind=pl.lit(kind), due_on="due_on", reason=pl.col(reason).cast(pl.String))


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Tasks of one day.

    Parameters
    ----------
    tasks : person_id, customer_id, kind, due_on, reason, also (reasons merged into it), owner_staff, value_minor,
        call_from, call_to [minutes], state (open, not_fitted, cancelled); in order of value by owner.
    merged : candidates that were merged into another task of the same person.
    """

    tasks: pl.DataFrame
    merged: int


def plan(candidates: Sequence[pl.DataFrame], customers: AnyFrame, capacity: AnyFrame, *, as_of: date) -> DayPlan:
    """Tasks due by `as_of`, one per person.

    Parameters
    ----------
    candidates : frames of the rules.
    customers : customer_id, person_id (one for merged cards), may_call, owner_staff, value_minor, and quiet_from,
        quiet_to [minutes] where given.
    capacity : staff_id, tasks_per_day.

    Returns
    -------
    People who may not be called are `cancelled`, tasks beyond the owner's capacity or without an owner `not_fitted`.
    """
    people = to_polars(
        customers, needs=("person_id", "may_call", "owner_staff", "value_minor"), name="customers", key="customer_id"
    )
    room = to_polars(capacity, needs=("tasks_per_day",), name="capacity", key="staff_id")
    for name in ("quiet_from", "quiet_to"):
        if name not in people.columns:
            people = people.with_columns(pl.lit(None, dtype=pl.Int64).alias(name))
    due = pl.concat([c.cast(pl.Schema(CANDIDATE)) for c in candidates]).filter(pl.col("due_on") <= as_of)
    rank = pl.col("kind").replace_strict({k: i for i, k in enumerate(KINDS)}, return_dtype=pl.Int64)
    placed = (
        due.join(people, on="customer_id", how="inner").with_columns(_rank=rank).sort("person_id", "_rank", "due_on")
    )
    one = placed.group_by("person_id", maintain_order=True).agg(
        pl.col("customer_id", "kind", "due_on", "reason", "owner_staff", "quiet_from", "quiet_to").first(),
        also=pl.col("reason").slice(1),
        may_call=pl.col("may_call").all(),
        value_minor=pl.col("value_minor").max(),
    )
    return DayPlan(_fitted(one, room), placed.height - one.height)


def _fitted(tasks: pl.DataFrame, room: pl.DataFrame) -> pl.DataFrame:
    sized = tasks.join(room, left_on="owner_staff", right_on="staff_id", how="left").sort(
        "owner_staff", "value_minor", "person_id", descending=[False, True, False], nulls_last=True
    )
    place = pl.col("may_call").cum_sum().over("owner_staff")
    state = (
        pl.when(~pl.col("may_call")).then(pl.lit("cancelled"))
        .when(place <= pl.col("tasks_per_day")).then(pl.lit("open"))
        .otherwise(pl.lit("not_fitted"))
    )  # fmt: skip
    return sized.with_columns(
        call_from=pl.col("quiet_to").fill_null(QUIET[1]), call_to=pl.col("quiet_from").fill_null(QUIET[0]), state=state
    ).drop("tasks_per_day", "quiet_from", "quiet_to", "may_call")


def hold_out(tasks: pl.DataFrame, *, alone: pl.Series) -> pl.DataFrame:
    """`tasks` with state held_out for open ones of whoever the month's draw leaves alone (`alone`: customer_id).

    Only what nobody waits for is drawn (`DRAWN`): a promise, a complaint, a first use is kept whatever the draw says.
    """
    drawn = pl.col("customer_id").is_in(alone.implode()) & pl.col("kind").is_in(list(DRAWN))
    return tasks.with_columns(
        state=pl.when((pl.col("state") == "open") & drawn).then(pl.lit("held_out")).otherwise("state")
    )


def kept(tasks: AnyFrame, *, as_of: date) -> Identity:
    """Due = in time + late + open + cancelled, of tasks due by `as_of`; those held out by lot are not due.

    Parameters
    ----------
    tasks : due_on, done_at (date; null while open), state.
    """
    table = to_polars(tasks, needs=("due_on", "done_at", "state"), name="care_tasks")
    due = table.filter((pl.col("due_on") <= as_of) & (pl.col("state") != "held_out"))
    cancelled, done = pl.col("state") == "cancelled", pl.col("done_at") <= as_of
    parts = due.select(
        in_time=(~cancelled & done & (pl.col("done_at") <= pl.col("due_on"))).fill_null(value=False).sum(),
        late=(~cancelled & done & (pl.col("done_at") > pl.col("due_on"))).fill_null(value=False).sum(),
        open=(~cancelled & ~done.fill_null(value=False)).sum(),
        cancelled=cancelled.sum(),
    ).row(0, named=True)
    return Identity(due.height, {}, {name: int(n) for name, n in parts.items()}, 0)


def reached(tasks: AnyFrame) -> tuple[int, int]:
    """(reached, done): a task may be done without reaching anybody, never the other way round.

    Raises
    ------
    ModelError
        `cases.reached_undone` if somebody was reached by a task that is not done.
    """
    table = to_polars(tasks, needs=("done_at", "reached"), name="care_tasks")
    got = table.filter(pl.col("reached").fill_null(value=False))
    wrong = got.filter(pl.col("done_at").is_null()).height
    if wrong:
        raise ModelError("cases.reached_undone", values={"rows": wrong})
    return got.height, table["done_at"].drop_nulls().len()
