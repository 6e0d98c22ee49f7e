"""Lifetime value: margin of the purchases to come, over an explicit calendar horizon, discounted.

Source: Fader, Hardie & Lee (2005), RFM and CLV: using iso-value curves for customer base analysis, Journal of
Marketing Research 42(4), 415-430: value = margin × E[value per purchase] × discounted expected purchases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.estimate.result import Ahead, ModelFit
from crmlib.clv.forecast.intervals import discount_factor, moments, spaced
from crmlib.clv.forecast.money import Money, check_variance, mean_value, money_of, spend_draws, value_moments
from crmlib.clv.forecast.posterior import Posterior
from crmlib.clv.forecast.predict import customers as purchases
from crmlib.clv.forecast.predict import discounted, discounted_future, fresh, read_for, with_ids
from crmlib.clv.horizon import Horizon, months, rate_per_unit
from crmlib.clv.models.gamma_gamma import SpendFit
from crmlib.clv.models.registry import model_of
from crmlib.clv.numerics.arrays import Array, blocks
from crmlib.core.frames import AnyFrame, to_polars

BLOCK = 512


def customers(
    fit: ModelFit[Any],
    spend: SpendFit,
    history: AnyFrame,
    *,
    horizon: Horizon | None,
    annual_rate: float,
    margin: float | str,
) -> pl.DataFrame:
    """Value of every customer: one row each in the order of the input.

    Parameters
    ----------
    horizon : calendar time after the history; none is the whole future (DERT), which needs a rate above 0.
    annual_rate : discount rate per year (0.1 = 10 %).
    margin : margin per unit of spend (0.3 = 30 %), or the column of `history` that holds it.

    Returns
    -------
    Columns: `customer_id`, `p_alive`, `expected` discounted purchases, `spend_next` expected value of one purchase
    [money], `value` margin value [money].
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    t = None if horizon is None else horizon.units(fit.unit)
    bought = discounted(fit, data, t=t, rate=rate_per_unit(annual_rate, unit=fit.unit))[data.row_of]
    money = money_of(frame, spend=spend, margin=margin)
    each = mean_value(money)
    alive = purchases(fit, frame, horizon=Horizon(days=1.0))["p_alive"]
    columns = {
        "p_alive": alive,
        "expected": bought,
        "spend_next": mean_value(Money(n=money.n, spend=money.spend, margin=np.ones_like(each), fit=spend)),
        "value": bought * each,
    }
    return with_ids(frame, pl.DataFrame(columns))


def intervals(
    fit: ModelFit[Any],
    posterior: Posterior,
    spend: SpendFit,
    history: AnyFrame,
    *,
    horizon: Horizon,
    annual_rate: float,
    margin: float | str,
    rng: np.random.Generator,
    level: float = 0.9,
    draws: int = 400,
) -> pl.DataFrame:
    """Both intervals of every customer's value, by simulation in blocks of customers.

    Each draw takes its own parameters, one number of purchases per customer (a gamma–Poisson with the draw's mean
    and variance, or none at all with the probability of having left), and their values.

    Returns
    -------
    Columns: `customer_id`, `value_low`, `value_high` (of the expectation), `value_worst`, `value_best` (predictive).
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    money = money_of(frame, spend=spend, margin=margin)
    check_variance(money)
    thetas = spaced(posterior.theta, draws)
    spends = spend_draws(spend, n=len(thetas), rng=rng)
    factor = discount_factor(fit, data, horizon=horizon, annual_rate=annual_rate)
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    out, t = np.empty((4, frame.height)), horizon.units(fit.unit)
    order = np.argsort(data.row_of, kind="stable")
    starts = np.searchsorted(data.row_of[order], np.arange(0, data.n_rows + BLOCK, BLOCK))
    for number, part in enumerate(blocks(data.n_rows, size=BLOCK)):
        here = moments(fit, data, part, thetas=thetas, t=t)
        block = order[starts[number] : starts[number + 1]]
        for some in np.array_split(block, max(1, len(block) // 2048)):
            row = data.row_of[some] - part.start
            three = (here.alive[:, row], here.mean[:, row], here.pairs[:, row])
            expected, outcome = _simulate(three, money, some, spends, factor[part][row], rng=rng)
            out[:2, some], out[2:, some] = np.quantile(expected, edges, axis=0), np.quantile(outcome, edges, axis=0)
    names = ("value_low", "value_high", "value_worst", "value_best")
    return with_ids(frame, pl.DataFrame({name: out[i] for i, name in enumerate(names)}))


def newcomer(
    fit: ModelFit[Any], spend: SpendFit, *, horizon: Horizon | None, annual_rate: float, margin: float
) -> float:
    """Value of a customer who has just bought for the first time, that purchase not counted [money]."""
    rate = rate_per_unit(annual_rate, unit=fit.unit)
    future = fresh(fit)
    t = None if horizon is None else horizon.units(fit.unit)
    return float(discounted_future(future, t=t, rate=rate)[0]) * spend.mean * margin


def newcomer_purchases(fit: ModelFit[Any], *, horizon: Horizon) -> float:
    """Repeat purchases to expect of a new customer within the horizon, not discounted."""
    return float(fresh(fit).mean(horizon.units(fit.unit))[0])


def newcomer_draws(
    fit: ModelFit[Any],
    posterior: Posterior,
    spend: SpendFit,
    *,
    at_months: Sequence[int],
    annual_rate: float,
    margin: float,
    rng: np.random.Generator,
    draws: int = 200,
) -> Array:
    """Value of a new customer under each draw of the parameters, shape (draws, horizons) [money]."""
    thetas = spaced(posterior.theta, draws)
    spends = spend_draws(spend, n=len(thetas), rng=rng)
    if not len(spends):
        spends = np.tile(np.asarray(spend.theta), (len(thetas), 1))
    p, q, gamma = np.exp(spends).T
    each = p * gamma / np.maximum(q - 1.0, 0.05) * margin
    model = model_of(fit.model)
    values = tuple(np.exp(thetas[:, i]) for i in range(len(model.names)))
    future = model.newcomer(values, len(thetas))
    rate = rate_per_unit(annual_rate, unit=fit.unit)
    ends = [months(m).units(fit.unit) for m in at_months]
    return np.asarray(np.column_stack(_discounted_steps(future, ends=ends, rate=rate)) * each[:, None])


def _discounted_steps(future: Ahead, *, ends: Sequence[float], rate: float, nodes: int = 6) -> list[Array]:
    """Discounted purchases up to each of the ascending `ends`, the integral of each step added to the last one's."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    out, waited, start = [], np.zeros(1), 0.0
    for end in ends:
        for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
            time = start + (end - start) * (0.5 + 0.5 * point)
            waited = waited + 0.5 * weight * (end - start) * rate * np.exp(-rate * time) * future.mean(time)
        out.append(waited + np.exp(-rate * end) * future.mean(end))
        start = end
    return out


def _simulate(
    three: tuple[Array, Array, Array],
    money: Money,
    some: npt.NDArray[np.int64],
    spends: Array,
    factor: Array,
    *,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Expected value and one simulated outcome of each customer under each draw, shape (draws, customers)."""
    alive, mean, pairs = three
    expected, outcome = np.empty_like(mean), np.empty_like(mean)
    # given that the customer is there: a gamma–Poisson (or Poisson) count with the same first two moments
    given = mean / np.maximum(alive, 1e-12)
    extra = np.maximum(pairs / np.maximum(alive, 1e-12) - given * given, 1e-12 * given * given + 1e-300)
    rate = rng.gamma(given * given / extra) * extra / np.maximum(given, 1e-300)
    counts = np.where(rng.random(mean.shape) < alive, rng.poisson(np.minimum(rate, 1e9)), 0)
    for d in range(len(mean)):
        theta = spends[d] if len(spends) else None
        first, square, noise = value_moments(money, some, theta)
        expected[d] = mean[d] * first * factor
        # the sum of `counts` purchases: their own mean is uncertain, each varies around it
        spread = counts[d] * noise + counts[d] ** 2 * np.maximum(square - first * first, 0.0)
        middle = counts[d] * first
        size = np.abs(middle)  # a margin below 0 makes every purchase a loss
        drawn = rng.gamma(np.where(size > 0, size**2 / np.maximum(spread, 1e-300), 1.0)) * spread
        outcome[d] = np.where(size > 0, np.copysign(drawn / np.maximum(size, 1e-300), middle) * factor, 0.0)
    return expected, outcome
