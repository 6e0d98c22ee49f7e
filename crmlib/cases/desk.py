"""The desk's day: what tickets promised by the hours of their team, what is past due, what lies how long, what returns.

Deadlines stand still while the customer is asked; an open ticket past its deadline is a broken promise.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from crmlib.cases import service
from crmlib.cases.clock import Clock, clock
from crmlib.cases.engine import promise
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.proportions import wilson

AHEAD_DAYS = 400
"""Days after the last one in which a deadline may lie."""
BANDS = (("day", 1), ("three_days", 3), ("week", 7), ("month", 30), ("older", 10**6))
"""Bands of age and the last day [days] of each."""
LOWEST_GOOD = 4
"""Marks from here on are satisfied (of 5)."""


def standing(tickets: AnyFrame, events: AnyFrame, calendar: AnyFrame, *, as_of: datetime) -> pl.DataFrame:
    """Every ticket with its times and deadlines.

    Parameters
    ----------
    tickets : ticket_id, opened_at, team, promise_answer_s, promise_solve_s (seconds of the team's hours; null: none).
    events : ticket_id, at, kind, staff_id, level; a row per event up to `as_of`, in the log's order within one moment.
    calendar : the hours of every team, as `clock.clock` wants them.

    Returns
    -------
    The tickets with answered_at, first_solved_at, solved_at (null while open), closings, reopened, reopened_late,
    doubled, answer_due_at, due_at (null where nothing is promised), level (highest escalation), staff_id (who did
    something last), asked (waits for the customer now), age_days, late_days (past the deadline and open; null else).

    Raises
    ------
    ModelError
        `cases.no_hours` if a team has no hours.
    """
    table = timed(tickets, at="opened_at", needs=("ticket_id", "team", *PROMISES), name="tickets")
    log = timed(events, at="at", needs=("ticket_id", "kind", "staff_id", "level"), name="ticket_events")
    times = service.tickets(log).drop("opened_at")
    joined = table.join(times, on="ticket_id", how="left", maintain_order="left").join(
        _last(log), on="ticket_id", how="left", maintain_order="left"
    )
    if joined.is_empty():
        return _aged(joined.with_columns(answer_due_at=pl.col("opened_at"), due_at=pl.col("opened_at")), as_of)
    parts = []
    for (team,), rows in joined.group_by("team", maintain_order=True):
        first = rows["opened_at"].min()
        assert isinstance(first, datetime)
        hours = clock(calendar, team=str(team), first=first.date(), last=(as_of + timedelta(days=AHEAD_DAYS)).date())
        own = log.join(rows.select("ticket_id"), on="ticket_id", how="semi")
        answer = _zoned(hours, rows["opened_at"], rows["promise_answer_s"])
        parts.append(service.deadlines(rows, own, clock=hours).with_columns(answer_due_at=answer))
    return _aged(pl.concat(parts).sort("opened_at", "ticket_id"), as_of)


PROMISES = ("promise_answer_s", "promise_solve_s")


def in_hand(tickets: AnyFrame, events: AnyFrame) -> pl.DataFrame:
    """Open tickets and who did something last: ticket_id, customer_id, staff_id; no hours of teams are needed.

    Parameters
    ----------
    tickets : ticket_id, customer_id. events : as in `standing`.
    """
    table = to_polars(tickets, needs=("customer_id",), name="tickets", key="ticket_id")
    log = timed(events, at="at", needs=("ticket_id", "kind", "staff_id", "level"), name="ticket_events")
    still = service.tickets(log).filter(pl.col("solved_at").is_null()).select("ticket_id")
    rows = table.select("ticket_id", "customer_id").join(still, on="ticket_id", how="semi", maintain_order="left")
    return rows.join(_last(log).select("ticket_id", "staff_id"), on="ticket_id", how="left", maintain_order="left")


def _last(log: pl.DataFrame) -> pl.DataFrame:
    """What is known of a ticket by its latest events."""
    kind = pl.col("kind").cast(pl.String)
    return (
        log.sort("at", maintain_order=True)
        .group_by("ticket_id", maintain_order=True)
        .agg(
            level=pl.col("level").max(),
            staff_id=pl.col("staff_id").drop_nulls().last(),
            asked=kind.last() == "asked_customer",
        )
    )


def _zoned(hours: Clock, start: pl.Series, seconds: pl.Series) -> pl.Series:
    dtype = start.dtype
    zone = getattr(dtype, "time_zone", None)
    return hours.due(start, seconds).dt.replace_time_zone(zone).cast(dtype)


def _aged(rows: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    now = pl.lit(as_of).cast(rows.schema["opened_at"])
    still = pl.col("solved_at").is_null()
    return rows.with_columns(
        age_days=pl.when(still).then((now - pl.col("opened_at")).dt.total_days()),
        late_days=pl.when(still & (pl.col("due_at") < now)).then((now - pl.col("due_at")).dt.total_days()),
    )


def promises(rows: pl.DataFrame, *, as_of: datetime, days: int) -> pl.DataFrame:
    """Promises that had to be kept in the last `days`, from `standing`: an open ticket past its deadline is broken.

    Returns
    -------
    team, promise (answer, solve), due, kept, late, open, share (kept over due), low, high (Wilson, 95 %); what a team
    had nothing due of is left out.
    """
    first = pl.lit(as_of - timedelta(days=days)).cast(rows.schema["opened_at"])
    table = []
    for team in rows["team"].unique().sort():
        for name, due, done in (("answer", "answer_due_at", "answered_at"), ("solve", "due_at", "solved_at")):
            mine = rows.filter(pl.col("team") == team, pl.col(due) > first)
            found = promise(mine, as_of=as_of, due=due, done=done)
            if found.due:
                low, high = (float(x) for x in wilson(found.kept, found.due))
                table.append((team, name, found.due, found.kept, found.late, found.open, found.share, low, high))
    return pl.DataFrame(table, schema=PROMISE, orient="row")


PROMISE = {
    "team": pl.String, "promise": pl.String, "due": pl.Int64, "kept": pl.Int64, "late": pl.Int64, "open": pl.Int64,
    "share": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def overdue(rows: pl.DataFrame, worth: pl.DataFrame) -> pl.DataFrame:
    """Open tickets past their deadline, from `standing`: the highest escalated first, then by margin, then by age.

    worth : customer_id, margin_minor (of a year; null: not known). It is joined on.
    """
    late = rows.filter(pl.col("late_days").is_not_null())
    known = late.join(worth.select("customer_id", "margin_minor"), on="customer_id", how="left", maintain_order="left")
    order = [pl.col("level").fill_null(0), pl.col("margin_minor").fill_null(0), pl.col("age_days")]
    return known.sort(*order, "ticket_id", descending=[True, True, True, False])


def backlog(rows: pl.DataFrame) -> pl.DataFrame:
    """Open tickets by age, from `standing`: band (of BANDS, youngest first), tickets, overdue, asked, escalated."""
    still = rows.filter(pl.col("age_days").is_not_null())
    band = pl.lit(BANDS[-1][0])
    for name, last in reversed(BANDS[:-1]):
        band = pl.when(pl.col("age_days") <= last).then(pl.lit(name)).otherwise(band)
    counts = still.group_by(band=band).agg(
        tickets=pl.len().cast(pl.Int64),
        overdue=pl.col("late_days").is_not_null().sum().cast(pl.Int64),
        asked=pl.col("asked").fill_null(value=False).sum().cast(pl.Int64),
        escalated=pl.col("level").is_not_null().sum().cast(pl.Int64),
    )
    every = pl.DataFrame({"band": [name for name, _ in BANDS]})
    return every.join(counts, on="band", how="left", maintain_order="left").with_columns(
        pl.col("tickets", "overdue", "asked", "escalated").fill_null(0)
    )


def themes(rows: AnyFrame, *, as_of: datetime, days: int) -> pl.DataFrame:
    """What it is about: theme, tickets of the last `days`, before (the same days before them), repeat, open.

    Parameters
    ----------
    rows : ticket_id, opened_at, customer_id, theme, solved_at.

    Returns
    -------
    theme (null: none noted), tickets, before, repeat (came back with the same theme within 90 days), open; most first.
    """
    table = service.repeats(to_polars(rows, needs=("solved_at",), name="tickets"))
    now = pl.lit(as_of).cast(table.schema["opened_at"])
    age = now - pl.col("opened_at")
    late, early = age <= timedelta(days=days), age.is_between(timedelta(days=days), timedelta(days=2 * days), "right")
    return (
        table.group_by("theme")
        .agg(
            tickets=late.sum().cast(pl.Int64),
            before=early.sum().cast(pl.Int64),
            repeat=(late & pl.col("repeat")).sum().cast(pl.Int64),
            open=pl.col("solved_at").is_null().sum().cast(pl.Int64),
        )
        .filter((pl.col("tickets") > 0) | (pl.col("before") > 0) | (pl.col("open") > 0))
        .sort("tickets", "theme", descending=[True, False], nulls_last=True)
    )


def asked(events: AnyFrame, *, since: datetime) -> service.Satisfaction:
    """Surveys sent since a moment, answered, satisfied; one per ticket, its last mark."""
    log = timed(events, at="at", needs=("ticket_id", "kind", "score"), name="ticket_events")
    kind, start = pl.col("kind").cast(pl.String), pl.lit(since).cast(log.schema["at"])
    by = (
        log.sort("at", maintain_order=True)
        .group_by("ticket_id")
        .agg(
            sent=((kind == "survey_sent") & (pl.col("at") >= start)).any(),
            score=pl.col("score").filter(kind == "survey_answered").drop_nulls().last(),
        )
        .filter("sent")
    )
    good = by.filter(pl.col("score") >= LOWEST_GOOD).height
    return service.satisfaction(asked=by.height, answered=by["score"].count(), satisfied=good)


def closings(events: AnyFrame, *, since: datetime) -> pl.DataFrame:
    """Closings since a moment: ticket_id, at, solution_id (null: none cited), reopened (1 where opened again after)."""
    log = timed(events, at="at", needs=("ticket_id", "kind", "solution_id"), name="ticket_events")
    moves = service.history(log).with_columns(
        reopened=(pl.col("kind").shift(-1) == "reopened").over("ticket_id").fill_null(value=False).cast(pl.Int64)
    )
    start = pl.lit(since).cast(moves.schema["at"])
    done = moves.filter(pl.col("kind") == "solved", pl.col("at") >= start)
    cited = log.filter(pl.col("kind").cast(pl.String) == "solved").select("ticket_id", "at", "solution_id")
    return done.join(cited.unique(["ticket_id", "at"], keep="first"), on=["ticket_id", "at"], how="left").select(
        "ticket_id", "at", "solution_id", "reopened"
    )
