"""The ground of lifetime value: from all receipts of the members to a tested model and what each still brings."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from crmlib import clv, panels
from crmlib.clv.estimate import regularity
from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast.portfolio import Margin, Portfolio
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.seasonal import lifetime_calendar
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.pages.shared.members import YEAR, MemberStudy

ASKED = {"months": 12, "annual_rate": 0.08, "margin": None, "capacity": 50, "model": "auto"}
"""What a page takes that does not ask for it: a year at 8 %, the measured margin, the best model."""


class Forecast(NamedTuple):
    """What is drawn by chance: the members of today, a newcomer by months ahead, whom to keep."""

    whole: Portfolio
    newcomer: pl.DataFrame
    listed: pl.DataFrame


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

    @cached_property
    def member_days(self) -> pl.DataFrame:
        """One row per member and day of the whole history."""
        return self.members(self.days)

    @cached_property
    def history(self) -> pl.DataFrame:
        """Members by repeat purchases x, time of the last t_x and age T [days], spend and log gaps."""
        made = panels.purchase_history(
            self.member_days, period_end=self.page.as_of, first_purchase="drop", currency=self.page.currency
        )
        return regularity.with_log_gaps(made, self.member_days.filter("is_purchase"))

    @cached_property
    def margin(self) -> Margin:
        """Margin rate: as asked for, else of the last year's costs."""
        bought = self.members(panels.customer_period(self.lines, start=self.page.as_of - YEAR, end=self.page.as_of))
        return clv.portfolio.margin_of(bought, given=self.asked("margin"))

    @cached_property
    def test(self) -> Backtest:
        """The models on a held-out period, and the one that was chosen."""
        names = clv.backtest.CANDIDATES if self.asked("model") == "auto" else (self.asked("model"),)
        page, minor = self.page, MINOR_PER_UNIT[self.page.currency]
        return page.remember(
            clv.backtest.run, self.member_days, end=page.as_of, rng=self.rng, models=names, minor=minor
        )

    @cached_property
    def ahead(self) -> Horizon:
        """The horizon of the forecast."""
        return clv.horizon.months(self.asked("months"))

    @cached_property
    def season(self) -> lifetime_calendar.CalendarTrial:
        """Whether festivals help on held-out time, and their factors."""
        days, as_of = self.member_days, self.page.as_of
        first, last = lifetime_calendar.span(days, as_of=as_of, horizon=self.ahead)
        grid = lifetime_calendar.weekly_grid(first=first, last=last)
        return self.page.remember(lifetime_calendar.trial, days, self.test, as_of=as_of, horizon=self.ahead, grid=grid)

    @cached_property
    def learned(self) -> pl.DataFrame:
        """The part of the history that the chosen model is learned from."""
        return clv.backtest.learned_from(self.test, self.history)

    @cached_property
    def fit(self) -> ModelFit[Any]:
        """The chosen model on the whole history."""
        return clv.backtest.refit(self.test, self.learned)

    @cached_property
    def forecast(self) -> Forecast:
        """The value of members, of a newcomer, and the list, drawn in this order whatever is asked first."""
        page, rate = self.page, self.asked("annual_rate")
        fit, season = self.fit, self.season
        posterior = page.remember(clv.posterior.draw, fit, self.learned, rng=self.rng)
        spend = clv.backtest.steady_spend(self.history)
        whole = page.remember(
            clv.portfolio.portfolio, fit, posterior, spend, self.history, as_of=page.as_of, homes=self.shops,
            margin=self.margin, horizon=self.ahead, annual_rate=rate, error=self.test.error, seasonal=season.factors,
            rng=self.rng,
        )  # fmt: skip
        newcomer = page.remember(
            clv.portfolio.newcomer_curve, fit, posterior, spend, annual_rate=rate, margin=self.margin.rate,
            error=self.test.error, rng=self.rng,
        )  # fmt: skip
        ids = whole.customers["customer_id"]
        held = ids.filter(self.left_alone(ids))
        listed = clv.portfolio.keep_list(whole.customers, capacity=self.asked("capacity"), unit_days=7, held=held)
        return Forecast(whole, newcomer, listed)
