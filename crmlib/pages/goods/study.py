"""The steps of the goods page."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import polars as pl

from crmlib.pages.goods.parameters import Goods
from crmlib.pages.shared.sales_ground import WindowStudy
from crmlib.panels.sales import product_weeks
from crmlib.sales import price_bands, standing

WEEKS = 52
"""Weeks behind the steadiness of a good."""


class Study(WindowStudy):
    """From the goods of a period and of another one to where each stands and what to do; in this order."""

    @property
    def params(self) -> Goods:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def now(self) -> pl.DataFrame:
        """Sales of the period by product and half."""
        first, last = self.span
        return self.sold([first + timedelta(days=n) for n in range((last - first).days + 1)])

    @cached_property
    def before(self) -> pl.DataFrame:
        """Sales by product and half of the period it is held against."""
        return self.sold(self.partners)

    @cached_property
    def weeks(self) -> pl.DataFrame:
        """Quantity by product and week of the last year: product_id, week, quantity_milli."""
        start = self.page.as_of - timedelta(days=7 * WEEKS - 1)
        return self.page.remember(product_weeks, self.lines, start=start, end=self.page.as_of)

    @cached_property
    def worth(self) -> pl.DataFrame | None:
        """What lies of each good at cost: product_id, stock_minor; none without counts or costs."""
        counts = self.page.optional("stock")
        return None if counts is None or self.goods is None else standing.worth(counts, self.goods)

    @cached_property
    def stand(self) -> standing.Standing:
        """Where each good stands."""
        return standing.standing(
            self.now, self.before, as_of=self.page.as_of, weeks=self.weeks, stock=self.worth, life=self.life
        )

    @cached_property
    def life(self) -> pl.DataFrame | None:
        """Days of launch and delisting: product_id, launched_on, delisted_on; none where no list of goods has any."""
        days = ("launched_on", "delisted_on")
        if self.goods is None or not set(days) <= set(self.goods.collect_schema().names()):
            return None
        return self.goods.select("product_id", *days).collect()

    @cached_property
    def ladder(self) -> pl.DataFrame | None:
        """Price bands of each category: `price_bands.ladder`; none without categories."""
        if self.names is None or self.names["category_1"].null_count() == self.names.height:
            return None
        sold = self.now.drop_nulls("product_id").join(self.names, on="product_id", how="left")
        missing = pl.lit(self.words("page.none"))
        return price_bands.ladder(sold.with_columns(category=pl.col("category_1").fill_null(missing)))

    @cached_property
    def advised(self) -> pl.DataFrame:
        """Goods to act on: product_id, action, reason, money_minor; most money first."""
        return standing.advice(self.stand)
