"""What lies in the shops: the same book of goods and the same stock on every page of a day."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.balances.stock import books
from crmlib.pages.shared.promotion_ground import PromotionStudy

PAIR = ["store_id", "product_id"]


class GoodsStudy(PromotionStudy):
    """The book of goods, what lies by it or by the last counts, and what each shop sold day by day."""

    @property
    def first(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    @cached_property
    def moves(self) -> pl.DataFrame | None:
        """Moves of goods at cost [minor units]; none where no book is connected or none was begun by the page's day."""
        found = self.optional("stock_moves")
        if found is None or found.is_empty():
            return None
        return books.valued(found, self.products, self.optional("lots"))

    @cached_property
    def book(self) -> books.Books:
        """The statement of the month per store and product [thousandths, minor units]."""
        moves = self.page.table("stock_moves").collect() if self.moves is None else self.moves
        return books.books(moves, self.stock, self.products, first=self.first, last=self.page.as_of)

    @cached_property
    def on_hand(self) -> pl.DataFrame:
        """What lies: store_id, product_id, on_hand_milli, by the book, else by the last counts."""
        if self.moves is not None:
            return self.book.quantity.lines.select(*PAIR, on_hand_milli=pl.col("closing").clip(lower_bound=0))
        services = self.products.filter("is_service")["product_id"]
        return books.latest(self.page.table("stock").collect(), as_of=self.page.as_of, without=services)

    @cached_property
    def daily(self) -> pl.DataFrame:
        """Sales by store, product and day [thousandths, minor units], of all days."""
        return panels.store_product_day(self.page.lines, start=date(1990, 1, 1), end=self.page.as_of)
