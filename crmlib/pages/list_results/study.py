"""The steps of the list results."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import clv, panels
from crmlib.core.errors import ModelError
from crmlib.customers.members.periods import months_before
from crmlib.outreach import aims, results
from crmlib.outreach import programme as seasons
from crmlib.outreach.programme import Programme
from crmlib.outreach.read_out import MIN_GROUP
from crmlib.outreach.results import Register
from crmlib.pages.list_results.parameters import ListResults
from crmlib.pages.shared import lists
from crmlib.pages.shared.members import MemberStudy

YEAR = timedelta(days=364)


class Study(MemberStudy):
    """From the register and what members bought to what each list brought, and all of a season together."""

    @property
    def params(self) -> ListResults:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """All receipts of the members drawn, in whichever shop."""
        return self.page.lines_of_members()

    @cached_property
    def register(self) -> Register:
        """The register's tables; of a region only its own members."""
        return lists.book(self.page)

    @cached_property
    def margin(self) -> float:
        """Margin of a unit of sales [share]: as asked for, else of the last year's costs."""
        return self.kept("margin", self._margin, self.params.margin)

    def _margin(self) -> float:
        bought = self.members(panels.customer_period(self.lines, start=self.page.as_of - YEAR, end=self.page.as_of))
        return float(clv.portfolio.margin_of(bought, given=self.params.margin).rate)

    @cached_property
    def feeds(self) -> aims.Feeds:
        """What tells outcomes other than coming: suggested goods bought, orders."""
        suggested = aims.suggested(self.register.rows)
        goods = self.page.remember(panels.goods_bought, self.lines, suggested, end=self.page.as_of)
        return aims.feeds(goods, *(self.page.optional(name) for name in aims.ORDERS))

    @cached_property
    def lists(self) -> pl.DataFrame:
        """Lists sent in the months asked for, one row each, oldest first: `outreach.results.TABLE`."""
        listed = self.days_of(self.register.rows["recipient_id"])
        every = results.results(
            self.register, listed, margin=self.margin, as_of=self.page.as_of, feeds=self.feeds
        )  # fmt: skip
        return every.filter(pl.col("starts_on") > months_before(self.page.as_of, self.params.months))

    @cached_property
    def blind_to_partners(self) -> bool:
        """Whether a list went to distributors whose orders nobody has connected."""
        campaigns = self.page.optional("campaigns")
        if campaigns is None or not self.page.missing("sale_orders"):
            return False
        return campaigns.filter(pl.col("recipient").cast(pl.String) == "partner").collect().height > 0

    @cached_property
    def waiting(self) -> pl.DataFrame:
        """Lists drawn and not sent: list_id, name, state, owner, planned_at."""
        drawn = results.standing(self.register, as_of=self.page.as_of)
        return drawn.filter(pl.col("starts_on").is_null(), ~pl.col("state").is_in(["cancelled", "expired"]))

    @cached_property
    def season(self) -> tuple[str, date, date]:
        """The season that the page's day lies in, else the last one before it: id, first day, last day read.

        Raises
        ------
        ModelError
            `outreach.no_season_holdout` before the first season.
        """
        rows = self.page.table("seasons").filter(pl.col("starts_on") <= self.page.as_of).collect()
        if rows.is_empty():
            raise ModelError("outreach.no_season_holdout", values={"held": 0, "least": MIN_GROUP})
        last = rows.sort("starts_on").row(-1, named=True)
        return str(last["season_id"]), last["starts_on"], min(last["ends_on"], self.page.as_of)

    @cached_property
    def programme(self) -> Programme:
        """What all lists of the season brought: everybody against those who stand on none."""
        name, start, end = self.season
        rows = self.register.rows
        held = rows.filter(pl.col("list_id") == name, pl.col("group").cast(pl.String) == "season")["recipient_id"]
        people = self.page.table("customers").filter((pl.col("joined_on") < start).fill_null(value=True))
        members = self.members(people.select("customer_id").collect())["customer_id"]
        bought, before = (
            panels.customer_period(self.lines, start=start - ago, end=end - ago) for ago in (timedelta(0), YEAR)
        )
        spent = results.season_of(members, held, bought, before)
        return seasons.programme(spent, margin=self.margin, cost_minor=self.season_cost)

    @cached_property
    def season_cost(self) -> int:
        """What all lists of the season to members cost [minor units]."""
        _, start, end = self.season
        members = self.lists.filter(pl.col("recipient") == "member")
        return int(members.filter(pl.col("starts_on").is_between(start, end))["cost_minor"].sum())

    @cached_property
    def deliveries(self) -> pl.DataFrame:
        """How each list left: list_id, name, channel, contact, sent, bounced, waiting, opted_out, cost_minor."""
        return results.deliveries(self.register, self.lists)
