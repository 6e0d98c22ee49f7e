"""The steps of the data health report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.customers.loyalty import loyalty
from crmlib.customers.members import cards, identity, periods
from crmlib.data.lake import feeds, last_day, masters, volume
from crmlib.pages.data_health.parameters import DataHealth
from crmlib.pages.shared.members import MemberStudy, sorted_cards

LEANED_ON = {
    "receipt_lines": ("product_id", "cost_minor", "store_id"),
    "customers": ("joined_on", "birth_month", "gender", "age_band", "region", "home_store", "owner_staff"),
}
"""Fields that reports lean on, by table."""
MASTERS = {"stores": "store_id", "products": "product_id", "customers": "customer_id"}
"""Tables of things, and the column of sales that names them."""
SEEN_DAYS = 35
"""What a source took back is told for five weeks."""


class Study(MemberStudy):
    """From the ledger of ingests and the tables to what is late, lost, double or missing; in this order."""

    @property
    def params(self) -> DataHealth:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def fresh(self) -> pl.DataFrame:
        """How far each feed of sales reaches, against its own interval [days]."""
        days = panels.feed_days(self.lines).join(self.behind.select("day"), on="day", how="anti")
        return feeds.freshness(days, as_of=self.due)

    @cached_property
    def due(self) -> date:
        """The day that sales should reach: yesterday in the company's zone, or the day of a page of the past."""
        newest = self.page.as_of >= self.page.reach.day
        return max(self.page.as_of, self.page.today - timedelta(days=1)) if newest else self.page.as_of

    @cached_property
    def store_days(self) -> pl.DataFrame:
        """Sales of each store on each day, with the part on a card."""
        return self.page.remember(panels.store_day, self.lines)

    @cached_property
    def volume(self) -> volume.Volume:
        """Store-days without lines, hardly any or no money, of the last four weeks; months without sales."""
        shut = self.page.optional("closures")
        odd = self.behind["day"].cast(pl.Int32)
        days = self.store_days.filter(~pl.col("day_n").is_in(odd.implode()))
        return volume.volume(days, as_of=self.page.as_of, closures=None if shut is None else shut.collect())

    @cached_property
    def stray(self) -> pl.DataFrame:
        """Days ahead of the sales with hardly a line: day, lines."""
        return self.page.reach.stray

    @cached_property
    def behind(self) -> pl.DataFrame:
        """Days far before the sales with hardly a line: day, lines."""
        return last_day.before_sales(panels.day_sums(self.lines))

    @cached_property
    def recent(self) -> panels.ReceiptLines:
        """The lines of the last thirteen weeks."""
        return panels.part(self.lines, start=self.page.as_of - timedelta(days=masters.WATCHED - 1))

    @cached_property
    def price(self) -> int | None:
        """The one price of a piece of nearly all goods [minor units]; none where prices differ."""
        return self.kept("price", lambda: masters.one_price(panels.goods_sums(self.recent)))

    @cached_property
    def unknown(self) -> masters.Unknown:
        """Stores, goods and members that are sold on and stand in no table of theirs."""
        return self.kept("unknown", self._unknown)

    def _unknown(self) -> masters.Unknown:
        known = {t: self.page.table(t).select(k).collect()[k] for t, k in MASTERS.items() if self.page.has(t)}
        sold = {t: panels.ids(self.recent, MASTERS[t]) for t in known}
        return masters.unknown(sold, known, as_of=self.page.as_of)

    @cached_property
    def gone(self) -> pl.DataFrame:
        """What the source no longer has, seen in the last five weeks."""
        return self.page.gone(days=SEEN_DAYS)

    @cached_property
    def withdrawn(self) -> int:
        """Lines that corrected receipts no longer have, of all ingests."""
        return int(self.page.ingests()["withdrawn"].sum())

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
        return self.kept("doubles", lambda: self.page.of_people(identity.propose)) or identity.nobody()

    @cached_property
    def merges(self) -> dict[str, int]:
        """How many pairs of cards were accepted, rejected or taken back, each by its latest decision."""
        told = self.page.optional("card_merges")
        last = None if told is None else identity.latest(told.collect().sort("at"))
        return {} if last is None else dict(last.group_by("state").len().cast({"state": pl.String}).iter_rows())

    @cached_property
    def apart(self) -> cards.Cards:
        """The cards that are no member's, with this page's limit of receipts a day."""
        return sorted_cards(self.page, limits=cards.Limits(receipts_day=self.params.receipts_day))

    @cached_property
    def birthdays(self) -> pl.DataFrame | None:
        """Birthdays that look like placeholders; none where members are not connected."""
        people = self.people
        return None if people is None else self.kept("birthdays", lambda: cards.birthday_doubts(people))

    @cached_property
    def gaps(self) -> pl.DataFrame:
        """Missing values by table and field, of the tables that are connected."""
        counts = [panels.missing_fields(self.lines, LEANED_ON["receipt_lines"])]
        people = self.people
        if people is not None:
            dated = () if self.page.missing("assignments") else ("owner_staff",)
            fields = tuple(f for f in LEANED_ON["customers"] if f not in dated)
            counts.append(self.kept("missing", lambda: feeds.missing(people, fields, name="customers")))
        return feeds.gaps(counts)
