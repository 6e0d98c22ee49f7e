"""The ground of both churn pages: who is a member, what is known of them, the risk and how it was tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

from crmlib import clv, panels
from crmlib.churn import last_test, league, risk
from crmlib.churn.features import labels, options, visits
from crmlib.churn.features.features import Options
from crmlib.churn.features.visits import Visits
from crmlib.churn.judge import backtest
from crmlib.churn.last_test import Health, Reserve
from crmlib.churn.league import Trial
from crmlib.churn.movement import causes
from crmlib.churn.risk import RiskFit
from crmlib.clv.models.bg_nbd import BgNbdParams
from crmlib.customers.members import periods
from crmlib.kit.finding import Finding, Status
from crmlib.pages.shared import churn_checks
from crmlib.pages.shared.members import MemberStudy
from crmlib.report.memory.remember import Later
from crmlib.scoring import pyramid

MONTHS = 12
"""Months by which members are put into tiers."""
FILE = ("customer_id", "joined_on", "owner_staff", "may_call", "may_sms", "may_email")
LEARNED = 20_000
"""Members at most by whom risks are learned and tried: a fit takes no more rows either, and all cost in proportion."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What risks are learned from, small enough to be kept.

    Parameters
    ----------
    learned : the visits of all members, or (`drawn`) of some.
    first : the first day with a line of a member; none where nobody came.
    """

    learned: Visits
    drawn: bool
    first: date | None


def _ground(seen: Later[Visits], *, rng: np.random.Generator) -> Ground:
    every = seen.value
    some = visits.some(every, most=LEARNED, rng=rng)
    first = None if every.days.is_empty() else visits.first_day(every)
    return Ground(visits.texts(some), some is not every, first)


@dataclass(frozen=True, slots=True)
class Basis:
    """What pages ask of the ground besides its visits: whether some were drawn, and the first day."""

    drawn: bool
    first: date | None


def _basis(ground: Later[Ground]) -> Basis:
    return Basis(ground.value.drawn, ground.value.first)


def _horizon(learned: Later[Visits], *, t0: date) -> int:
    return labels.default_horizon(learned.value, t0=t0)


def _trial(learned: Later[Visits], others: Later[Options], /, *, purchases: BgNbdParams | None, **asked: Any) -> Trial:
    return league.trial(learned.value, purchases=purchases, options=others.value, **asked)


def _risk(learned: Later[Visits], others: Later[Options], /, **asked: Any) -> RiskFit:
    return risk.train(learned.value, options=others.value, **asked)


def _health(learned: Later[Visits], others: Later[Options], /, **asked: Any) -> Health:
    return last_test.last_test(learned.value, options=others.value, **asked)


def _purchases(seen: Later[Visits], *, end: date) -> BgNbdParams:
    """How all members bought up to a day, for P(0 in h)."""
    past = clv.backtest.history_at(visits.bought(seen.value), cut=end, unit="week", minor=1)
    return clv.bg_nbd.fit(past).params


class ChurnStudy(MemberStudy):
    """All receipts of the members, the trial of risks on closed windows, and the risk that came of it."""

    by_card = True

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """All receipt lines of the members, in whichever shop: whether somebody stopped is judged by all of them."""
        return self.page.lines_of_members()

    def collected(self, table: str) -> pl.DataFrame | None:
        """The rows of `table`; none where it is not connected."""
        found = self.page.optional(table)
        return None if found is None else found.collect()

    @cached_property
    def file(self) -> pl.DataFrame | None:
        """Of the table of members what `FILE` names; none where it is not connected."""
        found = self.page.optional("customers")
        if found is None:
            return None
        return found.select(c for c in found.collect_schema().names() if c in FILE).collect()

    @cached_property
    def contacts(self) -> pl.DataFrame | None:
        """Calls, complaints and win-back lists; none where they are not connected."""
        return self.collected("contacts")

    @cached_property
    def points(self) -> pl.DataFrame | None:
        """Entries of points; none where they are not connected."""
        return self.collected("points")

    @cached_property
    def stores(self) -> pl.DataFrame | None:
        """Names of stores; none where they are not connected."""
        return self.collected("stores")

    @cached_property
    def shut(self) -> pl.DataFrame:
        """Closed spells of stores: store_id, start_n, end_n."""
        return causes.closed_stores(
            self.page.remember(panels.open_days, self.lines),
            t0=self.page.as_of,
            stores=self.stores,
            closures=self.collected("closures"),
        )

    @cached_property
    def now_closed(self) -> pl.Series:
        """Stores that sell nothing now."""
        return causes.now_closed(self.shut, t0=self.page.as_of)

    @cached_property
    def owned_by(self) -> pl.DataFrame:
        """Who looks after whom: customer_id, owner (the adviser's name, else the usual store's that is open)."""
        return self.owners_by(self.shops, self.file)

    def owned_of(self, ids: pl.Series) -> pl.DataFrame:
        """`owned_by` of some: shops and rows of others are not looked at."""
        return self.owners_by(self.shops_in(panels.part(self.lines, customers=ids.unique())), self.file_of(ids))

    def file_of(self, ids: pl.Series) -> pl.DataFrame | None:
        """`file` of some: the rows of others are not held."""
        found = self.page.optional("customers")
        if found is None:
            return None
        some = found.filter(pl.col("customer_id").is_in(ids.unique().implode()))
        return some.select(c for c in found.collect_schema().names() if c in FILE).collect()

    def owners_by(self, shops: pl.DataFrame, file: pl.DataFrame | None) -> pl.DataFrame:
        """`owned_by` by these shops and rows of the members' table."""
        homes = clv.portfolio.home_store(shops.filter(~pl.col("part").is_in(self.now_closed.implode())))
        made = homes.select("customer_id", owner=_called("store_id", self.titles("stores", "store_id")))
        if file is None:
            return made
        advised = file.select("customer_id", adviser=_called("owner_staff", self.titles("staff", "staff_id")))
        both = advised.join(made, on="customer_id", how="full", coalesce=True)
        return both.select("customer_id", owner=pl.coalesce("adviser", "owner"))

    @cached_property
    def span(self) -> periods.Periods:
        """The twelve months to the page's day."""
        return periods.periods(self.page.as_of, months=MONTHS)

    @cached_property
    def seen(self) -> Visits:
        """Days on which members came, and what they did there."""
        return visits.without(self.visits_in(self.lines), self.apart.flagged["customer_id"])

    @cached_property
    def ever(self) -> Later[Visits]:
        """`seen`, for what is remembered of it."""
        return Later(lambda: self.seen, self.lines, self.apart.flagged["customer_id"])

    @cached_property
    def ground(self) -> Ground:
        """What is learned from; a page that finds it, and everything made of it, reads no visits."""
        return self.page.remember(_ground, self.ever, rng=self.chance("learned"))

    @property
    def learned(self) -> Visits:
        """The visits by which risks are learned and tried: of all members, or of `LEARNED` of them drawn by chance."""
        return self.ground.learned

    @cached_property
    def by(self) -> tuple[Later[Visits], Later[Options]]:
        """`learned` and `options`, for what is remembered of them."""
        self.page.tables("contacts", "points")  # found or made, these are among the page's sources
        of = (*self.ever.of, self.page.context.seed)
        return Later(lambda: self.learned, *of), Later(lambda: self.options, *of)

    @cached_property
    def basis_of_risk(self) -> Basis:
        """Whether `learned` are drawn, and the first day with a line of a member."""
        return self.page.remember(_basis, Later(lambda: self.ground, *self.ever.of, self.page.context.seed))

    @property
    def first(self) -> date:
        """The first day of the data."""
        return self.basis_of_risk.first or visits.first_day(self.seen)

    @cached_property
    def trips(self) -> pl.DataFrame:
        """One row per member and day with a purchase, ids as the visits have them."""
        return visits.trips_of(self.seen)

    @cached_property
    def options(self) -> Options:
        """What else the risk may look at: festivals, service, points."""
        return options.options(first=self.first, last=self.page.as_of, contacts=self.contacts, points=self.points)

    @cached_property
    def horizon(self) -> int:
        """Days within which no visit is risked: as asked for, else what the gaps say, at least 91."""
        asked: int = getattr(self.page.params, "horizon", 0)
        return asked or self.page.remember(_horizon, self.by[0], t0=self.page.as_of)

    @cached_property
    def tests(self) -> list[date]:
        """Days of the past whose window has closed, to try the risk on; none where the history is too short."""
        return backtest.closed_tests(first=self.first, as_of=self.page.as_of, horizon=self.horizon)

    @cached_property
    def origins(self) -> list[date]:
        """Days of the past that the risk is learned on."""
        return risk.training_origins(t0=self.page.as_of, horizon=self.horizon, first=self.first)

    @cached_property
    def history(self) -> dict[str, Any]:
        """What every trial is given besides the options: as_of, horizon, first."""
        return {"as_of": self.page.as_of, "horizon": self.horizon, "first": self.first}

    def chance(self, step: str) -> np.random.Generator:
        """Chance of a step's own: the same on every page, whatever was drawn before."""
        return np.random.default_rng([self.page.context.seed, crc32(step.encode())])

    @cached_property
    def trial(self) -> Trial:
        """All scores on the closed windows, and which of them ranks."""
        purchases = self.page.remember(_purchases, self.ever, end=min(self.tests)) if self.tests else None
        return self.page.remember(
            _trial, *self.by, tests=self.tests, purchases=purchases, rng=self.chance("trial"), **self.history
        )

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """The score that ranks: kind, purchases."""
        return {"kind": self.trial.kind, "purchases": self.trial.p_zero}

    @cached_property
    def risk(self) -> RiskFit:
        """Risk of no visit within the horizon, recalibrated."""
        chosen = self.chosen
        return self.page.remember(
            _risk, *self.by, t0=self.page.as_of, horizon=self.horizon, origins=self.origins, rng=self.chance("risk"),
            **chosen,
        )  # fmt: skip

    @cached_property
    def year(self) -> pl.DataFrame:
        """Members of the last twelve months: net_minor, margin_minor and so on."""
        return self.members_in(self.span.start, self.span.end)

    @cached_property
    def tiers(self) -> pl.DataFrame:
        """Members of the last twelve months by tier."""
        return pyramid.pyramid(self.year).customers

    @cached_property
    def health(self) -> Health:
        """The risk at the last closed window that it had not learned from."""
        return self.page.remember(_health, *self.by, rng=self.chance("health"), **self.history, **self.chosen)

    def reserve(self, listed: pl.DataFrame) -> tuple[Reserve | None, Status]:
        """Money at risk of `listed` by the last test, and the calibration's status; none where no test has closed."""
        if not self.tests:
            return None, "none"
        return self.health.reserve(listed), churn_checks.calibration_kind(self.health.calibration)[1]

    def day(self, of: date) -> str:
        """A day in words."""
        return self.words.format.day(of)


def league_check(study: ChurnStudy) -> Finding:
    """The scores side by side; where the history is too short for any test, that is said."""
    board = study.trial.board if study.tests else None
    if board is None:
        return untested(study, "league")
    drawn = LEARNED if study.basis_of_risk.drawn else None
    return churn_checks.league_check(board, words=study.words, model=study.trial.kind, sample=drawn)


def calibration_check(study: ChurnStudy) -> Finding:
    """Whether of those told 30 % about 30 % did not come."""
    if not study.tests:
        return untested(study, "calibration")
    test = study.health
    return churn_checks.calibration_check(
        test.calibration, test.bins, words=study.words, day=study.day(test.origin), moved=study.risk.recalibration
    )


def untested(study: ChurnStudy, check: str) -> Finding:
    """A check that needs a closed window, where the history is too short for one."""
    return Finding.unavailable(f"churn.{check}", "data", words=study.words)


def _called(column: str, names: dict[str, str]) -> pl.Expr:
    """The name behind a code, or the code where it has none."""
    return pl.col(column).replace(names) if names else pl.col(column)
