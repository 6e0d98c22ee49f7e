"""The steps of the care report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.cases import birthdays, care, care_day
from crmlib.customers.members import cards, identity
from crmlib.pages.care.parameters import Care
from crmlib.pages.shared import lists
from crmlib.pages.shared.members import sorted_cards

YEAR = 364
AHEAD = 7
"""Days looked ahead for birthdays and points."""


class Study(report.Study):
    """From rules and the log of tasks to one list for today, and what became of the last 30 days; in this order."""

    @property
    def params(self) -> Care:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def today(self) -> date:
        """The morning on which the page is read: the day after the last one it knows."""
        return self.page.as_of + timedelta(days=1)

    @cached_property
    def people(self) -> pl.DataFrame:
        """The members of the reader's regions."""
        return self.page.table("customers").collect()

    @cached_property
    def log(self) -> pl.DataFrame | None:
        """Tasks made so far, of the adviser asked for; none where not connected."""
        found = self._optional("care_tasks")
        if found is None or self.params.person is None:
            return found
        return found.filter(pl.col("owner_staff") == self.params.person)

    @cached_property
    def contacts(self) -> pl.DataFrame | None:
        """Contacts, visit records among them."""
        return self._optional("contacts")

    @cached_property
    def bought(self) -> pl.DataFrame | None:
        """customer_id, product_id, day_n, quantity_milli of guided goods; none where nothing is guided."""
        guided = self._optional("guided_products")
        if guided is None:
            return None
        return self.page.remember(
            panels.goods_bought, self.page.lines_of_members(), guided["product_id"], end=self.page.as_of
        )

    @cached_property
    def used_up(self) -> tuple[pl.DataFrame, care_day.Clock]:
        """Candidates whose goods are used up, and by which clock."""
        goods = self._optional("products")
        if self.bought is None or goods is None:
            return care_day.NONE, care_day.Clock("none")
        return self.page.remember(care_day.used_up, self.bought, goods, today=self.today)

    @cached_property
    def sorted(self) -> tuple[pl.DataFrame, dict[str, int]]:
        """Birthdays that can be kept; counts of kept, placeholder, impossible, missing."""
        own = care_day.own_birthdays(self.people, self._optional("special_days"))
        return birthdays.sorted_out(own)

    @cached_property
    def candidates(self) -> pl.DataFrame:
        """What the rules ask for until a week from today, tasks already made left out."""
        first, last = self.today - timedelta(days=2), self.today + timedelta(days=AHEAD)
        parts = [care_day.NONE, self.used_up[0], care.special(self.sorted[0], first=first, last=last)]
        days, points, guided = (self._optional(name) for name in ("special_days", "points", "guided_products"))
        if days is not None:
            parts.append(care_day.anniversaries(days, first=first, last=last))
        if points is not None:
            life = self.params.points_life
            parts.append(care.points_expiring(points, as_of=self.today, ahead=AHEAD, life_days=life))
        if self.bought is not None and guided is not None:
            rows = self.bought.with_columns(day=pl.col("day_n").cast(pl.Date))
            made = care.first_use(rows, guided)
            parts.append(made.filter(pl.col("due_on").is_between(self.today - timedelta(days=care_day.WEEK), last)))
        if self.contacts is not None:
            parts += [care_day.complaints_closed(self.contacts, today=self.today)]
            parts += [care_day.promised(self.contacts, today=self.today)]
        whole = pl.concat([p.cast(pl.Schema(care.CANDIDATE)) for p in parts])
        return care_day.new(whole, self._optional("care_tasks"))

    @cached_property
    def persons(self) -> pl.DataFrame:
        """merge_id, keep_id: cards that are surely of one person."""

        def sure(people: pl.DataFrame) -> pl.DataFrame:
            pairs = identity.propose(people).pairs.filter(pl.col("probability") >= identity.SURE)
            return pairs.select("merge_id", "keep_id").unique("merge_id", maintain_order=True)

        found = self.page.of_people(sure)
        return pl.DataFrame(schema={"merge_id": pl.String, "keep_id": pl.String}) if found is None else found

    @cached_property
    def owned(self) -> pl.DataFrame:
        """customer_id, owner_staff of today."""
        return self.people.select("customer_id", "owner_staff")

    @cached_property
    def asked(self) -> pl.DataFrame:
        """The members of tasks as `care.plan` wants them, with what each bought in a year [minor units]."""
        theirs = pl.concat([part["customer_id"] for part in self.due]).unique()
        lines = panels.part(self.page.lines_of_members(), customers=theirs)
        year = panels.customer_period(lines, start=self.page.as_of - timedelta(days=YEAR), end=self.page.as_of)
        spent = year.select("customer_id", value_minor="net_minor")
        people = self.people.filter(pl.col("customer_id").is_in(theirs.implode()))
        known = people.select("customer_id", "may_call", "quiet_from", "quiet_to")
        joined = known.join(self.owned, on="customer_id", how="left").join(spent, on="customer_id", how="left")
        kept = joined.join(self.persons, left_on="customer_id", right_on="merge_id", how="left")
        made = kept.with_columns(person_id=pl.coalesce("keep_id", "customer_id")).drop("keep_id")
        made = cards.only_members(made, sorted_cards(self.page))
        if self.params.person is None:
            return made
        return made.filter(pl.col("owner_staff") == self.params.person)

    @cached_property
    def staff(self) -> pl.DataFrame:
        """staff_id, name, left_on, calls_per_day; empty where not connected."""
        found = self._optional("staff")
        empty = {"staff_id": pl.String, "name": pl.String, "left_on": pl.Date, "calls_per_day": pl.Int32}
        return pl.DataFrame(schema=empty) if found is None else found.select(list(empty))

    @cached_property
    def room(self) -> pl.DataFrame:
        """staff_id, tasks_per_day of everybody who is here."""
        if self.staff.height:
            return care_day.capacity(self.staff, as_of=self.page.as_of, usual=self.params.each)
        owners = self.owned.select(pl.col("owner_staff").drop_nulls().unique().sort())
        return owners.select(staff_id="owner_staff", tasks_per_day=pl.lit(self.params.each, dtype=pl.Int64))

    @cached_property
    def due(self) -> list[pl.DataFrame]:
        """What the rules ask for, and what the log of tasks holds."""
        return [self.candidates] if self.log is None else [self.candidates, care_day.logged(self.log, today=self.today)]

    @cached_property
    def plan(self) -> care.DayPlan:
        """Today's tasks, one a person, in order of value by owner."""
        made = care.plan(self.due, self.asked, self.room, as_of=self.today)
        who = made.tasks["customer_id"]
        alone = who.filter(lists.standing(self.page, who))
        return care.DayPlan(care.hold_out(made.tasks, alone=alone), made.merged)

    @property
    def proposal(self) -> pl.DataFrame:
        """Whom the register's list will hold: today's tasks that nobody waits for, done or held out by the draw."""
        drawn = self.plan.tasks.filter(
            pl.col("kind").is_in(list(care.DRAWN)), pl.col("state").is_in(["open", "held_out"])
        )
        return drawn.unique("customer_id", keep="first", maintain_order=True).select(
            "value_minor", recipient_id="customer_id", reason_code="kind", means=pl.lit("call"),
            held=pl.col("state") == "held_out",
        )  # fmt: skip

    @report.otherwise(None)
    def keep(self) -> None:
        """Propose today's tasks to the register; of one adviser's page nothing is kept."""
        if self.params.person is None:
            lists.propose_standing(self.page, self.proposal, called="care.filed", objective="care")

    @cached_property
    def account(self) -> pl.DataFrame:
        """The last 30 days by owner; empty without a log."""
        if self.log is None:
            return care_day.account(pl.DataFrame(schema=care_day.TASKS), as_of=self.page.as_of)
        return care_day.account(self.log, as_of=self.page.as_of)

    @cached_property
    def records(self) -> pl.DataFrame:
        """Visit records of the log's tasks."""
        tasks = self.page.table("care_tasks").collect() if self.log is None else self.log
        contacts = self.page.table("contacts").collect() if self.contacts is None else self.contacts
        return contacts.filter(pl.col("task_id").is_in(tasks["task_id"].implode()))

    @cached_property
    def lot(self) -> care_day.Lot:
        """What calls on birthdays brought, by lot."""
        log = self.page.table("care_tasks").collect()
        theirs = panels.part(self.page.lines_of_members(), customers=log["customer_id"].unique())
        days = self.page.remember(panels.customer_day, theirs, period_end=self.page.as_of)
        return care_day.lot(log, days.filter("is_purchase"), as_of=self.page.as_of)

    @cached_property
    def names(self) -> dict[str, str]:
        """Staff number → name."""
        return self.titles("staff", "staff_id")

    @cached_property
    def goods(self) -> dict[str, str]:
        """Product → name."""
        found = self._optional("products")
        if found is None:
            return {}
        named = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
        return dict(found.select("product_id", named.alias("name")).iter_rows())

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()
