"""Tickets: first human answer, solution, promise kept, who comes back, and what satisfaction can be.

Closed tickets alone flatter: of those opened in the last 30 days the closed ones' median is 37 % of what it becomes.
So times are curves with the open ones at risk, and a promise past its deadline is broken while the ticket is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from crmlib.cases.clock import Clock
from crmlib.cases.engine import Identity, Moment
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.incidence import Incidence, cumulative_incidence, incidence, median_time

REOPEN_DAYS = 14
REPEAT_DAYS = 90
CURVE = {
    "cause": pl.String, "time": pl.Float64, "share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "at_risk": pl.Int64,
}  # fmt: skip
SILENT = ("solved", "survey_sent", "survey_answered", "merged", "answer_auto")
"""Kinds of events after a solution that do not reopen the ticket."""


def history(events: AnyFrame) -> pl.DataFrame:
    """Closings and reopenings in order.

    Parameters
    ----------
    events : ticket_id, at, kind (opened, answer_human, solved, reopened, …), in the log's order within one moment.

    Returns
    -------
    ticket_id, at, kind (opened, solved, reopened): a second closing right after a first is one closing; what follows a
    closing and is no survey, merging or automatic answer reopens it.
    """
    table = timed(events, at="at", needs=("ticket_id", "kind"), name="ticket_events")
    kind = pl.col("kind").cast(pl.String)
    rows = (
        table.select("ticket_id", "at", kind=kind)
        .sort("ticket_id", "at", maintain_order=True)
        .with_columns(first=pl.int_range(pl.len()).over("ticket_id") == 0)
        .filter((pl.col("kind") == "solved") | ~pl.col("kind").is_in(SILENT) | pl.col("first"))
        .with_columns(after=(pl.col("kind").shift(1) == "solved").over("ticket_id").fill_null(value=False))
    )
    solved = pl.col("kind") == "solved"
    name = (
        pl.when("first").then(pl.lit("opened"))
        .when(solved & ~pl.col("after")).then(pl.lit("solved"))
        .when(~solved & pl.col("after")).then(pl.lit("reopened"))
    )  # fmt: skip
    alone = rows.filter(pl.col("first") & solved).select("ticket_id", "at", kind=pl.lit("solved"))
    named = rows.select("ticket_id", "at", kind=name).drop_nulls("kind")
    return pl.concat([named, alone]).sort("ticket_id", "at", maintain_order=True)


def tickets(events: AnyFrame) -> pl.DataFrame:
    """One row per ticket.

    Returns
    -------
    ticket_id, opened_at, answered_at (first human answer; an automatic one is none), first_solved_at, solved_at (the
    last closing; null while it is open again), closings, reopened (within 14 days), reopened_late, doubled (closing
    events right after a closing).
    """
    table = timed(events, at="at", needs=("ticket_id", "kind"), name="ticket_events").sort(
        "ticket_id", "at", maintain_order=True
    )
    kind, at = pl.col("kind").cast(pl.String), pl.col("at")
    base = table.group_by("ticket_id", maintain_order=True).agg(
        opened_at=at.min(),
        answered_at=at.filter(kind == "answer_human").min(),
        first_solved_at=at.filter(kind == "solved").min(),
        last_solved_at=at.filter(kind == "solved").max(),
        _solved=(kind == "solved").sum().cast(pl.Int64),
    )
    moves = history(table).with_columns(gap=(at - at.shift(1)).over("ticket_id"))
    again = pl.col("kind") == "reopened"
    soon = pl.col("gap") <= timedelta(days=REOPEN_DAYS)
    counts = moves.group_by("ticket_id").agg(
        closings=(pl.col("kind") == "solved").sum().cast(pl.Int64),
        reopened=(again & soon).sum().cast(pl.Int64),
        reopened_late=(again & ~soon).sum().cast(pl.Int64),
        _last=pl.col("kind").last(),
    )
    return (
        base.join(counts, on="ticket_id", how="left")
        .with_columns(
            solved_at=pl.when(pl.col("_last") == "solved").then("last_solved_at"),
            doubled=pl.col("_solved") - pl.col("closings"),
        )
        .drop("_solved", "_last", "last_solved_at")
        .sort("ticket_id")
    )


def in_out(events: AnyFrame, *, start: Moment, end: Moment) -> Identity:
    """Open + opened + reopened − closed = open, from the log; a reopening counts on its own day."""
    moves = history(events)
    first, last = (pl.lit(m, dtype=moves.schema["at"]) for m in (start, end))
    sign = pl.when(pl.col("kind") == "solved").then(-1).otherwise(1)
    inside = (pl.col("at") >= first) & (pl.col("at") < last)
    row = moves.select(
        start=sign.filter(pl.col("at") < first).sum(),
        opened=(inside & (pl.col("kind") == "opened")).sum(),
        reopened=(inside & (pl.col("kind") == "reopened")).sum(),
        closed=(inside & (pl.col("kind") == "solved")).sum(),
        end=sign.filter(pl.col("at") < last).sum(),
    ).row(0, named=True)
    came = {"opened": int(row["opened"]), "reopened": int(row["reopened"])}
    return Identity(int(row["start"]), came, {"closed": int(row["closed"])}, int(row["end"]))


@dataclass(frozen=True, slots=True)
class SolveTimes:
    """Time to solution with the open ones at risk: tickets, open, median and p90 [days; none = not reached], curve."""

    tickets: int
    open: int
    median: float | None
    p90: float | None
    curve: pl.DataFrame
    raw: Incidence

    def within(self, days: float) -> float:
        """Share solved within `days`."""
        return float(self.raw.at(days)[0])


def solve_times(table: AnyFrame, *, as_of: datetime, solved: str = "solved_at") -> SolveTimes:
    """Curve of solutions for tickets opened by `as_of`; what is solved later is open.

    Parameters
    ----------
    table : opened_at, `solved` (time; null while open).
    """
    rows = timed(table, at="opened_at", needs=(solved,), name="tickets")
    end = pl.lit(as_of, dtype=rows.schema["opened_at"])
    rows = rows.filter(pl.col("opened_at") <= end)
    _refuse_backwards(rows, solved)
    done = (pl.col(solved) <= end).fill_null(value=False)
    until = pl.when(done).then(pl.col(solved)).otherwise(end)
    seen = rows.select(days=(until - pl.col("opened_at")).dt.total_microseconds() / 86_400e6, event=done.cast(pl.Int64))
    none_yet = seen["event"].sum() == 0
    curve = pl.DataFrame(schema=CURVE) if none_yet else cumulative_incidence(seen, causes=("solved",))
    fit = incidence(seen["days"].to_numpy(), seen["event"].to_numpy())
    return SolveTimes(
        tickets=seen.height,
        open=int((seen["event"] == 0).sum()),
        median=median_time(curve, cause="solved"),
        p90=fit.quantile(0.9),
        curve=curve,
        raw=fit,
    )


def waiting(events: AnyFrame, *, clock: Clock) -> pl.DataFrame:
    """ticket_id, waited_s: working seconds in which the customer was asked and had not replied; the clock stands."""
    table = timed(events, at="at", needs=("ticket_id", "kind"), name="ticket_events")
    rows = (
        table.with_columns(pl.col("kind").cast(pl.String))
        .filter(pl.col("kind").is_in(["asked_customer", "customer_replied", "solved"]))
        .sort("ticket_id", "at", maintain_order=True)
        .with_columns(next=pl.col("at").shift(-1).over("ticket_id"))
        .filter((pl.col("kind") == "asked_customer") & pl.col("next").is_not_null())
    )
    return (
        rows.with_columns(waited_s=clock.worked(rows["at"], rows["next"]))
        .group_by("ticket_id")
        .agg(pl.col("waited_s").sum())
        .sort("ticket_id")
    )


def deadlines(table: AnyFrame, events: AnyFrame, *, clock: Clock, promise: str = "promise_solve_s") -> pl.DataFrame:
    """`table` (tickets: opened_at, the promise in working seconds) with due_at, moved by the customer's waiting."""
    rows = to_polars(table, needs=("opened_at", promise), name="tickets", key="ticket_id")
    wait = rows.join(waiting(events, clock=clock), on="ticket_id", how="left", maintain_order="left")
    allowed = wait[promise] + wait["waited_s"].fill_null(0)
    due = clock.due(rows["opened_at"], allowed)
    zone = getattr(rows.schema["opened_at"], "time_zone", None)
    return rows.with_columns(due_at=due.dt.replace_time_zone(zone).cast(rows.schema["opened_at"]))


def repeats(table: AnyFrame, *, days: int = REPEAT_DAYS) -> pl.DataFrame:
    """Tickets with repeat: the same person and theme within `days` before; unknown persons never match."""
    rows = timed(table, at="opened_at", needs=("ticket_id", "customer_id", "theme"), name="tickets")
    before = (pl.col("opened_at") - pl.col("opened_at").shift(1)).over("customer_id", "theme")
    known = pl.col("customer_id").is_not_null() & pl.col("theme").is_not_null()
    near = (before <= timedelta(days=days)).fill_null(value=False)
    return rows.sort("opened_at", "ticket_id").with_columns(repeat=near & known)


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """Asked, answered, satisfied; the share among those who answered, and what it can be among all asked."""

    asked: int
    answered: int
    satisfied: int
    among_answers: float | None
    low: float
    high: float


def satisfaction(*, asked: int, answered: int, satisfied: int) -> Satisfaction:
    """Bounds that need no belief about those who did not answer: r p and r p + 1 − r (Manski 1989).

    Examples
    --------
    >>> s = satisfaction(asked=100, answered=40, satisfied=30)
    >>> s.among_answers, round(s.low, 3), round(s.high, 3)
    (0.75, 0.3, 0.9)
    """
    share = satisfied / answered if answered else None
    low = satisfied / asked if asked else 0.0
    high = (satisfied + asked - answered) / asked if asked else 1.0
    return Satisfaction(asked, answered, satisfied, share, low, high)


def reuse(closings: AnyFrame, solutions: AnyFrame) -> pl.DataFrame:
    """What written solutions are worth.

    Parameters
    ----------
    closings : ticket_id, solution_id (null where none was cited), reopened [count after it].
    solutions : solution_id.

    Returns
    -------
    solution_id (null: closings without one), closings, share of all closings, reopened (share), unused (never cited).
    """
    done = to_polars(closings, needs=("ticket_id", "solution_id", "reopened"), name="closings")
    known = to_polars(solutions, needs=("solution_id",), name="solutions").select("solution_id").unique()
    by = done.group_by("solution_id").agg(closings=pl.len().cast(pl.Int64), reopened=(pl.col("reopened") > 0).mean())
    return (
        known.join(by, on="solution_id", how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col("closings").fill_null(0))
        .with_columns(share=pl.col("closings") / max(done.height, 1), unused=pl.col("closings") == 0)
        .sort("closings", "solution_id", descending=[True, False], nulls_last=True)
    )


@dataclass(frozen=True, slots=True)
class Calls:
    """offered = answered + abandoned + blocked + waiting; answered within the target; service level over offered."""

    offered: int
    answered: int
    abandoned: int
    blocked: int
    waiting: int
    in_time: int
    service_level: float | None
    of_answered: float | None


def calls(table: AnyFrame, *, target_s: int) -> Calls:
    """Count incoming calls; one without outcome is still waiting.

    Parameters
    ----------
    table : direction (in, out), wait_s, outcome (answered, abandoned, blocked, voicemail, no_answer, busy; null).
    """
    rows = to_polars(table, needs=("direction", "wait_s", "outcome"), name="calls").filter(
        pl.col("direction").cast(pl.String) == "in"
    )
    outcome = pl.col("outcome").cast(pl.String)
    row = rows.select(
        answered=(outcome == "answered").sum(),
        abandoned=outcome.is_in(["abandoned", "voicemail", "no_answer"]).sum(),
        blocked=outcome.is_in(["blocked", "busy"]).sum(),
        waiting=outcome.is_null().sum(),
        in_time=((outcome == "answered") & (pl.col("wait_s") <= target_s)).sum(),
    ).row(0, named=True)
    n = {name: int(value) for name, value in row.items()}
    level = n["in_time"] / rows.height if rows.height else None
    return Calls(
        rows.height, **n, service_level=level, of_answered=n["in_time"] / n["answered"] if n["answered"] else None
    )


def _refuse_backwards(rows: pl.DataFrame, solved: str) -> None:
    bad = rows.filter(pl.col(solved) < pl.col("opened_at"))
    if bad.height:
        names: list[str] = bad["ticket_id"].head(5).to_list() if "ticket_id" in bad.columns else []
        raise ModelError(
            "cases.closed_first",
            values={"rows": bad.height, "opened": "opened_at", "closed": solved},
            examples=[mask(v) for v in names],
        )
