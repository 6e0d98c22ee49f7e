"""An adviser's day: candidates of all rules that nobody has made a task of yet, and what became of earlier tasks.

A candidate that already stands in the log of tasks, in whatever state, is not made again. Effects are by lot only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from crmlib.cases import care, cycle, use_up
from crmlib.cases.birthdays import birthdays
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import newcombe

WEEK, MONTH, SAME = 7, 30, 7
"""Days looked back for rules; days of the account; days within which two tasks of a kind are the same."""
COMPLAINT_DAYS, PROMISE_DAYS = 5, 14
WITHIN = 14
"""Days after a birthday in which purchases are counted."""
GREETED, GREET_DAYS = ("birthday", "anniversary"), 3
AGES = ("today", "week", "older")
LEAST = 30
NONE = pl.DataFrame(schema=care.CANDIDATE)
TASKS = {"owner_staff": pl.String, "due_on": pl.Date, "done_at": pl.Datetime, "state": pl.String}


def logged(tasks: AnyFrame, *, today: date) -> pl.DataFrame:
    """Candidates that stand in the log as open and are due: customer_id, kind, due_on, reason (the product, if any).

    A day to be greeted on that is gone by more than three days is not called about any more; it stays open in the
    account.
    """
    needs = ("customer_id", "kind", "due_on", "reason", "state", "product_id")
    table = to_polars(tasks, needs=needs, name="care_tasks").with_columns(pl.col("kind").cast(pl.String))
    due = table.filter((pl.col("state").cast(pl.String) == "open") & (pl.col("due_on") <= today))
    gone = pl.col("kind").is_in(GREETED) & (pl.col("due_on") < today - timedelta(days=GREET_DAYS))
    return due.filter(~gone).select("customer_id", "kind", "due_on", reason=pl.coalesce("product_id", "reason"))


def new(candidates: pl.DataFrame, tasks: AnyFrame | None) -> pl.DataFrame:
    """`candidates` without those whose customer has a task of the kind within a week of the day, in any state."""
    if tasks is None or candidates.is_empty():
        return candidates
    table = to_polars(tasks, needs=("customer_id", "kind", "due_on"), name="care_tasks")
    known = table.select("customer_id", pl.col("kind").cast(pl.String), _day="due_on")
    near = candidates.join(known, on=["customer_id", "kind"]).filter(
        (pl.col("due_on") - pl.col("_day")).dt.total_days().abs() <= SAME
    )
    return candidates.join(near, on=["customer_id", "kind", "due_on"], how="anti", maintain_order="left")


def complaints_closed(contacts: AnyFrame, *, today: date) -> pl.DataFrame:
    """Candidates some days after a complaint was solved, where nobody has spoken with the customer since."""
    table = to_polars(contacts, needs=("customer_id", "contact_id", "at", "purpose", "solved_at"), name="contacts")
    solved = table.filter((pl.col("purpose").cast(pl.String) == "complaint") & pl.col("solved_at").is_not_null())
    due = solved.select(
        "customer_id", kind=pl.lit("complaint"), due_on=pl.col("solved_at").dt.date() + timedelta(days=COMPLAINT_DAYS),
        reason="contact_id", _since=pl.col("solved_at").dt.date(),
    )  # fmt: skip
    return _unspoken(due.filter(pl.col("due_on").is_between(today - timedelta(days=WEEK), today)), table)


def promised(contacts: AnyFrame, *, today: date) -> pl.DataFrame:
    """Candidates of the last two weeks' promised days, where nobody has spoken with the customer since."""
    table = to_polars(contacts, needs=("customer_id", "contact_id", "at", "next_at"), name="contacts")
    made = care.promised(table).join(
        table.select(reason=pl.col("contact_id"), _since=pl.col("at").dt.date()), on="reason", how="left"
    )
    return _unspoken(made.filter(pl.col("due_on").is_between(today - timedelta(days=PROMISE_DAYS), today)), table)


def _unspoken(due: pl.DataFrame, contacts: pl.DataFrame) -> pl.DataFrame:
    last = contacts.group_by("customer_id").agg(_last=pl.col("at").dt.date().max())
    rows = due.join(last, on="customer_id", how="left").filter(
        (pl.col("_last") <= pl.col("_since")).fill_null(value=True)
    )
    return rows.select(list(care.CANDIDATE))


def anniversaries(days: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """Candidates on special days other than birthdays: `special_days` by kind, solar or lunar."""
    table = to_polars(days, needs=("customer_id", "kind", "month", "day", "lunar", "leap"), name="special_days")
    rows = table.filter(pl.col("kind").cast(pl.String) != "birthday").unique("customer_id", maintain_order=True)
    named = rows.select(
        "customer_id", birth_month="month", birth_day="day", birth_lunar="lunar", birth_leap=pl.col("leap")
    )
    found = birthdays(named, first=first, last=last)
    return found.select("customer_id", kind=pl.lit("anniversary"), due_on="day", reason=pl.lit("anniversary"))


def own_birthdays(customers: AnyFrame, days: AnyFrame | None) -> pl.DataFrame:
    """customer_id, birth_month, birth_day, birth_lunar, birth_leap: a birthday kept apart holds before the list's."""
    table = to_polars(customers, needs=("birth_month", "birth_day", "birth_lunar"), name="customers", key="customer_id")
    if "birth_leap" not in table.columns:
        table = table.with_columns(birth_leap=pl.lit(None, dtype=pl.Boolean))
    columns = ["customer_id", "birth_month", "birth_day", "birth_lunar", "birth_leap"]
    if days is None:
        return table.select(columns)
    apart = to_polars(days, needs=("customer_id", "kind", "month", "day", "lunar", "leap"), name="special_days")
    kept = apart.filter(pl.col("kind").cast(pl.String) == "birthday").select(
        "customer_id", birth_month="month", birth_day="day", birth_lunar="lunar", birth_leap="leap"
    )
    return pl.concat([kept, table.select(columns).join(kept, on="customer_id", how="anti")], how="vertical_relaxed")


@dataclass(frozen=True, slots=True)
class Clock:
    """Which clock says when goods are used up: `dose`, `rhythm`, or none; β and its standard error where known."""

    kind: str
    beta: float | None = None
    se: float | None = None


def used_up(bought: AnyFrame, labels: AnyFrame, *, today: date) -> tuple[pl.DataFrame, Clock]:
    """Candidates whose goods are used up in the last week.

    Parameters
    ----------
    bought : customer_id, product_id, day_n, quantity_milli of guided goods.
    labels : product_id, days_of_use (null: left to the rhythm).

    Returns
    -------
    By the dose where quantity drives the interval; else by each buyer's own rhythm, of those who have not stopped.
    """
    table = to_polars(bought, needs=("customer_id", "product_id", "day_n", "quantity_milli"), name="purchases")
    law = None
    try:
        pairs = table.with_columns(customer_id=pl.concat_str("customer_id", "product_id", separator="\x1f"))
        law = use_up.elasticity(pairs)
        if law.is_dose:
            return _by_dose(table, labels, law, today), Clock("dose", law.beta, law.se)
        return _by_rhythm(table, today), Clock("rhythm", law.beta, law.se)
    except ModelError:
        return NONE, Clock("none", law.beta if law else None, law.se if law else None)


def _by_dose(table: pl.DataFrame, labels: AnyFrame, law: use_up.Elasticity, today: date) -> pl.DataFrame:
    known = to_polars(labels, needs=("days_of_use",), name="products", key="product_id")
    days = dict(known.filter(pl.col("days_of_use").is_not_null()).select("product_id", "days_of_use").iter_rows())
    parts = [
        use_up.use_up(rows, law=law, label_days=float(days[str(product)])).select(
            "customer_id", kind=pl.lit("use_up"), due_on=pl.col("used_up_n").cast(pl.Int32).cast(pl.Date),
            reason=pl.lit(str(product)),
        )
        for (product,), rows in table.group_by("product_id", maintain_order=True)
        if product in days
    ]  # fmt: skip
    return _lately(pl.concat([NONE, *parts]), today)


def _by_rhythm(table: pl.DataFrame, today: date) -> pl.DataFrame:
    said = cycle.next_order(table, as_of=today - timedelta(days=1)).buyers
    due = (pl.col("last_on") + pl.duration(days=pl.col("usual_gap").round().cast(pl.Int64))).cast(pl.Date)
    here = said.filter(pl.col("state").cast(pl.String) != "stopped")
    made = here.select("customer_id", kind=pl.lit("use_up"), due_on=due, reason=pl.lit("rhythm"))
    return _lately(made, today)


def _lately(candidates: pl.DataFrame, today: date) -> pl.DataFrame:
    return candidates.filter(pl.col("due_on").is_between(today - timedelta(days=WEEK - 1), today))


def by_age(tasks: pl.DataFrame, *, today: date) -> pl.DataFrame:
    """kind, age (today, week: up to 7 days late, older), tasks; without what was cancelled or held out."""
    late = (pl.lit(today) - pl.col("due_on")).dt.total_days()
    age = pl.when(late <= 0).then(pl.lit("today")).when(late <= WEEK).then(pl.lit("week")).otherwise(pl.lit("older"))
    rows = tasks.filter(~pl.col("state").is_in(["cancelled", "held_out"])).group_by("kind", age.alias("age"))
    return rows.agg(tasks=pl.len().cast(pl.Int64)).sort("kind", "age")


def account(tasks: AnyFrame, *, as_of: date, days: int = MONTH) -> pl.DataFrame:
    """The last days by owner: due = in_time + late + open + cancelled, held_out beside; late_share of what was to do.

    Parameters
    ----------
    tasks : care_tasks: owner_staff, due_on, done_at, state.
    """
    needs = ("owner_staff", "due_on", "done_at", "state")
    table = to_polars(tasks, needs=needs, name="care_tasks").with_columns(
        pl.col("state").cast(pl.String), pl.col("done_at").dt.date()
    )
    recent = table.filter(pl.col("due_on").is_between(as_of - timedelta(days=days - 1), as_of))
    rows = []
    for (owner,), mine in recent.group_by("owner_staff", maintain_order=True):
        kept = care.kept(mine, as_of=as_of)
        rows.append((owner, kept.start, *kept.went.values(), mine.filter(pl.col("state") == "held_out").height))
    names = ("due", "in_time", "late", "open", "cancelled", "held_out")
    schema = {"owner_staff": pl.String, **dict.fromkeys(names, pl.Int64)}
    made = pl.DataFrame(rows, schema=schema, orient="row")
    to_do = pl.col("due") - pl.col("cancelled")
    share = pl.when(to_do > 0).then((pl.col("late") + pl.col("open")) / to_do)
    return made.with_columns(late_share=share).sort(
        "late_share", "owner_staff", descending=[True, False], nulls_last=True
    )


def effects(contacts: AnyFrame) -> pl.DataFrame:
    """What customers say of goods, by product: product_id, better, same, worse, unknown, suggestions (texts).

    Parameters
    ----------
    contacts : product_id, effect, suggestion of visit records.
    """
    table = to_polars(contacts, needs=("product_id", "effect", "suggestion"), name="contacts")
    told = table.filter(pl.col("product_id").is_not_null() & pl.col("effect").is_not_null())
    effect = pl.col("effect").cast(pl.String)
    names = ("better", "same", "worse", "unknown")
    by = told.group_by("product_id").agg(
        *((effect == name).sum().cast(pl.Int64).alias(name) for name in names),
        suggestions=pl.col("suggestion").drop_nulls(),
    )
    return by.sort(pl.sum_horizontal(names), "product_id", descending=[True, False])


@dataclass(frozen=True, slots=True)
class Lot:
    """Purchases after a birthday of those who were to be called and of those left alone by lot; 95 % interval.

    Parameters
    ----------
    called, bought : people of the lot to be called, whether or not they were reached, and how many bought.
    alone, alone_bought : the same of those left alone.
    low, high : interval of the difference (Newcombe); none where either side has fewer than 30.
    """

    called: int
    bought: int
    alone: int
    alone_bought: int
    low: float | None
    high: float | None

    @property
    def difference(self) -> float | None:
        """Share that bought more because of the call; none without both sides."""
        if not self.called or not self.alone:
            return None
        return self.bought / self.called - self.alone_bought / self.alone


def lot(tasks: AnyFrame, days: AnyFrame, *, as_of: date, kind: str = "birthday") -> Lot:
    """What the calls of a kind brought, by the lot drawn before.

    Everybody who was to be called counts as called: whoever was reached has picked themselves.

    Parameters
    ----------
    tasks : customer_id, kind, due_on, state. days : customer_id, day_n of purchases.
    """
    table = to_polars(tasks, needs=("customer_id", "kind", "due_on", "state"), name="care_tasks")
    past = table.filter(
        (pl.col("kind").cast(pl.String) == kind) & (pl.col("due_on") + timedelta(days=WITHIN) <= as_of)
    ).select("customer_id", held=pl.col("state").cast(pl.String) == "held_out", start=pl.col("due_on").cast(pl.Int32))
    seen = to_polars(days, needs=("customer_id", "day_n"), name="days")
    came = past.join(seen, on="customer_id").filter(
        (pl.col("day_n") > pl.col("start")) & (pl.col("day_n") <= pl.col("start") + WITHIN)
    )
    hit = past.join(came.select("customer_id", "start").unique(), on=["customer_id", "start"], how="semi")
    n = {held: past.filter(pl.col("held") == held).height for held in (False, True)}
    x = {held: hit.filter(pl.col("held") == held).height for held in (False, True)}
    lot = n[False], x[False], n[True], x[True]
    if min(n.values()) < LEAST:
        return Lot(*lot, None, None)
    _, low, high = (float(v) for v in newcombe(x[False], n[False], x[True], n[True]))
    return Lot(*lot, low, high)


def week_ahead(candidates: pl.DataFrame, *, today: date) -> pl.DataFrame:
    """due_on, kind, tasks of the seven days after today, so that a full day is seen coming."""
    last = today + timedelta(days=WEEK)
    ahead = candidates.filter((pl.col("due_on") > today) & (pl.col("due_on") <= last))
    return ahead.group_by("due_on", "kind").agg(tasks=pl.len().cast(pl.Int64)).sort("due_on", "kind")


def capacity(staff: AnyFrame, *, as_of: date, usual: int) -> pl.DataFrame:
    """staff_id, tasks_per_day of everybody who is here: as the staff list says, else `usual`."""
    table = to_polars(staff, needs=("left_on", "calls_per_day"), name="staff", key="staff_id")
    here = table.filter(pl.col("left_on").is_null() | (pl.col("left_on") > as_of))
    return here.select("staff_id", tasks_per_day=pl.col("calls_per_day").fill_null(usual).cast(pl.Int64))


def by_owner(plan: pl.DataFrame, room: pl.DataFrame) -> pl.DataFrame:
    """owner_staff, fits, over, tasks_per_day: an owner who is not in `room` has left, nobody is null."""
    to_do = plan.filter(pl.col("state") != "cancelled")
    by = to_do.group_by("owner_staff").agg(
        fits=(pl.col("state") == "open").sum().cast(pl.Int64),
        over=(pl.col("state") == "not_fitted").sum().cast(pl.Int64),
    )
    joined = by.join(room, left_on="owner_staff", right_on="staff_id", how="left")
    return joined.sort("over", "fits", "owner_staff", descending=[True, True, False], nulls_last=True)
