"""Two kinds of interval, for each customer, each segment and the whole.

Of the expectation: what the customer would do on average is uncertain because the parameters are. Predictive: what
they will do varies around that average as well. A single customer's predictive interval is wide and mostly chance;
a segment's is narrow, because chance cancels and only the parameters' share remains.

Everything runs in blocks of unique rows, one draw of the parameters after the other: no array is ever draws ×
customers. Where draws × unique rows would be more than `EXACT` evaluations, the log of each expectation is taken as
linear in theta (a few evaluations, then a matrix product); `method` in the result says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.arrays import Array, blocks
from crmlib.clv.gamma_gamma import SpendFit
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.horizon import Horizon, rate_per_unit
from crmlib.clv.money import Money, check_variance, money_of, spend_draws, value_moments
from crmlib.clv.posterior import Posterior
from crmlib.clv.predict import discounted, exceedances, read_for, state, with_ids
from crmlib.clv.result import ModelFit
from crmlib.core.frames import AnyFrame, to_polars

EXACT = 2_000_000
BLOCK = 4096
STEP = 1e-3
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Moments:
    """P(alive), E[Y] and E[Y(Y − 1)] of rows under each draw, each of shape (draws, rows of a block)."""

    alive: Array
    mean: Array
    pairs: Array


@dataclass(frozen=True, slots=True)
class Stake:
    """What is added up: each customer's group (n,), the number of groups, money per purchase, discount per row."""

    groups: npt.NDArray[np.int64]
    n_groups: int
    money: Money
    factor: Array


def customers(
    fit: ModelFit[Any], posterior: Posterior, history: AnyFrame, *, horizon: Horizon, level: float = 0.9
) -> pl.DataFrame:
    """Expected purchases of every customer with both intervals.

    Returns
    -------
    Columns: `customer_id`, `expected`, `expected_low`, `expected_high` (of the expectation), `low`, `high` (predictive:
    the smallest counts with at least (1 ± level)/2 of the probability at or below), `p_alive_low`, `p_alive_high`.
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    t = horizon.units(fit.unit)
    thetas = spaced(posterior.theta, 200)
    edges = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
    out = np.empty((5, data.n_rows))
    for part in blocks(data.n_rows, size=BLOCK):
        here = moments(fit, data, part, thetas=thetas, t=t)
        there, future = state(fit, data, part)
        out[0, part] = there * future.mean(t)
        out[1:3, part] = np.quantile(here.mean, edges, axis=0)
        out[3:5, part] = np.quantile(here.alive, edges, axis=0)
    low, high = predictive_counts(fit, data, t=t, edges=edges)
    rows = data.row_of
    columns = ("expected", "expected_low", "expected_high", "p_alive_low", "p_alive_high")
    scores = {name: out[i][rows] for i, name in enumerate(columns)} | {"low": low[rows], "high": high[rows]}
    return with_ids(frame, pl.DataFrame(scores))


def predictive_counts(
    fit: ModelFit[Any], data: PurchaseHistory, *, t: float, edges: tuple[float, float]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Quantiles of the number of purchases of each unique row, at the estimates."""
    low, high = np.zeros(data.n_rows, dtype=np.int64), np.zeros(data.n_rows, dtype=np.int64)
    todo, most = np.arange(data.n_rows), 7
    while todo.size:
        some = rows_of(data, todo)
        exceed = exceedances(fit, some, t=t, most=most)
        done = exceed[-1] <= 1.0 - edges[1]
        low[todo[done]] = (exceed[:, done] > 1.0 - edges[0]).sum(axis=0)
        high[todo[done]] = (exceed[:, done] > 1.0 - edges[1]).sum(axis=0)
        todo, most = todo[~done], 4 * most + 3
    return low, high


def totals(
    fit: ModelFit[Any],
    posterior: Posterior,
    history: AnyFrame,
    *,
    horizon: Horizon,
    rng: np.random.Generator,
    segment: str | None = None,
    spend: SpendFit | None = None,
    margin: float | str = 1.0,
    annual_rate: float = 0.0,
    level: float = 0.9,
    draws: int = 200,
) -> pl.DataFrame:
    """Purchases, or value, of every segment and of the whole, with both intervals.

    Parameters
    ----------
    segment : column of `history` to add up by; none gives the whole only.
    spend : a Gamma–Gamma fit; given, the result is in money: purchases × spend × margin, discounted.
    margin : margin per unit of spend, or the column that holds it.
    draws : draws of the parameters to go through.

    Returns
    -------
    One row per segment in sorted order and one for the whole (segment null): `segment`, `customers`, `alive`,
    `expected`, `expected_low`, `expected_high`, `low`, `high`, `method`.
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    labels, groups = _groups(frame, segment)
    money = money_of(frame, spend=spend, margin=margin)
    check_variance(money)
    t = horizon.units(fit.unit)
    stake = Stake(
        groups=groups,
        n_groups=max(len(labels), 1),
        money=money,
        factor=discount_factor(fit, data, horizon=horizon, annual_rate=annual_rate),
    )
    thetas = spaced(posterior.theta, draws)
    spends = spend_draws(spend, n=len(thetas), rng=rng)
    means, spreads, alive = _by_draw(fit, data, stake, thetas=thetas, spends=spends, t=t)
    # a sum of purchases is never negative: a gamma with the mean and the variance of this draw
    shape = np.maximum(means, TINY) ** 2 / np.maximum(spreads, TINY)
    outcomes = np.where(means > 0, rng.gamma(shape) * spreads / np.maximum(means, TINY), 0.0)
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    point = _by_draw(fit, data, stake, thetas=np.array([fit.theta]), spends=spends[:0], t=t)[0][0]
    of_mean, of_outcome = np.quantile(means, edges, axis=0), np.quantile(outcomes, edges, axis=0)
    counts = np.append(np.bincount(groups, minlength=stake.n_groups), len(groups))
    keep = [*range(len(labels)), stake.n_groups]
    columns = {
        "segment": pl.Series([*labels, None], dtype=pl.String),
        "customers": counts[keep],
        "alive": alive.mean(axis=0)[keep],
        "expected": point[keep],
        "expected_low": of_mean[0][keep],
        "expected_high": of_mean[1][keep],
        "low": of_outcome[0][keep],
        "high": of_outcome[1][keep],
        "method": ["exact" if exact(data, len(thetas)) else "linear"] * len(keep),
    }
    return pl.DataFrame(columns)


def moments(fit: ModelFit[Any], data: PurchaseHistory, part: slice, *, thetas: Array, t: float) -> Moments:
    """P(alive), E[Y], E[Y(Y − 1)] of a block under each draw, exactly or linear in the log."""
    if exact(data, len(thetas)) or len(thetas) == 1:
        three = [_three(fit, data, part, theta, t) for theta in thetas]
        return Moments(*(np.array([m[i] for m in three]) for i in range(3)))
    centre = np.asarray(fit.theta)
    base = _three(fit, data, part, centre, t)
    logs = [np.log(np.maximum(b, TINY)) for b in base]
    steps = np.eye(len(centre)) * STEP
    up = [_three(fit, data, part, centre + s, t) for s in steps]
    down = [_three(fit, data, part, centre - s, t) for s in steps]
    away = thetas - centre
    out = []
    for i in range(3):
        rise = [np.log(np.maximum(u[i], TINY)) - np.log(np.maximum(d[i], TINY)) for u, d in zip(up, down, strict=True)]
        out.append(np.exp(logs[i] + away @ (np.array(rise) / (2.0 * STEP))))
    return Moments(np.minimum(out[0], 1.0), out[1], out[2])


def exact(data: PurchaseHistory, draws: int) -> bool:
    """Whether every draw is evaluated in full."""
    return data.n_rows * draws <= EXACT


def spaced(theta: Array, n: int) -> Array:
    """`n` of the draws, evenly spaced (all of them if there are fewer)."""
    return np.asarray(theta[np.linspace(0, len(theta) - 1, min(n, len(theta))).astype(int)])


def rows_of(data: PurchaseHistory, rows: npt.NDArray[np.int64]) -> PurchaseHistory:
    """Some unique rows of a history."""
    return PurchaseHistory(
        x=data.x[rows],
        t_x=data.t_x[rows],
        T=data.T[rows],
        weight=data.weight[rows],
        row_of=np.arange(len(rows)),
        purchase=data.purchase[rows],
        dropout=data.dropout[rows],
        purchase_names=data.purchase_names,
        dropout_names=data.dropout_names,
        unit=data.unit,
    )


def _three(fit: ModelFit[Any], data: PurchaseHistory, part: slice, theta: Array, t: float) -> tuple[Array, ...]:
    there, future = state(fit, data, part, theta)
    return there, there * future.mean(t), there * future.mean_of_pairs(t)


def _groups(frame: pl.DataFrame, segment: str | None) -> tuple[list[str], npt.NDArray[np.int64]]:
    if segment is None:
        return [], np.zeros(frame.height, dtype=np.int64)
    labels = frame[segment].cast(pl.String).fill_null("")
    order = sorted(set(labels.to_list()))
    index = {name: i for i, name in enumerate(order)}
    return order, labels.replace_strict(index, return_dtype=pl.Int64).to_numpy()


def discount_factor(fit: ModelFit[Any], data: PurchaseHistory, *, horizon: Horizon, annual_rate: float) -> Array:
    """Discounted over undiscounted purchases of each unique row, at the estimates, shape (n_rows,)."""
    if annual_rate == 0:
        return np.ones(data.n_rows)
    t = horizon.units(fit.unit)
    whole = discounted(fit, data, t=t, rate=0.0)
    rate = rate_per_unit(annual_rate, unit=fit.unit)
    return np.asarray(discounted(fit, data, t=t, rate=rate) / np.maximum(whole, TINY))


def _by_draw(
    fit: ModelFit[Any], data: PurchaseHistory, stake: Stake, *, thetas: Array, spends: Array, t: float
) -> tuple[Array, Array, Array]:
    """Mean and variance of each group's sum and its expected number alive, shape (draws, groups + 1).

    Customers are taken block by block of unique rows; their variance is that of a sum of a random number of
    purchases: E[Y] E[variance of one] + E[Y²] E[M²] − (E[Y] E[M])².
    """
    order = np.argsort(data.row_of, kind="stable")
    starts = np.searchsorted(data.row_of[order], np.arange(0, data.n_rows + BLOCK, BLOCK))
    n_groups = stake.n_groups
    means, spreads, alive = (np.zeros((len(thetas), n_groups + 1)) for _ in range(3))
    for number, part in enumerate(blocks(data.n_rows, size=BLOCK)):
        here = moments(fit, data, part, thetas=thetas, t=t)
        some = order[starts[number] : starts[number + 1]]
        row, group = data.row_of[some] - part.start, stake.groups[some]
        f = stake.factor[part]
        for d in range(len(thetas)):
            first, square, noise = value_moments(stake.money, some, spends[d] if len(spends) else None)
            m, pairs = here.mean[d] * f, (here.pairs[d] + here.mean[d]) * f * f
            mean = m[row] * first
            spread = pairs[row] * square + (m * f)[row] * noise - mean * mean
            means[d, :-1] += np.bincount(group, weights=mean, minlength=n_groups)
            spreads[d, :-1] += np.bincount(group, weights=spread, minlength=n_groups)
            alive[d, :-1] += np.bincount(group, weights=here.alive[d][row], minlength=n_groups)
    for array in (means, spreads, alive):
        array[:, -1] = array[:, :-1].sum(axis=1)
    return means, spreads, alive
