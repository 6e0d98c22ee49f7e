"""Which store had an unusual week? Each store against the median of all stores in the same week.

With level l_s, an exponentially weighted mean (weight `ALPHA`) of ln v less the week's effect,

    week_t = median over stores of (ln v − l),   e = ln v − l − week_t,   z = e / rms of the store's last 52 e.

The level follows errors only up to ±`CLIP`, so that one disaster does not become the new usual. The critical value is
the 99 % quantile of |z| over all stores and the weeks of the year before (normal quantiles ring three times too often
on daily sales). What all stores share (weather, festivals, a promotion of the whole chain) is in the week's median and
is not flagged here; `growth` tells that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

ALPHA, CLIP = 0.1, 0.3
YEAR = 52
"""Periods behind the scale of a store's errors, and behind the critical value."""
START = 8
"""Periods whose median is the first level."""
LEAST_STORES = 5
SHARE = 0.99


@dataclass(frozen=True, slots=True)
class Flags:
    """Store-weeks of the last year and what stands out.

    Parameters
    ----------
    weeks : store_id, week, net_minor, expected_minor, z, flagged, gap_minor (net less expected, 0 unless flagged).
    critical : |z| above which a store-week is flagged.
    own : whether it comes from the year before; else (too short a history) it is the normal 99 % quantile.
    """

    weeks: pl.DataFrame
    critical: float
    own: bool


def flags(weeks: AnyFrame, *, last: int = YEAR, critical: float | None = None) -> Flags:
    """Store-weeks that differ from what the store's own level and the week of all stores let expect.

    Parameters
    ----------
    weeks : store_id, week (any sortable label of equal periods: a date, a number), net_minor; gaps are no row.
    last : so many latest periods are judged.
    critical : |z| that flags; None takes the 99 % quantile of the `YEAR` periods before those judged.

    Raises
    ------
    ModelError
        sales.few_stores: fewer than five stores have no median worth the name;
        sales.short_weeks: fewer periods than a year of errors and one to judge.
    """
    table = to_polars(weeks, needs=["store_id", "week", "net_minor"], name="weeks")
    wide = table.group_by("store_id", "week").agg(pl.col("net_minor").sum().cast(pl.Float64)).sort("week")
    wide = wide.pivot(on="week", index="store_id", values="net_minor").sort("store_id")
    labels = table["week"].unique().sort()
    _check_size(stores=wide.height, weeks=labels.len())
    sales = wide.drop("store_id").to_numpy()
    errors, expected = surprises(sales)
    z = errors / trailing_rms(errors)
    judged = min(last, labels.len() - YEAR)
    before = np.abs(z[:, max(labels.len() - judged - YEAR, 0) : labels.len() - judged])
    before = before[np.isfinite(before)]
    own = critical is None and before.size >= 10 / (1 - SHARE)
    limit = critical if critical is not None else float(np.quantile(before, SHARE)) if own else 2.576
    shown = slice(labels.len() - judged, labels.len())
    long = pl.DataFrame(
        {
            "store_id": np.repeat(wide["store_id"].to_numpy(), judged),
            "week": np.tile(np.arange(judged), wide.height),
            "net_minor": sales[:, shown].ravel(),
            "expected_minor": expected[:, shown].ravel(),
            "z": z[:, shown].ravel(),
        }
    ).filter(pl.col("net_minor").is_not_nan() & pl.col("z").is_finite())
    flagged = pl.col("z").abs() > limit
    return Flags(
        long.select(
            "store_id",
            week=labels[shown].gather(long["week"]),
            net_minor=pl.col("net_minor").cast(pl.Int64),
            expected_minor=pl.col("expected_minor").round().cast(pl.Int64),
            z="z",
            flagged=flagged,
            gap_minor=pl.when(flagged).then((pl.col("net_minor") - pl.col("expected_minor")).round()).otherwise(0)
            .cast(pl.Int64),
        ),
        limit,
        own,
    )  # fmt: skip


def surprises(sales: Floats) -> tuple[Floats, Floats]:
    """Errors e (logarithms) and expected sales; both of the shape of `sales` (stores, periods), NaN where not sold.

    Each value is judged with the level from before it. Sales of 0 or less have no logarithm and are no error.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(sales > 0, np.log(sales), np.nan)
    level = _first_level(logs)
    errors, expected = np.full(sales.shape, np.nan), np.full(sales.shape, np.nan)
    for t in range(sales.shape[1]):
        apart = logs[:, t] - level
        seen = np.isfinite(apart)
        if not seen.any():
            continue
        week = np.median(apart[seen])
        errors[:, t] = apart - week
        expected[:, t] = np.exp(level + week)
        level = level + np.where(seen, ALPHA * np.clip(errors[:, t], -CLIP, CLIP), 0.0)
    return errors, expected


def _first_level(logs: Floats) -> Floats:
    """Median of each store's first `START` periods with sales, each less the median of the stores of that period."""
    level = np.full(logs.shape[0], np.nan)
    for store, row in enumerate(logs):
        known = row[np.isfinite(row)][:START]
        if known.size:
            level[store] = np.median(known)
    return level


def trailing_rms(errors: Floats) -> Floats:
    """Root mean square of each store's `YEAR` errors before each period; NaN with fewer than half of them."""
    squares, count = np.nan_to_num(errors**2), np.isfinite(errors).astype(np.float64)
    sums = [np.cumsum(np.pad(a, ((0, 0), (1, 0))), axis=1) for a in (squares, count)]
    scale = np.full(errors.shape, np.nan)
    for t in range(YEAR, errors.shape[1]):
        s, n = (c[:, t] - c[:, t - YEAR] for c in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale[:, t] = np.where(n >= YEAR / 2, np.sqrt(s / n), np.nan)
    return np.where(scale > 0, scale, np.nan)


def _check_size(*, stores: int, weeks: int) -> None:
    if stores < LEAST_STORES:
        raise ModelError("sales.few_stores", values={"stores": stores, "least": LEAST_STORES})
    if weeks <= YEAR:
        raise ModelError("sales.short_weeks", values={"weeks": weeks, "least": YEAR})
