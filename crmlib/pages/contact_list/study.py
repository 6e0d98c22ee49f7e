"""The steps of the contact list."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import polars as pl

from crmlib import clv, report
from crmlib.churn.features import visits
from crmlib.churn.lists import watchlist
from crmlib.clv.judge.backtest import Backtest
from crmlib.core.errors import ModelError
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.customers.loyalty import contact_list
from crmlib.outreach import one_list
from crmlib.pages.contact_list.parameters import ContactList
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.lifetime_ground import BOUGHT, Lifetime

GAP = 7
"""Days of a week, the unit of the lifetime models."""


class Study(Watch):
    """From those who are late and those whose staying is open to one list, one line a member."""

    beside = ("bought",)

    @property
    def params(self) -> ContactList:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def bought(self) -> pl.DataFrame | None:
        """Purchase days for the lifetime model, of the visits where these are held; else it asks for its own."""
        return self.once(BOUGHT, lambda: visits.bought(self.seen)) if "seen" in vars(self) else None

    @cached_property
    def lifetime(self) -> Lifetime:
        """What every member still brings; what told who is late is let go before."""
        for step in ("watched", "usual_gaps"):
            getattr(self, step)
        self.forget("tonight", "staked", "late")
        return Lifetime(self.page)

    @cached_property
    def worth(self) -> pl.DataFrame | None:
        """customer_id, p_alive, stake_minor, gap, days [days] of every member; none where no model can be fitted."""
        try:
            whole = self.lifetime.forecast.whole.customers
        except ModelError:
            return None
        stake = (clv.portfolio.at_stake() * MINOR_PER_UNIT[self.page.currency]).round().cast(pl.Int64)
        gap = pl.when(pl.col("x") > 0).then(pl.col("t_x") / pl.col("x") * GAP)
        return whole.select(
            "customer_id", "p_alive", stake_minor=stake, gap=gap, days=(pl.col("T") - pl.col("t_x")) * GAP
        )

    @cached_property
    def watched(self) -> pl.DataFrame:
        """Late members of the watched classes, since whenever."""
        return self.late.filter(pl.col("tier").is_in(self.params.watched))

    @cached_property
    def undecided(self) -> pl.DataFrame:
        """Members whose staying is open and worth a contact, as on the lifetime page; none without its model."""
        if self.worth is None:
            return pl.DataFrame(schema={"customer_id": pl.String})
        listed = self.lifetime.forecast.listed
        return listed.select("customer_id")

    @cached_property
    def merged(self) -> pl.DataFrame:
        """One row a member: customer_id, reason, lists."""
        turned = ~pl.col("state_before").is_in(watchlist.LATE).fill_null(value=False)
        why = pl.when(pl.col("action") == "solve_complaint").then(pl.lit("complaint")).when(turned).then(pl.lit("new"))
        own = self.watched.select("customer_id", own=why.otherwise(pl.lit("late")))
        both = one_list.merge({"late": self.watched, "open": self.undecided})
        return (
            both.join(own, on="customer_id", how="left").with_columns(reason=pl.coalesce("own", "reason")).drop("own")
        )

    @cached_property
    def everybody(self) -> pl.DataFrame:
        """Everybody of `found`, with the group that `each` owner's calls leave them in."""
        return one_list.placed(self.kept("found", lambda: self.found, *self.asked_for), each=self.params.each)

    @property
    def asked_for(self) -> tuple[object, ...]:
        """What decides `found` besides the data."""
        return self.before, self.params.watched

    @cached_property
    def tested(self) -> Backtest | None:
        """The test of the lifetime model, without its members; none where no model can be fitted."""
        return self.kept("tested", self._tested)

    def _tested(self) -> Backtest | None:
        if self.worth is None:
            return None
        test = self.lifetime.test
        return replace(test, customers=test.customers.clear())

    @property
    def found(self) -> pl.DataFrame:
        """`merged` with stake_minor, gap, days, p_alive, action, past_tier, owner, means, due_on and held."""
        late = self.watched.select("customer_id", "recency", "at_risk_minor", "action")
        joined = self.merged.join(late, on="customer_id", how="left")
        joined = joined.join(self.usual_gaps, on="customer_id", how="left")
        if self.worth is None:
            none = pl.lit(None, dtype=pl.Float64)
            joined = joined.with_columns(stake_minor="at_risk_minor", p_alive=none, gap=none, days=none)
        else:
            joined = joined.join(self.worth, on="customer_id", how="left")
        shown = joined.with_columns(
            stake_minor=pl.coalesce("stake_minor", "at_risk_minor").clip(0),
            gap=pl.coalesce("usual_gap", "gap").clip(1),
            days=pl.coalesce(pl.col("recency").cast(pl.Float64), "days"),
        ).sort("customer_id")
        reached = self.reach(shown["customer_id"])
        return shown.join(reached, on="customer_id", how="left")

    @cached_property
    def listed(self) -> pl.DataFrame:
        """Whom to be in touch with now, in order of what is at stake."""
        return self.everybody.filter(pl.col("group") == "contact")

    @cached_property
    def last_list(self) -> contact_list.Result | None:
        """What came of the last list, beside those left alone."""
        last = self.page.state("one_list")
        if last is None:
            return None
        return contact_list.result(last, self.members(self.days_of(last["customer_id"])), until=self.page.as_of)

    @cached_property
    def proposal(self) -> pl.DataFrame:
        """Whom the register's list will hold: whoever is listed or left alone by this month's draw.

        Without those who wait for an answer, whom no lot leaves alone.
        """
        drawn = self.everybody.filter(pl.col("group").is_in(["contact", "control"]), pl.col("reason") != "complaint")
        return drawn.select(
            "means", "held", recipient_id="customer_id", reason_code="reason", value_minor="stake_minor"
        )

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the list for the next run, and propose it to the register."""
        lists.propose_standing(self.page, self.proposal, called="contact_list.filed", objective="win_back")
        made = contact_list.ContactList(
            self.listed, self.everybody.filter(pl.col("group") == "control"), self.everybody.height
        )
        self.page.save_state("one_list", contact_list.as_state(made, as_of=self.page.as_of))
