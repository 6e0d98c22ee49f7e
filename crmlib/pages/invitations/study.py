"""The steps of the invitations report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

import polars as pl

from crmlib import clv, panels, report
from crmlib.customers.members.periods import months_before
from crmlib.outreach import cells, invite, members, new_to_them, repeat, results
from crmlib.outreach.cells import Expected
from crmlib.outreach.invite import Beaten
from crmlib.outreach.new_to_them import Slot
from crmlib.outreach.register import Filed, Terms
from crmlib.pages.invitations.parameters import Invitations
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.goods_on_hand import GoodsStudy
from crmlib.panels import receipts, traits
from crmlib.report.page import not_connected
from crmlib.scoring import pyramid

DAY = timedelta(days=1)
WINDOW = 28
"""Days in which whoever comes counts."""
SEASON_DAYS = 28
"""A good nobody bought for so many days is out of season."""
RANKED, TOP = 10, 3
"""Goods ranked for each member, and suggested."""
TRIED = 20_000
"""Members at most on whom orders of goods are held against each other."""
BLOCK = 200_000
"""Members who are suggested goods at a time, so that memory stays bounded."""
RECENT = ("month", "quarter")
"""Whoever stayed away longer is won back by another list."""
CHANNEL = "sms"
UNREAD = ("contacted", "edited", "no_control", "broken")
"""Verdicts of lists that say nothing of what a contact does."""


class Study(Watch):
    """From what members buy again to one invitation each, its draw and what it may bring."""

    @property
    def params(self) -> Invitations:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def shelf(self) -> GoodsStudy:
        """What lies in the shops, as on the stock page."""
        return GoodsStudy(self.page)

    @cached_property
    def period(self) -> tuple[date, date]:
        """First and last day looked at."""
        return months_before(self.page.as_of, self.params.months) + DAY, self.page.as_of

    @cached_property
    def services(self) -> pl.Series:
        """Goods that are services: never suggested."""
        if self.goods is None:
            return pl.Series("product_id", [], dtype=pl.String)
        return self.goods.filter(pl.col("is_service")).select("product_id").collect()["product_id"]

    @cached_property
    def baskets(self) -> pl.DataFrame:
        """What members bought on which day: customer_id, day, product_id (ids are Enums); in any order."""
        start, end = self.period
        recent = panels.member_goods(panels.part(self.lines, leaving=self.services), start=start, end=end)
        strange = pl.col("customer_id").is_in(self.apart.flagged["customer_id"].implode())
        return recent.filter(~strange).select("customer_id", "product_id", day=pl.col("day_n").cast(pl.Date))

    @cached_property
    def tried(self) -> pl.DataFrame:
        """The baskets by which orders of goods are held against each other: all, or of `TRIED` members by chance."""
        people = self.baskets["customer_id"].unique().sort()
        if people.len() <= TRIED:
            return self.baskets
        drawn = people.gather(self.chance("goods").choice(people.len(), TRIED, replace=False))
        return self.baskets.filter(pl.col("customer_id").is_in(drawn.implode()))

    @cached_property
    def drawn(self) -> int | None:
        """Members drawn for that; none where it is all of them."""
        return self.kept("drawn", lambda: None if self.tried is self.baskets else TRIED, self.params.months, TRIED)

    @cached_property
    def beaten(self) -> Beaten:
        """How the list of goods does beside popularity and own frequency on each member's last basket."""
        return self.kept("beaten", lambda: invite.judge(self.tried, top=RANKED), self.params.months, TRIED)

    @cached_property
    def fitted(self) -> repeat.RepeatFit:
        """The goods and members of the history, by the decay that ranked best; baskets are let go with it."""
        self.drawn, self.current  # noqa: B018  (of baskets, too)
        found = repeat.fit(self.baskets, decay=self.beaten.decay)
        self.forget("baskets")
        return found

    @cached_property
    def slot(self) -> Slot:
        """Whether goods that are new to a member beat popularity."""
        return self.kept("slot", self._slot, self.params.months, TRIED)

    def _slot(self) -> Slot:
        return new_to_them.judge(self.tried, decay=self.beaten.decay, top=RANKED)

    @cached_property
    def earned(self) -> pl.DataFrame | None:
        """What one purchase of each good earns: product_id, margin_minor; none where no cost is known."""
        return self.kept("earned", self._earned, self.params.months)

    def _earned(self) -> pl.DataFrame | None:
        start, end = self.period
        found = invite.margins(receipts.goods_price(self.lines, start=start, end=end))
        return found if found.height else None

    @cached_property
    def on_hand(self) -> pl.DataFrame | None:
        """What lies by store and good, the stock page's own step; none where nothing is counted or booked."""
        if self.page.missing("products") or (self.page.missing("stock") and self.page.missing("stock_moves")):
            return None
        found = self.shelf.on_hand
        return found if found.height else None

    @cached_property
    def counted(self) -> bool:
        """Whether anything is known to lie in the shops."""
        return self.kept("counted", lambda: self.on_hand is not None)

    @cached_property
    def current(self) -> pl.Series:
        """Goods in season: bought by a member in the last weeks."""
        since = self.page.as_of - SEASON_DAYS * DAY
        return self.baskets.filter(pl.col("day") > since)["product_id"].unique()

    @cached_property
    def homes(self) -> pl.DataFrame:
        """Each member's usual store: customer_id, store_id."""
        start, end = self.period
        return clv.portfolio.home_store(traits.customer_part(self.lines, by="store_id", start=start, end=end))

    @cached_property
    def suggested(self) -> pl.DataFrame:
        """The goods of each candidate that lie in the own store: customer_id, store_id, product_1 … 3, p, score."""
        ids = self.candidates["recipient_id"]
        return pl.concat(self._suggested(ids[at : at + BLOCK]) for at in range(0, max(ids.len(), 1), BLOCK))

    def _suggested(self, ids: pl.Series) -> pl.DataFrame:
        """`suggested` of some members."""
        ranked = repeat.recommend(self.fitted, top=RANKED, members=ids, margins=self.earned, in_stock=self.current)
        return invite.wide(invite.in_reach(ranked, self.homes, self.on_hand, top=TOP), top=TOP)

    @cached_property
    def times(self) -> pl.DataFrame:
        """When each member comes: customer_id, weekday, send_slot."""
        start, end = self.period
        return invite.own_time(traits.customer_clock(self.lines, start=start, end=end))

    @cached_property
    def elsewhere(self) -> pl.Series:
        """Members whom the contact list is for: a win-back goes before an invitation."""
        if self.lateness is None:
            return pl.Series("customer_id", [], dtype=pl.String)
        late = self.lateness.table.filter("late")["customer_id"]
        self.forget("lateness")
        return late

    @cached_property
    def cuts(self) -> list[int | None]:
        """Smallest spend of a year of each class [minor units]."""
        return list(pyramid.pyramid(self.year).cuts)

    @cached_property
    def candidates(self) -> pl.DataFrame:
        """Where members stand who came of late and are on no other list: recipient_id, tier, recency, value_minor."""
        late = self.elsewhere  # who is late, and when and where each comes, is told before all goods are held
        self.times, self.homes  # noqa: B018
        known = self.fitted.members["customer_id"]
        left = known.filter(~known.is_in(late.implode()))
        placed = cells.placed(left, self.of_late, on=self.page.as_of + DAY, cuts=self.cuts)
        return placed.filter(pl.col("recency").is_in(RECENT))

    @cached_property
    def of_late(self) -> pl.DataFrame:
        """`days` of as much time as the places of today and of a window ago are told by."""
        start = self.page.as_of - WINDOW * DAY - cells.YEAR
        return panels.customer_day(panels.part(self.lines, start=start), period_end=self.page.as_of)

    @cached_property
    def standing(self) -> pl.DataFrame:
        """The candidates with goods to suggest."""
        return self.candidates.filter(pl.col("recipient_id").is_in(self.suggested["customer_id"].implode()))

    @cached_property
    def read(self) -> pl.DataFrame:
        """What closed lists did in each cell: `cells.CELLS`; no rows without lists."""
        return self.kept("read", self._read)

    def _read(self) -> pl.DataFrame:
        if self.page.missing("campaigns", "campaign_steps", "outreach"):
            return pl.DataFrame(schema=cells.CELLS)
        days = self.days_of(self.register.rows["recipient_id"])
        sent = results.results(self.register, days, margin=self.margin, as_of=self.page.as_of)
        closed = sent.filter("closed", pl.col("recipient") == "member", ~pl.col("verdict").is_in(UNREAD))
        return cells.read_cells(closed, self.register.rows, days, cuts=self.cuts)

    @cached_property
    def register(self) -> results.Register:
        """The register's tables, as on the page of list results."""
        return lists.book(self.page)

    @cached_property
    def effects(self) -> pl.DataFrame:
        """Effects of each cell and purpose, pooled over lists and shrunk [minor units a head]."""
        return self.kept("effects", lambda: members.everywhere(self.read, self.standing), self.params.months)

    @cached_property
    def margin(self) -> float:
        """Margin of a unit of sales [share], of the last year's costs."""
        return self.kept("margin", lambda: float(clv.portfolio.margin_of(self.year, given=None).rate))

    @cached_property
    def picked(self) -> pl.DataFrame:
        """Whom a message does not cost more than it brings, with goods, time and store.

        Valued by the expected net, where cells differ, else by a year's spend.
        """
        asked = self.params
        return self.kept("picked", self._picked, asked.months, asked.objective, asked.cost)

    def _picked(self) -> pl.DataFrame:
        by = members.choose(
            self.standing, self.effects, objective=self.params.objective, margin=self.margin,
            cost_minor=self.params.cost,
        ).filter(pl.col("reason") != "costs")  # fmt: skip
        worth = "net_minor" if by["net_minor"].drop_nulls().n_unique() > 1 else "value_minor"
        goods = self.suggested.rename({"customer_id": "recipient_id"})
        times = self.times.rename({"customer_id": "recipient_id"})
        both = by.join(goods, on="recipient_id", maintain_order="left")
        both = both.join(times, on="recipient_id", how="left", maintain_order="left")
        return both.with_columns(value_minor=pl.col(worth), reason_code="reason")

    @property
    def terms(self) -> Terms:
        """What the register's list is."""
        day, asked = self.page.as_of, self.params
        name = self.page.words("invitations.filed", day=self.page.words.format.day(day))
        return Terms(
            f"invitations-{day}", name, asked.objective, CHANNEL, "", window_days=WINDOW, base=self.base,
            planned=asked.planned / 100, strata=("tier",), capacity=asked.capacity,
        )  # fmt: skip

    @cached_property
    def base(self) -> float:
        """Share of such members who came within the window by themselves: those of one window ago."""
        return self.kept("base", self._base, self.params.months)

    def _base(self) -> float:
        then = self.page.as_of - WINDOW * DAY
        ids = self.standing["recipient_id"]
        day = pl.from_epoch("day_n", time_unit="d")
        came = self.of_late.filter(pl.col("is_purchase"), day > then)["customer_id"].unique()
        before = cells.placed(ids, self.of_late, on=then + DAY, cuts=self.cuts).filter(pl.col("recency").is_in(RECENT))
        return float(before["recipient_id"].is_in(came.implode()).mean() or 0.0)  # type: ignore[arg-type]

    @cached_property
    def filed(self) -> Filed:
        """The draw as it will be filed; a scheduled run keeps the candidates.

        Raises
        ------
        LakeError
            `report.not_connected` where nobody can have agreed: neither members nor a log of consents.
        """
        if len(self.page.missing("customers", "consents")) == 2:
            raise not_connected("customers", report=self.page.report)
        return lists.propose(self.page, self.picked, self.terms)

    @cached_property
    def listed(self) -> pl.DataFrame:
        """Whom to invite, best first: the draw's contacts with goods, time, store, cell and owner."""
        mine = self.filed.of("contact").sort("rank").select("recipient_id", "rank")
        rows = mine.join(self.picked, on="recipient_id", how="left", maintain_order="left")
        ids = rows["recipient_id"]
        owned = self.kept("owned", lambda: self.owned_of(ids), ids).rename({"customer_id": "recipient_id"})
        return rows.join(owned, on="recipient_id", how="left", maintain_order="left")

    @cached_property
    def expected(self) -> Expected:
        """What the list may bring."""
        return cells.expected(
            self.listed, self.effects, objective=self.params.objective, margin=self.margin, cost_minor=self.params.cost
        )

    @cached_property
    def means(self) -> pl.DataFrame:
        """How those who could be invited may be reached: means, members."""
        return self.kept("means", self._means, self.params.months)

    def _means(self) -> pl.DataFrame:
        reached = self.means_by(self.classed(self.standing["recipient_id"]), self.file)
        return reached.group_by("means").agg(members=pl.len().cast(pl.Int64)).sort("members", descending=True)

    @cached_property
    def named(self) -> pl.DataFrame:
        """Goods by name and category: product_id, goods, category; no rows where products are not connected."""
        if self.goods is None:
            return pl.DataFrame(schema={"product_id": pl.String, "goods": pl.String, "category": pl.String})
        called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
        return self.goods.select("product_id", goods=called, category=pl.coalesce("category_2", "category_1")).collect()

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the candidates for the register's draw."""
        self.filed  # noqa: B018
