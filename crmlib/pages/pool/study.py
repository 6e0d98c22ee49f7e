"""The steps of the pool report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.cases import pool, pooled
from crmlib.cases.engine import Identity
from crmlib.customers.members import cards
from crmlib.pages.pool.parameters import Pool
from crmlib.pages.shared.members import sorted_cards

YEAR = 364
JUDGED = 28
"""Days of claims that are judged by the rules."""


class Study(report.Study):
    """From rules, moves and purchases to who returns, what lies there and what claiming brought; in this order."""

    @property
    def params(self) -> Pool:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def people(self) -> pl.DataFrame:
        """The members of the reader's regions, with the owner of the day."""
        return self.page.table("customers").collect()

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Every move into and out of the pool."""
        return self.page.table("pool_moves").collect()

    @cached_property
    def rules(self) -> pl.DataFrame:
        """The rules in force on the page's day."""
        return pooled.current(self.page.table("pool_rules").collect(), on=self.page.as_of)

    @cached_property
    def bought(self) -> pl.DataFrame:
        """customer_id, last_on, net_minor of a year [minor units]."""
        return self.kept("bought", self._bought)

    def _bought(self) -> pl.DataFrame:
        known = panels.customer_summary(self.page.lines_of_members(), period_end=self.page.as_of)
        last = known.filter(pl.col("purchase_days") > 0).select(
            "customer_id", last_on=pl.col("last_day_n").cast(pl.Date)
        )
        start = self.page.as_of - timedelta(days=YEAR)
        year = panels.customer_period(self.page.lines_of_members(), start=start, end=self.page.as_of)
        return last.join(year.select("customer_id", "net_minor"), on="customer_id", how="left")

    @cached_property
    def watched(self) -> pl.DataFrame:
        """Every member with level, owner, clocks, locked and value_minor."""
        return pooled.watched(
            self.people, self.rules, moves=self.moves, assignments=self._optional("assignments"),
            contacts=self._optional("contacts"), bought=self.bought, deals=self._optional("deals"),
            partners=self._optional("partners"), as_of=self.page.as_of,
        )  # fmt: skip

    @cached_property
    def returns(self) -> pl.DataFrame:
        """When everybody with an owner returns, of one person where one is asked for."""
        return self._mine(pool.returns(self.watched, self.rules, as_of=self.page.as_of, ahead=self.params.ahead))

    @cached_property
    def soon(self) -> pl.DataFrame:
        """Who returns within the days asked for, dearest first."""
        found = self.returns.filter("soon").sort("value_minor", "customer_id", descending=[True, False])
        last = self.watched.select("customer_id", "contact_on", "order_on")
        return found.join(last, on="customer_id", how="left", maintain_order="left")

    @cached_property
    def standing(self) -> pl.DataFrame:
        """Everybody whom the pool moved: last move, since when, inside, locked."""
        return pooled.standing(self.moves, as_of=self.page.as_of)

    @cached_property
    def unlocked(self) -> pl.DataFrame:
        """Who lies in the pool and is not locked, dearest first: customer_id, moved_on, value_minor, order_on."""
        inside = self.standing.filter(pl.col("inside") & ~pl.col("locked"))
        known = self.watched.select("customer_id", "value_minor", "order_on")
        return inside.join(known, on="customer_id").sort("value_minor", "customer_id", descending=[True, False])

    @cached_property
    def free(self) -> pl.DataFrame:
        """Who may be claimed now: members only, as `unlocked`."""
        return cards.only_members(self.unlocked, sorted_cards(self.page))

    @cached_property
    def ages(self) -> pl.DataFrame:
        """How long whoever is in the pool has lain there."""
        return pooled.ages(self.standing, self.watched, as_of=self.page.as_of)

    @cached_property
    def books(self) -> list[tuple[date, Identity]]:
        """The book of every month."""
        return pooled.months(self.moves, as_of=self.page.as_of)

    @cached_property
    def holding(self) -> pl.DataFrame:
        """Who holds how many, against the limit."""
        made = pooled.holding(self.people, self.rules, self.returns)
        person = self.params.person
        return made if person is None else made.filter(pl.col("staff_id") == person)

    @cached_property
    def claims(self) -> pl.DataFrame:
        """The claims of the last four weeks, each judged."""
        recent = self.moves.filter(pl.col("kind").cast(pl.String) != "removed")
        held = self.page.table("assignments").collect()
        made = self.page.remember(pooled.claims, recent, self.rules, held, as_of=self.page.as_of, days=JUDGED)
        person = self.params.person
        return made if person is None else made.filter(pl.col("staff_id") == person)

    @cached_property
    def brought(self) -> pool.Brought:
        """Orders in 90 days of those offered at once against those offered late, by lot."""
        theirs = panels.part(self.page.lines_of_members(), customers=self.moves["customer_id"].unique())
        days = self.page.remember(panels.customer_day, theirs, period_end=self.page.as_of).filter("is_purchase")
        bought = days.select("customer_id", day=pl.col("day_n").cast(pl.Date))
        return pool.brought(pooled.lots(self.moves, self.rules, bought, as_of=self.page.as_of))

    @cached_property
    def apart(self) -> dict[str, int]:
        """Where the pool's log and the owners of the day differ."""
        return pooled.apart(self.standing, self.people)

    @cached_property
    def names(self) -> dict[str, str]:
        """Staff number → name."""
        return self.titles("staff", "staff_id")

    def _mine(self, rows: pl.DataFrame) -> pl.DataFrame:
        person = self.params.person
        return rows if person is None else rows.filter(pl.col("owner_staff") == person)

    def _optional(self, table: str) -> pl.DataFrame | None:
        found = self.page.optional(table)
        return None if found is None else found.collect()
