"""The ground of lifetime value: from all receipts of the members to a tested model and what each still brings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmlib import clv, panels
from crmlib.churn.features.visits import among
from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast.portfolio import Margin, Portfolio
from crmlib.clv.forecast.posterior import Posterior
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.models.gamma_gamma import SpendFit
from crmlib.clv.seasonal import lifetime_calendar
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.pages.shared.members import YEAR, MemberStudy
from crmlib.report.memory.remember import Later

ASKED = {"months": 12, "annual_rate": 0.08, "margin": None, "capacity": 50, "model": "auto"}
"""What a page takes that does not ask for it: a year at 8 %, the measured margin, the best model."""


BOUGHT = "bought"
"""Name of the purchase days among what the studies of a page make together."""


class Forecast(NamedTuple):
    """What is drawn by chance: the members of today, a newcomer by months ahead, whom to keep."""

    whole: Portfolio
    newcomer: pl.DataFrame
    listed: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Learned:
    """What the whole history says: the chosen model, draws of its parameters, and spend per purchase."""

    fit: ModelFit[Any]
    posterior: Posterior
    spend: SpendFit


class Lifetime(MemberStudy):
    """A tested model of purchases and spend, the value of every member, and those whose staying is open."""

    def asked(self, name: str) -> Any:
        """A parameter of the page, or what it is where the page does not ask for it."""
        return getattr(self.page.params, name, ASKED[name])

    by_card = True

    @cached_property
    def rng(self) -> np.random.Generator:
        """Chance, drawn in the order of the steps: the same on every page."""
        return np.random.default_rng(self.page.context.seed)

    @cached_property
    def lines(self) -> panels.ReceiptLines:
        """All receipt lines of the members, in whichever shop."""
        return self.page.lines_of_members()

    @property
    def minor(self) -> int:
        """Minor units of one of currency."""
        return MINOR_PER_UNIT[self.page.currency]

    @cached_property
    def bought(self) -> Later[pl.DataFrame]:
        """One row per member and purchase day of the whole history: customer_id (an Enum), day_n, net_minor."""
        lines = self.lines
        apart = self.apart.flagged["customer_id"]

        def days() -> pl.DataFrame:
            made = self.purchases_in(lines, until=self.page.as_of)
            return made.filter(~among(made, apart))

        return Later(lambda: self.once(BOUGHT, days), lines, apart)

    @cached_property
    def history(self) -> Later[pl.DataFrame]:
        """Members by repeat purchases x, time of the last t_x and age T [weeks], spend and log gaps."""

        def made() -> pl.DataFrame:
            known = clv.backtest.history_at(self.bought.value, cut=self.page.as_of, unit="week", minor=self.minor)
            return known.drop("first_day_n").with_columns(pl.col("customer_id").cast(pl.String))

        return Later(made, self.bought, self.page.currency)

    @cached_property
    def margin(self) -> Margin:
        """Margin rate: as asked for, else of the last year's costs."""
        start, given = self.page.as_of - YEAR, self.asked("margin")
        apart = self.apart.flagged["customer_id"]
        return self.page.remember(_margin, self.lines, apart, start=start, end=self.page.as_of, given=given)

    @cached_property
    def test(self) -> Backtest:
        """The models on a held-out period, and the one that was chosen."""
        names = clv.backtest.CANDIDATES if self.asked("model") == "auto" else (self.asked("model"),)
        end, minor = self.page.as_of, self.minor
        return self.page.remember(_tested, self.bought, end=end, rng=self.rng, models=names, minor=minor)

    @cached_property
    def tested(self) -> Later[Backtest]:
        """`test`, for what is remembered of it."""
        return Later(lambda: self.test, self.bought, self.asked("model"), self.page.currency, self.page.context.seed)

    @cached_property
    def ahead(self) -> Horizon:
        """The horizon of the forecast."""
        return clv.horizon.months(self.asked("months"))

    @cached_property
    def season(self) -> lifetime_calendar.CalendarTrial:
        """Whether festivals help on held-out time, and their factors."""
        return self.page.remember(_season, self.bought, self.tested, as_of=self.page.as_of, horizon=self.ahead)

    @cached_property
    def learned(self) -> Learned:
        """The chosen model on the whole history, and draws of its parameters."""
        past, new = self.test.fits[self.test.chosen], self.test.on_newcomers
        return self.page.remember(_learned, self.history, past, new=new, rng=self.rng)

    @cached_property
    def forecast(self) -> Forecast:
        """The value of members, of a newcomer, and the list, drawn in this order whatever is asked first."""
        page, rate, error = self.page, self.asked("annual_rate"), self.test.error
        factors, learned, margin = self.season.factors, self.learned, self.margin
        homes = Later(lambda: self.shops, self.lines)
        whole = page.remember(
            _whole, self.history, homes, learned, as_of=page.as_of, margin=margin, horizon=self.ahead,
            annual_rate=rate, error=error, seasonal=factors, rng=self.rng,
        )  # fmt: skip
        newcomer = page.remember(
            clv.portfolio.newcomer_curve, learned.fit, learned.posterior, learned.spend, annual_rate=rate,
            margin=margin.rate, error=error, rng=self.rng,
        )  # fmt: skip
        ids = clv.portfolio.undecided(whole.customers)["customer_id"]
        held = ids.filter(self.left_alone(ids))
        listed = clv.portfolio.keep_list(whole.customers, capacity=self.asked("capacity"), unit_days=7, held=held)
        return Forecast(whole, newcomer, listed)


def _margin(lines: panels.ReceiptLines, apart: pl.Series, *, start: date, end: date, given: float | None) -> Margin:
    bought = panels.customer_period(lines, start=start, end=end)
    return clv.portfolio.margin_of(bought.filter(~among(bought, apart)), given=given)


def _tested(
    bought: Later[pl.DataFrame], *, end: date, rng: np.random.Generator, models: tuple[str, ...], minor: int
) -> Backtest:
    return clv.backtest.run(bought.value, end=end, rng=rng, models=models, minor=minor)


def _season(
    bought: Later[pl.DataFrame], tested: Later[Backtest], *, as_of: date, horizon: Horizon
) -> lifetime_calendar.CalendarTrial:
    days = bought.value
    first, last = lifetime_calendar.span(days, as_of=as_of, horizon=horizon)
    grid = lifetime_calendar.weekly_grid(first=first, last=last)
    return lifetime_calendar.trial(days, tested.value, as_of=as_of, horizon=horizon, grid=grid)


def _learned(history: Later[pl.DataFrame], past: ModelFit[Any], *, new: bool, rng: np.random.Generator) -> Learned:
    known = history.value
    part = clv.backtest.newcomers(known, unit=past.unit) if new else known
    fit = clv.backtest.steady_fit(past.model, part, unit=past.unit)
    return Learned(fit, clv.posterior.draw(fit, part, rng=rng), clv.backtest.steady_spend(known))


def _whole(history: Later[pl.DataFrame], homes: Later[pl.DataFrame], learned: Learned, **given: Any) -> Portfolio:
    return clv.portfolio.portfolio(
        learned.fit, learned.posterior, learned.spend, history.value, homes=homes.value, **given
    )
