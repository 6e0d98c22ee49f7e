"""The highest point of a smooth log-likelihood, and the evidence that it is one.

A short quasi-Newton search comes near, Newton's method finishes, a certificate tells what was found. Where the short
search was not enough (a ridge, an edge) a long one is made. The Hessian is a difference of the analytic gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize

from crmlib.clv.estimate.certificate import DECREMENT_SMALL, Maximum, certify
from crmlib.clv.numerics.arrays import Array
from crmlib.core.errors import ModelError

SHORT, LONG = 1e-5, 1e-10
"""A search ends where a step gains less than this share of the log-likelihood."""
GRADIENT_SMALL = 1e-9
"""A derivative per customer below this counts as zero: a Newton step would move no printed digit."""
LOG_REACH = 14.0
"""A parameter may move by a factor e^14 from its start; one that wants to go further has no inner maximum."""
DIFFERENCE = 1e-4
"""Step of the difference in log parameters."""
FEW_STEPS, NEWTON_STEPS = 10, 25
HOPELESS = 1e10

Objective = Callable[[Array], tuple[float, Array]]


def maximise(total: Objective, starts: Sequence[Array], *, names: tuple[str, ...], n: int) -> Maximum:
    """The maximum of `total`, a log-likelihood of `n` customers with its gradient by theta.

    Parameters
    ----------
    starts : where to search from; the best end point wins. The first is the middle of the range searched.
    names : of the elements of theta, for the certificate.

    Raises
    ------
    ModelError
        `clv.not_finite` if the likelihood is finite at no start.

    Examples
    --------
    >>> def bowl(theta):
    ...     return -float(theta @ theta), -2.0 * theta
    >>> found = maximise(bowl, [np.array([1.0, -1.0])], names=("a", "b"), n=1)
    >>> found.certificate.converged, found.curvature.round(6).tolist()
    (True, [[2.0, 0.0], [0.0, 2.0]])
    """
    total = _quiet(total)
    if len(starts) == 1:
        near = search(total, starts, n=n, tolerance=SHORT)
        found = newton(total, near, names=names, n=n, centre=starts[0], most=FEW_STEPS)
        if found.certificate.converged:
            return found
    near = search(total, starts, n=n, tolerance=LONG)
    return newton(total, near, names=names, n=n, centre=starts[0])


def with_prior(total: Objective, *, centre: Array, prior: float | None) -> Objective:
    """`total` plus a normal log density around `centre` of standard deviation `prior` in every element of theta."""
    if prior is None:
        return total
    if not 0.0 < prior < np.inf:
        raise ModelError("clv.prior", values={"prior": prior})

    def both(theta: Array) -> tuple[float, Array]:
        value, gradient = total(theta)
        away = (theta - centre) / prior
        return value - 0.5 * float(away @ away), gradient - away / prior

    return both


def search(total: Objective, starts: Sequence[Array], *, n: int, tolerance: float) -> Array:
    """L-BFGS-B from each start on the log-likelihood per customer; the best end point."""
    best, place, looked = HOPELESS, starts[0], _quiet(total)
    for start in starts:

        def loss(theta: Array) -> tuple[float, Array]:
            value, gradient = looked(theta)
            fine = np.isfinite(value) and bool(np.isfinite(gradient).all())
            return (-value / n, -gradient / n) if fine else (HOPELESS, np.zeros_like(theta))

        found = minimize(
            loss,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(float(s) - LOG_REACH, float(s) + LOG_REACH) for s in start],
            options={"maxiter": 400, "maxfun": 800, "ftol": tolerance, "gtol": 1e-7, "maxcor": 20},
        )
        if float(found.fun) < best:
            best, place = float(found.fun), np.asarray(found.x, dtype=np.float64)
    if best >= HOPELESS:
        raise _not_finite()
    return place


def newton(
    total: Objective,
    theta: Array,
    *,
    names: tuple[str, ...],
    n: int,
    centre: Array,
    curvature: Array | None = None,
    most: int = NEWTON_STEPS,
) -> Maximum:
    """Newton's method with a damped step from a good start, then the certificate.

    A curvature serves as long as its steps shrink the gradient well, corrected by what each step shows of it. One
    that was given comes from a part of very many rows: then the last Hessian is made with half the passes, and four
    digits instead of eight.

    Parameters
    ----------
    centre : the middle of the range that is searched; whoever ends at its edge has no inner maximum.
    curvature : a negative Hessian to begin with.
    most : steps at most.
    """
    many, total = curvature is not None, _quiet(total)
    enough = 1e-1 if many else 1e-3
    value, gradient = total(theta)
    if curvature is None:
        curvature = negative_hessian(total, theta, gradient=gradient)
    if not (np.isfinite(value) and bool(np.isfinite(curvature).all())):
        raise _not_finite()
    steps, damping = 0, 0.0
    for _ in range(most):
        step = _damped(curvature, gradient, damping=damping)
        gain, largest = float(step @ gradient), float(np.abs(gradient).max())
        if gain < DECREMENT_SMALL * enough and largest < GRADIENT_SMALL * n * enough * 1e3:
            break
        new_value, new_gradient = total(theta + step)
        fine = np.isfinite(new_value) and bool(np.isfinite(new_gradient).all())
        better = fine and new_value >= value - 1e-12 * abs(value)
        if not better:
            damping = max(4.0 * damping, 1e-3 * float(np.abs(np.diag(curvature)).max()))
            if damping > 1e12 * n:
                break
            continue
        theta, change = theta + step, gradient - new_gradient
        value, gradient = new_value, new_gradient
        steps += 1
        damping *= 0.1
        if float(np.abs(gradient).max()) < 0.2 * largest:
            curvature = _secant(curvature, step, change)
        else:
            curvature = negative_hessian(total, theta, gradient=gradient)
    curvature = negative_hessian(total, theta, gradient=gradient if many else None)
    edge = np.abs(theta - centre) > LOG_REACH - 0.5
    certificate = certify(curvature, gradient, names=names, edge=edge, n=n, steps=steps)
    return Maximum(theta, value, curvature, certificate)


def negative_hessian(total: Objective, theta: Array, *, gradient: Array | None = None) -> Array:
    """Minus the second derivatives at theta, symmetric, by central differences of the gradient: eight digits.

    With the gradient at theta itself, by one-sided differences: half the passes and four digits.
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


def _quiet(total: Objective) -> Objective:
    """`total` without NumPy's warnings (a search may look where numbers end), remembering where it looked last."""
    last: dict[bytes, tuple[float, Array]] = {}

    def looked(theta: Array) -> tuple[float, Array]:
        key = theta.tobytes()
        if key not in last:
            with np.errstate(all="ignore"):
                found = total(theta)
            last.clear()
            last[key] = found
        return last[key]

    return looked


def _not_finite() -> ModelError:
    return ModelError("clv.not_finite")


def _damped(hessian: Array, gradient: Array, *, damping: float) -> Array:
    """A Newton step with negative curvature turned round and tiny curvature held away from zero."""
    values, vectors = np.linalg.eigh(hessian)
    floor = 1e-10 * max(float(np.abs(values).max()), 1e-300)
    usable = np.maximum(np.abs(values), floor) + damping
    step = vectors @ ((vectors.T @ gradient) / usable)
    length = float(np.abs(step).max())
    return np.asarray(step / length if length > 1.0 else step)


def _secant(hessian: Array, step: Array, change: Array) -> Array:
    """The Hessian that also explains how the gradient changed over the last step (BFGS)."""
    along, explained = float(change @ step), hessian @ step
    if along <= 0.0:
        return hessian
    return np.asarray(hessian + np.outer(change, change) / along - np.outer(explained, explained) / (step @ explained))
