"""Shall we make it? What a month will end at, with an interval from what such forecasts missed by before.

At the same point of earlier months every candidate (`candidates`) forecast the days still to come; the one with the
smallest mean error of the month is used, per level. The interval is the forecast times quantiles of true ÷ forecast of
the days to come at those past dates, widened until the interval made from all dates but one holds the stated share at
the one left out: stores of one date miss together, so their errors are fewer than they look. Fewer than six past dates
give no interval and no verdict. Intervals of stores are never added up.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.sales.candidates import NAMES, NOWHERE, Sales, rest, sales_of

LEAST_DATES = 6
PERIODS = 12
COMPANY = ""
"""unit_id of the whole."""
COVERAGE = {"level": pl.String, "dates": pl.Int64, "held": pl.Float64, "used": pl.Float64}


@dataclass(frozen=True, slots=True)
class Completion:
    """Where a period will end.

    Parameters
    ----------
    units : unit_id ("" the company), actual_minor, forecast_minor, low_minor, high_minor (null without interval),
        usual_day_minor (mean of the last 28 days), coming_day_minor (mean forecast of the days left, null without
        any); with targets also target_minor, verdict (will_reach, will_miss,
        open; null without interval or target), gap_minor (target less actual), day_needs_minor (gap ÷ days left).
    candidates : level (company, units), name, dates, error (mean of |forecast − true| ÷ true of whole periods), chosen.
    coverage : level, dates, held (share of past dates whose interval, made from the other dates, held the truth),
        used: the share the quantiles enclose, widened until `held` reached the stated level.
    days_left : days after the as-of day.
    level : stated probability of the intervals.
    """

    units: pl.DataFrame
    candidates: pl.DataFrame
    coverage: pl.DataFrame
    days_left: int
    level: float


@dataclass(frozen=True, slots=True)
class Past:
    """Forecasts of one level at past dates: forecast and true rest, true whole; arrays of shape (dates, units)."""

    forecast: Floats
    true: Floats
    whole: Floats


def completion(
    days: AnyFrame,
    *,
    first: date,
    last: date,
    as_of: date,
    unit: str = "store_id",
    targets: AnyFrame | None = None,
    level: float = 0.8,
) -> Completion:
    """Forecast of a period's sales by unit and for the company, with intervals and verdicts.

    Parameters
    ----------
    days : unit, day, net_minor; rows after `as_of` are not looked at. Sales without a unit are the company's only.
    first, last, as_of : the period, both included, and the last day known; first ≤ as_of ≤ last.
    unit : column of the units (store, region, person).
    targets : unit_id (null or "" the company), amount_minor for the period.

    Raises
    ------
    ModelError
        sales.as_of: the as-of day lies outside the period; sales.no_days: no sales up to the as-of day.
    """
    _check(first, last, as_of)
    units = sales_of(days, unit=unit, until=as_of)
    if not units.units:
        raise ModelError("sales.no_days", values={"day": str(as_of)})
    company = Sales((COMPANY,), units.first, units.values.sum(axis=0, keepdims=True))
    points = _past_points(first, last, as_of, begins=units.first)
    made, chosen, held = [], [], []
    day_numbers = (day_number(first), day_number(as_of), day_number(last))
    for name, sales in (("company", company), ("units", units)):
        best, table = _choose(sales, points, now=day_numbers, level=name)
        chosen.append(table)
        errors = log_errors(backtest(sales, best, points))
        used, share = calibrated(errors, level)
        factors = band(errors, used) if errors.shape[0] >= LEAST_DATES else None
        made.append(_ends(sales, best, now=day_numbers, factors=factors))
        held.append((name, errors.shape[0], share, used))
    ends = pl.concat(made).filter(pl.col("unit_id") != NOWHERE)
    days_left = (last - as_of).days
    return Completion(
        ends if targets is None else judged(ends, targets, days_left=days_left),
        pl.concat(chosen),
        pl.DataFrame(held, schema=COVERAGE, orient="row"),
        days_left,
        level,
    )


def backtest(sales: Sales, name: str, points: list[tuple[int, int, int]]) -> Past:
    """What a candidate said at past dates (first, as-of, last day numbers), and what came; dates without it are out."""
    forecast, true, whole = [], [], []
    for first, as_of, last in points:
        said = rest(sales, name=name, first=first, as_of=as_of, last=last)
        if said is not None:
            forecast.append(said)
            true.append(sales.values[:, as_of + 1 - sales.first : last + 1 - sales.first].sum(axis=1))
            whole.append(sales.values[:, first - sales.first : last + 1 - sales.first].sum(axis=1))
    shape = (len(forecast), len(sales.units))
    return Past(*(np.array(a, dtype=np.float64).reshape(shape) for a in (forecast, true, whole)))


def log_errors(past: Past) -> Floats:
    """ln(true ÷ forecast) of the days to come, shape (dates, units); NaN where either is 0 or less."""
    ok = (past.forecast > 0) & (past.true > 0)
    return np.asarray(np.where(ok, np.log(np.where(ok, past.true, 1) / np.where(ok, past.forecast, 1)), np.nan))


def band(errors: Floats, level: float) -> tuple[float, float] | None:
    """Lower and upper factor of an interval: quantiles at rank (n + 1)·p, which hold p of new cases on average."""
    known = np.sort(errors[np.isfinite(errors)])
    if known.size == 0:
        return None
    tail = (1 - level) / 2
    ranks = np.clip(np.array([tail, 1 - tail]) * (known.size + 1) - 1, 0, known.size - 1)
    low, high = np.exp(np.interp(ranks, np.arange(known.size), known))
    return float(low), float(high)


def judged(ends: pl.DataFrame, targets: AnyFrame, *, days_left: int) -> pl.DataFrame:
    """`ends` with target_minor, verdict, gap_minor and day_needs_minor."""
    asked = to_polars(targets, needs=["unit_id", "amount_minor"], name="targets")
    asked = asked.select(pl.col("unit_id").fill_null(COMPANY), target_minor=pl.col("amount_minor"))
    table = ends.join(asked.group_by("unit_id").agg(pl.col("target_minor").sum()), on="unit_id", how="left")
    known = pl.col("low_minor").is_not_null() & pl.col("target_minor").is_not_null()
    verdict = (
        pl.when(~known)
        .then(None)
        .when(pl.col("low_minor") >= pl.col("target_minor"))
        .then(pl.lit("will_reach"))
        .when(pl.col("high_minor") < pl.col("target_minor"))
        .then(pl.lit("will_miss"))
        .otherwise(pl.lit("open"))
    )
    gap = pl.col("target_minor") - pl.col("actual_minor")
    needs = (gap.clip(lower_bound=0) / days_left).ceil().cast(pl.Int64) if days_left else pl.lit(None, dtype=pl.Int64)
    return table.with_columns(verdict=verdict, gap_minor=gap, day_needs_minor=needs).sort("unit_id")


def _past_points(first: date, last: date, as_of: date, *, begins: int) -> list[tuple[int, int, int]]:
    """The same point of up to `PERIODS` earlier periods that lie within the table, latest first."""
    done = (as_of - first).days + 1
    points, start, end = [], first, last
    for _ in range(PERIODS):
        start, end = _before(start, end)
        point = min(done, (end - start).days)
        if day_number(start) < begins or point < 1:
            break
        points.append((day_number(start), day_number(start) + point - 1, day_number(end)))
    return points


def _before(first: date, last: date) -> tuple[date, date]:
    """The period before: the month before a month, else as many days."""
    end = first - timedelta(days=1)
    if first.day == 1 and last.day == monthrange(last.year, last.month)[1] and first.month == last.month:
        return end.replace(day=1), end
    return first - (last - first) - timedelta(days=1), end


def _choose(
    sales: Sales, points: list[tuple[int, int, int]], *, now: tuple[int, int, int], level: str
) -> tuple[str, pl.DataFrame]:
    """The candidate with the smallest mean error on the dates that all of today's candidates have."""
    able = [n for n in NAMES if rest(sales, name=n, first=now[0], as_of=now[1], last=now[2]) is not None]
    shared = [p for p in points if all(len(backtest(sales, n, [p]).true) for n in able)]
    rows = []
    for name in able:
        past = backtest(sales, name, shared)
        sold = past.whole > 0
        miss = np.abs(past.forecast - past.true)[sold] / past.whole[sold]
        rows.append((level, name, len(shared), float(miss.mean()) if miss.size else None))
    known = {r[1]: r[3] for r in rows if r[3] is not None}
    best = min(known, key=lambda n: known[n]) if known and len(shared) >= LEAST_DATES else able[-1]
    schema = {"level": pl.String, "name": pl.String, "dates": pl.Int64, "error": pl.Float64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return best, table.with_columns(chosen=pl.col("name") == best)


def _ends(sales: Sales, name: str, *, now: tuple[int, int, int], factors: tuple[float, float] | None) -> pl.DataFrame:
    first, as_of, last = now
    actual = sales.values[:, max(first - sales.first, 0) : as_of + 1 - sales.first].sum(axis=1)
    coming = rest(sales, name=name, first=first, as_of=as_of, last=last)
    assert coming is not None  # `_choose` took it for this day
    low, high = (None, None) if factors is None else (actual + coming * f for f in factors)
    frame = pl.DataFrame(
        {
            "unit_id": sales.units,
            "actual_minor": actual,
            "forecast_minor": actual + coming,
            "low_minor": low,
            "high_minor": high,
            "usual_day_minor": sales.values[:, -28:].mean(axis=1),
            "coming_day_minor": coming / (last - as_of) if last > as_of else None,
        }
    )
    return frame.with_columns(pl.col(r"^.*_minor$").cast(pl.Float64).round().cast(pl.Int64))


def calibrated(errors: Floats, level: float) -> tuple[float, float | None]:
    """Share that quantiles must enclose for dates left out to be held as often as stated, and how often they were.

    errors : shape (dates, units). With fewer than `LEAST_DATES` dates the stated level and None.
    """
    held, share = None, level
    if errors.shape[0] < LEAST_DATES:
        return level, None
    for share in np.arange(level, 0.995, 0.01).tolist():
        held = _held(errors, share)
        if held is None or held >= level:
            break
    return share, held


def _held(errors: Floats, share: float) -> float | None:
    """How often the interval made from all dates but one holds the one left out."""
    inside = []
    for k in range(errors.shape[0]):
        factors = band(np.delete(errors, k, axis=0), share)
        known = errors[k][np.isfinite(errors[k])]
        if factors is not None:
            inside += list((known >= np.log(factors[0])) & (known <= np.log(factors[1])))
    return float(np.mean(inside)) if inside else None


def _check(first: date, last: date, as_of: date) -> None:
    if not first <= as_of <= last:
        raise ModelError("sales.as_of", values={"day": str(as_of), "first": str(first), "last": str(last)})
