"""What a search found: the place, the evidence that it is a maximum, and the estimates with their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crmlib.clv.numerics.arrays import Array

DECREMENT_SMALL = 1e-6
"""Expected gain in log-likelihood of one more Newton step, below which a fit counts as converged."""
FLAT = 1e-7
"""Curvature per customer, below which a direction counts as flat: the data do not say where the parameter lies."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Evidence that the optimiser stopped at a maximum.

    Parameters
    ----------
    converged : the scaled gradient is small, the curvature positive, and no parameter is at a boundary.
    gradient : largest absolute derivative of the log-likelihood per customer, by log parameters.
    decrement : expected gain of one more Newton step [log-likelihood units].
    curvature : eigenvalues of the negative Hessian by log parameters, ascending.
    boundary : parameters that ran to the edge of what can be told from the data (their effect has vanished).
    steps : Newton steps taken after the quasi-Newton search.
    """

    converged: bool
    gradient: float
    decrement: float
    curvature: tuple[float, ...]
    boundary: tuple[str, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the search ended: theta (k,), its log-likelihood, the negative Hessian (k, k), the certificate."""

    theta: Array
    value: float
    curvature: Array
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Estimates:
    """A maximum in plain numbers: `values` on the scale of the paper, covariances of theta and of them.

    The covariances are empty and there are no standard errors where the curvature is not positive.
    """

    values: tuple[float, ...]
    theta: tuple[float, ...]
    theta_covariance: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    standard_errors: dict[str, float]


def certify(
    hessian: Array, gradient: Array, *, names: tuple[str, ...], edge: npt.NDArray[np.bool_], n: int, steps: int
) -> Certificate:
    """Judge a place by its negative Hessian (k, k) and gradient (k,).

    A direction without curvature makes its parameters boundaries, as does an `edge` of the range searched.
    """
    values, vectors = np.linalg.eigh(hessian)
    flat = values < FLAT * n
    pulls = np.abs(vectors[:, flat]).max(axis=1) if flat.any() else np.zeros(len(gradient))
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


def estimates(found: Maximum, *, names: tuple[str, ...], n_log: int) -> Estimates:
    """The maximum on the scale of the paper: e^theta for the first `n_log` elements, the others as they are.

    The covariance is J C Jᵀ with C the inverse of the negative Hessian and J the derivatives of the values by theta.
    """
    values = np.concatenate([np.exp(found.theta[:n_log]), found.theta[n_log:]])
    slope = np.concatenate([values[:n_log], np.ones(len(values) - n_log)])
    of_theta: Array = np.empty((0, 0))
    of_values: Array = np.empty((0, 0))
    if _positive(found.curvature):
        inverse = np.linalg.inv(found.curvature)
        of_theta = 0.5 * (inverse + inverse.T)
        of_values = of_theta * np.outer(slope, slope)
    return Estimates(
        values=tuple(values.tolist()),
        theta=tuple(found.theta.tolist()),
        theta_covariance=tuple(tuple(row) for row in of_theta.tolist()),
        covariance=tuple(tuple(row) for row in of_values.tolist()),
        standard_errors=dict(zip(names, np.sqrt(np.diag(of_values)).tolist(), strict=False)),
    )


def _positive(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True
