"""The facts at the head of every page: what the data cover, what was set aside, what they cannot see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import polars as pl

from crmlib import panels
from crmlib.report.page import LINES, Page

YEAR = timedelta(days=365)
LATE_WARN = 2
"""Data that end this many days before the page's day are called late."""
ASIDE_WARN = 0.01
"""More than this share of sales set aside is a warning."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the page's data hold.

    Parameters
    ----------
    last : last day with sales.
    late : days from there to the page's day, 0 if it is only a day or so.
    member_share : of the year's net sales up to the page's day, the share with a card; none where no line has one.
    set_aside : rows read but not counted because they break a rule.
    share_set_aside : their money as a share of all sales, as far as it could be read.
    """

    last: date
    late: int
    member_share: float | None
    set_aside: int
    share_set_aside: float

    @property
    def warn(self) -> bool:
        """Whether a reader must know before reading on."""
        return self.late >= LATE_WARN or self.share_set_aside > ASIDE_WARN


def coverage(page: Page) -> Coverage:
    """The facts of `page`, in one pass over a year of sales and one look at the record of ingests."""
    year = panels.day_cards(panels.part(page.lines, start=page.as_of - YEAR + timedelta(days=1)))
    net, member, cards = (int(year[c].sum()) for c in ("net_minor", "card_net_minor", "card_lines"))
    if year.height:
        last = cast(date, year["day"].max())
    else:
        _, last = panels.span(page.lines) or (page.as_of, page.as_of)
    late = max(0, (page.as_of - last).days)
    batches = page.ingests()
    aside_minor, all_minor = _money_set_aside(batches), page.all_sales()
    return Coverage(
        last=last,
        late=late if late >= LATE_WARN else 0,
        member_share=member / net if cards and net > 0 else None,
        set_aside=int(batches["quarantined"].sum() or 0),
        share_set_aside=aside_minor / (all_minor + aside_minor) if all_minor > 0 else 0.0,
    )


def _money_set_aside(batches: pl.DataFrame) -> int:
    """Sales [minor units] in the rows of receipt lines that broke a rule; a torn row's money cannot be read."""
    rules = [rule for rules in batches.filter(pl.col("table") == LINES)["rules"] for rule in json.loads(rules or "[]")]
    return sum(abs(int(rule.get("net_minor") or 0)) for rule in rules if rule.get("kind") == "quarantined")
