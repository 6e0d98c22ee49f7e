"""The steps of the margin page."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.pages.margin.parameters import Margin
from crmlib.pages.shared import diverted as shared
from crmlib.pages.shared.sales_ground import WindowStudy
from crmlib.sales import assortment, diversion, margins

YEAR = 365


class Study(WindowStudy):
    """From sales by store and product to the margin rate, stores, goods under cost, distribution, yield; in order."""

    @property
    def params(self) -> Margin:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def now(self) -> pl.DataFrame:
        """Sales of the window by store, product and half, with the category of the product."""
        first, last = self.span
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return self._classed(self.sold(days, by=("store_id",)))

    @cached_property
    def before(self) -> pl.DataFrame:
        """Sales of the window it is held against, as in `now`."""
        return self._classed(self.sold(self.partners, by=("store_id",)))

    def _classed(self, cells: pl.DataFrame) -> pl.DataFrame:
        if self.names is None:
            return cells.with_columns(category=pl.col("product_id"))
        known = self.names.select("product_id", category="category_1")
        return cells.join(known, on="product_id", how="left", maintain_order="left")

    @cached_property
    def rate(self) -> pl.DataFrame:
        """The change of the margin rate by category (by product without a table of products)."""
        return margins.rate_split(self.now, self.before, by="category")

    @cached_property
    def by_store(self) -> pl.DataFrame:
        """Stores against the margin rate of all, with what they earn less [minor units]."""
        found = margins.below(self.now, by="store_id")
        if found.is_empty():
            raise ModelError("sales.no_cost", values={"rows": self.now.height, "all": self.now.height})
        return found

    @cached_property
    def under(self) -> pl.DataFrame:
        """Store and product sold under cost over the window: store_id, product_id, net_minor, margin_minor."""
        cells = self.now.filter(pl.col("uncosted_minor") == 0).group_by("store_id", "product_id").agg(
            pl.col("net_minor", "cost_minor", "quantity_milli").sum()
        )  # fmt: skip
        if cells.is_empty():
            raise ModelError("sales.no_cost", values={"rows": self.now.height, "all": self.now.height})
        return margins.under_cost(cells.filter(pl.col("net_minor") > 0)).sort("margin_minor", "store_id", "product_id")

    @cached_property
    def carried(self) -> pl.DataFrame:
        """Numeric and weighted distribution of each good, of the stores that sold in the window."""
        first, last = self.span
        sold = self.now.filter(pl.col("net_minor") > 0).with_columns(
            day=pl.lit(last), category=pl.col("category").fill_null("") if self.names is not None else pl.lit("")
        )
        stores = self.now.select("store_id").drop_nulls().unique()
        found = assortment.distribution(sold.drop_nulls("store_id"), stores=stores, first=first, last=last)
        worth = sold.group_by("product_id").agg(pl.col("net_minor").sum())
        return found.join(worth, on="product_id", how="left", maintain_order="left")

    @cached_property
    def output(self) -> pl.DataFrame:
        """Sales per store-day and square metre of each store in the window."""
        inside = self.days.filter(pl.col("day").is_between(*self.span)).drop_nulls("store_id")
        return assortment.velocity(inside, stores=self.shops)

    @cached_property
    def bought(self) -> pl.DataFrame:
        """Purchases of the last year by supplier, category and unit, with prices against the year before."""
        lines = self.page.table("purchases").collect()
        known = None if self.names is None else self.names.select("product_id", category="category_1")
        lines = (
            lines.with_columns(category=pl.col("product_id"))
            if known is None
            else lines.join(known, on="product_id", how="left")
        )
        edge = self.page.as_of - timedelta(days=YEAR)
        recent = lines.filter(pl.col("ordered_on") > edge)
        earlier = lines.filter(pl.col("ordered_on").is_between(edge - timedelta(days=YEAR - 1), edge))
        return margins.purchases(recent, earlier)

    @cached_property
    def suppliers(self) -> dict[str, str]:
        """Suppliers by name; none where they are not connected."""
        found = self.page.optional("suppliers")
        if found is None:
            return {}
        return dict(found.select("supplier_id", pl.coalesce("name", "supplier_id")).collect().iter_rows())

    @cached_property
    def floors(self) -> pl.DataFrame:
        """What stores sold under the floor of their region in the window."""
        floors, stores = (self.page.table(name).collect() for name in ("price_floors", "stores"))
        return diversion.under_floors(self.now.drop_nulls("store_id"), floors, stores, on=self.page.as_of)

    @cached_property
    def scanned(self) -> pl.DataFrame:
        """Partners by codes scanned outside their regions, with their names."""
        return shared.scanned(
            self.page.table("code_scans").collect(), self.page.table("partners").collect(),
            regions=self.page.regions, other=self.words("page.other_region"),
        )  # fmt: skip

    @cached_property
    def strays(self) -> pl.DataFrame:
        """Lots seen outside the region they were made for."""
        return diversion.strays(self.page.table("lot_sightings").collect(), self.page.table("lots").collect())
