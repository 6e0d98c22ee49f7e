"""The one verb of the package: a model and a purchase history in, parameters with their certificate out.

The search runs in log parameters, so positivity needs no constraint and a change of the time unit is a shift.
A sample of customers gives the start where there are many rows; from there Newton's method needs a few passes over
the full data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from crmlib.clv.estimate.certificate import Certificate, Maximum, estimates
from crmlib.clv.estimate.covariates import chain, effect_names, row_values
from crmlib.clv.estimate.maximum import Objective, maximise, newton, with_prior
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, data_hash, read, sample
from crmlib.clv.numerics.arrays import Array, blocks
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame

P = TypeVar("P")

WARM_ROWS = 8_000
"""Above this many unique rows the search starts from a fit to a sample."""
WARM_CUSTOMERS = 20_000


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
    found = _maximum(model, data, prior=prior)
    plain = estimates(found, names=_names(model, data), n_log=len(model.names))
    k = len(model.names)
    return ModelFit(
        model=model.name,
        params=model.params(*plain.values[:k]),
        effects=tuple(zip(effect_names(model, data), plain.values[k:], strict=True)),
        log_likelihood=found.value,
        theta=plain.theta,
        theta_covariance=plain.theta_covariance,
        covariance=plain.covariance,
        standard_errors=plain.standard_errors,
        purchase_names=data.purchase_names,
        dropout_names=data.dropout_names,
        unit=data.unit,
        n_customers=data.n_customers,
        n_rows=data.n_rows,
        certificate=found.certificate,
        notes=_notes(data, found.certificate),
        data_hash=data_hash(data),
        prior=prior,
    )


def _maximum(model: Model[P], data: PurchaseHistory, *, prior: float | None) -> Maximum:
    """The maximum over all rows, by way of a sample of customers where there are many."""
    few = few_of(data)
    starts, names = _starts(model, few), _names(model, data)
    near = with_prior(objective(model, few), centre=starts[0], prior=prior)
    found = maximise(near, starts, names=names, n=few.n_customers)
    if few.n_rows == data.n_rows:
        return found
    whole = with_prior(objective(model, data), centre=starts[0], prior=prior)
    grown = found.curvature * (data.n_customers / few.n_customers)
    return newton(whole, found.theta, names=names, n=data.n_customers, centre=starts[0], curvature=grown)


def log_prior(model: Model[Any], data: PurchaseHistory, *, prior: float) -> Callable[[Array], float]:
    """The log density, up to a constant, of the prior that a fit of `data` with `prior` had."""
    centre = _starts(model, few_of(data))[0]
    return lambda theta: -0.5 * float(np.sum(((theta - centre) / prior) ** 2))


def few_of(data: PurchaseHistory) -> PurchaseHistory:
    """A fair sample of customers where there are many rows, else all of them."""
    return sample(data, customers=WARM_CUSTOMERS) if data.n_rows > WARM_ROWS else data


def objective(model: Model[Any], history: PurchaseHistory) -> Objective:
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


def _starts(model: Model[Any], history: PurchaseHistory) -> list[Array]:
    effects = np.zeros(len(effect_names(model, history)))
    return [np.concatenate([np.log(np.array(s)), effects]) for s in model.starts(history)]


def _names(model: Model[Any], history: PurchaseHistory) -> tuple[str, ...]:
    return (*model.names, *effect_names(model, history))


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
        raise ModelError("clv.too_few", values={"customers": data.n_customers, "parameters": n_parameters})
    if float(data.x.max()) == 0.0:
        raise ModelError("clv.no_repeat", values={"customers": data.n_customers})
    if float(data.T.max()) == 0.0:
        raise ModelError("clv.no_time", values={"customers": data.n_customers})
