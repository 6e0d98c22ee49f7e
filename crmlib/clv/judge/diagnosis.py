"""Tidy frames that show where a model is right about customers and where it is not.

How often customers buy, what happens to those who bought x times, week by week, calibration, predictive coverage.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy.special import xlogy

from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast import predict
from crmlib.clv.forecast.intervals import predictive_counts, rows_of
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.horizon import Horizon
from crmlib.clv.numerics.arrays import Array, blocks
from crmlib.core import runs
from crmlib.core.dates import day_number, day_of
from crmlib.core.shapes import shaped

SEVEN_UP = 7
BLOCK = 4096
MOST = 400
"""Outcomes above this are looked up one by one instead of in a table of the whole block."""


def frequency(fit: ModelFit[Any], history: pl.DataFrame) -> pl.DataFrame:
    """Customers by number of repeat purchases, and how many the model expects, given each one's age."""
    ages = history.group_by("T").len().sort("T")
    expected = np.zeros(SEVEN_UP + 1)
    future = predict.fresh(fit)
    for age, count in ages.iter_rows():
        above = np.concatenate([[1.0], future.exceed(age, most=SEVEN_UP - 1)[:, 0] if age > 0 else np.zeros(SEVEN_UP)])
        expected += count * np.append(above[:-1] - above[1:], above[-1])
    actual = np.bincount(history["x"].clip(upper_bound=SEVEN_UP).to_numpy(), minlength=SEVEN_UP + 1)
    return pl.DataFrame({"purchases": range(SEVEN_UP + 1), "actual": actual, "expected": expected})


def tracking(fit: ModelFit[Any], days: pl.DataFrame, *, cut: date, end: date) -> pl.DataFrame:
    """Repeat purchases per week of everybody who came by `cut`, and what the model expects of them.

    Parameters
    ----------
    days : purchase days, each once.
    """
    per = 7.0 if fit.unit == "week" else 1.0
    who, day = pl.col("customer_id"), pl.col("day_n")
    first = pl.when(runs.begins(who)).then(day).forward_fill().alias("first")
    rows = runs.in_order(days).select("day_n", first).filter(pl.col("first") <= day_number(cut))
    starts = rows.filter(day == pl.col("first")).group_by("first").len().sort("first")
    begin = int(starts["first"][0])
    ends = list(range(begin + 6, day_number(end) + 1, 7))
    ages = sorted({max(e - s, 0) for e in ends for s in starts["first"].to_list()})
    future = predict.fresh(fit)
    mean_at = {age: float(future.mean(age / per)[0]) if age else 0.0 for age in ages}
    counts = starts["len"].to_list()
    totals = [sum(n * mean_at[max(e - s, 0)] for s, n in zip(starts["first"], counts, strict=True)) for e in ends]
    week = rows.filter(day > pl.col("first")).select((day - begin) // 7).to_series().to_numpy()
    actual = np.bincount(week, minlength=len(ends))[: len(ends)]
    return pl.DataFrame(
        {
            "day": [day_of(e) for e in ends],
            "actual": actual,
            "expected": np.diff([0.0, *totals]),
            "holdout": [e > day_number(cut) for e in ends],
        }
    )


def scored(
    fit: ModelFit[Any], known: pl.DataFrame, forecast: pl.DataFrame, *, horizon: Horizon, rng: np.random.Generator
) -> pl.DataFrame:
    """Beside what each customer did (`actual`): `expected`, `p_buy`, 90 % interval `low`, `high`, and `pit`.

    The randomised probability integral transform is uniform on 0 … 1 if the predictive distribution is right.
    """
    data = predict.read_for(fit, known)
    t = horizon.units(fit.unit)
    low, high = predictive_counts(fit, data, t=t, edges=(0.05, 0.95))
    below, at = outcome_chances(fit, data, known["actual"].to_numpy(), t=t)
    return known.with_columns(
        expected=forecast["expected"],
        p_buy=1.0 - forecast["p_none"],
        low=pl.Series(low[data.row_of]),
        high=pl.Series(high[data.row_of]),
        pit=pl.Series(below + rng.random(len(below)) * at),
    )


@shaped(expected="customers", actual="customers")
def deviance(expected: Array, actual: Array) -> Array:
    """Poisson deviance of each customer's forecast from what happened, shape (n,); 0 is perfect, lower is better.

    Whatever the outcomes' distribution, the true expectations make its mean lowest (Gneiting 2011, Making and
    evaluating point forecasts, JASA 106), and unlike the squared error it is not ruled by a few busy customers.

    Examples
    --------
    >>> actual = np.array([0.0, 2.0, 4.0])
    >>> bool(deviance(np.full(3, 2.0), actual).mean() < deviance(np.full(3, 3.0), actual).mean())
    True
    """
    sure = np.maximum(expected, 1e-12)
    return np.asarray(2.0 * (xlogy(actual, actual / sure) - (actual - sure)))


def outcome_chances(fit: ModelFit[Any], data: PurchaseHistory, y: Array, *, t: float) -> tuple[Array, Array]:
    """P(Y < y) and P(Y = y) of each customer's own outcome y (n_customers,), in blocks of similar customers."""
    below, at = np.empty(len(y)), np.empty(len(y))
    order = np.argsort(data.row_of, kind="stable")
    starts = np.searchsorted(data.row_of[order], np.arange(0, data.n_rows + BLOCK, BLOCK))
    for number, part in enumerate(blocks(data.n_rows, size=BLOCK)):
        some = order[starts[number] : starts[number + 1]]
        k = np.minimum(y[some].astype(np.int64), MOST)
        there, future = predict.state(fit, data, part)
        exceed = there * future.exceed(t, most=int(k.max(initial=0)))
        at_least = np.vstack([np.ones(exceed.shape[1]), exceed])
        row = data.row_of[some] - part.start
        below[some] = 1.0 - at_least[k, row]
        at[some] = at_least[k, row] - at_least[k + 1, row]
    busy = np.flatnonzero(y > MOST)
    if busy.size:
        theirs = rows_of(data, data.row_of[busy])
        there, future = predict.state(fit, theirs, slice(0, busy.size))
        more, least = (there * future.exceed_at(t, y[busy].astype(np.float64) - less) for less in (0.0, 1.0))
        below[busy], at[busy] = 1.0 - least, least - more
    return below, at


def by_x(scored: pl.DataFrame) -> pl.DataFrame:
    """Purchases per customer in the holdout, by repeat purchases before it: `customers`, `actual`, `expected`."""
    capped = pl.col("x").clip(upper_bound=SEVEN_UP).alias("x")
    grouped = scored.group_by(capped).agg(
        pl.len().alias("customers"), pl.col("actual").mean(), pl.col("expected").mean()
    )
    return grouped.sort("x")


def calibration(scored: pl.DataFrame, *, parts: int = 10) -> pl.DataFrame:
    """Tenths of customers by P(buys), and the share of them who did, with a Wilson 90 % interval."""
    ordered = scored.select("p_buy", bought=pl.col("actual") > 0).sort("p_buy").with_row_index("i")
    part = (pl.col("i") * parts // pl.len()).alias("part")
    table = ordered.group_by(part).agg(pl.col("p_buy").mean(), pl.col("bought").mean().alias("rate"), pl.len())
    z, n, rate = 1.645, pl.col("len"), pl.col("rate")
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (rate * (1 - rate) / n + z * z / (4 * n * n)).sqrt()
    return table.sort("part").select(
        "p_buy", "rate", low=middle - half, high=middle + half, customers=pl.col("len").cast(pl.Int64)
    )
