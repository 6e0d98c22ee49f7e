"""The audit engine: one event's series against its control series in a state-space model, by statsmodels.

y(t) = level(t) + beta' x(t) + noise, level(t + 1) = level(t) + shock, fitted on the weeks before (or around) the event
with the event's weeks left out; what it expects there is the base. Source: Brodersen et al. (2015), Annals of Applied
Statistics 9(1), 247-274; here the variances are the most probable under that paper's default priors, beta and the first
level have a diffuse prior instead of spike and slab, and given the variances the sum over the event's weeks is normal:
its mean and variance are the best linear unbiased prediction (Goldberger 1962, JASA 57(298), 369-375), no draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.stats import norm

from crmlib.core import lazy
from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats

structural = lazy.module("statsmodels.tsa.statespace.structural")

MIN_WEEKS = 12
LEVEL_PRIOR, LEVEL_WEIGHT = 0.01**2, 32.0
"""Prior variance of the weekly level shock, in variances of y, and the observations it is worth: CausalImpact's."""
NOISE_PRIOR, NOISE_WEIGHT = 0.2, 50.0
"""The same for the noise: controls are expected to explain four fifths of y."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Effect in the event's weeks, summed: actual, base, effect, lower, upper [units of y]; converged."""

    actual: float
    base: float
    effect: float
    lower: float
    upper: float
    converged: bool


def audit(y: Floats, x: Floats, *, event: Bools, coverage: float = 0.9) -> Audit:
    """Effect of the weeks marked `event`.

    Parameters
    ----------
    y : series of the treated stores, shape (weeks,); NaN where it must not be learnt from.
    x : control series, shape (weeks, k); k may be 0. A week in which a control is NaN is not learnt from.
    event : shape (weeks,); weeks in which y or a control is NaN are left out of it.

    Raises
    ------
    ModelError
        frame.shape; promotion.r8: fewer than 12 weeks to learn from, or none to judge.
    """
    check_shapes(y=(y, "weeks"), x=(x, "weeks k"), event=(event, "weeks"))
    seen = np.isfinite(y) & np.isfinite(x).all(axis=1)
    past, event, x = ~event & seen, event & seen, np.where(np.isfinite(x), x, 0.0)
    if past.sum() < MIN_WEEKS or not event.any():
        raise ModelError("promotion.r8", values={"count": int(past.sum()), "limit": MIN_WEEKS})
    center, size = float(y[past].mean()), float(y[past].std()) or 1.0
    standard = _standard(x, past)
    (noise, level), converged = _variances(np.where(past, (y - center) / size, np.nan), standard)
    mean, spread = _foreseen((y - center) / size, standard, past=past, event=event, noise=noise, level=level)
    actual, base = float(y[event].sum()), float(mean * size + center * event.sum())
    half = float(norm.ppf((1 + coverage) / 2) * spread * size)
    return Audit(actual, base, actual - base, actual - base - half, actual - base + half, converged)


def _standard(x: Floats, past: Bools) -> Floats:
    spread = x[past].std(axis=0)
    return np.asarray((x - x[past].mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _variances(y: Floats, x: Floats) -> tuple[Floats, bool]:
    """Most probable noise and level variances under the priors, and whether the search converged."""
    exog = x if x.shape[1] else None
    model = structural.UnobservedComponents(y, "llevel", exog=exog, mle_regression=False)

    def loss(log: Floats) -> float:
        noise, level = np.exp(log)
        prior = _log_prior(noise, NOISE_PRIOR, NOISE_WEIGHT) + _log_prior(level, LEVEL_PRIOR, LEVEL_WEIGHT)
        return -float(model.loglike(np.exp(log)) + prior)

    start = np.log([NOISE_PRIOR, LEVEL_PRIOR])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4, "maxfev": 300})
    return np.exp(found.x), bool(found.success)


def _log_prior(variance: float, guess: float, weight: float) -> float:
    """Log density, up to a constant, of the log of a scaled-inverse-chi-squared variance worth `weight` weeks."""
    return float(-0.5 * weight * (np.log(variance) + guess / variance))


def _foreseen(y: Floats, x: Floats, *, past: Bools, event: Bools, noise: float, level: float) -> tuple[float, float]:
    """Mean and standard deviation of the sum of y over the event's weeks, given the weeks in `past`."""
    weeks = np.arange(y.size, dtype=np.float64)
    walk = level * np.minimum(weeks[:, None], weeks[None, :])
    design = np.column_stack([np.ones(y.size), x])
    seen = cho_factor(walk[np.ix_(past, past)] + noise * np.eye(int(past.sum())))
    shared = walk[np.ix_(past, event)].sum(axis=1)
    solved, weight = cho_solve(seen, design[past]), cho_solve(seen, shared)
    information = design[past].T @ solved
    beta = np.linalg.lstsq(information, solved.T @ y[past], rcond=None)[0]
    apart = design[event].sum(axis=0) - design[past].T @ weight
    mean = design[event].sum(axis=0) @ beta + weight @ (y[past] - design[past] @ beta)
    own = walk[np.ix_(event, event)].sum() + noise * event.sum() - shared @ weight
    variance = own + apart @ np.linalg.lstsq(information, apart, rcond=None)[0]
    return float(mean), float(np.sqrt(max(variance, 0.0)))
