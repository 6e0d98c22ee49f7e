"""The one verb of the package: maximum likelihood with an analytic gradient, a Newton finish and a certificate.

The search runs in log parameters, so positivity needs no constraint and a change of the time unit is a shift.
A sample of customers gives the start where there are many rows; from there Newton's method needs a few passes over
the full data. The Hessian is the central difference of the analytic gradient (2k passes, about 10 digits).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from crmlib.clv.arrays import Array, blocks
from crmlib.clv.covariates import chain, effect_names, row_values
from crmlib.clv.history import PurchaseHistory, Unit, data_hash, read, sample
from crmlib.clv.result import Certificate, Model, ModelFit
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame

P = TypeVar("P")

WARM_ROWS = 40_000
"""Above this many unique rows the search starts from a fit to a sample."""
WARM_CUSTOMERS = 20_000
GRADIENT_SMALL = 1e-9
"""A derivative per customer below this counts as zero: a Newton step would move no printed digit."""
DECREMENT_SMALL = 1e-6
"""Expected gain in log-likelihood of one more Newton step, below which a fit counts as converged."""
FLAT = 1e-7
"""Curvature per customer, below which a direction counts as flat: the data do not say where the parameter lies."""
LOG_REACH = 14.0
"""A parameter may move by a factor e^14 from its start; one that wants to go further has no inner maximum."""
DIFFERENCE = 1e-4
"""Step of the central difference in log parameters."""
SAME_PLACE = 1e-6
"""Log parameters closer than this have the same curvature to more digits than the difference gives."""
NEWTON_STEPS = 25

Objective = Callable[[Array], tuple[float, Array]]


def fit(
    model: Model[P],
    history: AnyFrame | PurchaseHistory,
    *,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[P]:
    """Fit `model` by maximum likelihood.

    Parameters
    ----------
    history : frame with `x`, `t_x`, `T` in `unit` (see `crmlib.clv.history`).
    purchase, dropout : names of covariate columns for the two processes.
    prior : none, or the standard deviation of a normal prior on each log parameter, relative to the scale of the
        data (time by the median age), for data too thin to tell all parameters; effects get the same prior.

    Raises
    ------
    ModelError
        `clv.no_repeat` if nobody bought twice, `clv.too_few`, `clv.not_finite`.
    """
    data = read(history, unit=unit, purchase=purchase, dropout=dropout, index=False)
    _refuse_hopeless(data, n_parameters=len(model.names))
    hessian, small = None, data
    if data.n_rows > WARM_ROWS:
        small = sample(data, customers=WARM_CUSTOMERS)
    centre = _centre(model, small)
    if small is not data:
        few = objective(model, small, prior=prior, centre=centre)
        theta = search(few, _starts(model, small))
        hessian = negative_hessian(few, theta) * (data.n_customers / small.n_customers)
    else:
        theta = search(objective(model, data, prior=prior, centre=centre), _starts(model, data))
    theta, value, hessian, certificate = maximise(
        objective(model, data, prior=prior, centre=centre),
        theta,
        names=(*model.names, *effect_names(model, data)),
        edge=_edge(theta, centre),
        n=data.n_customers,
        hessian=hessian,
    )
    return _result(model, data, theta=theta, value=value, hessian=hessian, certificate=certificate)


def objective(model: Model[Any], history: PurchaseHistory, *, prior: float | None, centre: Array) -> Objective:
    """The log-likelihood of a whole history and its gradient, as a function of theta."""

    def total(theta: Array) -> tuple[float, Array]:
        value, gradient = 0.0, np.zeros_like(theta)
        for part in blocks(history.n_rows):
            z, d = history.purchase[part], history.dropout[part]
            values = row_values(model, theta, purchase=z, dropout=d)
            ll, scores = model.score(values, history.x[part], history.t_x[part], history.T[part])
            weight = history.weight[part]
            value += float(weight @ ll)
            gradient += chain(model, scores, purchase=z, dropout=d) @ weight
        if prior is not None:
            away = (theta - centre) / prior
            value, gradient = value - 0.5 * float(away @ away), gradient - away / prior
        return value, gradient

    return total


def log_likelihood(model: Model[Any], history: PurchaseHistory, theta: Array) -> float:
    """The log-likelihood of a whole history at theta, without the gradient."""
    value = 0.0
    for part in blocks(history.n_rows):
        values = row_values(model, theta, purchase=history.purchase[part], dropout=history.dropout[part])
        ll = model.log_likelihood(values, history.x[part], history.t_x[part], history.T[part])
        value += float(history.weight[part] @ ll)
    return value


def maximise(
    total: Objective,
    theta: Array,
    *,
    names: tuple[str, ...],
    edge: npt.NDArray[np.bool_],
    n: int,
    hessian: Array | None = None,
) -> tuple[Array, float, Array, Certificate]:
    """Newton's method with a damped step from a good start, then the certificate.

    A curvature is kept as long as its steps shrink the gradient well; `hessian` may give one to begin with.
    """
    value, gradient = total(theta)
    curvature = negative_hessian(total, theta) if hessian is None else hessian
    enough = 1e-3 if hessian is None else 1e-1
    taken_at = theta if hessian is None else None
    steps, damping = 0, 0.0
    for _ in range(NEWTON_STEPS):
        step = _damped(curvature, gradient, damping=damping)
        gain = float(step @ gradient)
        if gain < DECREMENT_SMALL * enough and float(np.abs(gradient).max()) < GRADIENT_SMALL * n * enough * 1e3:
            break
        candidate = theta + step
        new_value, new_gradient = total(candidate)
        better = np.isfinite(new_value) and new_value >= value - 1e-12 * abs(value)
        if not better:
            damping = max(4.0 * damping, 1e-3 * float(np.abs(np.diag(curvature)).max()))
            if damping > 1e12 * n:
                break
            continue
        shrunk = float(np.abs(new_gradient).max()) < 0.2 * float(np.abs(gradient).max())
        theta, value, gradient = candidate, new_value, new_gradient
        steps += 1
        damping *= 0.1
        if not shrunk:
            curvature, taken_at = negative_hessian(total, theta), theta
    if taken_at is None or float(np.abs(theta - taken_at).max()) > SAME_PLACE:
        curvature = negative_hessian(total, theta, gradient=None if hessian is None else gradient)
    certificate = _certify(curvature, gradient, theta=theta, names=names, edge=edge, n=n, steps=steps)
    return theta, value, curvature, certificate


def negative_hessian(total: Objective, theta: Array, *, gradient: Array | None = None) -> Array:
    """Minus the second derivatives at theta, symmetric, by central differences of the gradient.

    With the gradient at theta itself, by one-sided differences: half the passes, four digits instead of eight, which
    is finer than any standard error of many customers needs to be.
    """
    rows = []
    for i in range(len(theta)):
        step = np.zeros_like(theta)
        step[i] = DIFFERENCE
        ahead = total(theta + step)[1]
        back = total(theta - step)[1] if gradient is None else 2.0 * gradient - ahead
        rows.append((back - ahead) / (2 * DIFFERENCE))
    matrix = np.array(rows)
    return np.asarray(0.5 * (matrix + matrix.T))


def search(total: Objective, starts: list[Array]) -> Array:
    """L-BFGS-B from each start on the log-likelihood per unit of its size; the best end point."""
    ends = [_climb(total, start) for start in starts]
    best = max(ends, key=lambda end: end[0])
    if best[0] <= -1e10:
        raise ModelError(
            "clv.not_finite",
            given="a likelihood that is not finite at any start",
            expected="a finite log-likelihood",
            mend="check the scale of the covariates (standardise them) and the unit of time",
        )
    return best[1]


def _climb(total: Objective, start: Array) -> tuple[float, Array]:
    scale = max(abs(total(start)[0]), 1.0)

    def loss(theta: Array) -> tuple[float, Array]:
        value, gradient = total(theta)
        return (-value / scale, -gradient / scale) if np.isfinite(value) else (1e10, np.zeros_like(theta))

    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(float(s) - LOG_REACH, float(s) + LOG_REACH) for s in start],
        options={"maxiter": 400, "maxfun": 800, "ftol": 1e-10, "gtol": 1e-7, "maxcor": 20},
    )
    return -float(found.fun) * scale, np.asarray(found.x, dtype=np.float64)


def _starts(model: Model[Any], history: PurchaseHistory) -> list[Array]:
    effects = np.zeros(len(effect_names(model, history)))
    return [np.concatenate([np.log(np.array(s)), effects]) for s in model.starts(history)]


def _centre(model: Model[Any], history: PurchaseHistory) -> Array:
    return _starts(model, history)[0]


def _edge(theta: Array, centre: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(theta - centre) > LOG_REACH - 0.5)


def _damped(hessian: Array, gradient: Array, *, damping: float) -> Array:
    """A Newton step with negative curvature turned round and tiny curvature held away from zero."""
    values, vectors = np.linalg.eigh(hessian)
    floor = 1e-10 * max(float(np.abs(values).max()), 1e-300)
    usable = np.maximum(np.abs(values), floor) + damping
    step = vectors @ ((vectors.T @ gradient) / usable)
    length = float(np.abs(step).max())
    return np.asarray(step / length if length > 1.0 else step)


def _certify(
    hessian: Array,
    gradient: Array,
    *,
    theta: Array,
    names: tuple[str, ...],
    edge: npt.NDArray[np.bool_],
    n: int,
    steps: int,
) -> Certificate:
    values, vectors = np.linalg.eigh(hessian)
    flat = values < FLAT * n
    pulls = np.abs(vectors[:, flat]).max(axis=1) if flat.any() else np.zeros(len(theta))
    boundary = tuple(name for name, at, pull in zip(names, edge, pulls, strict=True) if at or pull > 0.3)
    solved = vectors.T @ gradient
    decrement = float(np.sum(solved[~flat] ** 2 / values[~flat])) if (~flat).any() else float("inf")
    largest = float(np.abs(gradient).max()) / n
    calm = decrement < DECREMENT_SMALL and largest < 1e-6
    return Certificate(
        converged=bool(calm and not flat.any() and not boundary),
        gradient=largest,
        decrement=decrement,
        curvature=tuple(float(v) for v in values),
        boundary=boundary,
        steps=steps,
    )


def covariances(hessian: Array, jacobian: Array) -> tuple[Array, Array]:
    """Covariance of theta and of J theta; empty where the curvature is not positive."""
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return np.empty((0, 0)), np.empty((0, 0))
    inverse = np.linalg.inv(hessian)
    inverse = 0.5 * (inverse + inverse.T)
    outer = (jacobian @ inverse) @ jacobian.T
    return inverse, np.asarray(0.5 * (outer + outer.T))


def _result(
    model: Model[P], data: PurchaseHistory, *, theta: Array, value: float, hessian: Array, certificate: Certificate
) -> ModelFit[P]:
    k = len(model.names)
    estimates = np.concatenate([np.exp(theta[:k]), theta[k:]])
    jacobian = np.diag(np.concatenate([estimates[:k], np.ones(len(theta) - k)]))
    of_theta, of_params = covariances(hessian, jacobian)
    names = (*model.names, *effect_names(model, data))
    errors = dict(zip(names, np.sqrt(np.diag(of_params)).tolist(), strict=True)) if len(of_params) else {}
    return ModelFit(
        model=model.name,
        params=model.params(*(float(v) for v in estimates[:k])),
        effects=tuple(zip(names[k:], (float(v) for v in theta[k:]), strict=True)),
        log_likelihood=value,
        theta=tuple(float(v) for v in theta),
        theta_covariance=tuple(tuple(row) for row in of_theta.tolist()),
        covariance=tuple(tuple(row) for row in of_params.tolist()),
        standard_errors=errors,
        purchase_names=data.purchase_names,
        dropout_names=data.dropout_names,
        unit=data.unit,
        n_customers=data.n_customers,
        n_rows=data.n_rows,
        certificate=certificate,
        notes=_notes(data, certificate),
        data_hash=data_hash(data),
    )


def _notes(data: PurchaseHistory, certificate: Certificate) -> tuple[str, ...]:
    notes = []
    if certificate.boundary:
        notes.append("boundary")
    if not certificate.converged and not certificate.boundary:
        notes.append("not_converged")
    if bool((data.T == 0).any()):
        notes.append("no_age")
    if data.unit != "day" and bool((data.t_x == np.floor(data.t_x)).all() and (np.floor(data.T) == data.T).all()):
        notes.append("whole_units")  # purchases within one unit were merged: estimates drift, see docs/clv.md
    return tuple(notes)


def _refuse_hopeless(data: PurchaseHistory, *, n_parameters: int) -> None:
    if data.n_customers < n_parameters + 1:
        raise ModelError(
            "clv.too_few",
            given=f"{data.n_customers} customers",
            expected=f"more customers than parameters ({n_parameters})",
            mend="widen the period, the region or the group",
            values={"customers": data.n_customers, "parameters": n_parameters},
        )
    if float(data.x.max()) == 0.0:
        raise ModelError(
            "clv.no_repeat",
            given=f"{data.n_customers} customers, none with a repeat purchase (all x = 0)",
            expected="some customers who bought on two or more days",
            mend="widen the period, or check that customer ids are the same from visit to visit",
            values={"customers": data.n_customers},
        )
    if float(data.T.max()) == 0.0:
        raise ModelError(
            "clv.no_time",
            given=f"{data.n_customers} customers, all observed for no time (T = 0)",
            expected="some customers whose first purchase lies before the end of the period",
            mend="check period_end: it is the last day included",
            values={"customers": data.n_customers},
        )
