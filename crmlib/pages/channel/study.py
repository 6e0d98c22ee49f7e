"""The steps of the channel report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.cases import channel, fulfilment, network, orders
from crmlib.cases.engine import Identity
from crmlib.core.incidence import Incidence
from crmlib.pages.channel.parameters import Channel
from crmlib.pages.shared.diverted import scanned

QUARTER = 91


class Study(report.Study):
    """From moves, counts, orders and scans to what the channel holds, owes and carries away; in this order."""

    @property
    def params(self) -> Channel:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def month(self) -> date:
        """First day of the month of the page."""
        return self.page.as_of.replace(day=1)

    def table(self, name: str) -> pl.DataFrame:
        """A table, collected."""
        return self.page.table(name).collect()

    @cached_property
    def partners(self) -> pl.DataFrame:
        """Partners with name, kind, region, parent_id, territory, owner_staff."""
        return self.table("partners")

    @cached_property
    def names(self) -> dict[str, str]:
        """Name of each partner by number."""
        return dict(self.partners.select("partner_id", pl.coalesce("name", "partner_id")).iter_rows())

    @cached_property
    def people(self) -> dict[str, str]:
        """Name of each of the staff by number; whoever has left is said to."""
        return self.owners()

    @cached_property
    def counts(self) -> pl.DataFrame:
        """Stock that partners reported, up to the page's day."""
        return self.page.table("partner_stock").filter(pl.col("on_day") <= self.page.as_of).collect()

    @cached_property
    def moves(self) -> pl.DataFrame:
        """Every move into or out of a partner's stock."""
        return self.table("partner_moves")

    @cached_property
    def rolled(self) -> pl.DataFrame:
        """The months of every partner and product, the unknown one derived [thousandths]."""
        return channel.roll(network.months(self.moves, self.counts, self.partners, as_of=self.page.as_of))

    @cached_property
    def network(self) -> pl.DataFrame:
        """The same by the partners that we supply, with their terminals: in, out to people, stock of all levels."""
        return network.outer(self.rolled, self.partners)

    @cached_property
    def spans(self) -> tuple[tuple[date, date], tuple[date, date]] | None:
        """Months compared: those of a year ago, and the last ones; none where the history is too short."""
        return network.spans(self.rolled, as_of=self.page.as_of)

    @cached_property
    def reporting(self) -> channel.Reporting:
        """Share of the volume of the last three months whose partners reported."""
        return channel.reporting(network.recent(self.rolled, self.partners, as_of=self.page.as_of))

    @cached_property
    def silent(self) -> pl.DataFrame:
        """Partners that did not report lately: partner_id, last_on, sell_in_milli of the year."""
        return network.silent(self.rolled, self.counts, self.partners, as_of=self.page.as_of)

    @cached_property
    def growth(self) -> channel.Growth | None:
        """Sell-in split into consumption and stock, if enough partners report; none where the history is too short."""
        self.reporting.checked()
        if self.spans is None:
            return None
        return network.growth(self.network, before=self.spans[0], after=self.spans[1])

    @cached_property
    def by_month(self) -> pl.DataFrame:
        """month, sell_in_milli, sell_out_milli of the networks known in that month."""
        return network.by_month(self.network)

    @cached_property
    def stock(self) -> pl.DataFrame:
        """Stock of every partner counted lately: on_hand_milli, a_day_milli, cover_days, excess_minor."""
        told = self.counts.with_columns(oldest_made_on=pl.lit(None, dtype=pl.Date))
        sold = self.moves.filter(pl.col("kind").cast(pl.String) == "sell_out")
        found = channel.cover(told, sold, as_of=self.page.as_of)
        return network.overstocked(found, fulfilment.prices(self.table("sale_order_lines")), days=self.params.cover)

    @cached_property
    def breaks(self) -> pl.DataFrame:
        """Books of the last year that do not close, by partner."""
        return network.breaks(self.rolled, since=network.year_before(self.page.as_of))

    @cached_property
    def orders(self) -> pl.DataFrame:
        """Orders with their days and what has not come."""
        return fulfilment.whole(self.table("sale_orders"), self.lines, self.deliveries)

    @cached_property
    def lines(self) -> pl.DataFrame:
        """Lines of orders."""
        return self.table("sale_order_lines")

    @cached_property
    def deliveries(self) -> pl.DataFrame:
        """Deliveries up to the page's day."""
        return self.page.table("deliveries").filter(pl.col("delivered_on") <= self.page.as_of).collect()

    @cached_property
    def book(self) -> Identity:
        """Open + entered − delivered − cancelled = open, of this month."""
        return orders.book(self.orders, start=self.month, end=self.page.as_of + timedelta(days=1))

    @cached_property
    def otif(self) -> pl.DataFrame:
        """On time in full of the last quarter's lines by region."""
        return fulfilment.by_region(
            self.orders, self.lines, self.deliveries, self.partners, as_of=self.page.as_of, days=QUARTER
        )

    @cached_property
    def lead(self) -> tuple[Incidence, Incidence]:
        """Days from entry to delivery, of the orders entered in this quarter and in the one before."""
        ends = (self.page.as_of, self.page.as_of - timedelta(days=QUARTER))
        parts = [
            self.orders.filter(pl.col("entered_on") <= end, pl.col("entered_on") > end - timedelta(days=QUARTER))
            for end in ends
        ]
        this, before = (orders.lead_times(part, as_of=self.page.as_of) for part in parts)
        return this, before

    @cached_property
    def late(self) -> pl.DataFrame:
        """Orders past their day of which something has not come."""
        return fulfilment.late(self.orders, as_of=self.page.as_of)

    @cached_property
    def diverted(self) -> pl.DataFrame:
        """Partners by scans outside their territory."""
        return scanned(
            self.table("code_scans"), self.partners,
            regions=self.page.regions, other=self.words("page.other_region"),
        )  # fmt: skip

    @cached_property
    def distribution(self) -> pl.DataFrame:
        """Numeric and weighted distribution of each product checked lately, shops weighed by their sales."""
        first = self.page.as_of - timedelta(days=QUARTER)
        checks = self.page.table("shelf_checks").filter(pl.col("checked_on") > first).collect()
        sold = self.page.remember(panels.store_day, self.page.lines).filter(
            pl.col("day_n") > (first - date(1970, 1, 1)).days
        )
        weight = sold.group_by("store_id").agg(weight=pl.col("net_minor").sum())
        found = channel.distribution(checks, weight)
        products = self.page.optional("products")
        if products is None:
            return found.with_columns(goods="product_id")
        called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
        named = products.select("product_id", goods=called).collect()
        return found.join(named, on="product_id", how="left", maintain_order="left")
