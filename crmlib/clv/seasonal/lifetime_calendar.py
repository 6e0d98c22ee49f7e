"""Festivals and promotions in a lifetime forecast: taken in only where a held-out year is forecast better with them.

Every model of the page forecasts an average year. Where buying follows the lunar calendar, a horizon with two Spring
Festivals is not one with none. A Pareto/NBD along the calendar (`pareto_nbd_calendar`), fitted to some customers with
and without the weekly covariates, gives by how much they raise or lower what a customer who came in a given month will
buy within the horizon; the page's own model is multiplied by that. Whether it should be, the back-test says: on the
same customers, the factor must bring the forecast nearer by more than the standard error of the difference, and one
effect at least must be clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.clv.horizon import Horizon
from crmlib.clv.judge.backtest import WEAK, Backtest, history_at
from crmlib.clv.judge.diagnosis import deviance
from crmlib.clv.seasonal import pareto_nbd_calendar
from crmlib.clv.seasonal.calendar_grid import calendar_grid, season_columns
from crmlib.core.calendar.festivals import festival_day
from crmlib.core.dates import day_number, day_of
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars

FESTIVALS = ("spring_festival", "dragon_boat", "mid_autumn")
BEFORE = 20
"""Days before a festival in which people buy for it."""
SAMPLE = 1_000
"""Customers whose weeks are looked at one by one: two fits take about three CPU seconds."""
CLEAR = 3.0
"""Standard errors by which one effect at least must differ from 0."""
SEEN = 0.5
"""A covariate must have varied by this much before the day of the forecast (a whole festival, say), or its effect is a
guess."""


@dataclass(frozen=True, slots=True)
class CalendarTrial:
    """Whether the calendar is worth taking in, and by how much it moves today's forecast.

    Parameters
    ----------
    effects : covariate and its effect on the log rate today; empty where none could be fitted.
    gain, error : by how much the mean deviance of the held-out forecast fell, and the standard error of that.
    factors : `month` of the first purchase (first day of it), `factor` on the purchases within today's horizon; none
        where the calendar does not help.
    """

    effects: tuple[tuple[str, float], ...]
    gain: float
    error: float
    factors: pl.DataFrame | None

    @property
    def helps(self) -> bool:
        """Whether the page takes the calendar in."""
        return self.factors is not None


def weekly_grid(
    *, first: date, last: date, promotions: AnyFrame | None = None, known: date | None = None
) -> pl.DataFrame:
    """Weeks from `first` to `last` with the run-ups of the festivals and, where given, promotions running.

    Parameters
    ----------
    promotions : `starts_on`, `ends_on`, one row per promotion.
    known : last day for which promotions are planned; later weeks repeat those of 52 weeks before.
    """
    years = range(first.year, last.year + 2)
    days = [(name, festival_day(name, year)) for name in FESTIVALS for year in years]
    festivals = pl.DataFrame(days, schema={"name": pl.String, "day": pl.Date}, orient="row")
    grid = calendar_grid(first, last, festivals=festivals, before=BEFORE)
    if promotions is None:
        return grid
    table = to_polars(promotions, needs=["starts_on", "ends_on"], name="promotions")
    starts, ends = (table[c].cast(pl.Date).cast(pl.Int32).to_numpy() for c in ("starts_on", "ends_on"))
    at = grid["start_n"].to_numpy()[:, None]
    overlap = np.minimum(ends[None, :], at + 6) - np.maximum(starts[None, :], at) + 1
    running = np.clip(overlap, 0, 7).sum(axis=1) / 7.0
    planned = day_number(known) if known is not None else int(ends.max(initial=0))
    for i in np.flatnonzero(at[:, 0] > planned):
        running[i] = running[i - 52] if i >= 52 else running[i]
    return grid.with_columns(promotions=pl.Series(running / max(float(running.max(initial=0.0)), 1.0)))


def trial(days: pl.DataFrame, test: Backtest, *, as_of: date, horizon: Horizon, grid: pl.DataFrame) -> CalendarTrial:
    """Try the calendar on the held-out time, and make the factors of today where it helps.

    Parameters
    ----------
    days : purchase days, `customer_id`, `day_n`, `net_minor`, and, where other days are in it, `is_purchase`.
    grid : from `weekly_grid`, from the first purchase to the end of the horizon.
    """
    bought = days.filter(pl.col("is_purchase")) if "is_purchase" in days.columns else days
    then = _factors(bought, at=test.cut, days=(test.end - test.cut).days, grid=grid)
    if then is None:
        return CalendarTrial((), 0.0, 0.0, None)
    known = test.customers.select("customer_id", "actual", "expected", "first_day_n")
    moved = with_factor(known, then[1], first_day="first_day_n")
    actual = known["actual"].cast(pl.Float64).to_numpy()
    plain, seasonal = known["expected"].to_numpy(), (moved["expected"] * moved["factor"]).to_numpy()
    gains = deviance(plain, actual) - deviance(seasonal, actual)
    gain, error = float(gains.mean()), float(gains.std() / np.sqrt(max(len(gains), 1)))
    now = _factors(bought, at=as_of, days=round(horizon.days), grid=grid) if gain > error else None
    effects = now[0] if now is not None else then[0]
    return CalendarTrial(effects, gain, error, now[1] if now is not None else None)


def with_factor(customers: pl.DataFrame, factors: pl.DataFrame, *, first_day: str) -> pl.DataFrame:
    """`customers` with the `factor` of the month of their first purchase; the mean of all where the month is new.

    Parameters
    ----------
    first_day : column with the day of the first purchase (days since 1970).
    """
    month = pl.col(first_day).cast(pl.Int32).cast(pl.Date).dt.truncate("1mo").alias("month")
    usual = float(factors["factor"].to_numpy().mean())
    joined = customers.with_columns(month).join(factors, on="month", how="left", maintain_order="left")
    return joined.with_columns(pl.col("factor").fill_null(usual)).drop("month")


def _factors(
    bought: pl.DataFrame, *, at: date, days: int, grid: pl.DataFrame
) -> tuple[tuple[tuple[str, float], ...], pl.DataFrame] | None:
    """Effects fitted up to `at`, and expected purchases with over without them by month of the first purchase."""
    end = day_number(at)
    past = grid.filter(pl.col("start_n") + pl.col("days") - 1 <= end)
    names = [c for c in season_columns(grid) if float(np.ptp(past[c].to_numpy())) >= SEEN] if past.height else []
    seen = bought.filter(pl.col("day_n") <= end)
    people = seen["customer_id"].unique().sort()
    some = people.gather_every(max(people.len() // SAMPLE, 1)).to_frame("customer_id")
    few = ids_as_text(seen.join(some, on="customer_id", how="semi").select("customer_id", "day_n", "net_minor"))
    reach = int(grid["start_n"].to_numpy().max()) + 7
    if not names or reach < end + days:
        return None
    try:
        fits = [
            pareto_nbd_calendar.fit(few, grid, period_end_n=end, purchase=chosen, prior=WEAK) for chosen in (names, [])
        ]
    except ModelError:
        return None
    if not all(f.certificate.converged for f in fits) or not _clear(fits[0]):
        return None
    ahead = Horizon(days=days)
    with_, without = (pareto_nbd_calendar.customers(f, few, grid, period_end_n=end, horizon=ahead) for f in fits)
    first = history_at(few, cut=at, unit="week", minor=100).select("customer_id", "first_day_n")
    both = with_.join(without, on="customer_id", suffix="_plain").join(first, on="customer_id")
    month = pl.col("first_day_n").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo").alias("month")
    sums = both.group_by(month).agg(factor=pl.col("expected").sum() / pl.col("expected_plain").sum())
    return fits[0].effects, sums.filter(pl.col("factor").is_finite()).sort("month")


def _clear(fit: pareto_nbd_calendar.CalendarFit) -> bool:
    """Whether any effect lies beyond its own error: a factor of nothing would pass for help where the level was off."""
    return any(abs(effect) > CLEAR * fit.standard_errors.get(name, np.inf) for name, effect in fit.effects)


def span(days: pl.DataFrame, *, as_of: date, horizon: Horizon) -> tuple[date, date]:
    """First and last day that a grid for these purchases and this horizon must cover.

    Raises
    ------
    ModelError
        `clv.no_rows`: nobody bought.
    """
    if days.is_empty():
        raise ModelError("clv.no_rows")
    first = day_of(int(days["day_n"].to_numpy().min()))
    return first, as_of + timedelta(days=round(horizon.days) + 7)
