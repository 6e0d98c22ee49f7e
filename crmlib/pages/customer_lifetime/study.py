"""The steps of the lifetime report."""

from __future__ import annotations

from datetime import date
from functools import cached_property

import polars as pl

from crmlib import clv, report
from crmlib.clv.forecast import equal_age
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.pages.customer_lifetime.parameters import CustomerLifetime
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.lifetime_ground import Lifetime
from crmlib.report.memory.remember import Later


class Study(Lifetime):
    """From all receipts of the members to a tested model, their future value and the list."""

    @property
    def params(self) -> CustomerLifetime:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def lives(self) -> equal_age.EqualAge:
        """Quarters of first purchase over the same days of their members' lives."""
        return self.page.remember(_lives, self.bought, as_of=self.page.as_of)

    @cached_property
    def linked(self) -> tuple[float, float, int]:
        """Correlation of spend and frequency, its standard error, members."""
        return self.page.remember(_linked, self.history)

    @cached_property
    def watch(self) -> Watch:
        """How members are reached, as every list says it."""
        return Watch(self.page)

    @cached_property
    def reached(self) -> pl.DataFrame:
        """How to reach those listed, in their order: `Watch.reach`, and usual_gap and action, what to say."""
        known = self.watch.reach(self.forecast.listed["customer_id"])
        for beside in (self.watch.usual_gaps, self.watch.told):
            known = known.join(beside, on="customer_id", how="left", maintain_order="left")
        return known

    @cached_property
    def last_list(self) -> dict[str, int] | None:
        """What came of the last run's list."""
        last = self.page.state("keep_list")
        if last is None:
            return None
        return clv.portfolio.outcome_of_last(
            last, self.members(self.days_of(last["customer_id"])), until=self.page.as_of
        )

    @property
    def proposal(self) -> pl.DataFrame:
        """Whom the register's list will hold: those listed, and those left alone who would be."""
        listed = self.forecast.listed
        reached = self.reached.select("customer_id", "means")
        stake = (pl.col("at_stake") * MINOR_PER_UNIT[self.page.currency]).round().cast(pl.Int64)
        return listed.join(reached, on="customer_id", how="left", maintain_order="left").select(
            "means", recipient_id="customer_id", reason_code=pl.lit("open"), value_minor=stake,
            held=pl.col("group") == "control",
        )  # fmt: skip

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the list for the next run, and propose it to the register."""
        self.page.save_state("keep_list", clv.portfolio.as_state(self.forecast.listed, as_of=self.page.as_of))
        lists.propose_standing(self.page, self.proposal, called="customer_lifetime.filed", objective="win_back")


def _lives(bought: Later[pl.DataFrame], *, as_of: date) -> equal_age.EqualAge:
    return equal_age.equal_age(bought.value, as_of=as_of)


def _linked(history: Later[pl.DataFrame]) -> tuple[float, float, int]:
    return clv.gamma_gamma.spend_frequency(history.value)
