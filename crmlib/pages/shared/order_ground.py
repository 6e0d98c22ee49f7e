"""Who orders in a rhythm, when next, and what an order earns: wholesale orders and cards that buy to sell again."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.cases import cycle, order_book
from crmlib.pages.shared.members import tags

SPANS = (7, 14, 21, 30)
BACK = 90
"""Days of the last closed test."""


class OrderStudy(report.Study):
    """From orders of partners and of cards that buy to sell again to the next order of each; in this order."""

    @cached_property
    def booked(self) -> pl.DataFrame | None:
        """Wholesale orders; none where not connected."""
        return self.collected("sale_orders")

    @cached_property
    def cards(self) -> pl.Series:
        """Cards that the member system marks as business."""
        people = self.page.optional("customers")
        if people is None:
            return pl.Series("customer_id", [], dtype=pl.String)
        marked = pl.any_horizontal(pl.col("tags").list.contains(mark) for mark in tags(self.words)["business"])
        return people.filter(marked).select("customer_id").collect()["customer_id"]

    @property
    def _of_cards(self) -> panels.ReceiptLines:
        """What was bought on business cards, in whichever shop."""
        return panels.part(self.page.lines_of_members(), customers=self.cards)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """customer_id and day_n of every order day, of partners and of business cards."""
        parts = [pl.DataFrame(schema=order_book.ORDERS)]
        if self.booked is not None:
            parts.append(order_book.order_days(self.booked))
        if self.cards.len():
            days = self.page.remember(panels.customer_day, self._of_cards, period_end=self.page.as_of)
            parts.append(days.filter("is_purchase").select("customer_id", "day_n"))
        return pl.concat(parts)

    @cached_property
    def agreed(self) -> pl.DataFrame | None:
        """customer_id and cycle_days of partners with an agreed rhythm; none where nobody has one."""
        partners = self.collected("partners")
        if partners is None:
            return None
        known = partners.filter(pl.col("cycle_days").is_not_null())
        return known.select(customer_id="partner_id", cycle_days="cycle_days") if known.height else None

    @cached_property
    def said(self) -> cycle.Cycle:
        """Everybody's next order, with p_7 … p_30 and p_90."""
        return self.page.remember(
            cycle.next_order, self.orders, as_of=self.page.as_of, ahead=(*SPANS, BACK), agreed=self.agreed
        )

    @cached_property
    def worth(self) -> pl.DataFrame:
        """customer_id, orders, net_minor and margin_minor by order of the last year [minor units]."""
        parts = [pl.DataFrame(schema=order_book.WORTH)]
        lines = self.collected("sale_order_lines")
        if self.booked is not None and lines is not None:
            goods = self.collected("products")
            parts.append(order_book.worth(self.booked, lines, goods, as_of=self.page.as_of))
        if self.cards.len():
            start = self.page.as_of - timedelta(days=order_book.YEAR - 1)
            spent = self.page.remember(panels.customer_period, self._of_cards, start=start, end=self.page.as_of)
            parts.append(order_book.of_cards(spent, self.cards))
        return pl.concat(parts)

    @cached_property
    def buyers(self) -> pl.DataFrame:
        """Everybody with a rhythm, with name, region, owner, gone (whether the owner left), net_minor, margin_minor."""
        said = self.said.buyers.join(self.worth, on="customer_id", how="left", maintain_order="left")
        return said.join(self.known, on="customer_id", how="left", maintain_order="left")

    @cached_property
    def known(self) -> pl.DataFrame:
        """customer_id, buyer (as shown), region, owner (name; null: nobody), gone."""
        partners, people, staff = (self.collected(name) for name in ("partners", "customers", "staff"))
        parts = []
        if partners is not None:
            parts.append(
                partners.select(
                    customer_id="partner_id", buyer=pl.coalesce("name", "partner_id"), region="region",
                    owner_staff="owner_staff",
                )
            )  # fmt: skip
        if people is not None:
            mine = people.filter(pl.col("customer_id").is_in(self.cards.implode()))
            shown = mine.with_columns(buyer=self.page.pseudonyms(mine["customer_id"]))
            parts.append(shown.select("customer_id", "buyer", "region", "owner_staff"))
        named = {"staff_id": pl.String, "owner": pl.String, "left_on": pl.Date}
        every = pl.DataFrame(schema=named) if staff is None else staff.select(
            "staff_id", owner=pl.coalesce("name", "staff_id"), left_on="left_on"
        )  # fmt: skip
        blank = {"customer_id": pl.String, "buyer": pl.String, "region": pl.String, "owner_staff": pl.String}
        both = pl.concat([pl.DataFrame(schema=blank), *parts]).join(
            every, left_on="owner_staff", right_on="staff_id", how="left", maintain_order="left"
        )
        return both.select(
            "customer_id", "buyer", "region", owner=pl.coalesce("owner", "owner_staff"),
            gone=(pl.col("left_on") <= self.page.as_of).fill_null(value=False),
        )  # fmt: skip

    def collected(self, table: str) -> pl.DataFrame | None:
        """A table, collected; none where it is not connected."""
        found = self.page.optional(table)
        return None if found is None else found.collect()
