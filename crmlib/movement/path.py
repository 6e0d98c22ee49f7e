"""First, second and third trip: into which category newcomers go on, and who does not come back.

Only members with the full horizon of follow-up are counted, and "not back within h days" is a branch of its own.
A step is held against independence (its expected share is the overall share of the next category among those who came
back), by the hypergeometric test, Benjamini–Hochberg over all steps shown.

Entry goods are compared with shrinkage (random effects, DerSimonian & Laird 1986): the best of many small groups are
mostly luck.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control, hypergeom

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, to_polars

NOT_BACK = "not_back"
LEVEL = 0.05


def path(trips: AnyFrame, *, as_of: date, horizon_days: int) -> pl.DataFrame:
    """Steps from the first to the second and from the second to the third trip.

    Parameters
    ----------
    trips : customer_id, day, category (one row per trip, with its main category), from the beginning.
    as_of : last day known.
    horizon_days : h; a next trip later than this counts as not back.

    Returns
    -------
    step (1: first → second, 2: second → third), before (category of the trip before), next (a category, or `not_back`),
    members, share (of those at `before`), index (share among those back ÷ overall share; null for `not_back`), p, known
    (passes 5 % after Benjamini–Hochberg). Sorted by step, before and members.
    """
    as_of = a_day(as_of, name="as_of")
    table = to_polars(trips, needs=["customer_id", "day", "category"], name="trips", texts=False)
    table = table.drop_nulls(["customer_id", "category"]).filter(pl.col("day") <= as_of)
    ordered = table.sort("customer_id", "day", "category")
    again = pl.all_horizontal(pl.col(c) == pl.col(c).shift() for c in ("customer_id", "day")).fill_null(value=False)
    once = ordered.filter(~again).with_columns(number=pl.int_range(pl.len()))
    same = pl.col("customer_id") == pl.col("customer_id").shift(-1)
    begins = pl.when(~same.shift().fill_null(value=False)).then("number")
    placed = once.with_columns(
        place=pl.col("number") - begins.forward_fill(),
        next=pl.when(same).then(pl.col("category").shift(-1)),
        next_day=pl.when(same).then(pl.col("day").shift(-1)),
    )
    followed = pl.col("day") <= as_of - timedelta(days=horizon_days)
    back = (pl.col("next_day") - pl.col("day")).dt.total_days() <= horizon_days
    seen = placed.with_columns(back=back.fill_null(value=False))
    first_back = pl.col("back").shift()  # of the trip before, where this is the second
    chosen = seen.filter(followed, (pl.col("place") == 0) | ((pl.col("place") == 1) & first_back))
    steps = chosen.with_columns(step=pl.col("place") + 1, next=pl.when("back").then("next").otherwise(pl.lit(NOT_BACK)))
    counted = steps.group_by("step", pl.col("category").alias("before"), "next").agg(
        pl.len().cast(pl.Int64).alias("members")
    )
    return _against_independence(counted)


def _against_independence(counted: pl.DataFrame) -> pl.DataFrame:
    is_back = pl.col("next") != NOT_BACK
    back = pl.col("members").filter(is_back).sum()
    table = counted.with_columns(
        share=pl.col("members") / pl.col("members").sum().over("step", "before"),
        row=back.over("step", "before"), all=back.over("step"), column=pl.col("members").sum().over("step", "next"),
    )  # fmt: skip
    k, n, row, column = (table[c].to_numpy() for c in ("members", "all", "row", "column"))
    more = hypergeom.sf(k - 1, n, column, row)
    less = hypergeom.cdf(k, n, column, row)
    p = np.minimum(1.0, 2 * np.minimum(more, less))
    compared = (table["next"] != NOT_BACK).to_numpy()
    known = np.zeros(table.height, dtype=bool)
    if compared.any():
        known[compared] = false_discovery_control(p[compared]) <= LEVEL
    tested = table.with_columns(pl.Series("p", p), pl.Series("known", known)).with_columns(
        index=pl.when(is_back).then(pl.col("members") * pl.col("all") / (pl.col("row") * pl.col("column"))),
        p=pl.when(is_back).then("p"),
    )
    kept = ("step", "before", "next", "members", "share", "index", "p", "known")
    return tested.select(kept).sort("step", "before", "members", "next", descending=[False, False, True, False])


def entry_goods(newcomers: AnyFrame) -> pl.DataFrame:
    """What newcomers are worth by the good they came in with, shrunk towards the mean of all.

    Parameters
    ----------
    newcomers : customer_id, entry, value_minor (spend in the time after the entry); one row per newcomer.

    Returns
    -------
    entry, newcomers, mean_minor, shrunk_minor, se_minor (of the shrunk value); best first.
    """
    table = to_polars(newcomers, needs=["entry", "value_minor"], name="newcomers", key="customer_id")
    value = pl.col("value_minor").cast(pl.Float64)
    by = table.group_by("entry").agg(
        pl.len().cast(pl.Int64).alias("newcomers"), mean=value.mean(), squares=((value - value.mean()) ** 2).sum()
    )
    n, mean = by["newcomers"].to_numpy().astype(float), by["mean"].to_numpy()
    inner = max(float(n.sum()) - len(n), 1.0)
    variance = max(float(by["squares"].sum()) / inner, 1e-12)
    weight = n / variance
    centre = float((weight * mean).sum() / weight.sum())
    spread = float((weight * (mean - centre) ** 2).sum()) - (len(n) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(0.0, spread / scale) if scale > 0 else 0.0
    kept = between / (between + variance / n)
    precision = np.where(between + weight * 0 > 0, 1 / (1 / max(between, 1e-12) + weight), 0.0)
    middle = float(((1 / (between + variance / n)) * mean).sum() / (1 / (between + variance / n)).sum())
    return by.select(
        "entry", "newcomers", pl.col("mean").alias("mean_minor"),
        pl.Series("shrunk_minor", middle + kept * (mean - middle)), pl.Series("se_minor", np.sqrt(precision)),
    ).sort("shrunk_minor", "entry", descending=[True, False])  # fmt: skip
