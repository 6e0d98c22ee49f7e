"""The steps of the promotion desk."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

import polars as pl

from crmlib.core.errors import ContractError
from crmlib.pages.promotion_desk.drafting import left, offer_of, terms
from crmlib.pages.promotion_desk.parameters import PromotionDesk
from crmlib.pages.shared.promotion_ground import PromotionStudy
from crmlib.promotion.books import board, portfolio
from crmlib.promotion.offers.offer import Offer, offers_from_frame
from crmlib.promotion.offers.tried import Tried, as_offer, try_offer
from crmlib.promotion.plan import forecast
from crmlib.promotion.watch import running
from crmlib.report import addresses

LEADS = {
    "draft": "promotion_plan",
    "submitted": "promotion_plan",
    "approved": "promotion_plan",
    "running": "promotion_watch",
    "unapproved": "promotion_watch",
}
"""Where a promotion of a stage is looked at; all others at the review."""
AHEAD = ("approved", "submitted", "draft")
LIVE = ("running", "unapproved")


class Study(PromotionStudy):
    """From the board of all promotions to those that run, their kinds, and the next ones on real baskets."""

    @property
    def params(self) -> PromotionDesk:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def connected(self) -> bool:
        """Whether the books of promotions are there (steps, vouchers and claims), of the whole company."""
        return self.company_wide and not self.page.missing("promotion_steps", "promotion_costs", "promotion_claims")

    @cached_property
    def board(self) -> pl.DataFrame:
        """Every promotion that was not dropped: stage, days to go, money it still holds [minor units]."""
        steps = self.optional("promotion_steps")
        accounts = self.accounts if self.connected else None
        return board.board(self.plans, as_of=self.page.as_of, steps=steps, accounts=accounts)

    @cached_property
    def calendar(self) -> pl.DataFrame:
        """The board within the days looked at."""
        first = self.page.as_of - timedelta(days=self.params.past_days)
        last = self.page.as_of + timedelta(days=self.params.ahead_days)
        return self.board.filter(pl.col("last_day") >= first, pl.col("first_day") <= last)

    @cached_property
    def meetings(self) -> pl.DataFrame:
        """Pairs of promotions that are not over and meet on the same goods, stores and days."""
        return board.meetings(self.board)

    @cached_property
    def live(self) -> list[running.Running]:
        """Promotions whose days have come, the largest budget first."""
        ids = self.board.filter(pl.col("stage").is_in(LIVE))
        ids = ids.sort("budget_minor", "promotion_id", descending=[True, False], nulls_last=True)
        rows = {r["promotion_id"]: r for r in self.plans.iter_rows(named=True)}
        return [self.watched(rows[i]) for i in ids["promotion_id"]]

    @cached_property
    def kinds(self) -> pl.DataFrame:
        """What past promotions earned together by mechanic and depth [minor units]."""
        return portfolio.portfolio(self.past.events)

    @cached_property
    def cells(self) -> pl.DataFrame:
        """The same by category too."""
        return portfolio.portfolio(self.past.events, by=(*portfolio.BY, "category"))

    @cached_property
    def whole(self) -> dict[str, Any]:
        """The same of all together."""
        return portfolio.portfolio(self.past.events, by=()).row(0, named=True)

    @cached_property
    def response(self) -> forecast.Response:
        """What mechanic and depth brought so far."""
        return self.learnt_before(self.page.as_of)

    @cached_property
    def ahead(self) -> list[dict[str, Any]]:
        """Rows of the calendar that are still ahead, the next first."""
        return self.calendar.filter(pl.col("stage").is_in(AHEAD)).to_dicts()

    @cached_property
    def tried(self) -> dict[str, Tried]:
        """Promotions ahead on the baskets of the last weeks, by id; those whose rule or goods are not there are not."""
        found = {i: self._priced(offer) for i, offer in self.rules.items()}
        return {k: v for k, v in found.items() if v is not None}

    @cached_property
    def rules(self) -> dict[str, Offer]:
        """The rule of each promotion ahead: as written down, else as its row says; those with neither are not."""
        told = self.optional("offers")
        written = [] if told is None else offers_from_frame(told)
        by = {o.promotion_id: o for o in written if sum(p.promotion_id == o.promotion_id for p in written) == 1}
        found = {r["promotion_id"]: by.get(r["promotion_id"]) or as_offer(r) for r in self.ahead}
        return {k: v for k, v in found.items() if v is not None}

    def _priced(self, offer: Offer) -> Tried | None:
        return try_offer(offer, self.retail, products=self.products, stores=self.stores, as_of=self.page.as_of)

    @cached_property
    def draft(self) -> Offer | None:
        """The offer of the form, from tomorrow on where no day is given; none where nothing is drafted."""
        part = self.page.regions is not None
        return offer_of(self.params, products=self.products, stores=self.stores, as_of=self.page.as_of, part=part)

    @cached_property
    def drafted(self) -> Tried | None:
        """The draft on the baskets of the last weeks; none where there is none, or no such basket."""
        if self.draft is None or not self.draft.products:
            return None
        return self._priced(self.draft)

    @cached_property
    def left_under(self) -> str:
        """Key of what was priced here, left for the server to keep; empty where nobody serves, or of a past day."""
        page = self.page
        if page.as_of < page.newest:
            return ""
        waiting = {}
        if not page.missing("promotions"):
            rows = {r["promotion_id"]: r for r in self.ahead}
            waiting = {
                i: left(self.rules[i], t, told=terms(self.rules[i], page.words), category=rows[i]["category"])
                for i, t in self.tried.items()
            }
        try:
            drafted = self.drafted
        except ContractError:
            drafted = None
        own, category = self.draft, self.params.draft_category
        draft = left(own, drafted, told=terms(own, page.words), category=category) if own and drafted else None
        return page.context.leave("offers", {"newest": page.newest, "draft": draft, "waiting": waiting})

    def form(self, promotion: str = "") -> str:
        """Where the draft, or a promotion that waits, is moved on; empty where nobody serves."""
        face, language = self.page.context.face, self.page.words.language
        return addresses.offer(face, self.left_under, language=language, promotion=promotion)

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Where each promotion of the calendar is looked at, by its id; empty where nowhere."""
        return {
            i: self.leads(LEADS.get(stage, "promotion_review"), "" if stage in AHEAD else i)
            for i, stage in self.calendar.select("promotion_id", "stage").iter_rows()
        }
