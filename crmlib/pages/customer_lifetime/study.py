"""The steps of the lifetime report."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from crmlib import clv, panels, report
from crmlib.clv.estimate import regularity
from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast import equal_age
from crmlib.clv.forecast.portfolio import Margin, Portfolio
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.seasonal import lifetime_calendar
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.pages.customer_lifetime.parameters import CustomerLifetime
from crmlib.pages.shared.churn_watch import Watch
from crmlib.pages.shared.members import MemberStudy
from crmlib.panels import traits

YEAR = timedelta(days=364)


class Forecast(NamedTuple):
    """What is drawn by chance: the members of today, a newcomer by months ahead, whom to keep."""

    whole: Portfolio
    newcomer: pl.DataFrame
    listed: pl.DataFrame


class Study(MemberStudy):
    """From all receipts of the members to a tested model, their future value and the list."""

    @property
    def params(self) -> CustomerLifetime:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

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
    def homes(self) -> pl.DataFrame:
        """Each card's shops of the last year, by what was bought there."""
        return traits.customer_part(self.lines, by="store_id", start=self.page.as_of - YEAR, end=self.page.as_of)

    @cached_property
    def margin(self) -> Margin:
        """Margin rate: as asked for, else of the last year's costs."""
        bought = self.members(panels.customer_period(self.lines, start=self.page.as_of - YEAR, end=self.page.as_of))
        return clv.portfolio.margin_of(bought, given=self.params.margin)

    @cached_property
    def test(self) -> Backtest:
        """The models on a held-out period, and the one that was chosen."""
        names = clv.backtest.CANDIDATES if self.params.model == "auto" else (self.params.model,)
        page, minor = self.page, MINOR_PER_UNIT[self.page.currency]
        return page.remember(
            clv.backtest.run, self.member_days, end=page.as_of, rng=page.rng, models=names, minor=minor
        )

    @cached_property
    def ahead(self) -> Horizon:
        """The horizon of the forecast."""
        return clv.horizon.months(self.params.months)

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
        page, rate = self.page, self.params.annual_rate
        fit, season = self.fit, self.season
        posterior = page.remember(clv.posterior.draw, fit, self.learned, rng=page.rng)
        spend = clv.backtest.steady_spend(self.history)
        whole = page.remember(
            clv.portfolio.portfolio, fit, posterior, spend, self.history, as_of=page.as_of, homes=self.homes,
            margin=self.margin, horizon=self.ahead, annual_rate=rate, error=self.test.error, seasonal=season.factors,
            rng=page.rng,
        )  # fmt: skip
        newcomer = page.remember(
            clv.portfolio.newcomer_curve, fit, posterior, spend, annual_rate=rate, margin=self.margin.rate,
            error=self.test.error, rng=page.rng,
        )  # fmt: skip
        listed = clv.portfolio.keep_list(whole.customers, capacity=self.params.capacity, unit_days=7, rng=page.rng)
        return Forecast(whole, newcomer, listed)

    @cached_property
    def lives(self) -> equal_age.EqualAge:
        """Quarters of first purchase over the same days of their members' lives."""
        return equal_age.equal_age(self.member_days, as_of=self.page.as_of)

    @cached_property
    def linked(self) -> tuple[float, float, int]:
        """Correlation of spend and frequency, its standard error, members."""
        return clv.gamma_gamma.spend_frequency(self.history)

    @cached_property
    def watch(self) -> Watch:
        """How members are reached, as every list says it."""
        return Watch(self.page)

    @cached_property
    def last_list(self) -> dict[str, int] | None:
        """What came of the last run's list."""
        return clv.portfolio.outcome_of_last(self.page.state("keep_list"), self.member_days, until=self.page.as_of)

    @report.otherwise(None)
    def keep(self) -> None:
        """Keep the list for the next run."""
        self.page.save_state("keep_list", clv.portfolio.as_state(self.forecast.listed, as_of=self.page.as_of))
