"""The steps of the stock report."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib.balances.stock import books, ends, shelf
from crmlib.core.errors import ModelError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit.finding import MOST_BEHIND
from crmlib.pages.shared.goods_on_hand import GoodsStudy
from crmlib.pages.stock.parameters import Stock
from crmlib.promotion.plan import forecast, planning

LEARNS_FROM = ("promotions", "stores", "products")
NO_RESPONSE = pl.DataFrame(schema={"depth_bp": pl.Int64, "multiplier": pl.Float64})


class Study(GoodsStudy):
    """From the books and counts of goods to what each shop's shelf will do; in this order."""

    @property
    def params(self) -> Stock:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def seen(self) -> pl.DataFrame | None:
        """What lay day by day in this month by the book, else what was counted."""
        if self.moves is None:
            return self.stock
        return books.empty_days(self.moves, first=self.first, last=self.page.as_of)

    @cached_property
    def shelf(self) -> shelf.Shelf:
        """Stock beside the demand of the coming days [units], and the empty shelves of the last ones."""
        return shelf.shelf(self.daily, self.on_hand, self.products, as_of=self.page.as_of, counts=self.seen)

    @cached_property
    def entries(self) -> pl.DataFrame:
        """The month's moves of goods, of those that count and book differ by first, then the dearest."""
        moves = self.page.table("stock_moves").collect() if self.moves is None else self.moves
        wrong = self.book.breaks.select(*books.PAIR, pl.lit(value=True).alias("wrong"))
        rows = moves.with_columns(day=pl.col("at").dt.date()).filter(pl.col("day") >= self.first)
        rows = rows.join(wrong, on=list(books.PAIR), how="left", maintain_order="left")
        rows = rows.sort(
            pl.col("wrong").fill_null(value=False),
            pl.col("cost_minor").abs(),
            "move_id",
            descending=True,
            nulls_last=True,
        )
        shops = self.stores.select("store_id", store=pl.coalesce("name", "store_id"))
        goods = self.products.select("product_id", goods=pl.coalesce("name", "product_id"))
        rows = rows.head(MOST_BEHIND).join(shops, on="store_id", how="left", maintain_order="left")
        rows = rows.join(goods, on="product_id", how="left", maintain_order="left")
        line = pl.col("kind").cast(pl.String).replace({"open": "opening"})
        return rows.select("store", "goods", "day", "quantity_milli", "cost_minor", stock_line=line, slip_id="move_id")

    @cached_property
    def position(self) -> pl.DataFrame:
        """Every store and product: days of cover, what it lost, what lies too long besides what will expire."""
        found = shelf.position(self.shelf, wanted_days=self.params.cover, lead_days=self.params.lead)
        return found if self.expiring is None else shelf.apart(found, self.expiring)

    @cached_property
    def response(self) -> pl.DataFrame:
        """How past promotions say demand answers to a price cut: depth_bp, multiplier; no rows without them."""
        if self.page.missing(*LEARNS_FROM):
            return NO_RESPONSE
        try:
            learnt = forecast.learn(planning.past_events(self.past.events))
        except ModelError:
            return NO_RESPONSE
        return planning.markdowns(learnt)

    @cached_property
    def ends(self) -> pl.DataFrame:
        """Lots that end soon and will not be sold whole, with the best way out [minor units]."""
        moves = self.page.table("stock_moves").collect() if self.moves is None else self.moves
        lots = books.by_lot(moves, self.page.table("lots").collect(), last=self.page.as_of)
        return ends.ends(
            lots,
            self.shelf,
            self.response,
            transport_minor=self.params.transport * MINOR_PER_UNIT[self.page.currency],
            within=self.params.short_life,
            gift_share=self.params.gift_share / 100,
        )

    @cached_property
    def expiring(self) -> pl.DataFrame | None:
        """`ends`; none where lots are not connected."""
        return None if self.page.missing("stock_moves", "lots") else self.ends

    @cached_property
    def breaks(self) -> pl.DataFrame | None:
        """Where count and book differ; none where there is no book."""
        return None if self.moves is None else self.book.breaks

    @cached_property
    def transit(self) -> pl.DataFrame:
        """Transfers of which one end is missing."""
        moves = self.page.table("stock_moves").collect() if self.moves is None else self.moves
        return books.on_their_way(moves)

    @cached_property
    def held(self) -> float | None:
        """Share of shelves that sold no more than the 95 % end of the forecast made 28 days ago."""
        return shelf.held_share(self.shelf)
