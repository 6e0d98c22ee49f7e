"""The steps of the points report."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.balances.ledgers import roll
from crmlib.balances.liability import points as accounts
from crmlib.balances.roll_forward import Statement
from crmlib.balances.stock import books
from crmlib.balances.ties import tie
from crmlib.customers.members import cards
from crmlib.pages.points.parameters import Points
from crmlib.pages.shared import tied
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.members import sorted_cards


class Study(report.Study):
    """From entries of the points account to what is owed, what it will cost, and where books disagree."""

    @property
    def params(self) -> Points:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @cached_property
    def points(self) -> pl.DataFrame:
        """The entries of the account."""
        return self.page.table("points").collect()

    @cached_property
    def book(self) -> Statement:
        """The month of the account, by member."""
        return roll("points", self.points, first=self.first, last=self.page.as_of)

    @cached_property
    def offences(self) -> pl.DataFrame:
        """Members whose balance falls below zero at some entry."""
        return accounts.offences(self.points)

    @cached_property
    def entries(self) -> pl.DataFrame:
        """The month's entries, those of accounts below zero first: customer (pseudonym), slip_id, day, kind, points."""
        day, below = pl.col("at").dt.date(), self.offences["key"]
        rows = self.points.with_columns(day=day).filter(pl.col("day") >= self.first)
        rows = rows.with_columns(customer=self.page.pseudonyms(rows["customer_id"]))
        rows = rows.sort(
            pl.col("customer_id").is_in(below.implode()), pl.col("points").abs(), "entry_id", descending=True
        )
        return rows.select(
            "customer", "day", points_line=pl.col("kind").cast(pl.String), points="points", slip_id="entry_id"
        )

    @cached_property
    def account(self) -> accounts.Account:
        """What is outstanding, and what of it will be used."""
        return accounts.account(self.points, as_of=self.page.as_of, life_months=self.params.life)

    @cached_property
    def months(self) -> pl.DataFrame:
        """Points issued, used and expired by month."""
        return accounts.by_month(self.points, as_of=self.page.as_of)

    @cached_property
    def put_aside(self) -> int | None:
        """Part of the month's sales on cards that belongs to its points [minor units]."""
        day = self.page.remember(panels.store_day, self.page.lines)
        start = (self.first - date(1970, 1, 1)).days
        sales = int(day.filter(pl.col("day_n") >= start)["member_net_minor"].sum())
        return accounts.put_aside(sales, self.book.totals["earn"], self.account)

    @cached_property
    def ties(self) -> pl.DataFrame:
        """Tills against the account this month: left (tills), right (account), unexplained [minor units].

        By store and day; an account that does not say where points were used is compared month by month, store_id and
        day null.
        """
        day, this_month = pl.col("at").dt.date().alias("day"), pl.col("at").dt.date() >= self.first
        tenders = self.page.table("tenders").filter(this_month, pl.col("tender").cast(pl.String) == "points")
        paid = tenders.with_columns(day).collect()
        used = self.points.filter(this_month, pl.col("kind").cast(pl.String) == "redeem").with_columns(
            day, pl.col("cost_minor").fill_null(0)
        )
        if used["store_id"].null_count() == used.height:
            none = {"store_id": pl.lit(None, dtype=pl.String), "day": pl.lit(None, dtype=pl.Date)}
            paid, used = paid.with_columns(**none), used.with_columns(**none)
        return tie(paid, used, on=["store_id", "day"], amount="amount_minor", right_amount="cost_minor")

    @property
    def wrong(self) -> pl.DataFrame | None:
        """The lines on which tills and account differ; None where the tills' means of payment are not connected."""
        if self.page.missing("tenders"):
            return None
        return tied.apart(self.ties, whole=self.page.regions is None)

    @cached_property
    def gifts(self) -> pl.DataFrame:
        """Goods given as gifts this month at cost: product_id, quantity_milli, cost_minor."""
        products = self.page.table("products").collect()
        lots = self.page.optional("lots")
        moves = self.page.table("stock_moves").filter(pl.col("kind").cast(pl.String) == "gift_out")
        rows = moves.filter(pl.col("at").dt.date() >= self.first).collect()
        return books.given(rows, products, None if lots is None else lots.collect())

    @cached_property
    def quiet(self) -> pl.DataFrame:
        """Members with points who have not come for three months; no card of a till or a firm."""
        return cards.only_members(accounts.holders(self.points, as_of=self.page.as_of), sorted_cards(self.page))

    @cached_property
    def looked_after(self) -> pl.DataFrame:
        """customer_id, owner: who looks after those who may be listed, as on every list."""
        return Watch(self.page).owned_of(self.asked)

    @cached_property
    def asked(self) -> pl.Series:
        """Ids of those who may be listed: accounts below zero, and members with most points who stay away."""
        return pl.concat([self.account.below["customer_id"], self.quiet["customer_id"].head(self.params.capacity)])
