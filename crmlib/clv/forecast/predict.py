"""Predictions as functions of (result, history): how many purchases, how sure is it that a customer is still there.

Everything is computed once per unique row and joined back to the customers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from crmlib.clv.estimate.covariates import row_values
from crmlib.clv.estimate.result import Ahead, ModelFit
from crmlib.clv.history import PurchaseHistory, read
from crmlib.clv.horizon import Horizon
from crmlib.clv.models.registry import model_of
from crmlib.clv.numerics.arrays import Array, Values, blocks
from crmlib.clv.numerics.quadrature import NODES, WEIGHTS
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

CHUNK = 16384
FAR = 42.0
"""A discounted future ends where e^−δt is e^−42."""


def customers(fit: ModelFit[Any], history: AnyFrame, *, horizon: Horizon) -> pl.DataFrame:
    """One row per customer, in the order of the input: P(alive), expected purchases, and P(no purchase).

    Returns
    -------
    Columns: `customer_id` (if the history has it), `p_alive`, `expected` purchases within the horizon [count],
    `p_none` probability of no purchase within it.
    """
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    t = horizon.units(fit.unit)
    alive, mean, none = (np.empty(data.n_rows) for _ in range(3))
    for part in blocks(data.n_rows, size=CHUNK):
        there, future = state(fit, data, part)
        alive[part], mean[part] = there, there * future.mean(t)
        none[part] = 1.0 - there * future.exceed(t, most=0)[0]
    rows = data.row_of
    scores = pl.DataFrame({"p_alive": alive[rows], "expected": mean[rows], "p_none": none[rows]})
    return with_ids(frame, scores)


def p_purchases(fit: ModelFit[Any], history: AnyFrame, *, horizon: Horizon, most: int) -> pl.DataFrame:
    """P(Y = 0), …, P(Y = most) and P(Y > most) within the horizon for every customer, columns `p_0` … `p_more`."""
    frame = to_polars(history, name="purchase_history")
    data = read_for(fit, frame)
    exceed = exceedances(fit, data, t=horizon.units(fit.unit), most=most)
    above = np.vstack([np.ones(data.n_rows), exceed])
    columns = {f"p_{i}": (above[i] - above[i + 1])[data.row_of] for i in range(most + 1)}
    return with_ids(frame, pl.DataFrame(columns | {"p_more": above[-1][data.row_of]}))


def newcomers(fit: ModelFit[Any], *, horizon: Horizon) -> float:
    """Repeat purchases to expect within the horizon of a customer who has just bought for the first time: E[X(t)]."""
    return float(fresh(fit).mean(horizon.units(fit.unit))[0])


def p_newcomers(fit: ModelFit[Any], *, horizon: Horizon, most: int) -> tuple[float, ...]:
    """P(X(t) = 0), …, P(X(t) = most) of a new customer."""
    above = [1.0, *fresh(fit).exceed(horizon.units(fit.unit), most=most)[:, 0].tolist()]
    return tuple(a - b for a, b in pairwise(above))


def exceedances(fit: ModelFit[Any], data: PurchaseHistory, *, t: float, most: int) -> Array:
    """P(Y > i), i = 0 … most, per unique row, shape (most + 1, n_rows)."""
    out = np.empty((most + 1, data.n_rows))
    for part in blocks(data.n_rows, size=CHUNK):
        there, future = state(fit, data, part)
        out[:, part] = there * future.exceed(t, most=most)
    return out


def discounted(fit: ModelFit[Any], data: PurchaseHistory, *, t: float | None, rate: float) -> Array:
    """Expected purchases of each unique row, each discounted by e^−rate·time, shape (n_rows,).

    With M(t) the expected purchases within t: e^−δH M(H) + δ ∫_0^H e^−δt M(t) dt, by parts, so that only M is
    needed. `t` none is the whole future (DERT); it needs a rate above 0, since a < 1 and s < 1 are normal and the
    undiscounted sum then has no end.
    """
    if t is None and rate <= 0:
        raise ModelError("clv.endless")
    out = np.empty(data.n_rows)
    for part in blocks(data.n_rows, size=CHUNK):
        there, future = state(fit, data, part)
        out[part] = there * discounted_future(future, t=t, rate=rate)
    return out


def discounted_future(future: Ahead, *, t: float | None, rate: float) -> Array:
    """Discounted purchases to come of customers who are there now, shape (n,); see `discounted`."""
    if rate <= 0 and t is not None:
        return future.mean(t)
    end = FAR / rate if t is None else min(t, FAR / rate)
    if end <= 0.0:
        return future.mean(0.0)
    panels = 1 if t is not None and rate * t < 2.0 else 4
    scale = end / 8.0 if panels == 1 else end / 400.0
    width = float(np.log1p(end / scale)) / panels
    total = np.exp(-rate * end) * future.mean(end)
    for panel in range(panels):
        for node, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
            v = (panel + 0.5 + 0.5 * node) * width
            time = scale * float(np.expm1(v))
            total = total + 0.5 * width * weight * scale * np.exp(v) * rate * np.exp(-rate * time) * future.mean(time)
    return np.asarray(total)


def state(fit: ModelFit[Any], data: PurchaseHistory, part: slice, theta: Array | None = None) -> tuple[Array, Ahead]:
    """P(alive) and the purchases to come of the rows `part`, at the estimates or at another theta."""
    model = model_of(fit.model)
    values = _values(fit, data, part, theta)
    x, t_x, T = data.x[part], data.t_x[part], data.T[part]
    return model.p_alive(values, x, t_x, T), model.ahead(values, x, t_x, T)


def fresh(fit: ModelFit[Any], theta: Array | None = None) -> Ahead:
    """The purchases to come of one new customer (covariates at 0)."""
    model = model_of(fit.model)
    at = np.asarray(fit.theta) if theta is None else theta
    none = np.zeros((1, 0))
    return model.newcomer(row_values(model, at[: len(model.names)], purchase=none, dropout=none), 1)


def read_for(fit: ModelFit[Any], history: AnyFrame | PurchaseHistory) -> PurchaseHistory:
    """The history compressed with the covariates and the unit of the fit."""
    if fit.model == "bg_bb" and not isinstance(history, PurchaseHistory):
        frame = to_polars(history, name="purchase_history")
        history = frame.rename({"n": "T"}) if "n" in frame.columns else frame
    return read(history, unit=fit.unit, purchase=fit.purchase_names, dropout=fit.dropout_names)


def with_ids(frame: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Scores beside the customers' ids, if the history has ids."""
    if "customer_id" not in frame.columns:
        return scores
    return pl.concat([frame.select("customer_id"), scores], how="horizontal")


def _values(fit: ModelFit[Any], data: PurchaseHistory, part: slice, theta: Array | None) -> Values:
    at = np.asarray(fit.theta) if theta is None else theta
    return row_values(model_of(fit.model), at, purchase=data.purchase[part], dropout=data.dropout[part])
