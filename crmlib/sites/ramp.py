"""How fast a new store reaches its level, and from which month it can be judged.

Pooled over the chain's openings, old and young: ln y_sm = μ_s + ln r(m) + e_sm, with the ramp
r(m) = 1 − (1 − r0)·exp(−(m − 1)/θ) in the m-th month, μ_s ~ N(μ, ω²), e ~ N(0, σ²). Stores that opened a few months
ago count with the months they have (their level is censored, not missing): the marginal likelihood integrates μ_s out.
y is revenue divided by the seasonal index of mature stores, so that a spring opening is not a success by the calendar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed
from crmlib.sites.market import Array, Ints
from crmlib.sites.periods import monthly

MATURE_MONTHS = 36  # stores older than this at the start of the history give the season
LAST_MONTH = 36  # later months say nothing about the ramp
MIN_STORES = 3
JUDGE_RAMP, JUDGE_SD = 0.9, 0.10
Z80 = 1.2816


@dataclass(frozen=True, slots=True)
class RampFit:
    """first_month : r0; months : θ; level_sd : ω; noise_sd : σ; stores, observations : used; month_to_judge.

    covariance : of (logit r0, ln θ), row by row; curve : month, share, low, high (80 %).
    """

    first_month: float
    months: float
    level_sd: float
    noise_sd: float
    stores: int
    observations: int
    month_to_judge: int
    covariance: tuple[tuple[float, float], tuple[float, float]]
    curve: pl.DataFrame


def share(month: ArrayLike, *, first_month: float, months: float) -> Array:
    """Share of the mature level in the m-th month, counted from 1.

    Examples
    --------
    >>> share([1, 8], first_month=0.45, months=7.0).round(3)
    array([0.45 , 0.798])
    """
    return np.asarray(1 - (1 - first_month) * np.exp(-(np.asarray(month, dtype=float) - 1) / months))


def fit(openings: AnyFrame, sites: AnyFrame) -> RampFit:
    """Fit the ramp.

    Parameters
    ----------
    openings : site_id, month (first day), revenue_minor of own stores.
    sites : site_id, opened_on.

    Raises
    ------
    ModelError
        `sites.no_ramp` if fewer than three openings fall into the history, or no mature store shows the season.
    """
    y, month, store = _observations(
        monthly(openings),
        timed(sites, at="opened_on", name="sites", key="site_id"),
    )
    start = np.array([0.0, np.log(6.0), float(y.mean()), np.log(0.3), np.log(0.1)])
    found = minimize(_minus_log_likelihood, start, args=(y, month, store), method="BFGS")
    logit, log_months, _, log_level, log_noise = found.x
    covariance = np.asarray(np.linalg.inv(_curvature(found.x, y, month, store)), dtype=np.float64)[:2, :2]
    level, noise = float(np.exp(log_level)), float(np.exp(log_noise))
    curve = _curve(float(logit), float(log_months), covariance)
    return RampFit(
        first_month=float(1 / (1 + np.exp(-logit))),
        months=float(np.exp(log_months)),
        level_sd=level,
        noise_sd=noise,
        stores=len(np.unique(store)),
        observations=len(y),
        month_to_judge=_month_to_judge(curve, level, noise),
        covariance=tuple(tuple(float(v) for v in row) for row in covariance),  # type: ignore[arg-type]
        curve=curve,
    )


def draw(fitted: RampFit, *, draws: int, months: int, rng: np.random.Generator) -> Array:
    """Ramp curves from the uncertainty of the fit, shape (draws, months)."""
    centre = [np.log(fitted.first_month / (1 - fitted.first_month)), np.log(fitted.months)]
    sample = rng.multivariate_normal(centre, np.asarray(fitted.covariance), size=draws)
    first, pace = 1 / (1 + np.exp(-sample[:, :1])), np.exp(sample[:, 1:])
    return np.asarray(1 - (1 - first) * np.exp(-np.arange(months)[None, :] / pace))


def season(openings: pl.DataFrame, sites: pl.DataFrame) -> pl.DataFrame:
    """month, index: what mature stores sold in a month, relative to the mean month."""
    first = openings["month"].min()
    old = sites.filter(pl.col("opened_on").dt.offset_by(f"{MATURE_MONTHS}mo") <= pl.lit(first))["site_id"]
    mature = openings.filter(pl.col("site_id").is_in(old.implode()) & (pl.col("revenue_minor") > 0))
    total = mature.group_by("month").agg(index=pl.col("revenue_minor").sum()).sort("month")
    return total.with_columns(index=pl.col("index") / pl.col("index").mean())


def _observations(openings: pl.DataFrame, sites: pl.DataFrame) -> tuple[Array, Ints, Ints]:
    """ln(deseasoned revenue), month since opening, store index of openings inside the history."""
    index = season(openings, sites)
    first = openings["month"].min()
    young = (
        openings.join(sites.select("site_id", "opened_on"), on="site_id")
        .filter((pl.col("opened_on") >= pl.lit(first)) & (pl.col("revenue_minor") > 0))
        .join(index, on="month")
        .with_columns(
            m=(pl.col("month").dt.year().cast(pl.Int64) - pl.col("opened_on").dt.year()) * 12
            + pl.col("month").dt.month()
            - pl.col("opened_on").dt.month()
            + 1
        )
        .filter(pl.col("m").is_between(1, LAST_MONTH))
        .sort("site_id", "m")
    )
    if young["site_id"].n_unique() < MIN_STORES or index.is_empty():
        raise ModelError("sites.no_ramp", values={"openings": young["site_id"].n_unique()})
    y = np.log((young["revenue_minor"] / young["index"]).to_numpy())
    store = young["site_id"].rle_id().cast(pl.Int64).to_numpy()
    return y, young["m"].cast(pl.Int64).to_numpy(), store


def _minus_log_likelihood(theta: Array, y: Array, month: Ints, store: Ints) -> float:
    logit, log_months, mean, log_level, log_noise = theta
    curve = share(month, first_month=1 / (1 + np.exp(-logit)), months=np.exp(log_months))
    rest = y - np.log(curve) - mean
    n = np.bincount(store).astype(float)
    centre = np.bincount(store, weights=rest) / n
    within = np.bincount(store, weights=(rest - centre[store]) ** 2)
    noise, level = np.exp(2 * log_noise), np.exp(2 * log_level)
    total = noise + n * level
    return float(0.5 * np.sum((n - 1) * np.log(noise) + np.log(total) + within / noise + n * centre**2 / total))


def _curvature(theta: Array, y: Array, month: Ints, store: Ints) -> Array:
    """Second derivatives of the minus log-likelihood at its minimum, by central differences."""
    step, n = 1e-3, len(theta)
    out = np.empty((n, n))
    for i in range(n):
        for j in range(n):
            a, b = step * np.eye(n)[i], step * np.eye(n)[j]
            corners = ((1, a + b), (-1, a - b), (-1, b - a), (1, -a - b))
            out[i, j] = sum(s * _minus_log_likelihood(theta + d, y, month, store) for s, d in corners) / (4 * step**2)
    return out


def _curve(logit: float, log_months: float, covariance: Array) -> pl.DataFrame:
    """The ramp with its 80 % interval by the delta method on ln(1 − r)."""
    month = np.arange(1, LAST_MONTH + 1)
    first, pace = 1 / (1 + np.exp(-logit)), np.exp(log_months)
    gap = (1 - first) * np.exp(-(month - 1) / pace)
    slopes = np.column_stack([np.full(len(month), -first), (month - 1) / pace])
    sd = np.sqrt(np.einsum("mi,ij,mj->m", slopes, covariance, slopes))
    return pl.DataFrame(
        {"month": month, "share": 1 - gap, "low": 1 - gap * np.exp(Z80 * sd), "high": 1 - gap * np.exp(-Z80 * sd)}
    )


def _month_to_judge(curve: pl.DataFrame, level_sd: float, noise_sd: float) -> int:
    """First month at which the ramp is 90 % done and the months so far fix the level within 10 %."""
    month = curve["month"].to_numpy()
    sd = np.sqrt(1 / (1 / level_sd**2 + month / noise_sd**2))
    ready = (curve["share"].to_numpy() >= JUDGE_RAMP) & (sd <= JUDGE_SD)
    return int(month[ready.argmax()]) if ready.any() else LAST_MONTH
