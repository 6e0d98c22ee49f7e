"""The steps of the service report."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import polars as pl

from crmlib import panels, report
from crmlib.cases import desk, queues, service
from crmlib.cases.engine import Identity
from crmlib.core.contracts import TIME_ZONE
from crmlib.pages.service.parameters import Service

QUARTER, WINDOW, YEAR, CALL_DAYS = 91, 28, 365, 28
"""Days of the quarter compared with the one before, of the promises, of closings and margins, of calls."""

UNKNOWN = pl.DataFrame(schema={"customer_id": pl.String, "margin_minor": pl.Int64})


class Study(report.Study):
    """From tickets, their events and calls to what is overdue and who is to be where; in this order."""

    @property
    def params(self) -> Service:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def now(self) -> datetime:
        """The last moment of the page's day."""
        return datetime.combine(self.page.as_of, time(23, 59, 59), tzinfo=ZoneInfo(TIME_ZONE))

    @property
    def month(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    def ago(self, days: int) -> datetime:
        """So many days before now."""
        return self.now - timedelta(days=days)

    @cached_property
    def events(self) -> pl.DataFrame:
        """Every event of every ticket, in the log's order."""
        return self.page.table("ticket_events").collect().sort("ticket_id", "event_no")

    @cached_property
    def rows(self) -> pl.DataFrame:
        """Every ticket with times, deadlines, escalation and age, as `desk.standing`."""
        tickets, hours = self.page.table("tickets").collect(), self.page.table("service_calendar").collect()
        return desk.standing(tickets, self.events, hours, as_of=self.now)

    @cached_property
    def book(self) -> Identity:
        """Open + opened + reopened − closed = open, of this month."""
        start = datetime.combine(self.month, time(), tzinfo=ZoneInfo(TIME_ZONE))
        return service.in_out(self.events, start=start, end=self.now)

    @cached_property
    def backlog(self) -> pl.DataFrame:
        """Open tickets by age: band, tickets, overdue, asked, escalated."""
        return desk.backlog(self.rows)

    @cached_property
    def promises(self) -> pl.DataFrame:
        """Promises of the last weeks by team: due, kept, late, open, share, low, high."""
        return desk.promises(self.rows, as_of=self.now, days=WINDOW)

    @cached_property
    def times(self) -> tuple[service.SolveTimes, service.SolveTimes]:
        """Time to solution of the tickets opened in this quarter, and in the one before."""
        opened = service.tickets(self.events)
        spans = ((self.ago(QUARTER), self.now), (self.ago(2 * QUARTER), self.ago(QUARTER)))
        this, before = (opened.filter(pl.col("opened_at") > a, pl.col("opened_at") <= b) for a, b in spans)
        return service.solve_times(this, as_of=self.now), service.solve_times(before, as_of=self.now)

    @cached_property
    def themes(self) -> pl.DataFrame:
        """What it is about, this quarter and the one before: theme, tickets, before, repeat, open."""
        return desk.themes(self.rows, as_of=self.now, days=QUARTER)

    @cached_property
    def satisfaction(self) -> service.Satisfaction:
        """Marks of this quarter, with bounds for those who gave none."""
        return desk.asked(self.events, since=self.ago(QUARTER))

    @cached_property
    def reuse(self) -> pl.DataFrame:
        """Written solutions: solution_id (null: none cited), title, closings, share, reopened, unused."""
        known = self.page.table("solutions").filter(pl.col("retired_on").is_null()).collect()
        used = service.reuse(desk.closings(self.events, since=self.ago(YEAR)), known)
        return used.join(known.select("solution_id", "title"), on="solution_id", how="left", maintain_order="left")

    @cached_property
    def incoming(self) -> pl.DataFrame:
        """Calls of the last weeks."""
        calls = self.page.table("calls").filter(pl.col("at") > self.ago(CALL_DAYS))
        return calls.filter(pl.col("direction").cast(pl.String) == "in").collect()

    @cached_property
    def calls(self) -> service.Calls:
        """What became of them; in time within the seconds asked for."""
        return service.calls(self.incoming, target_s=self.params.pick_up)

    @cached_property
    def plan(self) -> queues.Plan:
        """Agents needed and rostered by half hour."""
        roster = self.page.table("rosters").filter(pl.col("activity").cast(pl.String) == "calls").collect()
        asked = self.params
        return queues.plan(
            self.incoming, roster, as_of=self.page.as_of, target_s=asked.pick_up, level=asked.service_level
        )

    @cached_property
    def overdue(self) -> pl.DataFrame:
        """Open tickets past their deadline, with the customer's margin of a year [minor units]."""
        if not self.page.has("receipt_lines"):
            return desk.overdue(self.rows, UNKNOWN)
        first = self.page.as_of - timedelta(days=YEAR - 1)
        late = self.rows.filter(pl.col("late_days").is_not_null())["customer_id"].drop_nulls().unique()
        lines = panels.part(self.page.lines_of_members(), customers=late)
        bought = self.page.remember(panels.customer_period, lines, start=first, end=self.page.as_of)
        return desk.overdue(self.rows, bought)

    @cached_property
    def people(self) -> dict[str, str]:
        """Name of each of the staff by number; whoever has left is said to."""
        return self.owners()
