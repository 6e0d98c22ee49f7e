"""The steps of the promotion plan."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property

import polars as pl

from crmlib.pages.promotion_plan.parameters import PromotionPlan
from crmlib.pages.shared.promotion_ground import PromotionStudy
from crmlib.promotion.books import books
from crmlib.promotion.lift import response
from crmlib.promotion.plan import planning
from crmlib.promotion.watch import execution


class Study(PromotionStudy):
    """From the review of the past to a draft, its forecast, what like events taught, and the budget; in this order."""

    @property
    def params(self) -> PromotionPlan:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def draft(self) -> planning.Draft:
        """What is asked for: of the category that sold most lately where none is named."""
        params, as_of = self.params, self.page.as_of
        return planning.Draft(
            category=params.category or planning.largest_category(self.retail, self.products, as_of=as_of),
            mechanic=params.mechanic,
            depth_bp=100 * params.depth,
            days=params.days,
            first_day=as_of + timedelta(days=params.lead_days),
            display_minor=100 * params.display_yuan,
        )

    @cached_property
    def plan(self) -> planning.Plan:
        """The draft with its base, drafts beside it, what-if, stock by store [thousandths], clashes and holdout."""
        past = self.past  # drawn before the plan draws
        return planning.plan(
            self.draft,
            self.retail,
            events=past.events,
            promotions=self.plans,
            products=self.products,
            stores=self.stores,
            stock=self.stock,
            panel=past.panel,
            lift=past.lift,
            book=past.book,
            depth=past.depth,
            as_of=self.page.as_of,
            rng=self.chance,
            service=self.params.service,
        )

    @cached_property
    def answers(self) -> pl.DataFrame:
        """Response by mechanic and depth [basis points]."""
        kinds = self.past.events.select("mechanic", "depth_bp", event_id="promotion_id")
        return self.page.remember(response.response_table, self.past.lift, kinds, panel=self.past.panel)

    @cached_property
    def like(self) -> pl.DataFrame:
        """The last events like the draft, with what they brought."""
        judged = self.past.events.drop_nulls("lift")
        return execution.lessons(judged, mechanic=self.draft.mechanic, category=self.draft.category, slot=None)

    @cached_property
    def spent(self) -> pl.DataFrame:
        """The year's budget by activity, paid and reserved [minor units]."""
        budgets, vouchers = self.page.table("budgets"), self.page.table("promotion_costs")
        return books.by_activity(budgets, vouchers, self.plans, self.accounts, as_of=self.page.as_of)
