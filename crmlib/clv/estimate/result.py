"""A model as the code that fits and predicts sees it, and what a fit returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Generic, Protocol, TypeVar

from crmlib.clv.estimate.certificate import Certificate
from crmlib.clv.history import PurchaseHistory, Unit
from crmlib.clv.numerics.arrays import Array, Values


class Params(Protocol):
    """Any parameters dataclass: plain floats in the order of the paper."""

    __dataclass_fields__: dict[str, object]


P = TypeVar("P")


class Ahead(Protocol):
    """The purchases still to come of customers who are there now, before anything else is known of them."""

    def mean(self, t: float) -> Array:
        """Expected purchases in the next `t` [unit], shape (n,)."""
        ...

    def moments(self, t: float) -> tuple[Array, Array]:
        """E[Y] and E[Y(Y − 1)], the first two factorial moments, each of shape (n,)."""
        ...

    def exceed(self, t: float, *, most: int) -> Array:
        """P(Y > i) for i = 0 … most, shape (most + 1, n)."""
        ...

    def exceed_at(self, t: float, i: Array) -> Array:
        """P(Y > i) at each row's own count `i`, shape (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Model(Generic[P]):
    """A model as the fitting and the prediction code sees it; each model's module defines one.

    Parameters
    ----------
    name : module name, e.g. ``"bg_nbd"``.
    params : its parameters dataclass.
    purchase, dropout : parameters that covariates multiply by exp(sign · γᵀz), with their signs.
    starts : first guesses of the parameters for a history.
    score : (parameters, x, t_x, T) → log-likelihood (n,) and its derivatives by the log parameters (k, n).
    log_likelihood : the first of these alone.
    p_alive : (parameters, x, t_x, T) → probability of being there at T (n,).
    ahead : (parameters, x, t_x, T) → purchases to come of those who are there at T.
    newcomer : parameters, number of rows → purchases to come of a customer who has just bought for the first time.
    """

    name: str
    params: type[P]
    purchase: tuple[tuple[str, int], ...]
    dropout: tuple[tuple[str, int], ...]
    starts: Callable[[PurchaseHistory], list[tuple[float, ...]]]
    score: Callable[[Values, Array, Array, Array], tuple[Array, Array]]
    log_likelihood: Callable[[Values, Array, Array, Array], Array]
    p_alive: Callable[[Values, Array, Array, Array], Array]
    ahead: Callable[[Values, Array, Array, Array], Ahead]
    newcomer: Callable[[Values, int], Ahead]

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in the order of the dataclass."""
        return tuple(f.name for f in fields(self.params))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ModelFit(Generic[P]):
    """A fitted model: plain numbers only, so that `dataclasses.asdict` and JSON work.

    Parameters
    ----------
    model : name of the model, e.g. ``"bg_nbd"``.
    params : estimates on the scale of the paper.
    effects : covariate effects γ as (``"alpha:vip"``, value) in the order of the estimation.
    log_likelihood : at the estimates, on the scale the papers print (time in `unit`).
    theta : estimates as the optimiser sees them: log parameters, then effects.
    theta_covariance : their covariance (inverse of the negative Hessian); empty where the curvature is not positive.
    covariance : covariance of (params, effects) by the full delta method J C Jᵀ; symmetric.
    standard_errors : its square-rooted diagonal, by name.
    purchase_names, dropout_names : covariate columns.
    unit, n_customers, n_rows : time unit, customers, and unique rows that the likelihood was computed on.
    certificate : see `Certificate`.
    notes : machine keys of what a user should know: ``"whole_units"``, ``"boundary"``, ``"no_age"``, …
    data_hash : SHA-256 of the compressed history.
    prior : standard deviation of the normal prior on theta around the data's scale, or none.
    """

    model: str
    params: P
    effects: tuple[tuple[str, float], ...]
    log_likelihood: float
    theta: tuple[float, ...]
    theta_covariance: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    standard_errors: dict[str, float]
    purchase_names: tuple[str, ...]
    dropout_names: tuple[str, ...]
    unit: Unit
    n_customers: int
    n_rows: int
    certificate: Certificate
    notes: tuple[str, ...]
    data_hash: str
    prior: float | None = None

    @property
    def aic(self) -> float:
        """Akaike's criterion: 2 × number of estimates − 2 × log-likelihood."""
        return 2.0 * len(self.theta) - 2.0 * self.log_likelihood
