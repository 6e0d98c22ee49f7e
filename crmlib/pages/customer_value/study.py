"""The steps of the customer value report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.churn.lists import watchlist
from crmlib.churn.models.overdue import MIN_GAPS
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.customers.groups import segments
from crmlib.customers.loyalty import contact_list, loyalty, retention
from crmlib.customers.members import cards, periods
from crmlib.pages.customer_value.parameters import CustomerValue
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import traits
from crmlib.report.memory.remember import Later
from crmlib.scoring import matrix, migration, pyramid, smoothing, state

MONTHS = 12
"""Whole months of the share of sales on a card."""
NEWCOMER_MONTHS = 6
"""Months of newcomers whose return is counted."""


def _back(days: Later[pl.DataFrame], *, as_of: date) -> pl.DataFrame:
    return loyalty.repeat_rate(days.value, as_of=as_of)


def _stayed(days: Later[pl.DataFrame], *, as_of: date) -> pl.DataFrame:
    return retention.cohorts(days.value, as_of=as_of)


def _width(
    lines: panels.ReceiptLines, goods: pl.LazyFrame, apart: cards.Cards, dates: tuple[date, date]
) -> pl.DataFrame:
    bought = traits.customer_part(lines, goods, by="category_1", start=dates[0], end=dates[1], days=False)
    return loyalty.width(cards.only_members(bought, apart))


@dataclass(frozen=True, slots=True)
class Overdue:
    """What the page shows of the upper members' lateness, small enough to be kept.

    Parameters
    ----------
    upper : state, waiting, tier, risk, margin_minor, stake_minor of all of them. late : as `Study.late`.
    """

    upper: pl.DataFrame
    late: pl.DataFrame


RHYTHM = ("tier", "state", "waiting", "risk", "margin_minor", "stake_minor")


class Study(MemberStudy):
    """From receipt lines to tiers, movement, the matrix, overdue members, segments and the list; in this order."""

    @property
    def params(self) -> CustomerValue:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def span(self) -> periods.Periods:
        """The period of the page and the one it is compared with."""
        return periods.periods(
            self.page.as_of,
            months=self.params.months,
            aligned=self.params.calendar == "lunar",
            compare=self.params.compare,
            first_day=self.first_day,
        )

    @cached_property
    def every_day(self) -> Later[pl.DataFrame]:
        """Days on which each card bought, for what is remembered of them."""
        return Later(self._bought, self.lines, self.page.as_of)

    def _bought(self) -> pl.DataFrame:
        return self.purchases_in(self.lines, until=self.page.as_of).with_columns(is_purchase=True)

    @cached_property
    def ever(self) -> pl.DataFrame:
        """Every card with the day it was first seen, and those of its first and last purchase."""
        return self.page.remember(panels.customer_span, self.lines, period_end=self.page.as_of)

    @cached_property
    def now(self) -> pl.DataFrame:
        """Members of this period, one row each: purchase days, net_minor, margin_minor and so on."""
        return self.members_in(self.span.start, self.span.end)

    @cached_property
    def before(self) -> pl.DataFrame:
        """Members of the previous period, as in `now`."""
        return self.members_in(self.span.previous_start, self.span.previous_end)

    @cached_property
    def told_tiers(self) -> pyramid.Pyramid:
        """`tiers` with net_minor alone of each member."""
        return self.kept(
            "tiers", lambda: replace(self.tiers, customers=self.tiers.customers.select("net_minor")), *self.tiered
        )

    @cached_property
    def told_moves(self) -> migration.Migration:
        """`moves` with tier_before, tier_now and net_before_minor alone of each member."""
        return self.kept("moves", self._moves, *self.tiered)

    def _moves(self) -> migration.Migration:
        moves = self.moves.customers.select("tier_before", "tier_now", "net_before_minor")
        names = pl.Enum(pl.concat([moves["tier_before"], moves["tier_now"]]).unique().sort())
        return replace(self.moves, customers=moves.with_columns(pl.col("tier_before", "tier_now").cast(names)))

    @cached_property
    def told_board(self) -> matrix.Matrix:
        """`board` without members."""
        return self.kept(
            "board", lambda: replace(self.board, customers=self.board.customers.clear()), self.span, self.params.margin
        )

    @cached_property
    def told_groups(self) -> segments.Segments:
        """`groups` without members."""
        return self.kept("groups", lambda: replace(self.groups, customers=self.groups.customers.clear()), *self.tiered)

    @property
    def tiered(self) -> tuple[object, ...]:
        """What decides `tiers` besides the data."""
        return self.span, self.params.shares_bp

    @cached_property
    def overdue(self) -> Overdue | None:
        """What the cards read of everybody's lateness; none where no risk can be learned."""
        return self.kept("overdue", self._overdue, *self.tiered)

    def _overdue(self) -> Overdue | None:
        if self.rhythm is None or self.late is None:
            return None
        upper = self.rhythm.filter(pl.col("tier").is_in(self.upper))
        return Overdue(upper.select(c for c in RHYTHM if c in upper.columns), self.late)

    @cached_property
    def tiers(self) -> pyramid.Pyramid:
        """Members of this period by tier."""
        return pyramid.pyramid(self.now, shares=self.params.shares_bp)

    @cached_property
    def held(self) -> pl.DataFrame:
        """Members with their tier smoothed by that of the last run: customer_id, tier, tier_smoothed."""
        last = state.held(
            self.page.state("score_state", asked=self.params.definition), definition=self.params.definition
        )
        return smoothing.smooth(self.tiers, last=last)

    @cached_property
    def moves(self) -> migration.Migration:
        """Movement of members between tiers, from the previous period into this one."""
        known = self.ever.filter(pl.col("seen_day_n") <= day_number(self.span.day_before))
        previous = None if self.before.is_empty() else pyramid.pyramid(self.before, shares=self.params.shares_bp)
        return migration.migrate(previous, self.tiers, known_before=known)

    @cached_property
    def watch(self) -> Watch:
        """Who is late and what is at stake, as every page says it."""
        return Watch(self.page)

    @cached_property
    def rhythm(self) -> pl.DataFrame | None:
        """Members by this page's tiers with state, risk and money at stake; none where no risk can be learned."""
        found = self.watch.lateness
        if found is None:
            return None
        tiers = self.tiers.customers.select("customer_id", tier=pl.col("tier").cast(pl.String))
        return found.table.drop("tier", "at_risk_minor").join(tiers, on="customer_id").sort("customer_id")

    @property
    def basis(self) -> str:
        """What is at stake: margin where cost is known, else sales."""
        return self.kept("basis", lambda: "margin" if self.watch.lateness is None else self.watch.lateness.basis)

    @cached_property
    def late(self) -> pl.DataFrame | None:
        """Upper members who are late, with at_risk_minor and how to reach them, largest first; none without a risk."""
        found = self.watch.lateness
        if self.rhythm is None or found is None:
            return None
        late = watchlist.late(self.rhythm, festival_buyers=self.rhythm.filter("waiting"))
        late = late.filter(pl.col("tier").is_in(self.upper))
        asked = late.select("customer_id").join(
            found.table.select("customer_id", "tier"), on="customer_id", maintain_order="left"
        )
        reached = self.watch.reach_rows(asked)
        return late.join(reached, on="customer_id", how="left", maintain_order="left")

    @property
    def upper(self) -> list[str]:
        """The tiers a planner calls the upper ones: the first two, or the only one above the rest."""
        found = self.told_tiers
        return found.tiers["tier"].to_list()[: min(2, len(found.shares))]

    @cached_property
    def was(self) -> matrix.Matrix:
        """The previous period's members by sales and margin."""
        return matrix.matrix(self.before, margin=self.params.margin)

    @cached_property
    def board(self) -> matrix.Matrix:
        """Members of this period by sales and margin."""
        return matrix.matrix(self.now, margin=self.params.margin)

    @cached_property
    def on_same_lines(self) -> matrix.Matrix:
        """Members of this period between the previous period's cuts."""
        cuts = (self.was.net_cut, self.was.margin_cut)
        return matrix.matrix(self.now, margin=self.params.margin, cut="fixed", fixed=cuts)

    @cached_property
    def largest(self) -> pl.DataFrame:
        """Members who left the good corner with the largest loss of margin."""
        return self.kept("largest", lambda: matrix.movers(self.was, self.on_same_lines), self.span, self.params.margin)

    @cached_property
    def moved(self) -> pl.DataFrame:
        """Members and margin [minor units] by quadrant before and now."""
        return self.kept("moved", lambda: matrix.moves(self.was, self.on_same_lines), self.span, self.params.margin)

    @cached_property
    def groups(self) -> segments.Segments:
        """Members by the first rule that fits: new, core, gift, offer, regular, once, rest."""
        bought = traits.customer_traits(self.lines, self.goods, start=self.span.start, end=self.span.end)
        facts = segments.with_traits(self.now, self.tiers.customers, self.ever, bought)
        return segments.by_rule(facts, segments.value_rules(as_of=self.page.as_of))

    @cached_property
    def by_month(self) -> pl.DataFrame:
        """Share of sales on a card, one row per whole month."""
        first, last = periods.whole_months(self.page.as_of, months=MONTHS)
        return self.kept("by_month", lambda: loyalty.card_share(panels.store_day(self.lines), start=first, end=last))

    @cached_property
    def back(self) -> pl.DataFrame:
        """Newcomers and those who came back, of the last months that can be judged."""
        return self.page.remember(_back, self.every_day, as_of=self.page.as_of).tail(NEWCOMER_MONTHS)

    @cached_property
    def stayed(self) -> pl.DataFrame:
        """Newcomers by month, and the share buying again so many months later."""
        return self.page.remember(_stayed, self.every_day, as_of=self.page.as_of)

    @cached_property
    def width(self) -> pl.DataFrame | None:
        """Members and sales by number of categories bought; none without the table of products."""
        if self.goods is None:
            return None
        goods, dates = self.goods.select("product_id", "category_1"), (self.span.start, self.span.end)
        return self.kept("width", lambda: _width(self.lines, goods, self.apart, dates), dates)

    @cached_property
    def chosen(self) -> contact_list.ContactList:
        """Overdue upper members to contact, and those held back by chance."""
        if self.overdue is None:
            raise ModelError("churn.no_rhythm", values={"customers": 0, "needed": MIN_GAPS})
        return contact_list.choose(self.overdue.late, capacity=self.params.capacity)

    @property
    def proposal(self) -> pl.DataFrame:
        """Whom the register's list will hold: those to contact, and those left alone who would be."""
        both = pl.concat([self.chosen.chosen, self.chosen.held_back])
        return both.filter(pl.col("action") != "solve_complaint").select(
            "means", "held", recipient_id="customer_id", reason_code="action", value_minor="at_risk_minor"
        )

    @cached_property
    def last_list(self) -> contact_list.Result | None:
        """What came of the last run's list."""
        last = self.page.state("contact_list")
        if last is None:
            return None
        return contact_list.result(last, self.days_of(last["customer_id"]), until=self.page.as_of)

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep tiers and list for the next run, and propose the list to the register."""
        if self.page.context.face != "html":  # trying out parameters keeps nothing
            return
        frozen = state.freeze(definition=self.params.definition, pyramid=self.tiers, smoothed=self.held)
        self.page.save_state("score_state", frozen, asked=self.params.definition)
        if self.overdue is not None:
            self.page.save_state("contact_list", contact_list.as_state(self.chosen, as_of=self.page.as_of))
            lists.propose_standing(self.page, self.proposal, called="customer_value.filed", objective="win_back")
