"""What is known of members beside their sales, told alike on the page of a group and on that of one customer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cached_property

import polars as pl

from crmlib import panels
from crmlib.customers.groups import traits as known
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import traits


class TraitStudy(MemberStudy):
    """Members of a period, their taste, the price they accept and every other trait; `dates` is each page's own."""

    @cached_property
    def dates(self) -> dict[str, date]:
        """First and last day of the period, as panels take them."""
        raise NotImplementedError

    @cached_property
    def now(self) -> pl.DataFrame:
        """Members of this period, one row each: purchase days, net_minor, margin_minor and so on."""
        return self.members_in(self.dates["start"], self.dates["end"])

    @property
    def looked_at(self) -> panels.ReceiptLines:
        """The lines of whom traits are told."""
        return self.lines

    @property
    def described(self) -> pl.DataFrame:
        """The rows of `now` of whom traits are told."""
        return self.now

    @property
    def profiles(self) -> pl.LazyFrame | None:
        """The rows of the table of members of whom traits are told; none where it is not connected."""
        return self.people

    @property
    def sold(self) -> pl.DataFrame | None:
        """Goods that all members bought, where `looked_at` are the lines of some."""
        return None

    @cached_property
    def flavours(self) -> pl.DataFrame | None:
        """Sales by card and flavour; none where products are not connected."""
        if self.goods is None:
            return None
        start, end = self.dates["start"], self.dates["end"]
        return traits.customer_part(self.looked_at, self.goods, by="flavour", start=start, end=end, days=False)

    @cached_property
    def prices(self) -> pl.DataFrame | None:
        """What each card paid beside the usual price of its categories; none where products are not connected."""
        if self.goods is None:
            return None
        return traits.customer_prices(self.looked_at, self.goods, by="category_1", every=self.sold, **self.dates)

    def tastes(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Traits that are the part with the most money, with sales by card and part, one after the other."""
        if self.flavours is not None:
            yield "favourite_flavour", self.flavours

    def known_traits(self) -> pl.DataFrame:
        """`described` with every trait that the connected tables can tell; each large sum is let go before the next."""
        told = [
            known.clock_traits(traits.customer_clock(self.looked_at, **self.dates)),
            known.money_traits(traits.customer_traits(self.looked_at, self.goods, **self.dates)),
        ]
        if self.prices is not None:
            told.append(known.price_level(self.prices))
        told += [known.favourite(parts, name=name) for name, parts in self.tastes()]
        return known.member_traits(self.described, *told, customers=self.profiles)
