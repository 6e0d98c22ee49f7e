"""Which goods grow, and which growth matters? Growth shrunk to what goods usually do.

For a good with values v0, v1 and n0, n1 receipts in two periods, g = ln(v1/v0) has the variance
s² = k·(1/n0 + 1/n1); k comes from halves (odd against even days) of the same period, in which nothing grew. Over goods
g ~ N(μ, τ²) by maximum likelihood, so that

    post = μ + τ²/(τ² + s²)·(g − μ),   sd² = τ²·s²/(τ² + s²).

The fastest growers are ranked by the 10 % lower bound of exp(post), the most important by v0·(exp(post) − 1): ranking
by raw per cent finds goods that sold once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, norm

from crmlib.core.apportion import Floats
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

LOWER = 0.1
"""Probability below the lower bound."""
LEAST_GOODS = 10
LEAST_HALF = 5
"""Receipts in each half of a good that speaks about k."""


@dataclass(frozen=True, slots=True)
class Prior:
    """How goods grow: mean `mu` and standard deviation `tau` of ln(v1/v0), variance `k` of one receipt."""

    mu: float
    tau: float
    k: float


def receipt_variance(halves: AnyFrame) -> float:
    """k: variance of the logarithm of a good's value per receipt, from values of odd and even days of one period.

    Parameters
    ----------
    halves : one row per good: v_odd, v_even [minor units], n_odd, n_even [receipts].

    Returns
    -------
    Variance of ln(v_odd/v_even) ÷ √(1/n_odd + 1/n_even) over goods with at least five receipts in either half, less the
    difference that all goods share; from the median of squares, so that a few bulk orders do not speak for all goods.

    Raises
    ------
    ModelError
        sales.few_goods: fewer than ten such goods.
    """
    table = to_polars(halves, needs=["v_odd", "v_even", "n_odd", "n_even"], name="halves")
    table = table.filter(
        (pl.min_horizontal("v_odd", "v_even") > 0) & (pl.min_horizontal("n_odd", "n_even") >= LEAST_HALF)
    )
    _check_goods(table.height)
    v, w, n, m = (table[c].to_numpy().astype(np.float64) for c in ("v_odd", "v_even", "n_odd", "n_even"))
    apart, spread = np.log(v / w), 1 / n + 1 / m
    shared = np.average(apart, weights=1 / spread)
    return float(np.median((apart - shared) ** 2 / spread) / chi2.median(1))


def prior(g: Floats, *, n0: Floats, n1: Floats, k: float) -> Prior:
    """Mean and spread of true growth over goods, by likelihood of g ~ N(μ, τ² + k·(1/n0 + 1/n1)).

    Parameters
    ----------
    g : ln(v1/v0), shape (goods,).
    n0, n1 : receipts ≥ 1 in both periods, shape (goods,).
    """
    noise = k * (1 / n0 + 1 / n1)

    def mean(tau2: float) -> float:
        return float(np.average(g, weights=1 / (tau2 + noise)))

    def loss(log_tau2: float) -> float:
        spread = np.exp(log_tau2) + noise
        return float(np.sum(np.log(spread) + (g - mean(float(np.exp(log_tau2)))) ** 2 / spread))

    found = minimize_scalar(loss, bounds=(-16.0, 4.0), method="bounded", options={"xatol": 1e-4})
    tau2 = float(np.exp(found.x))
    return Prior(mean(tau2), tau2**0.5, k)


def shrunk(g: Floats, *, n0: Floats, n1: Floats, given: Prior) -> tuple[Floats, Floats]:
    """Posterior mean and standard deviation of true growth, both of shape (goods,).

    Examples
    --------
    >>> paper = Prior(mu=np.log(1.37), tau=0.42, k=2.5)
    >>> post, sd = shrunk(np.log([30.0, 3.0]), n0=np.array([1, 100]), n1=np.array([30, 300]), given=paper)
    >>> np.exp(post).round(2).tolist(), np.exp(post - 1.2816 * sd).round(2).tolist()
    ([1.67, 2.65], [0.99, 2.14])
    """
    noise, tau2 = given.k * (1 / n0 + 1 / n1), given.tau**2
    weight = tau2 / (tau2 + noise)
    return given.mu + weight * (g - given.mu), np.sqrt(weight * noise)


def growing(goods: AnyFrame, *, k: float) -> pl.DataFrame:
    """Growth of the goods sold in both periods, shrunk, with bounds and money; the most important first.

    Parameters
    ----------
    goods : product_id, v0, v1 [minor units], n0, n1 [receipts] and other columns, which are kept.
    k : as `receipt_variance` gives it.

    Returns
    -------
    The rows with v0, v1, n0, n1 > 0 and raw, growth (factors now ÷ then), lower, upper (80 % interval), gain_minor =
    v0·(growth − 1). New and gone goods have no growth: take the others by an anti join and list them apart.

    Raises
    ------
    ModelError
        sales.few_goods: fewer than ten goods sold in both periods.
    """
    table = to_polars(goods, needs=["v0", "v1", "n0", "n1"], key="product_id", name="goods")
    both = table.filter(*(pl.col(name) > 0 for name in ("v0", "v1", "n0", "n1")))  # nulls (new, gone) fall out
    _check_goods(both.height)
    v0, v1, n0, n1 = (both[c].to_numpy().astype(np.float64) for c in ("v0", "v1", "n0", "n1"))
    g = np.log(v1 / v0)
    post, sd = shrunk(g, n0=n0, n1=n1, given=prior(g, n0=n0, n1=n1, k=k))
    wide = float(norm.ppf(1 - LOWER))
    return both.with_columns(
        raw=pl.Series(np.exp(g)),
        growth=pl.Series(np.exp(post)),
        lower=pl.Series(np.exp(post - wide * sd)),
        upper=pl.Series(np.exp(post + wide * sd)),
        gain_minor=pl.Series(np.rint(v0 * np.expm1(post)).astype(np.int64)),
    ).sort(pl.col("gain_minor").abs(), "product_id", descending=[True, False])


def fastest(grown: pl.DataFrame, *, top: int = 20) -> pl.DataFrame:
    """The goods that surely grow most: by the lower bound, not by per cent."""
    return grown.sort("lower", "product_id", descending=[True, False]).head(top)


def _check_goods(count: int) -> None:
    if count < LEAST_GOODS:
        raise ModelError("sales.few_goods", values={"goods": count, "least": LEAST_GOODS})
