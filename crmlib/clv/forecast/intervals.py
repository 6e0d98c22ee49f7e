"""Two kinds of interval, for each customer, each segment and the whole.

Of the expectation: what the customer would do on average is uncertain because the parameters are. Predictive: what
they will do varies around that average as well. A single customer's predictive interval is wide and mostly chance;
a segment's is narrow, because chance cancels and only the parameters' share remains.

Everything runs in blocks of unique rows, one draw of the parameters after the other: no array is ever draws ×
customers. Where draws × unique rows would be more than `EXACT` evaluations, the log of each expectation is taken as
linear in theta (a few evaluations, then a matrix product); `method` in the result says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy import sparse

from crmlib.clv.estimate.result import Ahead, ModelFit
from crmlib.clv.forecast.money import Money, check_variance, money_of, per_purchase, spend_draws
from crmlib.clv.forecast.posterior import Posterior
from crmlib.clv.forecast.predict import discounted, exceedances, read_for, state, with_ids
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.horizon import Horizon, rate_per_unit
from crmlib.clv.models.gamma_gamma import SpendFit
from crmlib.clv.numerics.arrays import Array, blocks
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

EXACT = 2_000_000
BLOCK = 4096
STEP = 1e-3
TINY = 1e-300

Kind: TypeAlias = Literal["counts", "money", "mixed"]


@dataclass(frozen=True, slots=True)
class Moments:
    """P(alive), E[Y] and E[Y(Y − 1)] of rows under each draw, each of shape (draws, rows of a block)."""

    alive: Array
    mean: Array
    pairs: Array


@dataclass(frozen=True, slots=True)
class Stake:
    """What is added up: each customer's group (n,) in each way of grouping, money per purchase, discount per row."""

    groups: tuple[npt.NDArray[np.int64], ...]
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
    check_level(edges[1])
    low, high = np.zeros(data.n_rows, dtype=np.int64), np.zeros(data.n_rows, dtype=np.int64)
    todo = np.arange(data.n_rows)
    for most in (7, 31, 127):
        some = rows_of(data, todo)
        exceed = exceedances(fit, some, t=t, most=most)
        done = exceed[-1] <= 1.0 - edges[1]
        low[todo[done]] = (exceed[:, done] > 1.0 - edges[0]).sum(axis=0)
        high[todo[done]] = (exceed[:, done] > 1.0 - edges[1]).sum(axis=0)
        todo = todo[~done]
    for part in blocks(len(todo), size=BLOCK):
        busy = todo[part]
        there, future = state(fit, rows_of(data, busy), slice(0, len(busy)))
        low[busy], high[busy] = (_count_at(there, future, t=t, above=1.0 - edge) for edge in edges)
    return low, high


def check_level(level: float) -> None:
    """Refuse a probability of an interval that is none, or that no interval has."""
    if not 0.0 < level < 1.0:
        raise ModelError("clv.level", values={"level": level})


def _count_at(there: Array, future: Ahead, *, t: float, above: float) -> npt.NDArray[np.int64]:
    """The least count that is exceeded with probability `above` at most, by halving: E[Y]/`above` is enough."""
    low, high = np.full(len(there), -1.0), np.ceil(there * future.mean(t) / above)
    while bool((high - low > 1.0).any()):
        middle = np.floor((low + high) / 2.0)
        more = (middle < 0.0) | (there * future.exceed_at(t, np.maximum(middle, 0.0)) > above)
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray(high, dtype=np.int64)


def totals(
    fit: ModelFit[Any],
    posterior: Posterior,
    history: AnyFrame,
    *,
    horizon: Horizon,
    rng: np.random.Generator,
    segments: Sequence[str] = (),
    spend: SpendFit | None = None,
    margin: float | str = 1.0,
    annual_rate: float = 0.0,
    level: float = 0.9,
    draws: int = 200,
) -> pl.DataFrame:
    """Purchases, or value, of every segment and of the whole, with both intervals.

    Parameters
    ----------
    segments : columns of `history` to add up by, each on its own.
    spend : a Gamma–Gamma fit; given, the result is in money: purchases × spend × margin, discounted.
    margin : margin per unit of spend, or the column that holds it.
    draws : draws of the parameters to go through.

    Returns
    -------
    One row per segment in sorted order and one for the whole (`by` and `segment` null): `by`, `segment`, `customers`,
    `alive`, `expected`, `expected_low`, `expected_high`, `low`, `high` (whole where purchases are counted), `method`.
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    check_level(level)
    grouped = [_groups(frame, None), *(_groups(frame, segment) for segment in segments)]
    money = money_of(frame, spend=spend, margin=margin)
    check_variance(money)
    t = horizon.units(fit.unit)
    stake = Stake(
        groups=tuple(groups for _, groups in grouped),
        money=money,
        factor=discount_factor(fit, data, horizon=horizon, annual_rate=annual_rate),
    )
    thetas = spaced(posterior.theta, draws)
    spends = spend_draws(spend, n=len(thetas), rng=rng)
    by_draw = _by_draw(fit, data, stake, thetas=thetas, spends=spends, t=t)
    points = _by_draw(fit, data, stake, thetas=np.array([fit.theta]), spends=spends[:0], t=t)
    kind = _kind(money, annual_rate=annual_rate)
    method = "exact" if exact(data, len(thetas)) else "linear"
    out = []
    for by, (labels, groups), sums, point in zip([None, *segments], grouped, by_draw, points, strict=True):
        columns: dict[str, object] = {
            "by": pl.Series([by] * len(labels), dtype=pl.String),
            "segment": pl.Series(labels, dtype=pl.String),
            "customers": np.bincount(groups, minlength=len(labels)),
        }
        out.append(pl.DataFrame(columns | _summary(sums, point[0][0], kind=kind, level=level, rng=rng)))
    return pl.concat([*out[1:], out[0]]).with_columns(method=pl.lit(method))


def _summary(
    sums: tuple[Array, Array, Array], point: Array, *, kind: Kind, level: float, rng: np.random.Generator
) -> dict[str, Array]:
    """Intervals of groups from the mean and the variance of their sums under each draw."""
    means, spreads, alive = sums
    outcomes = _outcomes(means, spreads, kind=kind, rng=rng)
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    of_mean, of_outcome = np.quantile(means, edges, axis=0), np.quantile(outcomes, edges, axis=0)
    if kind == "counts":
        of_outcome = np.array([np.floor(of_outcome[0]), np.ceil(of_outcome[1])])  # half a purchase is none, or one
    return {
        "alive": alive.mean(axis=0),
        "expected": point,
        "expected_low": of_mean[0],
        "expected_high": of_mean[1],
        "low": of_outcome[0],
        "high": of_outcome[1],
    }


def _outcomes(means: Array, spreads: Array, *, kind: Kind, rng: np.random.Generator) -> Array:
    """One sum of each group under each draw, (draws, groups), with the mean and the variance of the draw.

    A sum of purchases, or of margins of one sign, never changes sign: a gamma on its side of 0. Gains and losses
    together may: a normal.
    """
    if kind == "mixed":
        return np.asarray(rng.normal(means, np.sqrt(np.maximum(spreads, 0.0))))
    size = np.maximum(np.abs(means), TINY)
    drawn = rng.gamma(size**2 / np.maximum(spreads, TINY)) * spreads / size
    return np.where(np.abs(means) > 0, np.copysign(drawn, means), 0.0)


def _kind(money: Money, *, annual_rate: float) -> Kind:
    """Counts where every purchase counts one; else money of one sign, or of both."""
    if money.fit is None and annual_rate == 0 and bool((money.margin == 1.0).all()):
        return "counts"
    least, most = float(money.margin.min(initial=0.0)), float(money.margin.max(initial=0.0))
    return "mixed" if least < 0.0 < most else "money"


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
    mean, pairs = future.moments(t)
    return there, there * mean, there * pairs


def _groups(frame: pl.DataFrame, segment: str | None) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    if segment is None:
        return [None], np.zeros(frame.height, dtype=np.int64)
    labels = frame[segment].cast(pl.String).fill_null("")
    order = sorted(set(labels.to_list()))
    index = {name: i for i, name in enumerate(order)}
    return list(order), labels.replace_strict(index, return_dtype=pl.Int64).to_numpy()


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
) -> list[tuple[Array, Array, Array]]:
    """Mean and variance of each group's sum and its expected number alive, (draws, groups), for each grouping.

    Customers are taken block by block of unique rows; their variance is that of a sum of a random number of
    purchases: E[Y] E[variance of one] + E[Y²] E[M²] − (E[Y] E[M])². Both are polynomials in the customer's own mean
    spend with factors that all customers of a row share: each group's sums of powers are taken once for all draws.
    """
    order = np.argsort(data.row_of, kind="stable")
    starts = np.searchsorted(data.row_of[order], np.arange(0, data.n_rows + BLOCK, BLOCK))
    sizes = [int(groups.max(initial=-1)) + 1 for groups in stake.groups]
    out = [tuple(np.zeros((len(thetas), size)) for _ in range(3)) for size in sizes]
    for number, part in enumerate(blocks(data.n_rows, size=BLOCK)):
        here = moments(fit, data, part, thetas=thetas, t=t)
        some = order[starts[number] : starts[number + 1]]
        money, row = stake.money, data.row_of[some] - part.start
        kind = 2 * row + (money.n[some] > 0)
        there = np.bincount(kind) > 0
        alike, cell = np.flatnonzero(there), (np.cumsum(there) - 1)[kind]
        of_row, n = alike // 2, np.zeros(len(alike))
        n[cell] = money.n[some]
        f = stake.factor[part][of_row]
        m, pairs = here.mean[:, of_row] * f, (here.pairs[:, of_row] + here.mean[:, of_row]) * f * f
        worth = per_purchase(money, n, spends if len(spends) else None)
        means = m * worth.first
        spreads = pairs * worth.square + m * f * worth.noise - means * means
        share, spent, base = money.margin[some], n[cell] * money.spend[some], worth.base[:, None]
        powers = [share, share * spent, share * share, share * share * spent, (share * spent) ** 2, np.ones(len(some))]
        for groups, size, sums in zip(stake.groups, sizes, out, strict=True):
            at, shape = (cell, groups[some]), (len(alike), size)
            once, by_spend, two, mixed, by_square, heads = (
                sparse.csr_array(sparse.coo_array((values, at), shape=shape)) for values in powers
            )
            sums[0][:] += base * (means @ once) + means @ by_spend
            sums[1][:] += base * base * (spreads @ two) + 2.0 * base * (spreads @ mixed) + spreads @ by_square
            sums[2][:] += here.alive[:, of_row] @ heads
    return [(means, spreads, alive) for means, spreads, alive in out]
