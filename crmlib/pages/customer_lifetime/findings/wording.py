"""Small things that the findings of this question share: money on an axis, ranges in words."""

from __future__ import annotations

import polars as pl

from crmlib.clv.forecast.portfolio import Portfolio
from crmlib.clv.judge.backtest import Backtest
from crmlib.clv.judge.baselines import Contest
from crmlib.clv.seasonal.lifetime_calendar import CalendarTrial
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.customers.members.cards import Cards
from crmlib.kit.charts import money as money_axis
from crmlib.kit.finding import Limits
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
    divisor, unit = money_axis.axis(largest * MINOR_PER_UNIT[words.format.currency], words=words)
    return divisor / MINOR_PER_UNIT[words.format.currency], unit


def what(portfolio: Portfolio, words: Words) -> str:
    """Margin, or sales where no cost is known."""
    return words(f"customer_lifetime.what.{'sales' if portfolio.margin.source == 'unknown' else 'margin'}")


def margin_words(portfolio: Portfolio, words: Words) -> str:
    """How the margin rate came about."""
    return words(f"customer_lifetime.margin.{portfolio.margin.source}", rate=words.format.share(portfolio.margin.rate))


def months_of(portfolio: Portfolio) -> str:
    """Months of the horizon."""
    return f"{portfolio.horizon.days / 365.25 * 12:.0f}"


def chosen(test: Backtest) -> Contest:
    """The contest of purchases of the chosen model."""
    return next(c for c in test.trips if c.name == test.chosen)


def in_money(test: Backtest) -> tuple[Contest, str]:
    """The contest that judges money, and what it is of: money where spend could be tested, else purchases."""
    own = next((c for c in test.money if c.name == test.chosen), None)
    return (chosen(test), "trips") if own is None else (own, "spend")


def as_tested(value: float, test: Backtest) -> float:
    """A forecast of money corrected by the error of the same forecast a year ago."""
    return value / max(1.0 + in_money(test)[0].bias, 0.05)


def bias_words(test: Backtest, words: Words, *, of: str = "spend") -> str:
    """What the back-test says of the total of money (`spend`) or purchases (`trips`), with its interval."""
    contest, measure = in_money(test) if of == "spend" else (chosen(test), "trips")
    form = words.format
    low, high = contest.bias_interval
    kind = "high" if low > 0 else "low" if high < 0 else "even"
    return words(
        f"customer_lifetime.bias.{kind}",
        measure=words(f"customer_lifetime.measure.{measure}"),
        bias=form.share(abs(contest.bias)),
        range=words("page.range", low=form.change(low), high=form.change(high)),
        cut=form.day(test.cut),
        end=form.day(test.end),
    )


def limits(trial: CalendarTrial, apart: Cards, *, words: Words) -> Limits:
    """What the page cannot tell; how many cards were set apart before any fit, and what they bought."""
    form, flagged = words.format, apart.flagged
    season = "helps" if trial.helps else "tried" if trial.effects else "none"
    return Limits(
        (
            words("customer_lifetime.limits.same"),
            words(f"customer_lifetime.limits.season.{season}"),  # by what the held-out time said of festivals
            words("customer_lifetime.limits.cause"),
            words("customer_lifetime.limits.start"),
            words("customer_lifetime.limits.new"),
            words(
                "customer_lifetime.limits.cards",
                count=form.count(flagged.height),
                money=form.money(int(flagged["net_minor"].sum())),
            ),
        )
    )
