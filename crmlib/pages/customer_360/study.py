"""The steps of one customer's page."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.customers import grades, view360
from crmlib.customers.loyalty import overdue
from crmlib.customers.members import periods
from crmlib.pages.customer_360.parameters import Customer360
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.lifetime_ground import Lifetime
from crmlib.pages.shared.trait_ground import TraitStudy
from crmlib.panels import traits
from crmlib.scoring import pyramid

OWN = ("customers", "points", "cards")
FILED = ("contacts", "points", "holdings")
"""Tables of what else is on file."""


class Study(TraitStudy):
    """From receipt lines to all members' scores, and to the one customer of the page; in this order."""

    @property
    def params(self) -> Customer360:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """All receipt lines of the members on this page, in whichever shop."""
        return self.page.lines_of_members()

    @cached_property
    def dates(self) -> dict[str, date]:
        """First and last day of the period, as panels take them."""
        span = periods.periods(self.page.as_of, months=self.params.months)
        return {"start": span.start, "end": span.end}

    @cached_property
    def late(self) -> overdue.Overdue:
        """Members against their own rhythm [days], of which the grade is made."""
        return overdue.overdue(self.days, self.now, as_of=self.page.as_of)

    @cached_property
    def graded(self) -> pl.DataFrame:
        """Members with their grade and the places [0 to 1] that it is made of."""
        inputs = grades.member_inputs(self.now, self.late, self.days, as_of=self.page.as_of)
        return grades.grade_members(inputs).customers

    @cached_property
    def ranked(self) -> pl.DataFrame:
        """Members with their tier and the share of members below them."""
        tiers = pyramid.pyramid(self.now).customers.select("customer_id", "tier")
        return view360.ranked(self.now.join(tiers, on="customer_id"))

    @cached_property
    def chosen(self) -> str:
        """The id of the customer asked for, else of the one with the most at risk; never shown."""
        ids = self.days["customer_id"].unique().sort()
        first = view360.first_choice(self.watch.judged, self.ranked)
        return view360.find(ids, self.page.pseudonyms(ids), self.params.customer, default=first)

    @cached_property
    def shown_as(self) -> str:
        """The pseudonym of the customer."""
        return str(self.page.pseudonyms(pl.Series([self.chosen]))[0])

    @cached_property
    def watch(self) -> Watch:
        """Who is late and what is at stake, as every page says it."""
        return Watch(self.page)

    @cached_property
    def rhythm(self) -> dict[str, Any] | None:
        """The customer's row of `Watch.judged`; none for one who is lost by now, or where no risk can be learned."""
        judged = self.watch.judged
        return None if judged is None else view360.row_of(judged, self.chosen)

    @cached_property
    def value(self) -> dict[str, Any] | None:
        """The customer's row of `ranked`; none without a purchase in the period."""
        return view360.row_of(self.ranked, self.chosen)

    @cached_property
    def grade(self) -> dict[str, Any] | None:
        """The customer's row of `graded`."""
        return view360.row_of(self.graded, self.chosen)

    @cached_property
    def habits(self) -> dict[str, str | None]:
        """The customer's traits and habits by name."""
        return view360.traits_of(self.known_traits(), self.chosen)

    @cached_property
    def paid(self) -> float | None:
        """Price the customer paid beside the usual one of the same categories [ratio]; none where nothing is known."""
        row = None if self.prices is None else view360.row_of(self.prices, self.chosen)
        return row["paid_minor"] / row["usual_minor"] if row and row["usual_minor"] > 0 else None

    @cached_property
    def next_on(self) -> date | None:
        """The day the next visit is due."""
        return view360.next_visit(self.rhythm, as_of=self.page.as_of)

    @cached_property
    def months(self) -> pl.DataFrame:
        """The customer's visits and sales [minor units] by month."""
        return view360.months_of(self.days, customer=self.chosen, as_of=self.page.as_of)

    @cached_property
    def basket(self) -> pl.DataFrame:
        """What the customer buys beside what all buy, by category, or by product where products are not connected."""
        by = "product_id" if self.goods is None else self.params.level
        parts = traits.customer_part(self.lines, self.goods, by=by, start=self.dates["start"], end=self.dates["end"])
        return view360.basket_of(parts, customer=self.chosen)

    @cached_property
    def events(self) -> pl.DataFrame:
        """Contacts, points and holdings on file, where those tables are connected."""
        return view360.events(self.page.tables(*FILED), customer=self.chosen)

    @cached_property
    def receipts(self) -> pl.DataFrame:
        """The customer's last receipts."""
        titles = self.titles("stores", "store_id")
        found = panels.last_receipts(self.lines, customer=self.chosen, most=view360.LAST_RECEIPTS)
        return found.with_columns(pl.col("store_id").replace(titles)) if titles else found

    @cached_property
    def account(self) -> dict[str, Any]:
        """Owner by name, consent, points and stored value [minor units] of the customer; `view360.account`."""
        mine = pl.col("customer_id") == self.chosen
        own = {name: self.page.table(name).filter(mine).collect() for name in OWN if self.page.has(name)}
        people = own.get("customers")
        moves = self.page.optional("card_moves")
        found = view360.account(
            people.row(0, named=True) if people is not None and people.height else None,
            points=own.get("points"), cards=own.get("cards"), moves=None if moves is None else moves.collect(),
        )  # fmt: skip
        return found | {"owner": self.titles("staff", "staff_id").get(str(found["owner"]), found["owner"])}

    @cached_property
    def worth(self) -> dict[str, Any] | None:
        """The row of the lifetime page: p_alive, value of a year [currency units]; none without its model."""
        try:
            return view360.row_of(Lifetime(self.page).forecast.whole.customers, self.chosen)
        except ModelError:
            return None
