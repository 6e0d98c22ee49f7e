"""How sure the parameters are: draws from their posterior, and whether the approximation may be trusted.

Laplace: at the maximum the log-likelihood is nearly quadratic, so a Student t (7 degrees of freedom) with its
curvature is a good proposal. Importance resampling on the compressed likelihood corrects it. The Pareto k of the
largest weights (Vehtari, Simpson, Gelman, Yao & Gabry 2024, Pareto smoothed importance sampling, JMLR 25) says
whether that is enough; from .5 on, adaptive Metropolis (Haario, Saksman & Tamminen 2001) takes over and says so.
The prior is flat in log parameters unless the fit had one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.maximum import negative_hessian
from crmlib.clv.estimate.result import Model, ModelFit
from crmlib.clv.forecast.predict import read_for
from crmlib.clv.history import PurchaseHistory
from crmlib.clv.history import sample as sample_customers
from crmlib.clv.models.registry import model_of
from crmlib.clv.numerics.arrays import Array
from crmlib.clv.numerics.importance import moments, propose, resample, smooth
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame

GOOD_K = 0.5
BATCH = 500
SAMPLED_FROM, SAMPLE = 80_000, 20_000
"""Above this many unique rows what lies beyond the quadratic is taken from so many customers."""
ROUNDS = 4
ENOUGH = 1200
"""Proposals after which a bad k is believed."""
BEYOND = 20.0
"""No draw lies beyond e^20. Where few customers tell nothing of how drop-out differs, a and b run to infinity along a
ridge; there predictions have reached their limit (to 1e-7), and from e^24 on their arithmetic would fail."""
MOST = 20_000
"""Proposals of one round at most."""
CHAIN_WARM, CHAIN_LENGTH = 2_000, 10_000


@dataclass(frozen=True, slots=True)
class Posterior:
    """Draws of theta (log parameters, then effects), equally weighted.

    Parameters
    ----------
    model, names : the model and the names of the columns of `theta`.
    theta : shape (draws, k).
    method : how they came about.
    pareto_k : of the importance weights; below .5 the weights have a finite variance.
    ess : effective sample size of the draws before resampling.
    proposals : likelihood evaluations it took.
    """

    model: str
    names: tuple[str, ...]
    n_log: int
    theta: Array
    method: Literal["importance", "metropolis"]
    pareto_k: float
    ess: float
    proposals: int

    def frame(self) -> pl.DataFrame:
        """The draws on the scale of the paper, one column per parameter or effect."""
        return natural(self.theta, names=self.names, n_log=self.n_log)


def draw(
    fit: ModelFit[Any],
    history: AnyFrame | PurchaseHistory,
    *,
    rng: np.random.Generator,
    draws: int = 1000,
    ess: float = 400.0,
    prior: Callable[[Array], float] | None = None,
) -> Posterior:
    """Draw from the posterior of a fit.

    Parameters
    ----------
    history : the data of the fit.
    draws : equally weighted draws to return.
    ess : effective sample size to reach.
    prior : log prior density of theta, up to a constant; none is that of the fit, or flat if it had none.

    Raises
    ------
    ModelError
        `clv.no_curvature` where the fit is at a boundary or flat: there is nothing to approximate.
    """
    if not fit.theta_covariance or fit.certificate.boundary:
        raise ModelError("clv.no_curvature", values={"boundary": ", ".join(fit.certificate.boundary)})
    data, model = read_for(fit, history), model_of(fit.model)
    if prior is None and fit.prior is not None:
        prior = fitting.log_prior(model, data, prior=fit.prior)

    def in_full(theta: Array) -> float:
        if float(np.abs(theta).max()) > BEYOND:
            return float("-inf")
        value = fitting.log_likelihood(model, data, theta)
        return value + (prior(theta) if prior is not None else 0.0)

    centre, covariance = np.asarray(fit.theta), np.asarray(fit.theta_covariance)
    if data.n_rows > SAMPLED_FROM and prior is None:
        log_density = remainder_on_sample(model, data, centre, covariance)
    else:
        log_density = in_full
    names = (*model.names, *(name for name, _ in fit.effects))
    theta, method, k, reached, proposals = sample(log_density, centre, covariance, rng=rng, draws=draws, ess=ess)
    return Posterior(
        model=fit.model,
        names=names,
        n_log=len(model.names),
        theta=theta,
        method=method,
        pareto_k=k,
        ess=reached,
        proposals=proposals,
    )


def remainder_on_sample(
    model: Model[Any], data: PurchaseHistory, centre: Array, covariance: Array
) -> Callable[[Array], float]:
    """The log-likelihood of very many rows near its maximum: its quadratic part in full, the rest from a sample.

    Beyond the quadratic the log-likelihood of a million customers hardly bends within the posterior; that little is
    the same for a fair sample of customers, scaled up, to within a few per cent of itself.
    """
    few = sample_customers(data, customers=SAMPLE)
    scale = data.n_customers / few.n_customers
    total = fitting.objective(model, few)
    value, gradient = total(centre)
    bend = negative_hessian(total, centre)
    whole = np.linalg.inv(covariance)

    def log_density(theta: Array) -> float:
        away = theta - centre
        if float(np.abs(theta).max()) > BEYOND:
            return float("-inf")
        rest = fitting.log_likelihood(model, few, theta) - value - float(gradient @ away) + 0.5 * away @ bend @ away
        return float(scale * rest - 0.5 * away @ whole @ away)

    return log_density


def sample(
    log_density: Callable[[Array], float],
    centre: Array,
    covariance: Array,
    *,
    rng: np.random.Generator,
    draws: int,
    ess: float,
) -> tuple[Array, Literal["importance", "metropolis"], float, float, int]:
    """Importance resampling, its proposal fitted anew to what it found where needed, or else Metropolis."""
    proposals, k = 0, float("inf")
    middle, spread = centre, covariance
    for _ in range(ROUNDS):
        root = np.asarray(np.linalg.cholesky(spread), dtype=np.float64)
        points, logs = np.empty((0, len(centre))), np.empty(0)
        while len(points) < MOST:
            new, proposal = propose(middle, root, n=BATCH, rng=rng)
            proposals += len(new)
            target = np.array([log_density(theta) for theta in new])
            points, logs = np.vstack([points, new]), np.append(logs, target - proposal)
            weights, k = smooth(logs)
            reached = 1.0 / float(np.sum(weights**2))
            if reached >= ess and k < GOOD_K:
                return points[resample(weights, n=draws, rng=rng)], "importance", k, reached, proposals
            if k >= GOOD_K and len(points) >= ENOUGH:
                break
        middle, spread = moments(points, weights)
    chain, chain_ess = metropolis(log_density, middle, spread, rng=rng)
    every = np.linspace(0, len(chain) - 1, draws).astype(int)
    return chain[every], "metropolis", k, chain_ess, proposals + CHAIN_WARM + CHAIN_LENGTH


def metropolis(
    log_density: Callable[[Array], float], centre: Array, covariance: Array, *, rng: np.random.Generator
) -> tuple[Array, float]:
    """One adaptive random-walk chain (length, k) after its warm-up, and its smallest effective sample size."""
    k = len(centre)
    root = np.linalg.cholesky(covariance) * (2.38 / np.sqrt(k))
    here, value = centre.copy(), log_density(centre)
    chain = np.empty((CHAIN_WARM + CHAIN_LENGTH, k))
    for i in range(len(chain)):
        if 0 < i <= CHAIN_WARM and i % 500 == 0:
            spread = np.cov(chain[i // 2 : i].T) + 1e-9 * covariance
            root = np.linalg.cholesky(np.atleast_2d(spread)) * (2.38 / np.sqrt(k))
        there = here + root @ rng.standard_normal(k)
        new = log_density(there)
        if np.log(rng.random()) < new - value:
            here, value = there, new
        chain[i] = here
    kept = chain[CHAIN_WARM:]
    return kept, min(_chain_ess(kept[:, j]) for j in range(k))


def natural(theta: Array, *, names: tuple[str, ...], n_log: int) -> pl.DataFrame:
    """Draws of theta on the scale of the paper."""
    columns = {name: np.exp(theta[:, i]) if i < n_log else theta[:, i] for i, name in enumerate(names)}
    return pl.DataFrame(columns)


def to_arviz(posterior: Posterior) -> Any:
    """The draws as ArviZ `InferenceData` (needs the optional extra `posterior`).

    Raises
    ------
    ModelError
        `clv.no_arviz` where ArviZ is not installed.
    """
    try:
        import arviz  # noqa: PLC0415  (optional, and slow to import)
    except ImportError:
        raise ModelError("clv.no_arviz") from None
    columns = {name: posterior.frame()[name].to_numpy()[None, :] for name in posterior.names}
    attributes = {"model": posterior.model, "method": posterior.method, "pareto_k": posterior.pareto_k}
    data = arviz.from_dict(posterior=columns)
    data.posterior.attrs.update(attributes)
    return data


def _chain_ess(chain: Array) -> float:
    """Effective sample size of one chain by Geyer's initial positive sequence."""
    centred = chain - chain.mean()
    n = len(centred)
    power = np.abs(np.fft.rfft(centred, 2 * n)) ** 2
    covariance = np.fft.irfft(power)[:n] / n
    if covariance[0] <= 0:
        return 1.0
    pairs = (covariance[:-1:2] + covariance[1::2])[: n // 2] / covariance[0]
    stop = int(np.argmax(pairs < 0)) if bool((pairs < 0).any()) else len(pairs)
    return float(n / max(2.0 * pairs[:stop].sum() - 1.0, 1.0))
