"""The steps of the staff report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.balances.receivables import months
from crmlib.cases import desk, figures, order_book, owned_things, scores
from crmlib.cases.staff import Comparison, compare, coverage, workload
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.core.owners import owner_on
from crmlib.pages.shared import open_deals
from crmlib.pages.staff.parameters import Staff

YEAR, QUARTER, WEEK = 364, 90, 7


class Study(report.Study):
    """From rows to figures, scores, reports and what belongs to somebody who left; in this order."""

    @property
    def params(self) -> Staff:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def staff(self) -> pl.DataFrame:
        """The staff list of the reader's regions."""
        return self.page.table("staff").collect()

    @cached_property
    def names(self) -> dict[str, str]:
        """Staff number → name."""
        return self.titles("staff", "staff_id")

    @cached_property
    def contacts(self) -> pl.DataFrame | None:
        """Contacts; none where not connected."""
        return self._optional("contacts")

    @cached_property
    def owned(self) -> pl.DataFrame:
        """customer_id, owner_staff of today."""
        return self.page.table("customers").select("customer_id", "owner_staff").collect()

    @cached_property
    def facts(self) -> pl.DataFrame:
        """One row per fact of every defined figure whose table is connected."""
        defs = figures.current(self.page.table("figure_defs").collect(), on=self.page.as_of)
        return figures.facts(defs, self.sources)

    @cached_property
    def sources(self) -> dict[str, pl.DataFrame]:
        """The tables that figures are counted from, each with staff_id and at."""
        found = {} if self.contacts is None else {"contacts": self.contacts}
        tasks, orders, lines = (self._optional(t) for t in ("care_tasks", "sale_orders", "sale_order_lines"))
        if tasks is not None:
            done = tasks.filter(pl.col("done_at").is_not_null())
            found["care_tasks"] = done.drop("known_at").rename({"owner_staff": "staff_id", "done_at": "at"})
        if orders is not None:
            named = orders.drop("known_at").rename({"entered_at": "at"})
            found["sale_orders"] = named if lines is None else order_book.amounts(named, lines)
        held = self._optional("assignments")
        if held is not None:
            start = self.page.as_of.replace(day=1) - timedelta(days=2 * QUARTER)
            lately = panels.part(self.page.lines_of_members(), start=start)
            recent = panels.customer_day(lately, period_end=self.page.as_of)
            rows = recent.select("customer_id", at=pl.col("day_n").cast(pl.Date), amount_minor="net_minor")
            found["member_sales"] = owner_on(rows, held).rename({"owner_staff": "staff_id"})
        return found

    @cached_property
    def period(self) -> tuple[date, date] | None:
        """First and last day of the targets in force; none where no target reaches to the page's day."""
        table = self._optional("person_targets")
        if table is None:
            return None
        valid = table.filter(pl.col("period_start") <= self.page.as_of).sort("period_start", "period_end")
        last = valid.tail(1).select("period_start", "period_end").rows()
        return (last[0][0], last[0][1]) if last else None

    @cached_property
    def targets(self) -> pl.DataFrame:
        """staff_id, role, figure_id, target of the period, newest versions."""
        table = self.page.table("person_targets").collect()
        first = self.period[0] if self.period else self.page.as_of
        mine = table.filter(pl.col("period_start") == first)
        newest = mine.filter(pl.col("version") == pl.col("version").max().over("staff_id", "figure_id"))
        roles = self.staff.select("staff_id", pl.col("role").cast(pl.String))
        return newest.join(roles, on="staff_id").select("staff_id", "role", "figure_id", "target")

    @cached_property
    def sheet(self) -> pl.DataFrame:
        """Score sheets: one row per person and figure with a target; see `scores.score`."""
        if self.period is None:
            return pl.DataFrame(schema=scores.SHEET)
        first, last = self.period
        rules = figures.current(self.page.table("score_rules").collect(), on=first)
        counted = figures.actuals(self.facts, first=first, last=min(last, self.page.as_of))
        changes = self._optional("score_corrections")
        made = None if changes is None else changes.filter(pl.col("period_start") == first)
        sheet = scores.score(
            counted, self.targets, rules.with_columns(pl.col("role").cast(pl.String)), period_start=first,
            corrections=made,
        )  # fmt: skip
        return self._in_units(self._mine(sheet), "counted", "corrected", "target")

    @cached_property
    def figure_names(self) -> dict[str, str]:
        """Figure → name, with the currency where it adds money."""
        defs = self.page.table("figure_defs").sort("version").select("figure_id", "name").collect()
        unit = self.words(f"page.unit.{self.words.format.currency}")
        return {
            figure: self.words("staff.in_money", figure=name, unit=unit) if figure in self.money_figures else name
            for figure, name in defs.iter_rows()
        }

    @cached_property
    def money_figures(self) -> list[str]:
        """Figures that add amounts of money."""
        defs = self.page.table("figure_defs").filter(pl.col("unit") == "minor").collect()
        return defs["figure_id"].unique().sort().to_list()

    @cached_property
    def reports(self) -> pl.DataFrame:
        """Typed figures of the last closed period of the kind beside counted ones: … counted, late_rows, gap."""
        rows = self.last_reports
        return self._in_units(figures.beside(self.facts, figures.typed(rows)), "value", "counted", "gap")

    @cached_property
    def last_reports(self) -> pl.DataFrame:
        """The work reports of the last closed period of the kind asked for."""
        table = self.page.table("work_reports").collect()
        kind = pl.col("kind").cast(pl.String) == self.params.kind
        closed = table.filter(kind & (pl.col("period_end") <= self.page.as_of))
        return self._mine(closed.filter(pl.col("period_start") == pl.col("period_start").max()))

    @cached_property
    def missing_reports(self) -> list[str]:
        """Who has targets and sent no report of that period."""
        sent = set(self.last_reports.filter(pl.col("sent_at").is_not_null())["staff_id"])
        return sorted(set(self._mine(self.targets)["staff_id"]) - sent)

    @cached_property
    def coverage(self) -> pl.DataFrame:
        """staff_id, owned, covered, share of the last 90 days."""
        made = coverage(
            self.page.table("contacts").collect(), self.page.table("assignments").collect(), as_of=self.page.as_of,
            days=QUARTER,
        )  # fmt: skip
        return self._mine(made)

    @cached_property
    def load(self) -> pl.DataFrame:
        """staff_id, due_minutes, rostered_minutes, load of the last seven days."""
        first = self.page.as_of - timedelta(days=WEEK - 1)
        tasks = self.page.table("care_tasks").collect()
        due = tasks.filter(pl.col("due_on").is_between(first, self.page.as_of), pl.col("owner_staff").is_not_null())
        rosters = self.page.table("rosters").collect()
        made = workload(
            due.select(staff_id="owner_staff", minutes=pl.lit(self.params.minutes, dtype=pl.Int64)),
            rosters.filter(pl.col("day").is_between(first, self.page.as_of)),
        )
        return self._mine(made.filter(pl.col("due_minutes") > 0))

    @cached_property
    def compared(self) -> Comparison:
        """Reached of called by adviser in the last 90 days."""
        facts = self.facts.filter(pl.col("day") > self.page.as_of - timedelta(days=QUARTER))
        advisers = self.staff.filter((pl.col("role").cast(pl.String) == "adviser") & pl.col("left_on").is_null())
        by = (
            facts.filter(pl.col("figure_id").is_in(["calls", "reached"]))
            .group_by("staff_id")
            .agg(
                hits=(pl.col("figure_id") == "reached").sum().cast(pl.Int64),
                trials=(pl.col("figure_id") == "calls").sum().cast(pl.Int64),
            )
        )
        return compare(by.join(advisers, on="staff_id", how="semi").filter(pl.col("trials") > 0))

    @cached_property
    def lost(self) -> pl.DataFrame:
        """Whatever is owned by somebody who left, with a new owner; of one person what they are to take over."""
        made = owned_things.orphans(self.things, self.staff, as_of=self.page.as_of)
        return made if self.params.person is None else made.filter(pl.col("new_owner") == self.params.person)

    @property
    def left_behind(self) -> pl.Series:
        """Customers whose owner has left, or whom nobody knows: what the others bought tells nothing here."""
        gone = (pl.col("left_on") <= self.page.as_of).fill_null(value=False)
        here = self.staff.filter(~gone)["staff_id"]
        return self.owned.filter(~pl.col("owner_staff").is_in(here.implode()))["customer_id"]

    @cached_property
    def things(self) -> list[pl.DataFrame]:
        """Everything that somebody looks after, kind by kind, of the tables that are connected.

        What customers bought is told of those who are `left_behind`.
        """
        people, partners, deals, tasks, held = (
            self._optional(t) for t in ("customers", "partners", "deals", "care_tasks", "held_moves")
        )
        asked, log = self._optional("tickets"), self._optional("ticket_events")
        made = []
        if people is not None:
            start = self.page.as_of - timedelta(days=YEAR)
            lines = panels.part(self.page.lines_of_members(), customers=self.left_behind)
            spent = self.page.remember(panels.customer_period, lines, start=start, end=self.page.as_of)
            made.append(owned_things.customers(people, self.owned, spent))
            if held is not None:
                made.append(owned_things.goods(held, people, self.owned))
        if partners is not None:
            made += self._of_partners(partners)
        if deals is not None:
            made.append(owned_things.deals(open_deals.expected(deals, as_of=self.page.as_of), people))
        if tasks is not None:
            made.append(owned_things.tasks(tasks, people))
        if asked is not None and log is not None:
            made.append(owned_things.tickets(desk.in_hand(asked, log.sort("ticket_id", "event_no")), people))
        return made

    def _of_partners(self, partners: pl.DataFrame) -> list[pl.DataFrame]:
        orders, lines, goods = (self._optional(t) for t in ("sale_orders", "sale_order_lines", "products"))
        worth = None
        if orders is not None and lines is not None:
            worth = order_book.worth(orders, lines, goods, as_of=self.page.as_of)
        made = [owned_things.partners(partners, worth)]
        invoices, payments = self._optional("invoices"), self._optional("payments")
        if invoices is not None and payments is not None:
            allocations, lost = self._optional("allocations"), self._optional("write_offs")
            open_ = months.at(months.tables(invoices, payments, allocations, lost), self.page.as_of)
            made.append(owned_things.debts(open_.items, partners))
        return made

    @cached_property
    def called(self) -> dict[str, str]:
        """What a thing is called on the list: partners by name, customers by pseudonym, the rest by number."""
        partners = self._optional("partners")
        named = {} if partners is None else dict(
            partners.select("partner_id", pl.coalesce("name", "partner_id")).iter_rows()
        )  # fmt: skip
        cards = self.lost.filter(pl.col("kind").is_in(["customer", "goods"]))["thing_id"].unique()
        return named | dict(zip(cards, self.page.pseudonyms(cards), strict=True))

    def _in_units(self, rows: pl.DataFrame, *amounts: str) -> pl.DataFrame:
        """Amounts of figures that add money as people read them, not in minor units; the others as they are."""
        per = pl.when(pl.col("figure_id").is_in(self.money_figures)).then(MINOR_PER_UNIT[self.words.format.currency])
        return rows.with_columns(pl.col(c) / per.otherwise(1) for c in amounts)

    def _mine(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Of one person where one is asked for."""
        person = self.params.person
        return rows if person is None else rows.filter(pl.col("staff_id") == person)

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()
