"""What the promotion pages stand on: the same lines, the same weeks, the same review of the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import polars as pl

from crmlib import panels, report
from crmlib.promotion import review
from crmlib.promotion.books import books
from crmlib.promotion.lift import bulk, calendar
from crmlib.promotion.plan import forecast, planning
from crmlib.promotion.watch import running
from crmlib.report import addresses
from crmlib.report.memory.remember import Later

T = TypeVar("T")
ROUNDS = 4
"""Placebo rounds of the review where a page is not asked for another number."""
STANDS_ON = ("closures", "customers", "products", "promotion_costs", "promotions", "stock", "stores")
"""What the review is made of besides the lines, where it is connected."""


def _large(found: Later[pl.Series]) -> pl.Series:
    return found.value


def _past(found: Later[review.Review], *, rng: np.random.Generator) -> review.Review:
    return found.value


def _watched(found: Later[running.Running]) -> running.Running:
    return found.value


class PromotionStudy(report.Study):
    """Tables, retail lines, weeks of stores and goods, and the review of every ended promotion.

    Every page asks for the review with the same arguments, costs among them: two pages say the same of one event, and
    the second page finds the review remembered.
    """

    @property
    def rounds(self) -> int:
        """Placebo rounds behind the intervals of the review."""
        return ROUNDS

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """The receipt lines, for panels."""
        return self.page.lines

    @cached_property
    def stores(self) -> pl.DataFrame:
        """The table of stores."""
        return self.page.table("stores").collect()

    @cached_property
    def products(self) -> pl.DataFrame:
        """The table of products."""
        return self.page.table("products").collect()

    @cached_property
    def stock(self) -> pl.DataFrame | None:
        """Counts of stock; none where they are not connected."""
        return self.optional("stock")

    @cached_property
    def costs(self) -> pl.DataFrame | None:
        """Vouchers of promotions [minor units]; none where they are not connected."""
        return self.optional("promotion_costs")

    @property
    def company_wide(self) -> bool:
        """Whether the page is of the whole company: budgets are approved for all regions together."""
        return self.page.regions is None

    @cached_property
    def plans(self) -> pl.DataFrame:
        """Promotions in the version by which each is judged, each with its stores and goods by name.

        On a page of some regions without their budgets: what a region spent is no share of what all may spend.
        """
        plans = calendar.frozen_versions(self.page.table("promotions"))
        full = calendar.in_full(plans, stores=self.stores["store_id"], products=self.products["product_id"])
        return full if self.company_wide else full.with_columns(budget_minor=pl.lit(None, dtype=pl.Int64))

    @cached_property
    def chance(self) -> np.random.Generator:
        """Chance of the review, and of what is drawn after it: a step that is remembered moves nobody else's."""
        return np.random.default_rng(self.page.context.seed)

    @cached_property
    def large(self) -> pl.Series:
        """Receipts that are bulk orders; remembered beside the lake."""
        customers = self.page.optional("customers")
        return self.page.remember(_large, self._of_lines(lambda: bulk.bulk_receipts(self.lines, customers=customers)))

    @cached_property
    def retail(self) -> panels.ReceiptLines:
        """The receipt lines without bulk orders, for panels."""
        return panels.part(self.lines, without=self.large)

    @cached_property
    def grid(self) -> pl.DataFrame:
        """One row per store, product and whole week, without bulk orders."""
        first, _ = panels.span(self.lines) or (self.page.as_of, self.page.as_of)
        start, end = review.whole_weeks(first, self.page.as_of)
        closures = self.optional("closures")
        return panels.store_product_week(self.retail, stores=self.stores, start=start, end=end, closures=closures)

    @cached_property
    def past(self) -> review.Review:
        """Every promotion that has ended: judged, priced, compared; remembered beside the lake."""
        return self.page.remember(_past, self._of_lines(self._reviewed, self.rounds), rng=self.chance)

    def _reviewed(self) -> review.Review:
        return review.review(
            self.grid,
            review.economics(self.lines, costs=self.costs, bulk=self.large),
            promotions=self.page.table("promotions"),
            products=self.products,
            stores=self.stores,
            rng=self.chance,
            stock=self.stock,
            rounds=self.rounds,
        )

    def _of_lines(self, make: Callable[[], T], *of: object) -> Later[T]:
        """What is made of the lines and the tables beside them: the mark of the lines tells the version of each table.

        A page that finds it names these tables in its foot, too; their rows are not read.
        """
        for name in STANDS_ON:
            self.page.optional(name)
        return Later(make, self.lines, *of)

    def learnt_before(self, first_day: date) -> forecast.Response:
        """Response to mechanic and depth as it was known before a day: a plan learns from what had ended by then."""
        return forecast.learn(planning.past_events(self.past.events.filter(pl.col("last_day") < first_day)))

    def watched(self, promotion: dict[str, Any]) -> running.Running:
        """One promotion by day and store against its plan [thousandths], money [minor units], alarms."""
        made = self._of_lines(lambda: self._followed(promotion), promotion, self.rounds, self.page.context.seed)
        return self.page.remember(_watched, made)

    def _followed(self, promotion: dict[str, Any]) -> running.Running:
        return running.running(
            self.lines,
            promotion=promotion,
            products=self.products,
            response=self.learnt_before(promotion["first_day"]),
            panel=self.past.panel,
            lift=self.past.lift,
            as_of=self.page.as_of,
            promotions=self.plans,
            bulk=self.large,
            stock=self.stock,
        )

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """One row per promotion: approved, paid, claimed and released [minor units]."""
        table = self.page.table
        return books.books(table("promotion_steps"), table("promotion_costs"), table("promotion_claims"))

    def leads(self, report: str, promotion_id: str = "") -> str:
        """The address of a report: of this promotion as an app, else its newest page; empty where there is neither."""
        asked = {"promotion": promotion_id} if promotion_id else {}
        found = addresses.app(self.page.context.face, report, language=self.page.words.language, **asked)
        mine = (p.output for p in self.page.pages if p.record.report == report)
        newest = next(mine, None)
        return found or ("" if newest is None else self.page.leads_to(newest))

    def optional(self, table: str) -> pl.DataFrame | None:
        """`table`, or none where it is not connected."""
        found = self.page.optional(table)
        return None if found is None else found.collect()
