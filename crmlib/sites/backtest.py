"""Would the model have foreseen past openings? Fit on the year before them, predict, compare with the year after.

Two questions: the revenue of the opened stores (gross), and what they took from the old ones. For the second the
opened stores' attraction is set so that their revenue is the real one; so a lucky or unlucky store does not blur it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.money import minor_per_unit
from crmlib.sites import forecast, huff, market, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market
from crmlib.sites.ramp import RampFit
from crmlib.sites.ramp import share as ramp_share

MIN_OPENINGS = 3
TOUCHED = 0.005  # an old store is touched by the openings if it is expected to lose more than 0.5 %
CALIBRATION_STEPS = 200
FULL_YEAR_DAYS = 360


@dataclass(frozen=True, slots=True)
class Backtest:
    """Predicted against real.

    openings : site_id, predicted_minor, low_minor, high_minor, actual_minor, inside (of the 80 % interval); actual is
    brought to the mature level by the ramp.
    mape : of gross; coverage : share inside; lost_predicted, lost_actual : what old stores lost, as a share of the
    openings' real revenue; lost_error_se : standard error of lost_actual from the other stores' year-to-year noise;
    net_bias : (1 − lost_predicted) / (1 − lost_actual) − 1.
    """

    openings: pl.DataFrame
    mape: float
    coverage: float
    lost_predicted: float
    lost_actual: float
    lost_error_se: float
    net_bias: float


def past_openings(
    before: Market, sites_after: pl.DataFrame, *, before_end: date, ramp: RampFit | None = None
) -> pl.DataFrame:
    """Own stores opened after `before_end` that had a full year of revenue in the later period.

    `maturity` is the mean of the ramp over the months of that year (1 without a ramp): the share of its mature revenue
    that a young store can have sold.
    """
    opened = sites_after.filter(
        (pl.col("kind") == "own")
        & (pl.col("opened_on") > before_end)
        & (pl.col("revenue_days") >= FULL_YEAR_DAYS)
        & (pl.col("opened_on") <= pl.col("period_end") - timedelta(days=FULL_YEAR_DAYS))
        & ~pl.col("site_id").is_in(list(before.own.ids))
    )
    return opened.with_columns(
        maturity=pl.Series(
            [_maturity(a, b, ramp) for a, b in opened.select("opened_on", "period_end").rows()], dtype=pl.Float64
        )
    )


def run(
    before: Market, fitted: HuffFit, after: Market, opened: pl.DataFrame, *, draws: int, rng: np.random.Generator,
    currency: str = "CNY",
) -> Backtest:  # fmt: skip
    """Back-test a fit of the market `before` on the stores `opened` since, whose truth stands in `after`.

    Raises
    ------
    ModelError
        `sites.no_openings` if fewer than three openings can be judged.
    """
    if opened.height < MIN_OPENINGS:
        raise ModelError("sites.no_openings", values={"openings": opened.height})
    stores = market.candidates(before, opened.with_columns(kind=pl.lit("candidate")))
    index = [after.own.ids.index(i) for i in stores.ids]
    actual = after.revenue[index]
    grown = opened.sort("site_id")["maturity"].to_numpy()
    at, new = forecast.candidate_attractions(before, fitted, stores)
    predicted = _gross_together(at, new)
    simulated = _draws(before, fitted, stores, draws=draws, rng=rng)
    low, high = np.quantile(simulated, forecast.INTERVAL, axis=0)
    lost, lost_actual, error = _lost(before, after, at, _calibrate(at, new, actual), actual)
    mature = actual / grown
    inside = (mature >= low) & (mature <= high)
    per_unit = minor_per_unit(currency)

    def minor(yuan: Array) -> list[int]:
        return [round(v * per_unit) for v in yuan.tolist()]

    return Backtest(
        openings=pl.DataFrame(
            {
                "site_id": list(stores.ids), "predicted_minor": minor(predicted), "low_minor": minor(low),
                "high_minor": minor(high), "actual_minor": minor(mature), "inside": inside,
            }
        ),
        mape=float(np.mean(np.abs(predicted / mature - 1))),
        coverage=float(inside.mean()),
        lost_predicted=lost,
        lost_actual=lost_actual,
        lost_error_se=error,
        net_bias=(1 - lost) / (1 - lost_actual) - 1,
    )  # fmt: skip


def _maturity(opened_on: date, period_end: date, ramp: RampFit | None) -> float:
    """Mean ramp over the 12 months up to `period_end` of a store opened on `opened_on`."""
    if ramp is None:
        return 1.0
    age = (period_end.year - opened_on.year) * 12 + period_end.month - opened_on.month + 1
    months = np.arange(max(age - 11, 1), age + 1)
    return float(ramp_share(months, first_month=ramp.first_month, months=ramp.months).mean())


def _gross_together(at: shares.Stage, new: Array) -> Array:
    """Revenue of each of several stores that open together [yuan a year], shape (n,)."""
    total = at.own.sum(axis=1) + new.sum(axis=1)
    share = shares.own_share(total, at.rivals + at.outside, at.nest)
    return np.asarray((at.demand * share / total) @ new)


def _draws(before: Market, fitted: HuffFit, stores: market.Stores, *, draws: int, rng: np.random.Generator) -> Array:
    out = np.empty((draws, len(stores.ids)))
    for i, vector in enumerate(huff.draw(fitted, draws=draws, rng=rng)):
        at = huff.stage_at(before, fitted, vector=vector)
        utility = huff.utility_of(before, fitted, stores, vector=vector)
        out[i] = _gross_together(at, shares.attraction(at, utility + rng.normal(0, fitted.sigma, len(stores.ids))))
    return out


def _calibrate(at: shares.Stage, new: Array, actual: Array) -> Array:
    """Scale the new stores' attractions until their revenues are the real ones."""
    for _ in range(CALIBRATION_STEPS):
        ratio = actual / _gross_together(at, new)
        new = new * ratio
        if float(np.abs(ratio - 1).max()) < 1e-10:
            break
    return new


def _lost(before: Market, after: Market, at: shares.Stage, new: Array, actual: Array) -> tuple[float, float, float]:
    """Own losses as a share of the openings' revenue: predicted, real, and the real one's standard error.

    The real loss is measured against the growth of untouched stores.
    """
    total = at.own.sum(axis=1)
    rest = at.rivals + at.outside
    kept = shares.own_share(total + new.sum(axis=1), rest, at.nest) / (total + new.sum(axis=1))
    base = shares.revenue(at)
    share = 1 - (at.demand * kept) @ at.own / base
    both = [i for i, name in enumerate(before.own.ids) if name in after.own.ids]
    there = [after.own.ids.index(before.own.ids[i]) for i in both]
    now, then, share = after.revenue[there], before.revenue[both], share[both]
    calm = share < TOUCHED
    if calm.sum() < 3:
        calm = share <= np.median(share)
    growth = now[calm].sum() / (then[calm] * (1 - share[calm])).sum()
    noise = float(np.std(now[calm] / (then[calm] * growth * (1 - share[calm])) - 1, ddof=1))
    lost_actual = float((then * growth - now).sum() / actual.sum())
    trend = noise / np.sqrt(calm.sum()) * then.sum()
    error = float(np.hypot(noise * np.sqrt((then**2).sum()), trend) / actual.sum())
    return float((then * share * growth).sum() / actual.sum()), lost_actual, error
