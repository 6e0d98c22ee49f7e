"""Demand of the coming days by store and product: exponential smoothing or TSB on what is left after the season.

Sources: Syntetos & Boylan (2005), Int. J. Forecasting 21; Teunter, Syntetos & Babai (2011), EJOR 214 (TSB), which
forgets dead goods where Croston's method never does. Spread by negative binomial with a variance/mean ratio that is
half the item's own and half its category's median.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.apportion import Floats, Ints
from crmlib.core.shapes import check_shapes

ALPHAS = (0.03, 0.1, 0.3)
METHODS = tuple((method, alpha) for method in ("ses", "tsb") for alpha in ALPHAS)
START = 28  # days whose mean is the first level
CUTS, AHEAD = 4, 28  # back-test: this many past days, each judged on this many days
SPREAD_DAYS = 180


@dataclass(frozen=True, slots=True)
class Demand:
    """Demand of the coming days.

    Parameters
    ----------
    mean : expected demand [units], shape (items, horizon).
    phi : variance/mean of a day's demand around its true level, shape (items,), ≥ 1; `spread_of` for sums of days.
    level : the same without season [units a day], shape (items,).
    method : index in `METHODS` that the back-test chose for the item's category, shape (items,).
    """

    mean: Floats
    phi: Floats
    level: Floats
    method: Ints


def forecast(sold: Floats, *, factors: Floats, category: Ints, horizon: int) -> Demand:
    """Forecast every item: level by the method and α that a back-test chose for its category, times the season.

    Parameters
    ----------
    sold : demand [units a day], lost sales added where known, shape (items, days).
    factors : season of every category, shape (categories, days + horizon), as `season.factors`.
    category : number of each item's category, shape (items,).
    """
    items, days = sold.shape
    check_shapes(
        category=(category, "items"),
        factors=(factors[:, : days + horizon], "categories days"),
        sold=(sold, "items past"),
    )
    usual = np.maximum(factors, 1e-6)
    flat = sold / usual[category, :days]
    levels, cuts = _levels(flat)
    error = _back_test(levels, cuts, flat)
    best = _by_category(error, category, factors.shape[0])
    method = best[category]
    rows = np.arange(items)
    level = levels[method, rows, -1]
    phi = _spread(sold, usual[category, :days], category, factors.shape[0])
    return Demand(level[:, None] * usual[category, days : days + horizon], phi, level, method)


def spread_of(made: Demand, days: Ints | int, *, item: Ints | None = None) -> Floats:
    """Variance/mean of the sum of `days` days, the level's own error included.

    phi·(1 + days·α/(2−α)): a smoothed level carries α/(2−α) of a day's variance into every one of the days, so that
    sums of many days spread more than independent days would.

    Parameters
    ----------
    days : one number, or one per value. item : items asked for; all of them, in order, without it.
    """
    alpha = np.array([a for _, a in METHODS])[made.method]
    phi = made.phi if item is None else made.phi[item]
    alpha = alpha if item is None else alpha[item]
    return np.asarray(phi * (1.0 + np.asarray(days) * alpha / (2.0 - alpha)))


def _levels(flat: Floats) -> tuple[Floats, Ints]:
    """Levels of all methods at the cut days and at the end, shape (methods, items, cuts + 1), and the cut days."""
    items, days = flat.shape
    cuts = np.array([c for c in (days - AHEAD * j for j in range(CUTS, 0, -1)) if c >= START], dtype=np.int64)
    kept = np.empty((len(METHODS), items, cuts.size + 1))
    first = flat[:, : min(START, days)]
    for m, (method, alpha) in enumerate(METHODS):
        size, often = first.mean(axis=1), np.ones(items)
        if method == "tsb":
            often = np.maximum((first > 0).mean(axis=1), 1e-6)
            size = size / often
        slot = 0
        for day in range(days):
            if slot < cuts.size and day == cuts[slot]:
                kept[m, :, slot] = size * often
                slot += 1
            x = flat[:, day]
            if method == "ses":
                size = size + alpha * (x - size)
            else:
                size = np.where(x > 0, size + alpha * (x - size), size)
                often = often + alpha * ((x > 0) - often)
        kept[m, :, -1] = size * often
    return kept, cuts


def _back_test(levels: Floats, cuts: Ints, flat: Floats) -> Floats:
    """Squared error of the mean of the days after each cut, relative to the item's level, shape (methods, items)."""
    error = np.zeros(levels.shape[:2])
    scale = np.maximum(flat.mean(axis=1), 1e-3)
    for j, cut in enumerate(cuts):
        true = flat[:, cut : cut + AHEAD].mean(axis=1)
        error += (levels[:, :, j] - true) ** 2 / scale
    return error


def _by_category(error: Floats, category: Ints, categories: int) -> Ints:
    sums = np.stack([np.bincount(category, weights=row, minlength=categories) for row in error])
    return np.asarray(sums.argmin(axis=0), dtype=np.int64)


def _spread(sold: Floats, season: Floats, category: Ints, categories: int) -> Floats:
    """Variance/mean around a slow level: half the item's own, half the category's median; never below 1."""
    days = min(SPREAD_DAYS, sold.shape[1])
    recent, usual = sold[:, -days:], season[:, -days:]
    level = recent.sum(axis=1) / np.maximum(usual.sum(axis=1), 1e-9)
    expected = level[:, None] * usual
    own = ((recent - expected) ** 2).sum(axis=1) / np.maximum(expected.sum(axis=1), 1e-9)
    known = level > 0
    medians = np.array(
        [np.median(own[known & (category == c)]) if (known & (category == c)).any() else 1.0 for c in range(categories)]
    )
    own = np.where(known, own, medians[category])
    return np.maximum(0.5 * own + 0.5 * medians[category], 1.0)
