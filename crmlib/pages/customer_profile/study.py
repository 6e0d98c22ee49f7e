"""The steps of the customer profile report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl

from crmlib import report
from crmlib.core.frames import few_texts
from crmlib.customers import grades
from crmlib.customers.groups import drivers, needs, profile
from crmlib.customers.groups import traits as known
from crmlib.customers.loyalty import referrals
from crmlib.customers.members import periods
from crmlib.pages.customer_profile.groups import group_name, in_words, need_names, to_choose
from crmlib.pages.customer_profile.parameters import CustomerProfile
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.trait_ground import TraitStudy
from crmlib.panels import traits
from crmlib.report.form.picks import Follows
from crmlib.report.memory.remember import Later
from crmlib.scoring import pyramid, rfm, state

KIN = "category_1"
"""The category by which prices are compared."""


def _needs(parts: Later[pl.DataFrame], *, rng: np.random.Generator) -> needs.NeedSegments:
    return needs.need_segments(parts.value, rng=rng)


def _made(table: Later[pl.DataFrame]) -> pl.DataFrame:
    return table.value


def _drivers(table: Later[pl.DataFrame], *, traits: list[str]) -> pl.DataFrame:
    return drivers.importance(table.value, outcome="net_minor", traits=traits)


def _referred(
    people: Later[pl.DataFrame], values: Later[pl.DataFrame], *, rng: np.random.Generator
) -> referrals.Referrals:
    return referrals.referrals(people.value, values.value, rng=rng)


def _of_referrals(people: pl.LazyFrame) -> pl.DataFrame:
    """The columns that referrals are told by, as far as they are there."""
    there = people.collect_schema().names()
    return people.select(c for c in ("customer_id", "referred_by", "joined_on") if c in there).collect()


def _parted(kinds: pl.DataFrame, by: str) -> pl.DataFrame:
    """Money of kinds by one column of theirs: customer_id, part, net_minor; in any order."""
    sums = kinds.lazy().group_by("customer_id", part=by).agg(pl.col("net_minor").sum())
    return sums.collect(engine="streaming")


class Study(TraitStudy):
    """From receipt lines to members with their traits, and a group of them beside the rest; in this order."""

    @property
    def params(self) -> CustomerProfile:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def span(self) -> periods.Periods:
        """The period of the page and the one before."""
        return periods.periods(self.page.as_of, months=self.params.months, first_day=self.first_day)

    @cached_property
    def dates(self) -> dict[str, date]:
        """First and last day of the period, as panels take them."""
        return {"start": self.span.start, "end": self.span.end}

    @cached_property
    def met(self) -> pl.DataFrame:
        """`now`, with the last purchase day of each in whichever shop: who bought elsewhere yesterday is not away."""
        last = self.span_of_all(self.span.end).select("customer_id", last="last_day_n")
        known = self.now.join(last, on="customer_id", how="left", maintain_order="left")
        newest = pl.max_horizontal("last_day_n", pl.col("last").cast(pl.Int64)).cast(self.now.schema["last_day_n"])
        return known.with_columns(last_day_n=newest).drop("last")

    @cached_property
    def before(self) -> pl.DataFrame:
        """Members of the previous period, as in `now`."""
        return self.members_in(self.span.previous_start, self.span.previous_end)

    @cached_property
    def kinds(self) -> pl.DataFrame | None:
        """What each card bought of each kind, by what any step tells kinds apart; none where goods are not connected.

        One reading of the lines for all of these steps.
        """
        if self.goods is None:
            return None
        by = dict.fromkeys((KIN, "unit", "flavour", self.params.level))
        return traits.customer_kinds(self.lines, self.goods, by=tuple(by), **self.dates)

    @cached_property
    def parts(self) -> pl.DataFrame:
        """Sales by card and category, or by product where products are not connected: customer_id, part, net_minor."""
        if self.kinds is not None:
            return _parted(self.kinds, self.params.level)
        start, end = self.dates["start"], self.dates["end"]
        return traits.customer_part(self.lines, by="product_id", start=start, end=end, days=False)

    @cached_property
    def flavours(self) -> pl.DataFrame | None:
        """Sales by card and flavour; none where products are not connected."""
        return None if self.kinds is None else _parted(self.kinds, "flavour")

    def tastes(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The favourite category, then the favourite flavour."""
        if self.goods is not None:
            yield "favourite_category", self.parts
        yield from super().tastes()

    @cached_property
    def prices(self) -> pl.DataFrame | None:
        """What each card paid beside the usual price of its categories; none where products are not connected."""
        if self.kinds is None:
            return None
        sums = self.kinds.lazy().group_by("customer_id", KIN, "unit").agg(pl.col(*traits.KIND_SUMS).sum())
        kinds = sums.collect(engine="streaming")
        return traits.usual_prices(kinds, kinds, by=KIN)

    @cached_property
    def sources(self) -> tuple[object, ...]:
        """All that decides what is told of members; the tables are among the page's sources, found or made."""
        self.page.tables("customers", "products")
        return self.lines, self.apart.flagged["customer_id"], self.dates, self.params.level

    @cached_property
    def told(self) -> pl.DataFrame:
        """Traits of the rows of `now`, and money paid and usual; found by all languages and groups of a night."""
        return self.page.remember(_made, Later(self._told, *self.sources))

    def _told(self) -> pl.DataFrame:
        table = self.known_traits()
        if self.prices is not None:
            paid = self.prices.select("customer_id", "paid_minor", "usual_minor")
            table = table.join(paid, on="customer_id", how="left", maintain_order="left")
        self.forget("kinds", "flavours", "prices")
        return few_texts(table.drop(self.now.columns))

    @cached_property
    def traits(self) -> pl.DataFrame:
        """Members with what is known of them, one column per trait, their tier, and whether they are in the group."""
        tiers = pyramid.pyramid(self.now, shares=self.params.shares_bp).customers.select("customer_id", "tier")
        table = pl.concat([self.now, self.told], how="horizontal")
        table = table.join(tiers, on="customer_id", how="left", maintain_order="left")
        if self.params.group_by == "need":
            grouped = self.need_groups.customers.select("customer_id", need="segment")
            table = table.join(grouped, on="customer_id", how="left", maintain_order="left")
        options = to_choose(table, self.params.traits(), words=self.words, needs=self.need_names)
        self.page.shown.offers["group"] = Follows("group_by", options)
        said = in_words(table, self.params.group_by, self.params.group, words=self.words, needs=self.need_names)
        return table.with_columns(chosen=known.in_group(said.table, column=self.params.group_by, values=said.values))

    @cached_property
    def price_levels(self) -> tuple[float | None, float | None]:
        """Price paid by the group and by the rest, each beside the usual price of the same categories [ratio]."""
        if "usual_minor" not in self.traits.columns:
            return None, None
        sums = self.traits.group_by("chosen").agg(pl.col("paid_minor", "usual_minor").sum())
        sums = sums.filter(pl.col("usual_minor") > 0)
        ratios = dict(sums.select("chosen", pl.col("paid_minor") / pl.col("usual_minor")).iter_rows())
        return ratios.get(True), ratios.get(False)

    @cached_property
    def need_names(self) -> dict[str, str]:
        """Names of the groups of needs by number; empty unless the group is one of them."""
        return need_names(self.need_groups, words=self.words) if self.params.group_by == "need" else {}

    @cached_property
    def group_name(self) -> str:
        """The group in words."""
        by, needs = self.params.group_by, self.need_names
        known = self.traits[by].cast(pl.String).drop_nulls().unique().to_list()
        return group_name(self.words, by, self.params.group, needs=needs, known=known)

    @cached_property
    def watch(self) -> Watch:
        """Owner, means and the month's draw, as every list of members has them."""
        return Watch(self.page)

    @cached_property
    def everybody(self) -> pl.DataFrame:
        """Members of the group, those who bought most first, with owner, means, and whether the month's draw holds."""
        chosen = self.traits.filter("chosen").sort("net_minor", "customer_id", descending=[True, False])
        reached = self.watch.reach(chosen["customer_id"]).select("customer_id", "owner", "means", "held")
        return chosen.join(reached, on="customer_id", how="left", maintain_order="left")

    @cached_property
    def listed(self) -> pl.DataFrame:
        """`everybody` without those whom the month's draw leaves alone, as many as are asked for."""
        return self.everybody.filter(~pl.col("held")).head(self.params.capacity)

    @cached_property
    def trait_names(self) -> list[str]:
        """Traits to compare by: all but the one that makes the group."""
        return known.without(known.trait_names(self.told), self.params.group_by)

    @cached_property
    def profile(self) -> pl.DataFrame:
        """Each value of each trait in the group and in all, with intervals and corrected for many comparisons."""
        return profile.profile(self.traits, group="chosen", traits=self.trait_names)

    @cached_property
    def split(self) -> pl.DataFrame:
        """The group's spend a member beside the rest's: by trips, units a trip and price."""
        return drivers.decompose(self.traits, group="chosen")

    @cached_property
    def need_groups(self) -> needs.NeedSegments:
        """Members by what they buy, as many groups as resampling holds apart."""
        parts = Later(lambda: self.members(self.parts), *self.sources)
        found = self.page.remember(_needs, parts, rng=self.page.rng)
        self.forget("parts")
        return found

    @cached_property
    def drivers(self) -> pl.DataFrame:
        """Traits by the share of differences in spend [0 to 1] that they explain."""
        table = Later(lambda: self.traits, *self.sources)
        return self.page.remember(_drivers, table, traits=known.for_drivers(self.trait_names))

    @cached_property
    def graded(self) -> grades.Grades:
        """Members graded by margin, safety and engagement."""
        return grades.grade_members(grades.member_inputs(self.now, self.stay[0], as_of=self.span.end))

    @cached_property
    def stay(self) -> list[grades.Staying]:
        """How surely everybody stays at the end of the period and of the one before."""
        return self.staying(self.span.end, self.span.previous_end)

    @cached_property
    def kept_grades(self) -> grades.Grades:
        """Grades given at the end of the previous period, with what their members brought since."""
        then = grades.member_inputs(self.before, self.stay[1], as_of=self.span.previous_end)
        return grades.grade_members(then, realised=self.now)

    @cached_property
    def prospects(self) -> pl.DataFrame | None:
        """Graded people who were talked to and have not bought; none where contacts are not connected."""
        contacts = self.page.optional("contacts")
        if contacts is None:
            return None
        return grades.grade_prospects(contacts, as_of=self.page.as_of, customers=self.span_of_all(self.span.end))

    @cached_property
    def frozen_cuts(self) -> rfm.Cuts | None:
        """Cuts of the RFM classes kept from an earlier run; none in the first."""
        definition = f"rfm;classes={rfm.CLASSES};{self.params.definition}"
        return state.frozen_cuts(self.page.state("score_state", asked=self.params.definition), definition=definition)

    @cached_property
    def classes(self) -> rfm.Rfm:
        """Members by recency, frequency and money, between the kept cuts where there are any."""
        return rfm.rfm(
            self.met,
            as_of=self.page.as_of,
            frozen=self.frozen_cuts,
            definition=self.params.definition,
            allow_empty=True,
        )

    @cached_property
    def referred(self) -> referrals.Referrals:
        """Referred members beside others of the same quarter; needs the table of members."""
        people = Later(lambda: self.members(_of_referrals(self.page.table("customers"))), *self.sources)
        found = self.page.remember(_referred, people, Later(lambda: self.now, *self.sources), rng=self.page.rng)
        return replace(found, referrers=self.members(found.referrers))

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the cuts for the next run, and propose the group to the register of lists."""
        self.page.save_state("score_state", state.freeze_cuts(self.classes.cuts), asked=self.params.definition)
        rows = self.everybody.with_columns(reason_code=pl.lit(self.params.group_by)).select(
            "means", "held", "reason_code", recipient_id="customer_id", value_minor="net_minor"
        )
        lists.propose_standing(self.page, rows, called="customer_profile.filed", objective="repeat")
