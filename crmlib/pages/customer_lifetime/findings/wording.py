"""Small things that the findings of this question share: money on an axis, ranges in words."""

from __future__ import annotations

import polars as pl

from crmlib.clv.forecast.portfolio import Portfolio
from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.judge.baselines import Contest
from crmlib.clv.seasonal.lifetime_calendar import CalendarTrial
from crmlib.core.money import MINOR_PER_UNIT, SYMBOLS
from crmlib.customers.members.cards import Cards
from crmlib.kit.words import Words


def minor_of(values: pl.Expr, words: Words) -> pl.Expr:
    """Currency units as whole minor units."""
    return (values * MINOR_PER_UNIT[words.format.currency]).round().cast(pl.Int64)


def as_minor(value: float, words: Words) -> int:
    """Currency units as whole minor units."""
    return round(value * MINOR_PER_UNIT[words.format.currency])


def money(value: float, words: Words) -> str:
    """Currency units in words."""
    return words.format.money(as_minor(value, words))


def between(low: float, high: float, words: Words) -> str:
    """An interval of money in words."""
    return words("page.range", low=money(low, words), high=money(high, words))


def axis(largest: float, words: Words) -> tuple[float, str]:
    """Divisor of an axis of currency units, and the name of its unit."""
    currency = words.format.currency
    if words.language == "zh":
        size, key = (1e4, "clv.chart.ten_thousands") if largest >= 2e4 else (1.0, "clv.chart.units")
        unit_key = f"page.unit.{currency}"
        unit = words(unit_key) if words.has(unit_key) else currency
    else:
        size, key = (1e3, "clv.chart.ten_thousands") if largest >= 5e3 else (1.0, "clv.chart.units")
        unit = SYMBOLS.get(currency, currency)
    return size, words(key, unit=unit)


def what(portfolio: Portfolio, words: Words) -> str:
    """Margin, or sales where no cost is known."""
    return words("clv.what.sales" if portfolio.margin.source == "unknown" else "clv.what.margin")


def margin_words(portfolio: Portfolio, words: Words) -> str:
    """How the margin rate came about."""
    return words(f"clv.margin.{portfolio.margin.source}", rate=words.format.share(portfolio.margin.rate))


def months_of(portfolio: Portfolio) -> str:
    """Months of the horizon."""
    return f"{portfolio.horizon.days / 365.25 * 12:.0f}"


def chosen(test: Backtest) -> Contest:
    """The contest of purchases of the chosen model."""
    return next(c for c in test.trips if c.name == test.chosen)


def as_tested(value: float, test: Backtest) -> float:
    """A forecast corrected by the error of the same forecast a year ago."""
    return value / max(1.0 + chosen(test).bias, 0.05)


def bias_words(test: Backtest, words: Words) -> str:
    """What the back-test says of the total, with its interval."""
    contest = chosen(test)
    form = words.format
    low, high = contest.bias_interval
    kind = "high" if low > 0 else "low" if high < 0 else "even"
    return words(
        f"clv.bias.{kind}",
        bias=form.share(abs(contest.bias)),
        range=words("page.range", low=form.change(low), high=form.change(high)),
        cut=form.day(test.cut),
        end=form.day(test.end),
    )


def cards_apart(apart: Cards, *, words: Words) -> str:
    """How many cards were set apart before any fit, and what they bought."""
    flagged = apart.flagged
    return words(
        "customer_lifetime.limits.cards",
        count=words.format.count(flagged.height),
        money=words.format.money(int(flagged["net_minor"].sum())),
    )


def season(trial: CalendarTrial, *, words: Words) -> str:
    """Whether festivals are in the forecast, by what the held-out time said."""
    kind = "helps" if trial.helps else "tried" if trial.effects else "none"
    return words(f"customer_lifetime.limits.season.{kind}")
