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
from crmlib.sites import decay, shares
from crmlib.sites.decay import Form
from crmlib.sites.market import Array, Market, Stores

Bools: TypeAlias = NDArray[np.bool_]

MAX_STEPS = 60
TOLERANCE = 1e-7
CHAIN_PRIOR_SD = 1.0  # rival chains differ from ours by a factor e^±1 before the data speak
NEST_PRIOR = (1.5, 1.5)  # mean and sd of logit τ: τ between 0.5 and 0.99
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
    layout = _Layout(form, nested, market.attributes, market.chains, len(market.own.ids))
    weights = np.ones_like(market.visits) if use is None else use.astype(float)
    data = _Data(market, layout, weights, _yuan_per_visit(market))
    theta, sigma2, dispersion, covariance, steps = _maximise(data)
    result = _pack(data, theta, sigma2, dispersion, covariance, steps)
    _check(result, steps)
    return result


def stage_at(market: Market, fitted: HuffFit, *, vector: Array | None = None) -> shares.Stage:
    """The market's shares at the fitted parameters, or at `vector` (a draw)."""
    layout = _Layout(fitted.form, fitted.nested, market.attributes, market.chains, len(market.own.ids))
    return _stage(market, layout, fitted.vector if vector is None else vector, fitted.sigma)


def utility_of(market: Market, fitted: HuffFit, stores: Stores, *, vector: Array | None = None) -> Array:
    """Utility of further own stores for each cell at ε = 0, shape (cells, n)."""
    layout = _Layout(fitted.form, fitted.nested, market.attributes, market.chains, len(market.own.ids))
    return _utility(market, layout, fitted.vector if vector is None else vector, stores)


def draw(fitted: HuffFit, *, draws: int, rng: np.random.Generator) -> Array:
    """Parameter vectors from the normal approximation around the optimum, shape (draws, parameters)."""
    cov = fitted.covariance.to_numpy()
    root = np.linalg.cholesky(cov + 1e-12 * np.eye(len(cov)))
    return np.asarray(fitted.vector + rng.standard_normal((draws, len(cov))) @ root.T)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each parameter stands in the vector: decay, attributes, income, outside, chains, [logit τ], effects."""

    form: Form
    nested: bool
    attributes: tuple[str, ...]
    chains: tuple[str, ...]
    stores: int

    @property
    def names(self) -> tuple[str, ...]:
        nest = ("logit_nest",) if self.nested else ()
        chains = tuple(f"chain:{c}" for c in self.chains)
        return (*decay.NAMES[self.form], *self.attributes, "income", "outside", *chains, *nest)

    def cut(self, theta: Array) -> tuple[Array, Array, float, float, Array, float, Array]:
        """(decay, attributes, income, outside, chains, τ, effects)."""
        d, a, k = len(decay.NAMES[self.form]), len(self.attributes), len(self.chains)
        tau = float(1 / (1 + np.exp(-theta[d + a + 2 + k]))) if self.nested else 1.0
        start = len(self.names)
        chains = theta[d + a + 2 : d + a + 2 + k]
        return theta[:d], theta[d : d + a], float(theta[d + a]), float(theta[d + a + 1]), chains, tau, theta[start:]


@dataclass(frozen=True, slots=True)
class _Data:
    """Market, parameter layout, weights of flows (c, j), yuan per visit (j,)."""

    market: Market
    layout: _Layout
    weights: Array
    scale: Array


def _yuan_per_visit(market: Market) -> Array:
    visits = market.visits.sum(axis=0)
    return np.asarray(market.revenue / np.maximum(visits, 1))


def _vector(fitted: HuffFit) -> Array:
    return np.concatenate([list(fitted.coefficients.values()), fitted.store_effects["effect"].to_numpy()])


def _utility(market: Market, layout: _Layout, theta: Array, stores: Stores) -> Array:
    pull, beta, *_ = layout.cut(theta)
    return decay.utility(layout.form, pull, stores.km, within_km=market.within_km) + stores.attributes @ beta


def _stage(market: Market, layout: _Layout, theta: Array, sigma: float) -> shares.Stage:
    _, _, income, outside, chains, tau, effects = layout.cut(theta)
    rivals = _utility(market, layout, theta, market.rivals)
    if len(layout.chains):
        rivals = rivals + chains[market.rival_chain]
    return shares.stage(
        demand=market.demand * np.exp(income * market.log_income),
        own=_utility(market, layout, theta, market.own) + effects,
        rivals=rivals,
        outside=outside,
        nest=tau,
        sigma=sigma,
    )


def _start(data: _Data) -> Array:
    """Textbook values, and the outside option at which modelled visits sum to the observed ones."""
    layout, market = data.layout, data.market
    theta = np.zeros(len(layout.names) + layout.stores)
    pull = decay.START[layout.form]
    theta[: len(pull)] = pull
    theta[len(pull)] = 0.5
    if layout.nested:
        theta[len(layout.names) - 1] = NEST_PRIOR[0]
    place = layout.names.index("outside")
    low, high = -20.0, 20.0
    for _ in range(40):
        theta[place] = (low + high) / 2
        modelled = shares.revenue(_stage(market, layout, theta, 0.0)).sum()
        low, high = (theta[place], high) if modelled > market.revenue.sum() else (low, theta[place])
    return theta


def _maximise(data: _Data) -> tuple[Array, float, float, Array, int]:
    """Fisher scoring with halved steps; σ² and the dispersion are renewed between steps."""
    theta, sigma2, dispersion = _start(data), 0.09, 1.0
    value = -np.inf
    for step in range(1, MAX_STEPS + 1):
        score, fisher, mean = _derivatives(data, theta)
        dispersion = _dispersion(data, mean)
        centre, precision = _prior(data.layout, sigma2)
        total = fisher / dispersion + np.diag(precision)
        direction = np.linalg.solve(total, score / dispersion - precision * (theta - centre))
        value = _objective(data, theta, sigma2, dispersion)
        length = 1.0
        while _objective(data, theta + length * direction, sigma2, dispersion) < value and length > 1e-4:
            length /= 2
        theta = theta + length * direction
        covariance = np.linalg.inv(total)
        effects, spread = theta[len(data.layout.names) :], np.diag(covariance)[len(data.layout.names) :]
        renewed = float(np.mean(effects**2 + np.minimum(spread, sigma2)))
        settled = abs(renewed / sigma2 - 1) < 1e-3 and float(np.abs(length * direction).max()) < 1e-4
        sigma2 = max(renewed, 1e-6)
        if settled or (float(score @ direction) / dispersion < TOLERANCE and step > 5):
            return theta, sigma2, dispersion, covariance, step
    return theta, sigma2, dispersion, covariance, MAX_STEPS + 1


def _prior(layout: _Layout, sigma2: float) -> tuple[Array, Array]:
    """Centre and precision of each parameter's normal prior; 0 where there is none."""
    centre, precision = np.zeros(len(layout.names) + layout.stores), np.zeros(len(layout.names) + layout.stores)
    for i, name in enumerate(layout.names):
        if name.startswith("chain:"):
            precision[i] = 1 / CHAIN_PRIOR_SD**2
        elif name == "logit_nest":
            centre[i], precision[i] = NEST_PRIOR[0], 1 / NEST_PRIOR[1] ** 2
        else:
            precision[i] = 1e-4  # keeps a parameter without information (income equal everywhere) where it is
    precision[len(layout.names) :] = 1 / sigma2
    return centre, precision


def _objective(data: _Data, theta: Array, sigma2: float, dispersion: float) -> float:
    mean = shares.flows(_stage(data.market, data.layout, theta, 0.0)) / data.scale
    centre, precision = _prior(data.layout, sigma2)
    fit_ = np.sum(data.weights * (data.market.visits * np.log(np.maximum(mean, 1e-300)) - mean))
    value = float(fit_ / dispersion - 0.5 * np.sum(precision * (theta - centre) ** 2))
    return value if np.isfinite(value) else -np.inf


def _dispersion(data: _Data, mean: Array) -> float:
    """Pearson dispersion over flows with an expectation above half a visit, at least 1."""
    seen = (mean > 0.5) & (data.weights > 0)
    free = max(int(seen.sum()) - len(data.layout.names) - data.layout.stores, 1)
    return max(float(np.sum((data.market.visits[seen] - mean[seen]) ** 2 / mean[seen]) / free), 1.0)


def _derivatives(data: _Data, theta: Array) -> tuple[Array, Array, Array]:
    """Score and Fisher information of the Poisson likelihood, and the means μ (c, j).

    ∂ ln μ_cj/∂θ = G_cj/τ − H_c. G is the derivative of the store's own utility, H what all alternatives together do;
    for a store effect G is 1 in its own column, so its block needs no (c, j, j) array.
    """
    market, layout, weights = data.market, data.layout, data.weights
    at = _stage(market, layout, theta, 0.0)
    mean = shares.flows(at) / data.scale
    structural, effect_h = _sensitivities(market, layout, theta, at)
    tau, weighted = at.nest, weights * mean
    residual = weights * (market.visits - mean)
    n, cells = len(structural), len(at.demand)
    score = np.concatenate(
        [
            np.einsum("scj,cj->s", structural, residual),
            residual.sum(axis=0) / tau - residual.sum(axis=1) @ effect_h,
        ]
    )
    moment = structural * weighted  # (s, c, j)
    flat = structural.reshape(n, -1)
    ss = moment.reshape(n, -1) @ flat.T
    se = moment.sum(axis=1) / tau - moment.sum(axis=2) @ effect_h
    cross = weighted.T @ effect_h / tau
    row = weighted.sum(axis=1).reshape(cells, 1)
    ee = np.diag(weighted.sum(axis=0)) / tau**2 - cross - cross.T + effect_h.T @ (row * effect_h)
    return score, np.block([[ss, se], [se.T, ee]]), mean


def _sensitivities(market: Market, layout: _Layout, theta: Array, at: shares.Stage) -> tuple[Array, Array]:
    """∂ ln μ/∂θ of the structural parameters, shape (s, c, j), and H of the store effects, shape (c, j)."""
    pull, beta, _, outside, chains, tau, _ = layout.cut(theta)
    total = at.own.sum(axis=1)
    chain_share = shares.own_share(total, at.rivals + at.outside, tau)
    inside = at.own / total[:, None]
    rest_share = (1 - chain_share) / (at.rivals + at.outside)
    rivals = _utility(market, layout, theta, market.rivals)
    rivals = rivals + (chains[market.rival_chain] if len(chains) else 0.0)
    rival_share = np.exp(rivals - at.shift[:, None]) * rest_share[:, None]
    own_weight = (1 / tau - 1 + chain_share)[:, None]

    def block(own: Array, other: Array) -> Array:
        pooled = own_weight[:, 0] * (inside * own).sum(axis=1) + (rival_share * other).sum(axis=1)
        return np.asarray(own / tau - pooled[:, None])

    shape = market.visits.shape
    own_slopes = decay.gradient(layout.form, pull, market.own.km, within_km=market.within_km)
    rival_slopes = decay.gradient(layout.form, pull, market.rivals.km, within_km=market.within_km)
    out = [block(a, b) for a, b in zip(own_slopes, rival_slopes, strict=True)]
    out += [
        block(np.broadcast_to(market.own.attributes[:, a], shape), market.rivals.attributes[:, a])
        for a in range(len(beta))
    ]
    out.append(np.broadcast_to(market.log_income[:, None], shape))
    out.append(np.broadcast_to(-(at.outside * rest_share)[:, None], shape))
    for k in range(len(chains)):
        out.append(np.broadcast_to(-rival_share[:, market.rival_chain == k].sum(axis=1)[:, None], shape))
    if layout.nested:
        out.append(_nest_sensitivity(at, inside, chain_share))
    return np.stack(out), inside * own_weight


def _nest_sensitivity(at: shares.Stage, inside: Array, chain_share: Array) -> Array:
    """∂ ln p/∂ logit τ, from ln p = V/τ − L + τL − ln(e^{τL} + B) with L = ln Σ exp(V/τ)."""
    tau = at.nest
    scaled = np.log(np.maximum(at.own, np.finfo(float).tiny))  # (V − shift)/τ
    mean = (inside * scaled).sum(axis=1)
    log_sum = np.log(at.own.sum(axis=1))
    by_tau = (mean[:, None] - scaled) / tau + ((1 - chain_share) * (log_sum - mean))[:, None]
    return np.asarray(by_tau * tau * (1 - tau))


def _pack(
    data: _Data, theta: Array, sigma2: float, dispersion: float, covariance: Array, steps: int
) -> HuffFit:
    layout, market = data.layout, data.market
    n = len(layout.names)
    names = [*layout.names, *(f"store:{i}" for i in market.own.ids)]
    mean = shares.flows(_stage(market, layout, theta, 0.0)) / data.scale
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
        sigma=float(np.sqrt(sigma2)),
        dispersion=dispersion,
        covariance=pl.DataFrame(covariance, schema=names, orient="row"),
        deviance=deviance(market.visits, mean, data.weights),
        slope=slope(theta[:d]),
        slope_se=float(np.sqrt(jacobian @ covariance[:d, :d] @ jacobian)),
        steps=steps,
    )


def deviance(visits: Array, mean: Array, weights: Array) -> float:
    """Poisson deviance per visit over the flows with weight 1."""
    log_ratio = np.log(np.where(visits > 0, visits, 1) / np.where(visits > 0, np.maximum(mean, 1e-300), 1))
    total = 2 * np.sum(weights * (visits * log_ratio - (visits - mean)))
    return float(total / max(np.sum(weights * visits), 1))


def expected_visits(market: Market, fitted: HuffFit) -> Array:
    """μ: visits the model expects from each cell to each own store, shape (cells, own)."""
    return np.asarray(shares.flows(stage_at(market, fitted)) / _yuan_per_visit(market))


def _check(fitted: HuffFit, steps: int) -> None:
    low, high = LAMBDA_RANGE
    area = fitted.coefficients["log_area"]
    if not (low <= fitted.slope <= high) or area <= 0 or steps > MAX_STEPS:
        raise ModelError(
            "sites.calibration_failed",
            given=f"λ = {fitted.slope:.2f} at 2 km, exponent of area {area:.2f}, {steps} steps ({fitted.form})",
            expected=f"λ between {low} and {high}, area exponent above 0, at most {MAX_STEPS} steps",
            mend="check distances (km?), areas, home cells of members and the competitor layer; no ranking is shown",
            values={"slope": round(fitted.slope, 2), "area": round(area, 2), "steps": steps, "form": fitted.form},
        )
