"""The steps of one customer's page.

What is told of one customer is read from that customer's receipts. Places among all members are found where they were
kept for the night; only those of the period asked for are made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.customers import grades, view360
from crmlib.customers.members import periods
from crmlib.pages.customer_360.parameters import Customer360
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.lifetime_ground import ASKED, Lifetime
from crmlib.pages.shared.trait_ground import TraitStudy
from crmlib.panels import traits
from crmlib.report.memory.remember import Later
from crmlib.scoring import pyramid

T = TypeVar("T")
OWN = ("customers", "points", "cards")
FILED = ("contacts", "points", "holdings")
"""Tables of what else is on file."""


class Year(Lifetime):
    """What every member brings in a year, whatever period the page looks at."""

    def asked(self, name: str) -> Any:
        """As the lifetime page asks by itself."""
        return ASKED[name]

    def left_alone(self, ids: pl.Series) -> pl.Series:
        """Nobody: no list is made here."""
        return pl.repeat(value=False, n=ids.len(), dtype=pl.Boolean, eager=True)

    @cached_property
    def worth(self) -> pl.DataFrame:
        """customer_id, p_alive, value of a year [currency units]."""
        made = Later(lambda: self.forecast.whole.customers, self.lines, self.apart.flagged["customer_id"],
                     self.page.context.seed, self.page.currency)  # fmt: skip
        return self.page.remember(_worth, made)


def _worth(whole: Later[pl.DataFrame]) -> pl.DataFrame:
    return whole.value.select("customer_id", "p_alive", "value")


def _ranked(now: Later[pl.DataFrame]) -> pl.DataFrame:
    tiers = pyramid.pyramid(now.value).customers.select("customer_id", "tier")
    ranked = view360.ranked(now.value.select("customer_id", "net_minor", "purchase_days"))
    return ranked.join(tiers, on="customer_id", maintain_order="left")


def _graded(now: Later[pl.DataFrame], staying: Later[grades.Staying], *, as_of: date) -> pl.DataFrame:
    graded = grades.grade_members(grades.member_inputs(now.value, staying.value, as_of=as_of)).customers
    return graded.select("customer_id", "grade", "value_rank", "safety_rank", "engagement_rank", "engagement")


def _called(found: Later[pl.DataFrame]) -> pl.DataFrame:
    return found.value


class Study(TraitStudy):
    """From the places among all members to the one customer of the page; in this order."""

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
    def members_now(self) -> Later[pl.DataFrame]:
        """`now`, for what is remembered of it."""
        return Later(lambda: self.now, self.lines, self.apart.flagged["customer_id"], self.dates)

    @cached_property
    def graded(self) -> pl.DataFrame:
        """Members with their grade and the places [0 to 1] that it is made of."""
        staying = Later(lambda: self.staying(self.page.as_of)[0], self.lines)
        return self.page.remember(_graded, self.members_now, staying, as_of=self.page.as_of)

    @cached_property
    def ranked(self) -> pl.DataFrame:
        """Members with net_minor, purchase_days, their tier and the share of members below them."""
        return self.page.remember(_ranked, self.members_now)

    @cached_property
    def called(self) -> pl.DataFrame:
        """Every card that was ever seen, by its pseudonym: customer_id, pseudonym."""

        def made() -> pl.DataFrame:
            ids = self.span_of_all(self.page.as_of)["customer_id"]
            return pl.DataFrame({"customer_id": ids, "pseudonym": self.page.pseudonyms(ids)})

        key = self.page.pseudonyms(pl.Series(["key"]))[0]  # of another key, other pseudonyms
        return self.page.remember(_called, Later(made, self.lines, key))

    @cached_property
    def chosen(self) -> str:
        """The id of the customer asked for, else of the one with the most at risk; never shown."""
        if self.params.customer.strip():
            return view360.find(self.called["customer_id"], self.called["pseudonym"], self.params.customer)
        return self.kept("first", self._first, self.dates)

    def _first(self) -> str:
        found = self.watch.lateness
        return view360.first_choice(None if found is None else found.table, self.ranked)

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
        """The customer's row of `Watch.lateness`, with the means; none for one who is lost by now, or not judged."""
        return self.own("rhythm", self._rhythm)

    def own(self, step: str, make: Callable[[], T]) -> T:
        """`kept` of the customer, in the period."""
        return self.kept(step, make, self.chosen, self.dates)

    def _rhythm(self) -> dict[str, Any] | None:
        found = self.watch.lateness
        if found is None:
            return None
        own = found.table.filter(pl.col("customer_id") == self.chosen)
        reached = self.watch.means_of(own.select("customer_id", past_tier="tier"))
        return view360.row_of(own.join(reached, on="customer_id", how="left"), self.chosen)

    @property
    def basis(self) -> str:
        """What is at stake: margin where cost is known, else sales."""
        return self.kept("basis", lambda: "margin" if self.watch.lateness is None else self.watch.lateness.basis)

    @cached_property
    def value(self) -> dict[str, Any] | None:
        """The customer's row of `ranked`; none without a purchase in the period."""
        return self.own("value", lambda: view360.row_of(self.ranked, self.chosen))

    @cached_property
    def grade(self) -> dict[str, Any] | None:
        """The customer's row of `graded`."""
        return self.own("grade", lambda: view360.row_of(self.graded, self.chosen))

    @cached_property
    def looked_at(self) -> panels.ReceiptLines:
        """The customer's own receipt lines."""
        return panels.part(self.lines, customers=pl.Series("customer_id", [self.chosen]))

    @cached_property
    def described(self) -> pl.DataFrame:
        """The customer as a member of the period; no row without a purchase in it."""
        return self.own("described", lambda: self.members(panels.customer_period(self.looked_at, **self.dates)))

    @property
    def profiles(self) -> pl.LazyFrame | None:
        """The customer's row of the table of members."""
        return None if self.people is None else self.people.filter(pl.col("customer_id") == self.chosen)

    @cached_property
    def sold(self) -> pl.DataFrame:
        """Goods that all cards together bought in the period."""
        return self.page.remember(traits.member_goods, self.lines, **self.dates)

    @cached_property
    def habits(self) -> dict[str, str | None]:
        """The customer's traits and habits by name."""
        if self.described.is_empty():
            return {}
        return self.own("habits", lambda: view360.traits_of(self.known_traits(), self.chosen))

    @cached_property
    def paid(self) -> float | None:
        """Price the customer paid beside the usual one of the same categories [ratio]; none where nothing is known."""
        return self.own("paid", self._paid)

    def _paid(self) -> float | None:
        row = None if self.prices is None else view360.row_of(self.prices, self.chosen)
        return row["paid_minor"] / row["usual_minor"] if row and row["usual_minor"] > 0 else None

    @cached_property
    def next_on(self) -> date | None:
        """The day the next visit is due."""
        return view360.next_visit(self.rhythm, as_of=self.page.as_of)

    @cached_property
    def months(self) -> pl.DataFrame:
        """The customer's visits and sales [minor units] by month."""
        return self.own("months", self._months)

    def _months(self) -> pl.DataFrame:
        own = panels.customer_day(self.looked_at, period_end=self.page.as_of)
        return view360.months_of(own, customer=self.chosen, as_of=self.page.as_of)

    @cached_property
    def basket(self) -> pl.DataFrame:
        """What the customer buys beside what all buy, by category, or by product where products are not connected."""
        return self.kept("basket", self._basket, self.chosen, self.dates, self.params.level)

    def _basket(self) -> pl.DataFrame:
        by = "product_id" if self.goods is None else self.params.level
        start, end = self.dates["start"], self.dates["end"]
        own = traits.customer_part(self.looked_at, self.goods, by=by, start=start, end=end)
        every = self.sold if self.goods is None else self.sold.join(
            self.goods.select("product_id", by).collect(), on="product_id", how="left"
        )  # fmt: skip
        return view360.basket_of(own, every.select("net_minor", part=pl.col(by).cast(pl.String)))

    @cached_property
    def events(self) -> pl.DataFrame:
        """Contacts, points and holdings on file, where those tables are connected."""
        return view360.events(self.page.tables(*FILED), customer=self.chosen)

    @cached_property
    def receipts(self) -> pl.DataFrame:
        """The customer's last receipts."""
        titles, most = self.titles("stores", "store_id"), view360.LAST_RECEIPTS
        found = self.own("receipts", lambda: panels.last_receipts(self.lines, customer=self.chosen, most=most))
        return found.with_columns(pl.col("store_id").replace(titles)) if titles else found

    @cached_property
    def account(self) -> dict[str, Any]:
        """Owner by name, consent, points and stored value [minor units] of the customer; `view360.account`."""
        return self.own("account", self._account)

    def _account(self) -> dict[str, Any]:
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
            return self.own("worth", lambda: view360.row_of(Year(self.page).worth, self.chosen))
        except ModelError:
            return None
