"""The steps of the data health report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.customers.loyalty import loyalty
from crmlib.customers.members import cards, identity, periods
from crmlib.data.lake import feeds, volume
from crmlib.pages.data_health.parameters import DataHealth
from crmlib.pages.shared.members import MemberStudy, sorted_cards

LEANED_ON = {
    "receipt_lines": ("product_id", "cost_minor", "store_id"),
    "customers": ("joined_on", "birth_month", "gender", "age_band", "region", "home_store", "owner_staff"),
}
"""Fields that reports lean on, by table."""


class Study(MemberStudy):
    """From the ledger of ingests and the tables to what is late, lost, double or missing; in this order."""

    @property
    def params(self) -> DataHealth:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def fresh(self) -> pl.DataFrame:
        """How far each feed of sales reaches, against its own interval [days]."""
        return feeds.freshness(panels.feed_days(self.lines), as_of=self.due)

    @cached_property
    def due(self) -> date:
        """The day that sales should reach: yesterday in the company's zone, or the day of a page of the past."""
        newest = self.page.as_of >= self.page.reach.day
        return max(self.page.as_of, self.page.today - timedelta(days=1)) if newest else self.page.as_of

    @cached_property
    def store_days(self) -> pl.DataFrame:
        """Sales of each store on each day, with the part on a card."""
        return panels.store_day(self.lines)

    @cached_property
    def volume(self) -> volume.Volume:
        """Store-days without lines, hardly any or no money, of the last four weeks; months without sales."""
        shut = self.page.optional("closures")
        return volume.volume(self.store_days, as_of=self.page.as_of, closures=None if shut is None else shut.collect())

    @cached_property
    def stray(self) -> pl.DataFrame:
        """Days ahead of the sales with hardly a line: day, lines."""
        return self.page.reach.stray

    @cached_property
    def sums(self) -> pl.DataFrame:
        """Rows read by source and table, and where they went."""
        return feeds.ingest_sum(self.page.ingests())

    @cached_property
    def rules(self) -> pl.DataFrame:
        """Rows set apart by source and broken rule."""
        return feeds.broken_rules(self.page.ingests())

    @cached_property
    def by_month(self) -> pl.DataFrame:
        """Share of receipts on a card, one row per whole month."""
        start, end = periods.whole_months(self.page.as_of, months=self.params.months)
        return loyalty.card_share(self.store_days, start=start, end=end)

    @cached_property
    def doubles(self) -> identity.Proposals:
        """Pairs of cards that may be one person: ids and reasons; names and phones stay with the page."""
        return self.page.of_people(identity.propose) or identity.nobody()

    @cached_property
    def apart(self) -> cards.Cards:
        """The cards that are no member's, with this page's limit of receipts a day."""
        return sorted_cards(self.page, limits=cards.Limits(receipts_day=self.params.receipts_day))

    @cached_property
    def birthdays(self) -> pl.DataFrame | None:
        """Birthdays that look like placeholders; none where members are not connected."""
        return None if self.people is None else cards.birthday_doubts(self.people)

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """Missing values by table and field, of the tables that are connected."""
        counts = [panels.missing_fields(self.lines, LEANED_ON["receipt_lines"])]
        if self.people is not None:
            counts.append(feeds.missing(self.people, LEANED_ON["customers"], name="customers"))
        return feeds.gaps(counts)
