"""Growth on the last period, on the same dates and on the same slot of the festival calendar.

The same dates compare a festival week with a quiet one when Spring Festival has moved; the same slot
(`core.calendar.lunar_aligned`) does not. Like for like counts only store-days that were open on both sides.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.calendar import lunar_aligned, slot_of
from crmlib.core.errors import ParameterError
from crmlib.core.frames import AnyFrame, timed

COMPARISONS = ("last_period", "same_dates", "same_slot")
DAY = timedelta(days=1)
WEEK = 7
LEAST_PERIODS = 6
"""Fewer past periods give no band, and so no verdict."""
BAND = (0.1, 0.9)
STILL, LARGE = 0.01, 0.1
"""A growth below 1 % has no sign worth telling; one of 10 % has."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the growths of one period say.

    Parameters
    ----------
    verdict : grew, fell, as_last_year, or None without a band.
    festival_shift : the same dates and the same slot have opposite signs, or only one of them moved: the festival did.
    openings : so have all stores and like-for-like stores: stores were opened or closed.
    """

    verdict: str | None
    festival_shift: bool
    openings: bool


def period_of(as_of: date, kind: str) -> tuple[date, date]:
    """First and last day of the period that ends with `as_of`: the day, the seven days, the month so far.

    Examples
    --------
    >>> [str(d) for d in period_of(date(2026, 10, 9), "month")], str(period_of(date(2026, 10, 9), "week")[0])
    (['2026-10-01', '2026-10-09'], '2026-10-03')
    """
    return {"day": as_of, "week": as_of - 6 * DAY}.get(kind, as_of.replace(day=1)), as_of


def ground(rows: pl.DataFrame) -> str | None:
    """What a period is held against: the same slot, else the last period; None where `growth` knows neither."""
    known = set(rows.drop_nulls("growth")["comparison"])
    return next((name for name in ("same_slot", "last_period") if name in known), None)


def runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Stretches of consecutive days that hold every day of `days` as often as it stands there.

    Examples
    --------
    >>> [(a.day, b.day) for a, b in runs([date(2026, 1, d) for d in (3, 1, 2, 2, 5)])]
    [(1, 3), (2, 2), (5, 5)]
    """
    left = Counter(days)
    found: list[tuple[date, date]] = []
    while left:
        firsts = sorted(d for d in left if d - DAY not in left)
        lasts = sorted(d for d in left if d + DAY not in left)
        found += zip(firsts, lasts, strict=True)
        left = Counter({d: n - 1 for d, n in left.items() if n > 1})
    return sorted(found)


def growth(days: AnyFrame, *, first: date, last: date, by: Sequence[str] = ()) -> pl.DataFrame:
    """Growth of a period on the three others, in all and like for like.

    Parameters
    ----------
    days : store_id, day, net_minor (and the columns of `by`), one row per store and day or finer.
    first, last : the period, both included.

    Returns
    -------
    The columns of `by`, comparison, then_first, then_last, now_minor, then_minor, growth (now / then − 1),
    like_now_minor, like_then_minor, like_growth, reason. Growths are null where the other period lies before the first
    day of the table (reason ``no_history``) or sold nothing (``no_sales``).

    Raises
    ------
    ParameterError
        sales.period: the period ends before it begins.
    """
    _check_period(first, last)
    table = timed(days, at="day", needs=["store_id", "net_minor", *by], name="days")
    table = (
        table.with_columns(pl.col("day").cast(pl.Date)).group_by(*by, "store_id", "day").agg(pl.col("net_minor").sum())
    )
    begins: date | None = table["day"].min()  # type: ignore[assignment]
    made = [_compared(table, name, partners(first, last, name), begins=begins, by=list(by)) for name in COMPARISONS]
    return pl.concat(made).sort(*by, maintain_order=True) if by else pl.concat(made)


def partners(first: date, last: date, comparison: str) -> pl.DataFrame:
    """Each day of a period and the day it is compared with: day, partner. Whole months meet whole months.

    A period shorter than a week meets the same weekdays: of the week before, and outside festival slots of the days
    around its slot partners; a Saturday against a Friday would be called growth.

    Where a festival moved forward, several quiet days behind its slot have the slot's last day as their
    `lunar_aligned`; here the first of them meets the first quiet day behind the slot, and so on: one day twelve times
    says little about a month. Where it moved back (January 2026: 19 days meet 31 December 2024), the last of them meets
    the last quiet day before the slot, the one before the day before.

    Days of a longer last period beyond the length of this one stand with a null `day`: they count in its total, but
    have no like.
    """
    days = [first + n * DAY for n in range((last - first).days + 1)]
    found: list[tuple[date | None, date | None]]
    if comparison == "same_slot":
        slots = _spread(days)
        if len(days) < WEEK:
            slots = [p if slot_of(d) else _same_weekday(d, p) for d, p in zip(days, slots, strict=True)]
        found = list(zip(days, slots, strict=True))
    elif comparison == "same_dates":
        found = [(d, _year_ago(d)) for d in days]
    elif (
        first.day == 1
        and last.day == monthrange(last.year, last.month)[1]
        and (first.month, first.year)
        == (
            last.month,
            last.year,
        )
    ):
        end = first - DAY
        earlier = [end.replace(day=1) + n * DAY for n in range(end.day)]
        width = max(len(days), len(earlier))
        found = [(days[n] if n < len(days) else None, earlier[n] if n < len(earlier) else None) for n in range(width)]
    else:
        back = len(days) if len(days) >= WEEK else WEEK
        found = [(d, d - back * DAY) for d in days]
    return pl.DataFrame(found, schema={"day": pl.Date, "partner": pl.Date}, orient="row")


def usual(days: AnyFrame, *, first: date, last: date, periods: int = 12) -> tuple[float, float] | None:
    """80 % band of like-for-like slot growth (as logarithms) of earlier periods of the same length, about 0.

    Growths are taken less their median: the band is the noise of growth, not growth itself. None with fewer than
    `LEAST_PERIODS` earlier periods that have a partner.
    """
    table = timed(days, at="day", needs=["store_id", "net_minor"], name="days")
    length = (last - first).days + 1
    found = []
    for k in range(1, periods + 1):
        back = timedelta(days=k * length)
        row = growth(table, first=first - back, last=last - back).filter(pl.col("comparison") == "same_slot")
        value = row["like_growth"].item()
        if value is not None and value > -1:
            found.append(math.log1p(value))
    if len(found) < LEAST_PERIODS:
        return None
    low, high = np.quantile(np.array(found) - np.median(found), BAND)
    return float(low), float(high)


def reading(rows: pl.DataFrame, *, band: tuple[float, float] | None) -> Reading:
    """What the three rows of `growth` for one group say, with the band of `usual`: a wording needs no more."""
    by = {row["comparison"]: row for row in rows.iter_rows(named=True)}
    slot, dates = by["same_slot"], by["same_dates"]
    like, verdict = slot["like_growth"], None
    if band is not None and like is not None and like > -1:
        grown = math.log1p(like)
        verdict = "grew" if grown > max(band[1], 0) else "fell" if grown < min(band[0], 0) else "as_last_year"
    return Reading(verdict, _opposite(dates["growth"], slot["growth"]), _opposite(slot["growth"], like))


def _same_weekday(day: date, partner: date) -> date:
    """The day with the weekday of `day` that is nearest to `partner`."""
    apart = (day.weekday() - partner.weekday() + 3) % WEEK - 3
    return partner + apart * DAY


def _spread(days: list[date]) -> list[date]:
    """The slot partners of `days`, those that share one day beside a slot spread over its neighbours, one day each.

    What shares a slot's last day moves on behind it; what shares the quiet day before a slot goes back from there.
    """
    aligned = [lunar_aligned(d) for d in days]
    times, met = Counter(aligned), Counter[date]()
    found: list[date] = []
    for day, partner in zip(days, aligned, strict=True):
        shared = times[partner] > 1 and slot_of(day) is None
        met[partner] += shared
        step = met[partner] if slot_of(partner) is not None else met[partner] - times[partner]
        moved = partner + step * DAY
        found.append(moved if shared and (step > 0 or slot_of(moved) is None) else partner)
    return found


def _opposite(one: float | None, other: float | None) -> bool:
    """Whether two growths differ in sign, or one is still (below `STILL`) where the other is large."""
    if one is None or other is None:
        return False
    small, large = sorted((abs(one), abs(other)))
    return one * other < 0 <= small - STILL or (small < STILL and large >= LARGE)


def _compared(
    table: pl.DataFrame, comparison: str, pairs: pl.DataFrame, *, begins: date | None, by: list[str]
) -> pl.DataFrame:
    # a quiet day that falls on a slot's edge last year is the partner of several days: it counts once for each
    now = pairs.drop_nulls("day").select("day").join(table, on="day")
    then = pairs.drop_nulls("partner").join(table.rename({"day": "partner"}), on="partner")
    like = now.join(then.drop_nulls("day"), on=[*by, "store_id", "day"], suffix="_then", nulls_equal=True).filter(
        (pl.col("net_minor") > 0) & (pl.col("net_minor_then") > 0)
    )
    groups = table.select(by).unique(maintain_order=True) if by else pl.DataFrame({"all": [0]})
    sums = groups
    for frame, columns in (
        (now, {"now_minor": "net_minor"}),
        (then, {"then_minor": "net_minor"}),
        (like, {"like_now_minor": "net_minor", "like_then_minor": "net_minor_then"}),
    ):
        named = [pl.col(old).sum().alias(new) for new, old in columns.items()]
        part = frame.group_by(by).agg(named) if by else frame.select(named)
        sums = sums.join(part, on=by, how="left", nulls_equal=True) if by else pl.concat([sums, part], how="horizontal")
    known = begins is not None and begins <= pairs["partner"].min()  # type: ignore[operator]
    sums = sums.with_columns(pl.col(r"^.*_minor$").fill_null(0))
    reason = pl.when(not known).then(pl.lit("no_history")).when(pl.col("then_minor") <= 0).then(pl.lit("no_sales"))
    sold = pl.lit(known)
    return sums.select(
        *by,
        comparison=pl.lit(comparison),
        then_first=pl.lit(pairs["partner"].min(), dtype=pl.Date),
        then_last=pl.lit(pairs["partner"].max(), dtype=pl.Date),
        now_minor="now_minor",
        then_minor="then_minor",
        growth=pl.when(sold & (pl.col("then_minor") > 0)).then(pl.col("now_minor") / pl.col("then_minor") - 1),
        like_now_minor="like_now_minor",
        like_then_minor="like_then_minor",
        like_growth=pl.when(sold & (pl.col("like_then_minor") > 0)).then(
            pl.col("like_now_minor") / pl.col("like_then_minor") - 1
        ),
        reason=reason,
    )


def _year_ago(day: date) -> date:
    """The same date a year earlier; 29 February meets 28 February."""
    return day.replace(year=day.year - 1, day=min(day.day, monthrange(day.year - 1, day.month)[1]))


def _check_period(first: date, last: date) -> None:
    if last < first:
        raise ParameterError("sales.period", values={"first": str(first), "last": str(last)})
