"""Classes of goods: ABC by money, XYZ by how well they can be forecast, and which to take off the list.

Sources: ABC after Dickie (1951), cumulative shares of 80 % and 95 %; XYZ by the error of simple exponential smoothing
relative to the mean (a steady season is X however much it swings about its mean).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crmlib.core.apportion import Floats
from crmlib.core.frames import AnyFrame, to_polars

CUTS_ABC = (0.80, 0.95)
CUTS_XYZ = (0.5, 1.0)
ALPHA = 0.1
NEW_DAYS = 90
SILENT_DAYS = 28


def abc(goods: AnyFrame, *, value: str = "margin_minor", cuts: tuple[float, float] = CUTS_ABC) -> pl.DataFrame:
    """The rows with share (of all positive values), reached (shares up to and with this good) and abc, largest first.

    A good is A up to a cumulative share of 80 %, B up to 95 %; the first is A in any case, goods of 0 or less are C.
    """
    table = to_polars(goods, needs=[value], key="product_id", name="goods")
    table = table.sort(value, "product_id", descending=[True, False], nulls_last=True)
    worth = pl.col(value).fill_null(0).clip(lower_bound=0)
    share = worth / worth.sum()
    table = table.with_columns(share=share.fill_nan(0.0))
    reached = worth.cum_sum() / worth.sum()
    first = pl.int_range(pl.len()) == 0
    kind = pl.when(worth <= 0).then(pl.lit("C")).when((reached <= cuts[0]) | first).then(pl.lit("A"))
    return table.with_columns(
        reached=reached.fill_nan(0.0), abc=kind.when(reached <= cuts[1]).then(pl.lit("B")).otherwise(pl.lit("C"))
    )


def xyz(weeks: AnyFrame, *, cuts: tuple[float, float] = CUTS_XYZ) -> pl.DataFrame:
    """product_id, error (rms of one-week-ahead errors ÷ mean), xyz; goods with fewer than 8 weeks have neither.

    weeks : product_id, week (sortable), quantity_milli; weeks without a row sold nothing. A good begins with its first
        week.
    """
    table = to_polars(weeks, needs=["product_id", "week", "quantity_milli"], name="weeks")
    wide = table.group_by("product_id", "week").agg(pl.col("quantity_milli").sum().cast(pl.Float64)).sort("week")
    wide = wide.pivot(on="week", index="product_id", values="quantity_milli").sort("product_id")
    error = _smoothing_errors(wide.drop("product_id").to_numpy())
    found = pl.DataFrame({"product_id": wide["product_id"], "error": error}).with_columns(
        pl.col("error").fill_nan(None)
    )
    kind = pl.when(pl.col("error").is_null()).then(None).when(pl.col("error") <= cuts[0]).then(pl.lit("X"))
    return found.with_columns(xyz=kind.when(pl.col("error") <= cuts[1]).then(pl.lit("Y")).otherwise(pl.lit("Z")))


def _smoothing_errors(q: Floats) -> Floats:
    """Rms of the errors of exponential smoothing ÷ mean, shape (goods,); NaN before the first sale is not yet sold."""
    begun = np.cumsum(np.isfinite(q), axis=1) > 0
    values = np.where(begun, np.nan_to_num(q), np.nan)
    level, errors = np.full(q.shape[0], np.nan), np.full(q.shape, np.nan)
    seen = np.zeros(q.shape[0])
    for t in range(q.shape[1]):
        here = values[:, t]
        errors[:, t] = np.where(seen >= 4, here - level, np.nan)
        step = np.maximum(ALPHA, 1 / (seen + 1))  # a plain mean until ten weeks are seen
        level = np.where(np.isnan(level), here, level + step * (here - level))
        seen += np.isfinite(here)
    known = np.isfinite(errors)
    count = known.sum(axis=1)
    squares = np.where(known, errors, 0.0) ** 2
    mean = np.where(begun, np.nan_to_num(q), 0.0).sum(axis=1) / np.maximum(begun.sum(axis=1), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((count >= 4) & (mean > 0), np.sqrt(squares.sum(axis=1) / np.maximum(count, 1)) / mean, np.nan)


def status(goods: AnyFrame, *, as_of: date, new_days: int = NEW_DAYS) -> pl.DataFrame:
    """The rows with status: new (launched at most `new_days` ago), delisted (by the as-of day), else listed.

    goods : product_id, launched_on, delisted_on (nullable).
    """
    table = to_polars(goods, needs=["launched_on", "delisted_on"], key="product_id", name="products")
    age = pl.lit(as_of) - pl.col("launched_on")
    kind = (
        pl.when(pl.col("delisted_on") <= as_of)
        .then(pl.lit("delisted"))
        .when(age <= pl.duration(days=new_days))
        .then(pl.lit("new"))
        .otherwise(pl.lit("listed"))
    )
    return table.with_columns(status=kind)


def delist(goods: AnyFrame, *, silent_days: int = SILENT_DAYS) -> pl.DataFrame:
    """Goods to take off the list with the reason and the money that lies in them, most money first.

    Parameters
    ----------
    goods : product_id, status, abc, margin_minor, days_since_sale, stock_minor (at cost; null = unknown) and upper (of
        `goods.growing`; null = no growth known). Only listed goods are judged: a new one has not had its time.

    Returns
    -------
    product_id, reason (loses_money; silent: a C good not sold for `silent_days`; shrinking: a C good whose growth's
    upper bound lies below 1), margin_minor, stock_minor.
    """
    needs = ("status", "abc", "margin_minor", "days_since_sale", "stock_minor", "upper")
    table = to_polars(goods, needs=needs, key="product_id", name="goods").filter(pl.col("status") == "listed")
    small = pl.col("abc") == "C"
    reason = (
        pl.when(pl.col("margin_minor") < 0)
        .then(pl.lit("loses_money"))
        .when(small & (pl.col("days_since_sale") >= silent_days))
        .then(pl.lit("silent"))
        .when(small & (pl.col("upper") < 1))
        .then(pl.lit("shrinking"))
    )
    found = table.with_columns(reason=reason).drop_nulls("reason")
    money = pl.col("stock_minor").fill_null(0) - pl.col("margin_minor").fill_null(0).clip(upper_bound=0)
    return found.sort(money, "product_id", descending=[True, False]).select(
        "product_id", "reason", "margin_minor", "stock_minor"
    )
