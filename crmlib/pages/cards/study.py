"""The steps of the report on cards, vouchers and held goods."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.balances.ledgers import offences, roll
from crmlib.balances.liability import cards as values
from crmlib.balances.liability import held, stored
from crmlib.balances.roll_forward import Statement
from crmlib.customers.loyalty.coupons import coupon_use
from crmlib.customers.members import cards
from crmlib.customers.members.periods import months_before
from crmlib.pages.cards.parameters import Cards
from crmlib.pages.shared import tied
from crmlib.pages.shared.members import sorted_cards
from crmlib.pages.shared.vouchers import VoucherStudy
from crmlib.panels.tenders import coupon_receipts

YEAR = 12
"""Months of coupons looked at."""


class Study(VoucherStudy):
    """From moves of cards, vouchers and held goods to what is owed and what will be drawn; in this order."""

    @property
    def params(self) -> Cards:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Moves of cards."""
        return self.page.table("card_moves").collect()

    @cached_property
    def book(self) -> Statement:
        """The month of the cards [minor units]."""
        return roll("cards", self.moves, first=self.first, last=self.page.as_of)

    @cached_property
    def offences(self) -> pl.DataFrame:
        """Cards whose balance falls below zero, or that open twice."""
        return offences("cards", self.moves)

    @cached_property
    def entries(self) -> pl.DataFrame:
        """The month's moves, those of cards below zero first: card_id, slip_id, day, store, kind, amount_minor."""
        day, below = pl.col("at").dt.date(), self.offences["key"]
        stores = self.named("stores")
        rows = self.moves.with_columns(day=day).filter(pl.col("day") >= self.first)
        rows = rows.sort(
            pl.col("card_id").is_in(below.implode()), pl.col("amount_minor").abs(), "move_id", descending=True
        )
        if stores is not None:
            shops = stores.select("store_id", store=pl.coalesce("name", "store_id"))
            rows = rows.join(shops, on="store_id", how="left", maintain_order="left")
        else:
            rows = rows.with_columns(store="store_id")
        return rows.select(
            "card_id", "day", "store", "amount_minor", card_line=pl.col("kind").cast(pl.String), slip_id="move_id"
        )

    @cached_property
    def ties(self) -> pl.DataFrame:
        """Tills against the cards' account this month: store_id, day, left (tills), right (account), unexplained."""
        return values.beside_tills(self.moves, self.page.table("tenders"), first=self.first, last=self.page.as_of)

    @property
    def wrong(self) -> pl.DataFrame | None:
        """The lines on which tills and account differ; None where the tills' means of payment are not connected."""
        if self.page.missing("tenders"):
            return None
        return tied.apart(self.ties, whole=self.page.regions is None)

    @cached_property
    def by_kind(self) -> pl.DataFrame:
        """What is owed on named and bearer cards [minor units]."""
        return values.owed(self.page.table("cards").collect(), self.moves, as_of=self.page.as_of)

    @cached_property
    def deposit(self) -> int:
        """Deposit that the kind of issuer asks for [minor units]."""
        rate = values.DEPOSIT_BP[self.params.issuer]
        return values.deposit(self.moves, as_of=self.page.as_of, rate_bp=rate)

    @cached_property
    def held(self) -> pl.DataFrame:
        """Goods paid and not collected, by order [thousandths, minor units]."""
        lots = self.page.optional("lots")
        moves = self.page.table("held_moves").collect()
        return held.owed(moves, as_of=self.page.as_of, lots=None if lots is None else lots.collect())

    @cached_property
    def owed(self) -> dict[str, int]:
        """What is owed by kind, of what is connected [minor units]."""
        found = {}
        if not self.page.missing("card_moves", "cards"):
            found["cards"] = int(self.by_kind["owed_minor"].sum())
        if not self.page.missing("vouchers", "voucher_moves"):
            found["vouchers"] = int(stored.identity(self.vouchers)["amount_minor"][-1])
        if not self.page.missing("held_moves"):
            found["held"] = int(self.held["value_minor"].sum())
        return found

    @cached_property
    def coupons(self) -> pl.DataFrame:
        """Coupons of the last year by who used them: coupon, group, receipts, members, net_minor.

        Raises
        ------
        LakeError
            `report.not_connected` where no receipt knows of a coupon and payments are not connected.
        """
        start = months_before(self.page.as_of, YEAR) + timedelta(days=1)
        ids = self.coupon_offers["promotion_id"].to_list()
        used = coupon_receipts(self.page.lines, offers=ids, start=start, end=self.page.as_of)
        if used.is_empty():
            self.page.table("tenders")  # not connected: the section says so
        apart = sorted_cards(self.page)
        members = cards.only_members(used.select("customer_id").drop_nulls().unique(), apart)["customer_id"]
        named = pl.when(pl.col("customer_id").is_in(members.implode())).then("customer_id")
        theirs = panels.part(self.page.lines, customers=members)
        days = self.page.remember(panels.customer_day, theirs, period_end=self.page.as_of)
        return coupon_use(used.with_columns(customer_id=named), days)

    @cached_property
    def coupon_offers(self) -> pl.DataFrame:
        """Promotions that are coupons: promotion_id, name, ends_on."""
        found = self.page.optional("promotions")
        if found is None:
            return pl.DataFrame(schema={"promotion_id": pl.String, "name": pl.String, "ends_on": pl.Date})
        rows = found.filter(pl.col("mechanic").cast(pl.String) == "coupon").sort("version").collect()
        return rows.unique("promotion_id", keep="last", maintain_order=True).select(
            "promotion_id", pl.coalesce("name", "promotion_id").alias("name"), ends_on=pl.col("ends_at").dt.date()
        )

    def named(self, table: str) -> pl.DataFrame | None:
        """Shops or products by name; none where not connected."""
        found = self.page.optional(table)
        return None if found is None else found.collect()
