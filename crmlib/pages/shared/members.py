"""Who is a member: one definition for all pages, and what every study of members begins with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

import polars as pl

from crmlib import panels, report
from crmlib.churn.features import visits
from crmlib.core.dates import day_number
from crmlib.customers import grades
from crmlib.customers.members import cards
from crmlib.customers.members.periods import months_before
from crmlib.kit.words import Words
from crmlib.pages.shared import lists
from crmlib.panels import traits
from crmlib.report import Page
from crmlib.report.memory.remember import Later

T = TypeVar("T")
YEAR = timedelta(days=364)
MONTHS = 24
"""Cards are judged by their use in the two years to the page's day: this year and the one it is compared with."""


def sorted_cards(
    page: Page, lines: panels.ReceiptLines | None = None, *, limits: cards.Limits | None = None
) -> cards.Cards:
    """The cards that are no member's, as of the page's day; every other card is a member.

    The same cards on every page, whatever period it looks at: a till's card of last spring is nobody's today either.

    Parameters
    ----------
    lines : what they are judged by; the page's receipts without it.
    limits : where a card stops being a member's; the house's without it.
    """
    start = months_before(page.as_of, MONTHS) + timedelta(days=1)
    judged = page.lines if lines is None else lines
    people = Later(lambda: page.optional("customers"), judged)  # lines are known by all versions, day and regions
    limits = None if limits == cards.Limits() else limits  # the house's are found under one name
    return page.remember(_sorted, judged, people, start=start, end=page.as_of, limits=limits, tagged=tags(page.words))


def _sorted(
    lines: panels.ReceiptLines,
    people: Later[pl.LazyFrame | None],
    *,
    start: date,
    end: date,
    limits: cards.Limits | None,
    tagged: dict[str, tuple[str, ...]],
) -> cards.Cards:
    file = None if people.value is None else people.value.select("customer_id", "tags")
    return cards.sort_cards(traits.card_use(lines, start=start, end=end), file, limits=limits, tags=tagged)


def tags(words: Words) -> dict[str, tuple[str, ...]]:
    """Words by which member systems mark staff and business cards, for `members.cards.sort_cards`; alike in order."""
    return {kind: tuple(sorted(words(f"scoring.tags.{kind}").split(";"))) for kind in ("staff", "business")}


_MADE: WeakKeyDictionary[Page, dict[tuple[str, bool], Any]] = WeakKeyDictionary()
"""What the studies of an open page made together."""


def _staying(bought: Later[pl.DataFrame], *, as_of: date) -> grades.Staying:
    return grades.staying(bought.value, as_of=as_of)


class MemberStudy(report.Study):
    """Lines, tables and customer-days, and the cards that are no member's."""

    by_card: ClassVar[bool] = False
    """Whether `lines` are all receipts of the members, in whichever shop."""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives of `lines`, made once under its name for all studies of the page that have the same."""
        made, key = _MADE.setdefault(self.page, {}), (name, self.by_card and self.page.regions is not None)
        if key not in made:
            made[key] = make()
        found: T = made[key]
        return found

    def forget(self, *steps: str) -> None:
        """Let go of steps that no later one asks for: of millions of members they are what a page's memory is."""
        for step in steps:
            vars(self).pop(step, None)

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """The receipt lines, for panels."""
        return self.page.lines

    @cached_property
    def people(self) -> pl.LazyFrame | None:
        """The table of members, without names; none where it is not connected."""
        return self.page.optional("customers")

    @cached_property
    def goods(self) -> pl.LazyFrame | None:
        """The table of products; none where it is not connected."""
        return self.page.optional("products")

    @cached_property
    def days(self) -> pl.DataFrame:
        """One row per card and day of the whole history, up to the page's day."""
        return self.once("days", lambda: panels.customer_day(self.lines, period_end=self.page.as_of))

    @cached_property
    def all_lines(self) -> panels.ReceiptLines:
        """`lines` of the region's members in whichever shop: whether somebody stays away is judged by all of them."""
        return self.lines if self.page.regions is None or self.people is None else self.page.lines_of_members()

    @cached_property
    def all_days(self) -> pl.DataFrame:
        """`days` of `all_lines`."""
        if self.page.regions is None or self.people is None:
            return self.days
        return panels.customer_day(self.all_lines, period_end=self.page.as_of)

    def days_of(self, ids: pl.Series) -> pl.DataFrame:
        """`days` of some cards, in whichever shop: those of millions are not held for the few on a list."""
        theirs = panels.part(self.all_lines, customers=ids.unique())
        return panels.customer_day(theirs, period_end=self.page.as_of)

    @cached_property
    def first_day(self) -> date | None:
        """The first day of sales on a card; none without any."""
        return self.kept("first_day", self._first_day, self.by_card)

    def _first_day(self) -> date | None:
        days = panels.day_cards(self.lines).filter(pl.col("card_lines") > 0, pl.col("day") <= self.page.as_of)
        return days["day"].min()  # type: ignore[return-value]

    @cached_property
    def apart(self) -> cards.Cards:
        """The cards that are no member's: `sorted_cards`."""
        return self.once("cards", lambda: sorted_cards(self.page, self.lines))

    @cached_property
    def shops(self) -> pl.DataFrame:
        """Each card's shops of the last year, by what was bought there."""
        return self.once("homes", lambda: self.shops_in(self.lines))

    def shops_in(self, lines: panels.ReceiptLines) -> pl.DataFrame:
        """`shops` of some lines."""
        return traits.customer_part(lines, by="store_id", start=self.page.as_of - YEAR, end=self.page.as_of)

    def members_in(self, start: date, end: date) -> pl.DataFrame:
        """Members of a period, as `panels.customer_period` gives them; looked at once for all pages of a night."""
        return self.members(self.page.remember(panels.customer_period, self.lines, start=start, end=end))

    def span_of_all(self, end: date) -> pl.DataFrame:
        """`panels.customer_span` of every card, in whichever shop, up to a day; made once for all pages of a night."""
        return self.page.remember(panels.customer_span, self.all_lines, period_end=end)

    def visits_in(self, lines: panels.ReceiptLines) -> visits.Visits:
        """Days on which the customers of some lines came; read once for all pages of a night."""
        return self.page.remember(visits.visits, lines, coded=True)

    def purchases_in(self, lines: panels.ReceiptLines, *, until: date) -> pl.DataFrame:
        """Days up to `until` on which they bought: customer_id (an Enum), day_n, net_minor; by both keys."""
        return visits.bought(self.visits_in(lines)).filter(pl.col("day_n") <= day_number(until))

    def staying(self, *days: date) -> list[grades.Staying]:
        """How surely everybody stays, by visits in whichever shop, as of each of `days`."""
        lines, last = self.all_lines, max(days)
        bought = Later(lambda: self.purchases_in(lines, until=last), lines, last)
        return [self.page.remember(_staying, bought, as_of=day) for day in days]

    def members(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of `frame` (customer_id, …) that are members'."""
        return cards.only_members(frame, self.apart)

    def left_alone(self, ids: pl.Series) -> pl.Series:
        """Whether each of `ids` is left alone this month by the standing lists, so that the effect of all can be seen.

        One draw for all of them, within the region, by the lake's key; whoever waits for an answer to a complaint is
        never left alone.
        """
        drawn = lists.standing(self.page, ids)
        contacts = self.page.optional("contacts")
        if contacts is None:
            return drawn
        open_ones = contacts.filter(pl.col("purpose").cast(pl.String) == "complaint", pl.col("solved_at").is_null())
        waiting = open_ones.select("customer_id").collect()["customer_id"]
        return drawn & ~ids.is_in(waiting.implode())
