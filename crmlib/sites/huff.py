"""Which store do people of a home cell go to? Huff's model as a multinomial logit, fitted on own card flows.

Source: Huff (1964), Journal of Marketing 28(3), 34-38; McFadden (1974); estimation as a Poisson pseudo-likelihood,
Santos Silva & Tenreyro (2006), The Review of Economics and Statistics 88(4), 641-658.

    n_cj ~ Poisson(D_c·exp(η·y_c)·p_cj(θ) / s_j),   ε_j ~ N(0, σ²)

n_cj card visits from cell c to own store j (zeros as they are); D_c spending on the category; y_c log income; s_j yuan
of revenue per card visit of store j, so that every store's flows are scaled to its revenue and uneven card enrolment
cancels; p_cj the share (`crmlib.sites.shares`). Competitors have no flows: they enter through the penetration Σ_j p_cj.
Fitted by Fisher scoring with the exact gradient; σ² by empirical Bayes; the covariance is inflated by the dispersion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.errors import ModelError
from crmlib.sites import decay, likelihood, shares
from crmlib.sites.decay import Form
from crmlib.sites.likelihood import MAX_STEPS, Data, Layout
from crmlib.sites.market import Array, Market, Stores

Bools: TypeAlias = NDArray[np.bool_]

LAMBDA_RANGE = (0.3, 5.0)
JUDGED_AT_KM = 2.0  # λ of forms other than power is their slope here


@dataclass(frozen=True, slots=True)
class HuffFit:
    """A fitted model.

    form : of distance; nested : own-brand nest; coefficients : name → value, decay first; store_effects : site_id,
    effect; sigma : sd of store effects; dispersion : of visits against Poisson; covariance : one column per parameter,
    in the order of `coefficients`, then of `store_effects`; deviance : Poisson deviance per visit; slope, slope_se : λ
    as the local power exponent at 2 km; steps : scoring steps taken.
    """

    form: Form
    nested: bool
    coefficients: dict[str, float]
    store_effects: pl.DataFrame
    sigma: float
    dispersion: float
    covariance: pl.DataFrame
    deviance: float
    slope: float
    slope_se: float
    steps: int

    @property
    def vector(self) -> Array:
        """All parameters in the order of the covariance."""
        return _vector(self)


def fit(market: Market, *, form: Form = "power", nested: bool = False, use: Bools | None = None) -> HuffFit:
    """Fit on the market's card flows.

    Parameters
    ----------
    form : how pull falls with distance.
    nested : whether own stores are nearer substitutes of each other than of rivals.
    use : flows that count, shape (cells, own); all if none. Held-out flows are left out of the likelihood only.

    Raises
    ------
    ModelError
        `sites.calibration_failed` if λ leaves 0.3 to 5, the exponent of area is not positive, or no maximum is found.
    """
    layout = Layout(form, nested, market.attributes, market.chains, len(market.own.ids))
    weights = np.ones_like(market.visits) if use is None else use.astype(float)
    data = Data(market, layout, weights, _yuan_per_visit(market))
    result = _pack(data, likelihood.maximise(data))
    _check(result)
    return result


def stage_at(market: Market, fitted: HuffFit, *, vector: Array | None = None) -> shares.Stage:
    """The market's shares at the fitted parameters, or at `vector` (a draw)."""
    layout = Layout(fitted.form, fitted.nested, market.attributes, market.chains, len(market.own.ids))
    return likelihood.stage(market, layout, fitted.vector if vector is None else vector, fitted.sigma)


def utility_of(market: Market, fitted: HuffFit, stores: Stores, *, vector: Array | None = None) -> Array:
    """Utility of further own stores for each cell at ε = 0, shape (cells, n)."""
    layout = Layout(fitted.form, fitted.nested, market.attributes, market.chains, len(market.own.ids))
    return likelihood.utility(market, layout, fitted.vector if vector is None else vector, stores)


def draw(fitted: HuffFit, *, draws: int, rng: np.random.Generator) -> Array:
    """Parameter vectors from the normal approximation around the optimum, shape (draws, parameters)."""
    cov = fitted.covariance.to_numpy()
    root = np.linalg.cholesky(cov + 1e-12 * np.eye(len(cov)))
    return np.asarray(fitted.vector + rng.standard_normal((draws, len(cov))) @ root.T)


def _yuan_per_visit(market: Market) -> Array:
    visits = market.visits.sum(axis=0)
    return np.asarray(market.revenue / np.maximum(visits, 1))


def _vector(fitted: HuffFit) -> Array:
    return np.concatenate([list(fitted.coefficients.values()), fitted.store_effects["effect"].to_numpy()])


def _pack(data: Data, found: likelihood.Maximum) -> HuffFit:
    theta, covariance = found.theta, found.covariance
    layout, market = data.layout, data.market
    n = len(layout.names)
    names = [*layout.names, *(f"store:{i}" for i in market.own.ids)]
    mean = shares.flows(likelihood.stage(market, layout, theta, 0.0)) / data.scale
    d = len(decay.NAMES[layout.form])
    within = float(np.median(market.within_km))

    def slope(pull: Array) -> float:
        return decay.slope(layout.form, pull, at_km=JUDGED_AT_KM, within_km=within)

    jacobian = np.array([(slope(theta[:d] + step) - slope(theta[:d] - step)) / 2e-3 for step in 1e-3 * np.eye(d)])
    return HuffFit(
        form=layout.form,
        nested=layout.nested,
        coefficients={name: float(v) for name, v in zip(layout.names, theta[:n], strict=True)},
        store_effects=pl.DataFrame({"site_id": list(market.own.ids), "effect": theta[n:]}),
        sigma=found.sigma,
        dispersion=found.dispersion,
        covariance=pl.DataFrame(covariance, schema=names, orient="row"),
        deviance=deviance(market.visits, mean, data.weights),
        slope=slope(theta[:d]),
        slope_se=float(np.sqrt(jacobian @ covariance[:d, :d] @ jacobian)),
        steps=found.steps,
    )


def deviance(visits: Array, mean: Array, weights: Array) -> float:
    """Poisson deviance per visit over the flows with weight 1."""
    log_ratio = np.log(np.where(visits > 0, visits, 1) / np.where(visits > 0, np.maximum(mean, 1e-300), 1))
    total = 2 * np.sum(weights * (visits * log_ratio - (visits - mean)))
    return float(total / max(np.sum(weights * visits), 1))


def expected_visits(market: Market, fitted: HuffFit) -> Array:
    """μ: visits the model expects from each cell to each own store, shape (cells, own)."""
    return np.asarray(shares.flows(stage_at(market, fitted)) / _yuan_per_visit(market))


def _check(fitted: HuffFit) -> None:
    steps = fitted.steps
    low, high = LAMBDA_RANGE
    area = fitted.coefficients["log_area"]
    if not (low <= fitted.slope <= high) or area <= 0 or steps > MAX_STEPS:
        raise ModelError(
            "sites.calibration_failed",
            values={"slope": round(fitted.slope, 2), "area": round(area, 2), "steps": steps, "form": fitted.form},
        )
