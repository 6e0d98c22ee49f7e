"""The steps of the order cycle report."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import polars as pl

from crmlib.cases import cycle
from crmlib.pages.order_cycle.parameters import OrderCycle
from crmlib.pages.shared.order_ground import BACK, SPANS, OrderStudy

SLOT = 30
"""Days ahead of the headline."""


class Study(OrderStudy):
    """From orders of partners and of cards that buy to sell again to the next order of each; in this order."""

    @property
    def params(self) -> OrderCycle:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def slot(self) -> int:
        """Buyers who ordered in the same 30 days of last year's festival calendar."""
        first = self.page.as_of + timedelta(days=1)
        return cycle.last_year_slot(self.orders, first=first, last=self.page.as_of + timedelta(days=SLOT))

    @cached_property
    def spans(self) -> pl.DataFrame:
        """first_on, last_on, expected: when the next orders are expected."""
        return cycle.by_span(self.said, as_of=self.page.as_of, ahead=SPANS)

    @cached_property
    def test(self) -> cycle.CycleTest:
        """What was said 90 days ago, beside what came."""
        return self.page.remember(cycle.back_test, self.orders, as_of=self.page.as_of, ahead=BACK)

    @cached_property
    def calls(self) -> pl.DataFrame:
        """Late and more likely alive than not, by margin."""
        worth = self.buyers.select("customer_id", "margin_minor")
        listed = cycle.to_call(self.said, worth).select("customer_id")
        return listed.join(self.buyers, on="customer_id", how="left", maintain_order="left")
