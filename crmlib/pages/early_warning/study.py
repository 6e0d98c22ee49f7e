"""The steps of the early-warning list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl

from crmlib import panels, report
from crmlib.churn.features import visits
from crmlib.churn.features.features import Options
from crmlib.churn.features.visits import Visits
from crmlib.churn.lists import snapshot, watchlist
from crmlib.churn.models import hazard
from crmlib.churn.risk import RiskFit
from crmlib.outreach import one_list
from crmlib.pages.early_warning.parameters import EarlyWarning
from crmlib.pages.shared import lists
from crmlib.pages.shared.churn_watch import Watch
from crmlib.report.memory.remember import Later


class Past(NamedTuple):
    """What came of the last list: its customers, the day it was made on, and whether it was made again just now."""

    result: pl.DataFrame
    listed_on: date
    rebuilt: bool


@dataclass(frozen=True, slots=True)
class Everybody:
    """What the page says of all members, small enough to be kept.

    Parameters
    ----------
    found : those who turned late since the last list, of the watched tiers, with all that is known of them.
    late : at_risk_minor of everybody late of these tiers.
    table : tier, risk, stake_minor of all who can be judged. basis : of the stake.
    """

    found: pl.DataFrame
    late: pl.DataFrame
    table: pl.DataFrame
    basis: str


class Study(Watch):
    """From a tried risk to everybody's state today, the list, and what came of the last one."""

    beside = ("silence", "before_that")

    @property
    def params(self) -> EarlyWarning:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def everybody(self) -> Everybody:
        """What the page says of all; a page that finds it reads nobody's night."""
        return self.kept("everybody", self._everybody, self.before, self.params.horizon, self.params.watched)

    def _everybody(self) -> Everybody:
        table, tiers, waiting = self.table, self.params.watched, self.table.filter("waiting")
        late = watchlist.late(table, festival_buyers=waiting).filter(pl.col("tier").is_in(list(tiers)))
        found = watchlist.candidates(table, tiers=tiers, festival_buyers=waiting)
        return Everybody(
            found, late.select("at_risk_minor"), table.select("tier", "risk", "stake_minor"), self.staked[1]
        )

    @cached_property
    def found(self) -> pl.DataFrame:
        """Those who turned late since the last list, of the watched tiers."""
        return self.reached(self.everybody.found)

    @property
    def basis(self) -> str:
        """What is at stake: margin where cost is known, else sales."""
        return self.everybody.basis

    @property
    def reachable(self) -> pl.DataFrame:
        """Those of them whom no draw of this month leaves alone."""
        return self.found.filter(~pl.col("held"))

    @cached_property
    def listed(self) -> pl.DataFrame:
        """Those of them whom the owners can call, with what to do until when."""
        params = self.params
        return watchlist.watchlist(
            self.reachable, as_of=self.page.as_of, capacity=params.capacity, tiers=params.watched
        )

    @property
    def proposal(self) -> pl.DataFrame:
        """Whoever the register's list will hold: those listed, and those left alone who would be."""
        every = one_list.placed(self.found.with_columns(stake_minor="at_risk_minor"), each=self.params.capacity)
        drawn = every.filter(pl.col("group").is_in(["contact", "control"]), pl.col("action") != "solve_complaint")
        return drawn.select(
            "means", "held", recipient_id="customer_id", reason_code="action", value_minor="at_risk_minor"
        )

    @cached_property
    def stored(self) -> pl.DataFrame | None:
        """The last list as it was kept; none before the first run."""
        return self.page.state("watch_list")

    @cached_property
    def before_that(self) -> pl.DataFrame:
        """Everybody's state and risk on the day of the last list; empty where one was kept."""
        if self.stored is not None:
            return pl.DataFrame()
        earlier = watchlist.previous_day(self.before, rhythm=self.params.rhythm)
        return self.page.remember(
            _night, self.ever, as_of=self.before, before=earlier, risk=self.risk, rng=self.chance("night"),
            options=self.options,
        )  # fmt: skip

    @cached_property
    def then(self) -> pl.DataFrame:
        """Whom the last list would have had to choose from: customer_id, tier, at_risk_minor."""
        return self.kept("then", self._then, self.before, self.params.rhythm, self.params.horizon, self.params.watched)

    def _then(self) -> pl.DataFrame:
        back, _ = snapshot.with_value(
            self.before_that, year=self.year, tiers=self.tiers, horizon=self.horizon, returns=self.returns or 0.0
        )
        return watchlist.candidates(back, tiers=self.params.watched).select("customer_id", "tier", "at_risk_minor")

    @cached_property
    def past(self) -> Past:
        """What came of the last list; where none was kept, of the one that would have been made."""
        stored = self.stored
        was, rebuilt = snapshot.earlier_list(stored, self.then if stored is None else stored)
        listed_on = self.before if stored is None else stored["listed_on"][0]
        return Past(self.kept("past", lambda: self._since(was, listed_on), was, listed_on), listed_on, rebuilt)

    def _since(self, was: pl.DataFrame, listed_on: date) -> pl.DataFrame:
        theirs = visits.visits(panels.part(self.lines, customers=was["customer_id"]))
        trips = visits.trips(visits.without(theirs, self.apart.flagged["customer_id"]))
        return watchlist.outcomes(was, trips, listed_on=listed_on, as_of=self.page.as_of)

    @cached_property
    def weeks(self) -> int:
        """The horizon in weeks, rounded up."""
        return -(-self.horizon // 7)

    @cached_property
    def silence(self) -> pl.DataFrame:
        """Chance of no trip in the next weeks, by weeks of silence."""
        return self.page.remember(_silence, self.ever, t0=self.page.as_of, since=self.first, horizon_weeks=self.weeks)

    @cached_property
    def last_goods(self) -> pl.DataFrame | None:
        """What those who may be listed bought last; none without the table of products."""
        goods, ids = self.goods, self.reachable["customer_id"]
        return None if goods is None else self.kept("goods", lambda: snapshot.last_goods(self.lines, goods, ids), ids)

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the list for the next run, and propose it to the register."""
        self.page.save_state("watch_list", watchlist.as_state(self.listed, as_of=self.page.as_of))
        lists.propose_standing(self.page, self.proposal, called="early_warning.filed", objective="win_back")


def _night(
    seen: Later[Visits], *, as_of: date, before: date, risk: RiskFit, rng: np.random.Generator, options: Options
) -> pl.DataFrame:
    night = snapshot.night(seen.value, as_of=as_of, before=before, risk=risk, rng=rng, options=options)
    return night.select("customer_id", "state", "state_before", "risk")


def _silence(seen: Later[Visits], *, t0: date, since: date, horizon_weeks: int) -> pl.DataFrame:
    return hazard.return_hazard(seen.value, t0=t0, since=since, horizon_weeks=horizon_weeks)
