"""Service: tickets and their events, calls, solutions, rosters and the hours of teams."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

EVENT_KINDS = (
    "opened", "assigned", "answer_human", "answer_auto", "asked_customer", "customer_replied", "escalated", "solved",
    "reopened", "merged", "survey_sent", "survey_answered",
)  # fmt: skip
CALL_OUTCOMES = ("answered", "abandoned", "blocked", "voicemail", "no_answer", "busy")
DIRECTIONS = ("in", "out")
ACTIVITIES = ("calls", "visits", "store", "training", "leave")
ON_HOLIDAYS = ("closed", "open")


class Tickets(Table):
    """One row per question or complaint; promises in whole seconds of the team's hours."""

    ticket_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=True)
    opened_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    channel = dy.String(nullable=False)
    theme = dy.String(nullable=True)
    product_id = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    batch = dy.String(nullable=True)
    severity = dy.Int8(nullable=True, min=1, max=5)
    team = dy.String(nullable=False)
    promise_answer_s = dy.Int64(nullable=True, min=0)
    promise_solve_s = dy.Int64(nullable=True, min=0)
    feed_start = dy.Date(nullable=True)


class TicketEvents(Table):
    """One row per event of a ticket; solved twice without reopening is kept, and counted as doubled."""

    ticket_id = dy.String(primary_key=True)
    event_no = dy.Int32(primary_key=True, min=1)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(EVENT_KINDS, nullable=False)
    staff_id = dy.String(nullable=True)
    level = dy.Int8(nullable=True, min=1)
    score = dy.Int8(nullable=True, min=1, max=5)
    solution_id = dy.String(nullable=True)
    into_ticket = dy.String(nullable=True)


class Calls(Table):
    """One row per call; durations in whole seconds."""

    call_id = dy.String(primary_key=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    direction = dy.Enum(DIRECTIONS, nullable=False)
    queue = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)
    wait_s = dy.Int64(nullable=False, min=0)
    talk_s = dy.Int64(nullable=True, min=0)
    wrap_s = dy.Int64(nullable=True, min=0)
    outcome = dy.Enum(CALL_OUTCOMES, nullable=False)
    contact_id = dy.String(nullable=True)

    @dy.rule()
    def talk_only_where_answered(cls) -> pl.Expr:  # noqa: N805
        """Nobody talks without an answer."""
        return (cls.outcome.col == "answered") | (cls.talk_s.col.fill_null(0) == 0)


class Solutions(Table):
    """One row per version of a written solution."""

    solution_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    theme = dy.String(nullable=True)
    title = dy.String(nullable=False)
    written_by = dy.String(nullable=True)
    published_on = dy.Date(nullable=False)
    retired_on = dy.Date(nullable=True)

    @dy.rule()
    def retired_after_published(cls) -> pl.Expr:  # noqa: N805
        """A solution is not retired before it is published."""
        return cls.retired_on.col.is_null() | (cls.retired_on.col >= cls.published_on.col)


class Rosters(Table):
    """One row per person, day and stretch of work [minutes after midnight]."""

    staff_id = dy.String(primary_key=True)
    day = dy.Date(primary_key=True)
    from_minute = dy.Int16(primary_key=True, min=0, max=1440)
    to_minute = dy.Int16(nullable=False, min=0, max=1440)
    activity = dy.Enum(ACTIVITIES, nullable=False)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A stretch does not end before it starts."""
        return cls.to_minute.col > cls.from_minute.col


class ServiceCalendar(Table):
    """One row per team and weekday (1 Monday … 7 Sunday) it works; make-up days follow its first weekday."""

    team = dy.String(primary_key=True)
    weekday = dy.Int8(primary_key=True, min=1, max=7)
    from_minute = dy.Int16(nullable=False, min=0, max=1440)
    to_minute = dy.Int16(nullable=False, min=0, max=1440)
    holidays = dy.Enum(ON_HOLIDAYS, nullable=False)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """Hours do not end before they start."""
        return cls.to_minute.col > cls.from_minute.col


TICKETS = Contract("tickets", Tickets, ("ticket_id",), event="opened_at")
TICKET_EVENTS = Contract("ticket_events", TicketEvents, ("ticket_id", "event_no"), event="at", dated=True)
CALLS = Contract("calls", Calls, ("call_id",), event="at", dated=True, defaults=(("direction", "in"),))
SOLUTIONS = Contract(
    "solutions", Solutions, ("solution_id", "version"), event="published_on", defaults=(("version", "1"),)
)
ROSTERS = Contract("rosters", Rosters, ("staff_id", "day", "from_minute"), event="day", ahead=True)
SERVICE_CALENDAR = Contract(
    "service_calendar", ServiceCalendar, ("team", "weekday"), defaults=(("holidays", "closed"),)
)
