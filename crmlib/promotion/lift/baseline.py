"""What will goods sell without an event? The level of the last weeks × the season of last year × days.

Level: mean of the last eight weeks, weeks touched by an event replaced by their imputed base, so that a past promotion
neither lifts nor empties it. Season: how much more the same days of last year sold than the same eight weeks of last
year, "same" by the lunar calendar (`core.calendar.lunar_aligned`), over all stores and goods of the category: a single
product's last year says more about its price cuts than about its season (back-test in `docs/promotion.md`). The
logarithm of that ratio is shrunk by the share of its square that its noise does not explain (James & Stein 1961, for
one ratio): a few units or a ripple say little, a festival keeps its peak. In the first year there is no season, and the
level stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from crmlib.core.calendar import lunar_aligned
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.calendar import week_number
from crmlib.promotion.lift.footprint import Treated
from crmlib.promotion.lift.panel import Index, Panel

LEVEL_WEEKS = 8
WEEK_NOISE = 0.03
"""Variance of the logarithm of that ratio that is no season but chance weeks; .01 to .06 do as well on past events."""
MIN_UNITS = 20.0
"""Fewer units in the weeks of the level are no level; fewer in last year's weeks or days give no season."""


@dataclass(frozen=True, slots=True)
class Season:
    """factor : on the level of the last weeks; 1 where last year says nothing.

    then : columns of last year's same days where the goods were out of season in the last weeks: those days' sales,
        times the factor (how all goods have grown since), are the base; else empty.
    known : whether last year was in the history.
    """

    factor: float
    then: Index
    known: bool


def untreated(units: Floats, base: Floats, clean: Bools) -> Floats:
    """Sales as they would have been without events: sold where clean, imputed elsewhere, 0 where neither is known."""
    axes = "stores products weeks"
    check_shapes(units=(units, axes), base=(base, axes), clean=(clean, axes))
    return np.where(clean, units, np.nan_to_num(base))


def season(
    series: Floats, everything: Floats, *, first_week: int, until: int, days: list[date], noise: float = 1.0
) -> Season:
    """How much more, or less, a category sells on `days` than in the weeks up to `until`.

    Parameters
    ----------
    series, everything : untreated units of the category, and of all goods, over all stores, shape (weeks,).
    first_week : week_n of the first column. until : column of the last week that is known.
    noise : variance of a count, in counts (`Carry.phi`).
    """
    check_shapes(series=(series, "weeks"), everything=(everything, "weeks"))
    level = level_weeks(until)
    none = np.zeros(0, dtype=np.int64)
    then = columns_of([lunar_aligned(d) for d in days], first_week)
    window = columns_of([lunar_aligned(d) for d in days_of(level, first_week)], first_week)
    if min(then.min(), window.min()) < 0 or max(then.max(), window.max()) > until:
        return Season(1.0, none, known=False)
    ahead, before, recent = (float(series[at].sum()) for at in (then, window, level))
    ahead, before = ahead / 7, before / 7
    if recent < MIN_UNITS <= ahead:
        growth = float(everything[level].sum()) / max(float(everything[window].sum()) / 7, 1e-9)
        return Season(growth, then, known=True)
    if min(ahead, before) < MIN_UNITS:
        return Season(1.0, none, known=False)
    log = np.log(ahead / then.size / (before / window.size))
    share = log**2 / (log**2 + WEEK_NOISE + noise / ahead + noise / before)
    return Season(float(np.exp(share * log)), none, known=True)


def expected(series: Floats, season: Season, *, until: int, days: int) -> Floats:
    """Units of each row of `series`, shape (n, weeks), over so many days; shape (n,)."""
    check_shapes(series=(series, "rows weeks"))
    if season.then.size:
        return np.asarray(series[:, season.then].sum(axis=1) / 7 * season.factor * days / season.then.size)
    return np.asarray(series[:, level_weeks(until)].mean(axis=1) / 7 * days * season.factor)


def past_bases(
    panel: Panel, flat: Floats, rows: Treated, *, noise: float, seasonal: bool = True
) -> tuple[Floats, Bools]:
    """Base of every event as it would have been forecast before it, and whether with a season; shape (events,).

    Only weeks before the week of waiting are used; NaN where there are not eight of them. seasonal : False leaves the
    season out, to see what it is worth.
    """
    everything = flat.sum(axis=(0, 1))
    found, known = np.full(len(rows.ids), np.nan), np.zeros(len(rows.ids), dtype=np.bool_)
    for event in range(len(rows.ids)):
        mine = np.flatnonzero(rows.event == event)
        first, last = int(rows.first[mine].min()), int(rows.last[mine].max())
        until = first - 2
        if until + 1 < LEVEL_WEEKS:
            continue
        series = flat[:, category(panel.group, rows.product[mine])].sum(axis=(0, 1))
        days = days_of(slice(first, last + 1), panel.first_week)
        here = season(series, everything, first_week=panel.first_week, until=until, days=days, noise=noise)
        used = here if seasonal else Season(1.0, np.zeros(0, dtype=np.int64), known=False)
        each = expected(flat[rows.store[mine], rows.product[mine]], used, until=until, days=7)
        found[event], known[event] = float((each * (rows.last[mine] - rows.first[mine] + 1)).sum()), here.known
    return found, known


def category(group: Index, goods: Index) -> Index:
    """Goods and those of their sibling groups; all goods where they have none."""
    mine = np.unique(group[goods])
    if mine.size == 0 or mine[0] < 0:
        return np.arange(group.size)
    return np.flatnonzero(np.isin(group, mine))


def level_weeks(until: int) -> slice:
    """Columns of the weeks that tell the level."""
    return slice(max(until - LEVEL_WEEKS + 1, 0), until + 1)


def days_of(weeks: slice, first_week: int) -> list[date]:
    """Days of the columns."""
    start = date(1969, 12, 29) + timedelta(weeks=first_week + weeks.start)
    return [start + timedelta(days=i) for i in range(7 * (weeks.stop - weeks.start))]


def columns_of(days: list[date], first_week: int) -> Index:
    """Column of the week each day lies in; outside the panel where negative."""
    return np.array([week_number(d) for d in days], dtype=np.int64) - first_week
