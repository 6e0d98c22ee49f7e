"""The likelihood behind `crmlib.sites.huff`: mean, exact derivatives, priors, and the scoring that climbs it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.sites import decay, shares
from crmlib.sites.decay import Form
from crmlib.sites.market import Array, Market, Stores

MAX_STEPS = 60
TOLERANCE = 1e-7
START_SIGMA2 = 0.09
CHAIN_PRIOR_SD = 1.0  # rival chains differ from ours by a factor e^±1 before the data speak
NEST_PRIOR = (1.5, 1.5)  # mean and sd of logit τ: τ between 0.5 and 0.99


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each parameter stands in the vector: decay, attributes, income, outside, chains, [logit τ], effects."""

    form: Form
    nested: bool
    attributes: tuple[str, ...]
    chains: tuple[str, ...]
    stores: int

    @property
    def names(self) -> tuple[str, ...]:
        """Structural parameters in order."""
        nest = ("logit_nest",) if self.nested else ()
        chains = tuple(f"chain:{c}" for c in self.chains)
        return (*decay.NAMES[self.form], *self.attributes, "income", "outside", *chains, *nest)

    def cut(self, theta: Array) -> tuple[Array, Array, float, float, Array, float, Array]:
        """(decay, attributes, income, outside, chains, τ, effects)."""
        d, a, k = len(decay.NAMES[self.form]), len(self.attributes), len(self.chains)
        tau = _logistic(float(theta[d + a + 2 + k])) if self.nested else 1.0
        start = len(self.names)
        chains = theta[d + a + 2 : d + a + 2 + k]
        return theta[:d], theta[d : d + a], float(theta[d + a]), float(theta[d + a + 1]), chains, tau, theta[start:]


@dataclass(frozen=True, slots=True)
class Data:
    """Market, parameter layout, weights of flows (c, j), yuan per visit (j,)."""

    market: Market
    layout: Layout
    weights: Array
    scale: Array


def _logistic(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def utility(market: Market, layout: Layout, theta: Array, stores: Stores) -> Array:
    """Utility of stores for each cell, their own effects apart, shape (cells, n)."""
    pull, beta, *_ = layout.cut(theta)
    return decay.utility(layout.form, pull, stores.km, within_km=market.within_km) + stores.attributes @ beta


def stage(market: Market, layout: Layout, theta: Array, sigma: float) -> shares.Stage:
    """The shares' stage at a parameter vector."""
    _, _, income, outside, chains, tau, effects = layout.cut(theta)
    rivals = utility(market, layout, theta, market.rivals)
    if len(layout.chains):
        rivals = rivals + chains[market.rival_chain]
    return shares.stage(
        demand=market.demand * np.exp(income * market.log_income),
        own=utility(market, layout, theta, market.own) + effects,
        rivals=rivals,
        outside=outside,
        nest=tau,
        sigma=sigma,
    )


def _start(data: Data) -> Array:
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
        modelled = shares.revenue(stage(market, layout, theta, 0.0)).sum()
        low, high = (theta[place], high) if modelled > market.revenue.sum() else (low, theta[place])
    return theta


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where the scoring ended.

    theta : parameters; sigma : sd of store effects; dispersion; covariance : of theta; steps : above MAX_STEPS where
    it did not settle.
    """

    theta: Array
    sigma: float
    dispersion: float
    covariance: Array
    steps: int


def maximise(data: Data) -> Maximum:
    """Fisher scoring with halved steps; σ² and the dispersion are renewed between steps."""
    theta, sigma2 = _start(data), START_SIGMA2
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
        covariance = np.asarray(np.linalg.inv(total), dtype=np.float64)
        effects, spread = theta[len(data.layout.names) :], np.diag(covariance)[len(data.layout.names) :]
        renewed = float(np.mean(effects**2 + np.minimum(spread, sigma2)))
        settled = abs(renewed / sigma2 - 1) < 1e-3 and float(np.abs(length * direction).max()) < 1e-4
        sigma2 = max(renewed, 1e-6)
        if settled or (float(score @ direction) / dispersion < TOLERANCE and step > 5):
            return Maximum(theta, float(np.sqrt(sigma2)), dispersion, covariance, step)
    return Maximum(theta, float(np.sqrt(sigma2)), dispersion, covariance, MAX_STEPS + 1)


def _prior(layout: Layout, sigma2: float) -> tuple[Array, Array]:
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


def _objective(data: Data, theta: Array, sigma2: float, dispersion: float) -> float:
    mean = shares.flows(stage(data.market, data.layout, theta, 0.0)) / data.scale
    centre, precision = _prior(data.layout, sigma2)
    fit_ = np.sum(data.weights * (data.market.visits * np.log(np.maximum(mean, 1e-300)) - mean))
    value = float(fit_ / dispersion - 0.5 * np.sum(precision * (theta - centre) ** 2))
    return value if np.isfinite(value) else -np.inf


def _dispersion(data: Data, mean: Array) -> float:
    """Pearson dispersion over flows with an expectation above half a visit, at least 1."""
    seen = (mean > 0.5) & (data.weights > 0)
    free = max(int(seen.sum()) - len(data.layout.names) - data.layout.stores, 1)
    return max(float(np.sum((data.market.visits[seen] - mean[seen]) ** 2 / mean[seen]) / free), 1.0)


def _derivatives(data: Data, theta: Array) -> tuple[Array, Array, Array]:
    """Score and Fisher information of the Poisson likelihood, and the means μ (c, j).

    ∂ ln μ_cj/∂θ = G_cj/τ − H_c. G is the derivative of the store's own utility, H what all alternatives together do;
    for a store effect G is 1 in its own column, so its block needs no (c, j, j) array.
    """
    market, layout, weights = data.market, data.layout, data.weights
    at = stage(market, layout, theta, 0.0)
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


def _sensitivities(market: Market, layout: Layout, theta: Array, at: shares.Stage) -> tuple[Array, Array]:
    """∂ ln μ/∂θ of the structural parameters, shape (s, c, j), and H of the store effects, shape (c, j)."""
    pull, beta, _, _, chains, tau, _ = layout.cut(theta)
    total = at.own.sum(axis=1)
    chain_share = shares.own_share(total, at.rivals + at.outside, tau)
    inside = at.own / total[:, None]
    rest_share = (1 - chain_share) / (at.rivals + at.outside)
    rivals = utility(market, layout, theta, market.rivals)
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
