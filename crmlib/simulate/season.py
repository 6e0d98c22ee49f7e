"""How busy is each day, and which goods does each day ask for? Weights from the calendar, peaks at lunar dates."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from crmlib.core.calendar import festival_day
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.goods import Goods

EPOCH = date(1970, 1, 1)
RHYTHMS = ("self", "gift", "group", "festival_only")

# festival: days before it that the rise begins, mean lead [days], strength for self, gift, group, festival only
PEAKS = {
    "spring_festival": (32, 9.0, (1.1, 5.0, 7.0, 16.0)),
    "mid_autumn": (30, 8.0, (0.7, 4.0, 6.0, 13.0)),
    "dragon_boat": (16, 5.0, (0.4, 2.0, 2.5, 5.0)),
    "lantern": (6, 2.5, (0.25, 0.2, 0.2, 0.3)),
    "national_day": (4, 1.5, (0.3, 0.6, 0.4, 1.0)),
    "womens_day": (3, 1.5, (0.15, 0.2, 0.2, 0.0)),
    "sale_618": (3, 1.0, (0.15, 0.0, 0.0, 0.0)),
    "sale_1111": (3, 1.0, (0.2, 0.0, 0.0, 0.0)),
}
GOODS_WINDOWS = {  # festival of seasonal goods: first day, last day on sale, relative to the festival
    "spring_festival": (-45, 3),
    "mid_autumn": (-48, 2),
    "dragon_boat": (-28, 2),
    "lantern": (-30, 3),
}
WEEKDAY = (0.88, 0.87, 0.88, 0.92, 1.06, 1.24, 1.15)


def rhythm(first_day: int, last_day: int) -> Floats:
    """Weight of each day for each rhythm of `RHYTHMS`, mean near 1 outside festivals, shape (4, days)."""
    days = np.arange(first_day, last_day + 1)
    base = np.array(WEEKDAY)[(days + 3) % 7]  # day 0 was a Thursday, index 3 of a week that begins on Monday
    weights = np.stack([base * 0.92, base * 0.75, np.full(len(days), 0.6), np.full(len(days), 0.03)])
    for festival, (reach, lead, strength) in PEAKS.items():
        for offset in _offsets(days, festival):
            rise = np.where((offset <= 0) & (offset >= -reach), np.exp(-np.abs(offset + lead / 2) / lead), 0.0)
            weights += np.array(strength)[:, None] * rise * base / 1.0
    for offset in _offsets(days, "spring_festival"):  # shops are nearly empty over the New Year days
        weights *= np.where((offset >= -1) & (offset <= 2), 0.3, 1.0)
    return weights


def demand(goods: Goods, first_day: int, last_day: int) -> Floats:
    """Factor on each category for each day: 0 outside a seasonal category's window, shape (days, categories)."""
    days = np.arange(first_day, last_day + 1)
    factor = np.ones((len(days), len(goods.categories)))
    for place, season in enumerate(goods.seasons):
        if season == "daily":
            continue
        begins, ends = GOODS_WINDOWS[season]
        strength = np.zeros(len(days))
        for offset in _offsets(days, season):
            inside = (offset >= begins) & (offset <= ends)
            strength += np.where(inside, 0.6 + 3.2 * np.exp(-np.abs(offset + 4) / 9.0), 0.0)
        factor[:, place] = strength
    return factor


def _offsets(days: Ints, festival: str) -> list[Ints]:
    """Day offsets from each year's festival that can matter for these days."""
    first = (EPOCH + timedelta(days=int(days[0]))).year
    last = (EPOCH + timedelta(days=int(days[-1]))).year
    return [days - (festival_day(festival, year) - EPOCH).days for year in range(first, last + 2)]
