"""The steps of the sales pulse."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.pages.sales_pulse.parameters import SalesPulse
from crmlib.pages.shared.sales_ground import SalesStudy
from crmlib.sales import causes, comparisons, places, store_weeks, trade

DAYS = {"day": 1, "week": 7, "month": 7}
"""Length of the periods in which stores are watched, by the period of the page [days]."""


class Study(SalesStudy):
    """From receipt lines to growth, its causes, receipts, margin, places and unusual stores; in this order."""

    @property
    def params(self) -> SalesPulse:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def span(self) -> tuple[date, date]:
        """First and last day of the period."""
        return comparisons.period_of(self.page.as_of, self.params.period)

    @cached_property
    def growth(self) -> pl.DataFrame:
        """Growth on the last period, the same dates and the same slot, in all and like for like [minor units]."""
        return comparisons.growth(self.days, first=self.span[0], last=self.span[1])

    @cached_property
    def band(self) -> tuple[float, float] | None:
        """80 % band of like-for-like slot growth of earlier periods (logarithms); none with too few of them."""
        return comparisons.usual(self.days, first=self.span[0], last=self.span[1])

    @cached_property
    def reading(self) -> comparisons.Reading:
        """What the growths say, with the band."""
        return comparisons.reading(self.growth, band=self.band)

    @cached_property
    def ground(self) -> str | None:
        """What the period is held against: same_slot, else last_period; none where neither is known."""
        return comparisons.ground(self.growth)

    @cached_property
    def course(self) -> pl.DataFrame:
        """Sales by week (by day for a day's page) and of the same slots a year ago: ends, net_minor, then_minor."""
        weekly = trade.course(self.days, as_of=self.page.as_of, length=DAYS[self.params.period])
        return weekly if weekly.height >= 8 else trade.course(self.days, as_of=self.page.as_of, length=1)

    @cached_property
    def trade(self) -> pl.DataFrame:
        """Receipts, value of a receipt, lines, cards, margin: of the period and of those it is compared with."""
        return trade.compared(self.days, first=self.span[0], last=self.span[1])

    @cached_property
    def both(self) -> tuple[list[date], list[date]]:
        """The days before (each as often as it is a partner) and those of the period."""
        if self.ground is None:
            raise ModelError("sales.no_ground", values={"first": str(self.span[0]), "last": str(self.span[1])})
        pairs = comparisons.partners(*self.span, self.ground)
        return pairs["partner"].drop_nulls().to_list(), pairs["day"].drop_nulls().to_list()

    @cached_property
    def products(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Sales by product before and now: product_id, unit, quantity_milli, net_minor, cost_minor, uncosted_minor."""
        before, now = self.both
        return self.sold(before), self.sold(now)

    @cached_property
    def split(self) -> pl.DataFrame:
        """The gap in net sales by class of units and cause: unit, cause, gap_minor; adds up exactly."""
        stood = trade.traffic(self.days, self.both[0]), trade.traffic(self.days, self.both[1])
        return causes.split(*self.products, traffic=stood)

    @cached_property
    def margin_split(self) -> pl.DataFrame:
        """The gap in margin of lines with a cost by class and cause: unit, cause, gap_minor; adds up exactly."""
        return trade.margin_split(*self.products)

    @cached_property
    def places(self) -> pl.DataFrame:
        """Net sales by category, channel, region, store and product, before (0 where nothing compares) and now."""
        if self.ground is None:
            days = comparisons.partners(*self.span, "same_dates")["day"].to_list()
            return places.gaps(self.cube(days), (self.sold([]), self.sold(days)), days=([], days))
        return places.gaps(self.cube([*self.both[0], *self.both[1]]), self.products, days=self.both)

    @cached_property
    def watched(self) -> store_weeks.Flags:
        """Stores in the weeks (days) of the period, and which of them were unusual."""
        length = DAYS[self.params.period]
        count = max(1, ((self.span[1] - self.span[0]).days + 1) // length)
        return store_weeks.flags(self.weeks.select("store_id", "week", "net_minor"), last=count)

    @cached_property
    def weeks(self) -> pl.DataFrame:
        """Sales of each store by week (by day for a day's page): store_id, week (its last day), net_minor, days."""
        return trade.weeks(self.days, as_of=self.page.as_of, length=DAYS[self.params.period])
