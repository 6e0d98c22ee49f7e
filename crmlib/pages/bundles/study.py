"""The steps of the bundles report."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Literal

import polars as pl

from crmlib.baskets import break_even, pairs, rules
from crmlib.core.errors import ModelError
from crmlib.customers.members.periods import months_before
from crmlib.pages.bundles.parameters import Bundles
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import receipts

DAY = timedelta(days=1)
SEASON_DAYS = 28
"""A good that was not sold for so many days is out of season: no bundle of it is tried now."""
DRAWN = 400_000
"""Receipts that pairs are tested on; of more, so many are drawn, member by member."""
CARDED = 0.2
"""From this share of receipts with a card on pairs are tested within members, else within store and week."""


class Study(MemberStudy):
    """From receipts to pairs that go together, what a bundle of each must bring, and which to try."""

    @property
    def params(self) -> Bundles:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def span(self) -> tuple[date, date]:
        """First and last day looked at."""
        return months_before(self.page.as_of, self.params.months) + DAY, self.page.as_of

    @cached_property
    def counts(self) -> receipts.BasketCounts:
        """All receipts by the goods and pairs that they hold."""
        start, end = self.span
        return receipts.basket_counts(self.lines, start=start, end=end, nobody=self.apart.flagged["customer_id"])

    @property
    def receipts(self) -> int:
        """Receipts that pairs could be tested on: those of members, else all."""
        return self.counts.carded if self.by_member else self.counts.baskets

    @property
    def share(self) -> float:
        """Share of these that is drawn to test pairs on; 1 while there are no more than `DRAWN`."""
        return min(1.0, DRAWN / max(self.receipts, 1))

    @cached_property
    def goods_sold(self) -> pl.DataFrame:
        """Goods by receipt: basket_id, customer_id (null: no member), store_id, product_id, day_n, promotion."""
        start, end = self.span
        unit: Literal["customer_id", "receipt_id"] = "customer_id" if self.by_member else "receipt_id"
        sold = receipts.basket_goods(self.lines, start=start, end=end, share=self.share, of=unit)
        strange = pl.col("customer_id").is_in(self.apart.flagged["customer_id"].implode())
        return sold.with_columns(customer_id=pl.when(~strange).then("customer_id")).rename({"offered": "promotion"})

    @cached_property
    def by_member(self) -> bool:
        """Whether enough receipts are of members, so that each is compared with own baskets."""
        return self.counts.carded >= CARDED * max(self.counts.baskets, 1)

    @cached_property
    def tested(self) -> pairs.Pairs:
        """Pairs of goods, tested within members, or within store and week where cards are rare."""
        if self.by_member:
            return pairs.pairs(self.goods_sold)
        week = (pl.col("day_n") + 3) // 7
        placed = self.goods_sold.with_columns(store_week=pl.format("{}/{}", "store_id", week))
        return pairs.pairs(placed, unit="store_week")

    @property
    def testable(self) -> bool:
        """Whether there are enough baskets to test any pair."""
        try:
            return self.tested.baskets > 0
        except ModelError:
            return False

    @cached_property
    def plain(self) -> pl.DataFrame:
        """Pairs by plain lift, for comparison: how many of the strongest are the same people's taste only."""
        return rules.of_counts(self.counts.goods, self.counts.pairs, baskets=self.counts.baskets)

    @cached_property
    def priced(self) -> pl.DataFrame:
        """Goods sold by the piece: product_id, baskets, price_minor and margin_minor of one (null without costs)."""
        start, end = self.span
        sold = receipts.goods_money(self.lines, start=start, end=end).filter(
            pl.col("unit") == "piece", pl.col("quantity_milli") > 0, pl.col("net_minor") > 0
        )
        each = 1000 / pl.col("quantity_milli")
        cost = pl.when(pl.col("costed_milli") > 0).then(pl.col("cost_minor") * 1000 / pl.col("costed_milli"))
        return sold.select(
            "product_id",
            price_minor=(pl.col("net_minor") * each).round().cast(pl.Int64),
            margin_minor=(pl.col("net_minor") * each - cost).round().cast(pl.Int64),
        )

    @cached_property
    def worth(self) -> pl.DataFrame:
        """Pairs that go together, by the share of single baskets a bundle must turn before it pays.

        left, right, baskets (of all receipts), members, stores, ratio, price_minor (of both), discount_minor,
        margin_minor (the smaller of the two goods': what a turned basket adds at least), in_season (both sold of
        late), and what `break_even` adds.
        """
        found = self.tested.together().select("left", "right", "members", "stores", "ratio", "verdict")
        found = found.join(self.counts.pairs, on=["left", "right"], maintain_order="left")
        lately = pl.col("last_day_n").cast(pl.Date) > self.page.as_of - SEASON_DAYS * DAY
        baskets = self.counts.goods.select("product_id", sold="baskets", current=lately)
        goods = self.priced.join(baskets, on="product_id")
        for side in ("left", "right"):
            named = goods.rename({c: f"{side}_{c}" for c in goods.columns if c != "product_id"})
            found = found.join(named, left_on=side, right_on="product_id", maintain_order="left")
        price = pl.col("left_price_minor") + pl.col("right_price_minor")
        asked = found.with_columns(
            price_minor=price,
            discount_minor=(price * self.params.discount_bp / 10_000).round().cast(pl.Int64),
            margin_minor=pl.min_horizontal("left_margin_minor", "right_margin_minor"),
            both=pl.col("baskets"),
            left_baskets=pl.col("left_sold"),
            right_baskets=pl.col("right_sold"),
            in_season=pl.col("left_current") & pl.col("right_current"),
        ).drop_nulls("margin_minor")
        return break_even.break_even(asked)

    @cached_property
    def names(self) -> dict[str, str]:
        """Goods by name, where products are connected."""
        if self.goods is None:
            return {}
        named = self.goods.select("product_id", pl.col("name").fill_null(pl.col("product_id"))).collect()
        return dict(named.iter_rows())

    @cached_property
    def stocked(self) -> pl.DataFrame | None:
        """Units of each good at the last count of each store: product_id, units; none where stock is not connected."""
        counts = self.page.optional("stock")
        if counts is None:
            return None
        place = ["store_id", "product_id"]
        last = counts.filter(pl.col("counted_on") == pl.col("counted_on").max().over(place))
        return last.group_by("product_id").agg(units=pl.col("on_hand_milli").sum() // 1000).collect()
