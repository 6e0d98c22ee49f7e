"""The steps of the promotion review."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property, partial
from typing import Any

import polars as pl

from crmlib.customers.members import cards
from crmlib.pages.promotion_review.parameters import PromotionReview
from crmlib.pages.shared.members import sorted_cards
from crmlib.pages.shared.promotion_ground import PromotionStudy
from crmlib.promotion import review
from crmlib.promotion.books import anyway, slots
from crmlib.promotion.lift.lift import missing_parts
from crmlib.promotion.watch import execution


class Study(PromotionStudy):
    """From the review of all ended promotions to one of them: takers, same slot, execution; in this order."""

    @property
    def params(self) -> PromotionReview:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @property
    def rounds(self) -> int:
        """Placebo rounds behind the intervals, as asked for."""
        return self.params.rounds

    @cached_property
    def event(self) -> dict[str, Any]:
        """The promotion looked at closely: facts, lift [thousandths], money [minor units], checks."""
        found = review.focus(self.past.events, promotion_id=self.params.promotion)
        return found if self.company_wide else found | {"budget_minor": None}

    @property
    def event_id(self) -> str:
        """Its id."""
        return str(self.event["promotion_id"])

    @cached_property
    def missing(self) -> dict[str, str]:
        """Parts of its effect that cannot be estimated, and why."""
        return dict(missing_parts(self.past.lift, self.event_id).iter_rows())

    @cached_property
    def subsidy(self) -> anyway.Anyway | None:
        """Discount on sales that would have come anyway, by the ledger [minor units]; none without a ledger."""
        return anyway.booked(self.event, self.past.book)

    @cached_property
    def roles(self) -> dict[str, pl.Series | Callable[[pl.Series], pl.Series]]:
        """Cards of staff and tills, as on every page, and who among buyers buys at festivals only."""
        apart = sorted_cards(self.page, self.lines).flagged
        of = {"staff": cards.STAFF, "till_card": cards.CASHIER}
        known = {role: apart.filter(pl.col("reason") == reason)["customer_id"] for role, reason in of.items()}
        return {**known, "festival_only": partial(anyway.festival_only, self.lines)}

    @cached_property
    def taken(self) -> pl.DataFrame:
        """Who got the discount and how much of it was needed [minor units], one row per group of customers."""
        return anyway.who_anyway(
            self.lines, promotion_id=self.event_id, as_of=self.page.as_of, anyway=self.subsidy, roles=self.roles,
            bulk=self.large,
        )  # fmt: skip

    @cached_property
    def partner(self) -> tuple[dict[str, Any] | None, str | None]:
        """Its like of the last time round; else none and why."""
        return slots.partner_of(self.event, self.past.events, self.past.partners)

    @cached_property
    def gap(self) -> pl.DataFrame | None:
        """Sales against the partner, else the same weeks a year ago, by cause [minor units]; none without sales."""
        against = self.partner[0] or slots.year_on_year(self.event)
        return slots.same_slot_gap(self.lines, event=self.event, partner=against)

    @cached_property
    def carried_out(self) -> pl.DataFrame:
        """Whether each of its stores carried it out."""
        return execution.carried_out(self.lines, event=self.event)

    @cached_property
    def notes(self) -> dict[str, Any] | None:
        """What was written down about it, counted; none where notes are not connected."""
        notes = self.optional("promotion_notes")
        return None if notes is None else execution.notes_of(notes, self.event_id)

    @cached_property
    def orders(self) -> pl.DataFrame | None:
        """Its orders; none where orders are not connected."""
        orders = self.optional("orders")
        return None if orders is None else orders.filter(pl.col("promotion_id") == self.event_id)

    @cached_property
    def sold_out(self) -> pl.DataFrame | None:
        """Goods that ran out before its end; none where stock is not connected."""
        return None if self.stock is None else execution.sold_out(self.lines, self.stock, event=self.event)

    @cached_property
    def recent(self) -> pl.DataFrame:
        """Promotions that ended lately."""
        since = self.page.as_of - timedelta(days=self.params.recent_days)
        return self.past.events.filter(pl.col("last_day") > since)
