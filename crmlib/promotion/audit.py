"""The audit engine: one event's series against its control series in a state-space model, by statsmodels.

y(t) = level(t) + beta' x(t) + noise, level(t + 1) = level(t) + shock, fitted on the weeks before (or around) the event
with the event's weeks left out; what it expects there is the base. Source: Brodersen et al. (2015), Annals of Applied
Statistics 9(1), 247-274; here the variances are the most probable under that paper's default priors, and the base is
drawn by the simulation smoother of Durbin & Koopman (2002), Biometrika 89(3), 603-616, with beta in the state under a
diffuse prior instead of spike and slab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from statsmodels.tsa.statespace.structural import UnobservedComponents

from crmlib.core.errors import ModelError
from crmlib.promotion.arrays import Bools, Floats

MIN_WEEKS = 12
LEVEL_PRIOR, LEVEL_WEIGHT = 0.01**2, 32.0
"""Prior variance of the weekly level shock, in variances of y, and the observations it is worth: CausalImpact's."""
NOISE_PRIOR, NOISE_WEIGHT = 0.2, 50.0
"""The same for the noise: controls are expected to explain four fifths of y."""
ROWS_ONLY = 2


@dataclass(frozen=True, slots=True)
class Audit:
    """Effect in the event's weeks, summed: actual, base, effect, lower, upper [units of y]; converged."""

    actual: float
    base: float
    effect: float
    lower: float
    upper: float
    converged: bool


def audit(
    y: Floats, x: Floats, *, event: Bools, rng: np.random.Generator, coverage: float = 0.9, draws: int = 1000
) -> Audit:
    """Effect of the weeks marked `event`.

    Parameters
    ----------
    y : series of the treated stores, shape (weeks,); NaN where it must not be learnt from.
    x : control series, shape (weeks, k); k may be 0.

    Raises
    ------
    ModelError
        promotion.r8: fewer than 12 weeks to learn from.
    """
    past = ~event & np.isfinite(y)
    if past.sum() < MIN_WEEKS:
        raise ModelError(
            "promotion.r8",
            given=f"{int(past.sum())} weeks outside the event",
            expected=f"at least {MIN_WEEKS} clean weeks",
            mend="give a longer history, or judge the event with untreated stores only",
            values={"count": int(past.sum()), "limit": MIN_WEEKS},
        )
    center, size = float(y[past].mean()), float(y[past].std()) or 1.0
    model, variances, converged = _fit(np.where(past, (y - center) / size, np.nan), _standard(x, past))
    drawn = _draw(model, variances, rng, draws)[:, event] * size + center
    total = drawn.sum(axis=1)
    actual, base = float(y[event].sum()), float(total.mean())
    low, high = np.quantile(total, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Audit(actual, base, actual - base, actual - float(high), actual - float(low), converged)


def _standard(x: Floats, past: Bools) -> Floats:
    spread = x[past].std(axis=0)
    return np.asarray((x - x[past].mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _fit(y: Floats, x: Floats) -> tuple[Any, Floats, bool]:
    """Model, most probable noise and level variances under the priors, and whether the search converged."""
    exog = x if x.shape[1] else None
    model = UnobservedComponents(y, "llevel", exog=exog, mle_regression=False)

    def loss(log: Floats) -> float:
        noise, level = np.exp(log)
        prior = _log_prior(noise, NOISE_PRIOR, NOISE_WEIGHT) + _log_prior(level, LEVEL_PRIOR, LEVEL_WEIGHT)
        return -float(model.loglike(np.exp(log)) + prior)

    start = np.log([NOISE_PRIOR, LEVEL_PRIOR])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4, "maxfev": 300})
    model.update(np.exp(found.x))
    return model, np.exp(found.x), bool(found.success)


def _log_prior(variance: float, guess: float, weight: float) -> float:
    """Log density, up to a constant, of the log of a scaled-inverse-chi-squared variance worth `weight` weeks."""
    return float(-0.5 * weight * (np.log(variance) + guess / variance))


def _draw(model: Any, variances: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """Draws of the series as it would have been, shape (draws, weeks)."""
    smoother = model.simulation_smoother()
    noise = float(np.sqrt(variances[0]))
    design = model.ssm["design"]
    drawn = np.empty((draws, model.nobs))
    for row in range(draws):
        smoother.simulate(rng=rng)
        state = smoother.simulated_state
        weights = np.broadcast_to(design[0], state.shape) if design.ndim == ROWS_ONLY else design[0]
        drawn[row] = np.einsum("st,st->t", weights, state) + rng.normal(0, noise, model.nobs)
    return drawn
