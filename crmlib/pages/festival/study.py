"""The steps of the festival report."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib.balances.liability import stored
from crmlib.balances.stock import books
from crmlib.core.calendar import PEAKS
from crmlib.core.errors import ModelError
from crmlib.outreach import festival, festival_goods
from crmlib.outreach.festival_goods import DAY, Feast
from crmlib.pages.festival.parameters import Festival
from crmlib.pages.shared.goods_on_hand import PAIR, GoodsStudy
from crmlib.pages.shared.vouchers import VoucherStudy


class Study(GoodsStudy, VoucherStudy):
    """From sales by lunar day, stock, vouchers and plan to what will be short or left; in this order."""

    @property
    def params(self) -> Festival:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def sales(self) -> pl.DataFrame:
        """Sales by store, product and day, of all days [thousandths, minor units]."""
        return self.daily.with_columns(day=pl.col("day_n").cast(pl.Date))

    @cached_property
    def owned(self) -> pl.DataFrame:
        """Goods of each festival: product_id, slot, told from when they are sold."""
        by_day = self.sales.group_by("product_id", "day").agg(pl.col("quantity_milli").sum())
        return festival_goods.own_goods(by_day, self.products, as_of=self.page.as_of)

    @cached_property
    def feast(self) -> Feast:
        """The festival of the page."""
        asked = self.params.festival
        slots = [s for s in PEAKS if s in set(self.owned["slot"])] if asked == "auto" else [asked]
        if not slots:
            raise ModelError("festival.no_goods")
        running, over, ahead = festival_goods.around(self.page.as_of, slots=slots)
        if running is not None:
            return running
        return over if asked != "auto" or self._lies(over) else ahead

    def _lies(self, feast: Feast) -> bool:
        """Whether goods of a festival that is over still lie."""
        goods = self.owned.filter(slot=feast.slot)["product_id"]
        lying = self.lying
        return (
            lying is not None and lying.filter(pl.col("product_id").is_in(goods.implode()))["on_hand_milli"].sum() > 0
        )

    @property
    def phase(self) -> str:
        """Where the page's day stands: ``ahead``, ``running`` (to T), ``after`` (to T+14), ``over``."""
        offset = self.feast.offset(self.page.as_of)
        if offset < festival.FROM:
            return "ahead"
        return "running" if offset <= 0 else "after" if offset <= festival.TO else "over"

    @cached_property
    def plan(self) -> pl.DataFrame | None:
        """The plan of this festival by store and good; none where no plan is connected or made."""
        found = self.optional("festival_plans")
        if found is None:
            return None
        mine = found.filter(pl.col("slot") == self.feast.slot, pl.col("year") == self.feast.year)
        return mine if mine.height else None

    @cached_property
    def goods(self) -> pl.DataFrame:
        """The festival's goods, as the table of products has them."""
        ids = [*self.owned.filter(slot=self.feast.slot)["product_id"]]
        if self.plan is not None:
            ids += self.plan["product_id"].to_list()
        return self.products.filter(pl.col("product_id").is_in(ids)).sort("product_id")

    def mine(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the festival's goods."""
        return rows.filter(pl.col("product_id").is_in(self.goods["product_id"].implode()))

    @cached_property
    def sold(self) -> pl.DataFrame:
        """`sales` of the festival's goods."""
        return self.mine(self.sales)

    @cached_property
    def earlier(self) -> list[date]:
        """T of past festivals of the kind whose whole slot is known."""
        begins = self.sales["day"].min()
        return festival_goods.before(self.feast, begins=begins) if isinstance(begins, date) else []

    @cached_property
    def expected(self) -> festival.Forecast:
        """What will have been sold by T+14."""
        return festival_goods.expected(self.sold, feast=self.feast, past=self.earlier, as_of=self.page.as_of)

    @cached_property
    def lying(self) -> pl.DataFrame | None:
        """What lies of all goods: the stock page's own step; of counts only those of the last days are believed."""
        if self.moves is None and self.stock is None:
            return None
        found = self.on_hand
        if self.moves is None and self.stock is not None:
            since = self.page.as_of - festival_goods.FRESH_DAYS * DAY
            fresh = self.stock.filter(pl.col("counted_on") > since).select(PAIR).unique()
            found = found.join(fresh, on=PAIR, how="semi")
        return found if found.height else None

    @property
    def drawn(self) -> pl.DataFrame | None:
        """Vouchers of this festival still to be redeemed: the cards page's own step; none where none waits for it."""
        if self.page.missing("vouchers", "voucher_moves") or self.coming is None or self.coming.on != self.feast.on:
            return None
        return self.mine(self.coming.rows)

    @cached_property
    def shelves(self) -> pl.DataFrame:
        """Each open store and good: still to be sold, to be redeemed, on hand, left, short; with region and money."""
        open_ones = self.stores.filter(pl.col("closed_on").is_null() | (pl.col("closed_on") > self.feast.on))
        rows = festival_goods.shelves(
            self.sold, self.expected, feast=self.feast, past=self.earlier,
            on_hand=None if self.lying is None else self.mine(self.lying), drawn=self.drawn,
            stores=open_ones["store_id"].to_list(),
        )  # fmt: skip
        return festival_goods.priced(rows, self.goods, self.stores)

    @cached_property
    def moved(self) -> pl.DataFrame:
        """What to move between shops, up to T."""
        return festival_goods.transfers(self.shelves)

    @cached_property
    def month(self) -> books.Books:
        """The month of the festival's goods: the stock page's statement, these goods only."""
        return books.part(self.book, self.goods["product_id"])

    @cached_property
    def lives(self) -> pl.DataFrame:
        """The vouchers of this festival."""
        return self.vouchers.filter(pl.col("festival_on") == self.feast.on)

    @cached_property
    def voucher_lines(self) -> pl.DataFrame:
        """Sold less drawn, refunded and expired is out: line, vouchers, amount_minor."""
        return stored.identity(self.lives)

    @cached_property
    def partners(self) -> pl.DataFrame:
        """What partners took of the festival's goods."""
        moves = self.mine(self.page.table("partner_moves").collect())
        return festival_goods.sell_in(moves, feast=self.feast, as_of=self.page.as_of)

    @cached_property
    def afterwards(self) -> pl.DataFrame:
        """What past festivals (and this one, once over) still sold after the day, and at which price."""
        days = [*self.earlier, self.feast.on]
        return festival_goods.afterwards(self.sold, self.goods, days=days, as_of=self.page.as_of)

    @cached_property
    def tested(self) -> pl.DataFrame:
        """Past festivals as they would have been forecast on this lunar day from the others."""
        offset = min(self.feast.offset(self.page.as_of), festival_goods.TEST_AT)
        days = [*self.earlier, self.feast.on]
        return festival_goods.tested(self.sold, days=days, offset=offset, as_of=self.page.as_of)

    @property
    def last_order(self) -> date:
        """The last day on which an order still arrives: the plan's, else by the lead time."""
        planned = None if self.plan is None else self.plan["last_order_on"].min()
        if isinstance(planned, date):
            return planned
        return festival.last_order_day(self.feast.on, lead_days=self.params.lead)

    @property
    def markdown_on(self) -> date:
        """The first day of the markdown: the plan's, else T+1."""
        planned = None if self.plan is None else self.plan["markdown_on"].min()
        return planned if isinstance(planned, date) else self.feast.on + DAY

    @cached_property
    def curves(self) -> pl.DataFrame:
        """Units sold by each lunar day: year, offset, units; this festival up to the page's day."""
        return festival_goods.curves(self.sold, feast=self.feast, past=self.earlier, as_of=self.page.as_of)
