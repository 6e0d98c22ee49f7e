"""Pareto/NBD with covariates that change in time: seasons, festivals, campaigns.

Source: Bachmann, Meierer & Näf (2021), The role of time-varying contextual factors in latent attrition models for
customer base analysis, Marketing Science 40(4), 783-809. A customer buys at rate λ e^(γᵀz(τ)) and leaves at rate
μ e^(δᵀw(τ)); λ ~ Gamma(r, alpha), μ ~ Gamma(s, beta). With A(τ) = ∫ e^γᵀz and B(τ) = ∫ e^δᵀw since the first purchase

    L = Γ(r+x)/Γ(r) α^r β^s e^(γᵀΣz(t_j)) { (α+A(T))^−(r+x) (β+B(T))^−s + s ∫ (α+A)^−(r+x) (β+B)^−(s+1) dB },

the integral from t_x to T. Covariates are constant within a period of the grid, so A and B are piecewise linear and
the integral is a sum over periods, each by Gauss–Legendre. With all effects 0 this is Pareto/NBD.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.clv.estimate.certificate import Certificate, estimates
from crmlib.clv.estimate.maximum import maximise, with_prior
from crmlib.clv.forecast.predict import with_ids
from crmlib.clv.horizon import Horizon
from crmlib.clv.models.pareto_nbd import ParetoNbdParams
from crmlib.clv.numerics.arrays import Array
from crmlib.clv.seasonal.calendar_likelihood import NODES, WEIGHTS, alive_at_end, rates_of, running, score
from crmlib.clv.seasonal.calendar_pieces import Pieces, cut_into_pieces, future_pieces
from crmlib.core.frames import AnyFrame, to_polars


@dataclass(frozen=True, slots=True)
class CalendarFit:
    """A fitted Pareto/NBD with a calendar; plain numbers only, fields as in `ModelFit`.

    effects : (``"purchase:festival_spring"``, value), …: e^value is the factor on the rate while the covariate is 1.
    """

    params: ParetoNbdParams
    effects: tuple[tuple[str, float], ...]
    log_likelihood: float
    theta: tuple[float, ...]
    theta_covariance: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    standard_errors: dict[str, float]
    purchase_names: tuple[str, ...]
    dropout_names: tuple[str, ...]
    n_customers: int
    certificate: Certificate
    data_hash: str

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return 2.0 * len(self.theta) - 2.0 * self.log_likelihood


def fit(
    purchases: AnyFrame,
    grid: AnyFrame,
    *,
    period_end_n: int,
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> CalendarFit:
    """Fit by maximum likelihood; time is in weeks.

    Parameters
    ----------
    purchases : one row per purchase day: `customer_id`, `day_n` (days since 1970).
    grid : see `crmlib.clv.seasonal.calendar_grid`; must cover the first purchase to `period_end_n`.
    period_end_n : last day observed, included.
    purchase, dropout : grid columns that move the purchase rate and the dropout rate.
    prior : none, or the standard deviation of a normal prior on log parameters and effects.
    """
    frame = to_polars(purchases, needs=["customer_id", "day_n"], name="purchases")
    pieces = cut_into_pieces(frame, grid, period_end_n=period_end_n, purchase=purchase, dropout=dropout)
    age = float(np.median(pieces.T[pieces.T > 0])) if bool((pieces.T > 0).any()) else 1.0
    rate = max(float(pieces.x.sum()) / max(float(pieces.T.sum()), 1e-12), 1e-6)
    start = np.log([0.6, min(0.5 / rate, 10.0 * age), 0.6, 0.4 * age])
    centre = np.concatenate([start, np.zeros(len(purchase) + len(dropout))])

    def total(theta: Array) -> tuple[float, Array]:
        ll, scores = score(theta, pieces)
        return float(ll.sum()), scores.sum(axis=1)

    names = ("r", "alpha", "s", "beta", *(f"purchase:{c}" for c in purchase), *(f"dropout:{c}" for c in dropout))
    found = maximise(with_prior(total, centre=centre, prior=prior), [centre], names=names, n=len(pieces.x))
    plain = estimates(found, names=names, n_log=4)
    return CalendarFit(
        params=ParetoNbdParams(*plain.values[:4]),
        effects=tuple(zip(names[4:], plain.values[4:], strict=True)),
        log_likelihood=found.value,
        theta=plain.theta,
        theta_covariance=plain.theta_covariance,
        covariance=plain.covariance,
        standard_errors=plain.standard_errors,
        purchase_names=tuple(purchase),
        dropout_names=tuple(dropout),
        n_customers=len(pieces.x),
        certificate=found.certificate,
        data_hash=_hash(pieces),
    )


def log_likelihood(fitted: CalendarFit, purchases: AnyFrame, grid: AnyFrame, *, period_end_n: int) -> Array:
    """Log-likelihood of each customer, in the order of `customer_id`, shape (n customers,)."""
    return score(np.asarray(fitted.theta), _pieces_of(fitted, purchases, grid, period_end_n=period_end_n))[0]


def customers(
    fitted: CalendarFit, purchases: AnyFrame, grid: AnyFrame, *, period_end_n: int, horizon: Horizon
) -> pl.DataFrame:
    """P(alive) and expected purchases within the horizon of every customer, sorted by `customer_id`.

    The grid must reach to the end of the horizon: the covariates' future is the caller's assumption, festivals are
    known. E[Y] = P(alive) (r+x)/(α+A(T)) ∫ ((β+B(T))/(β+B(τ)))^s dA(τ) over the horizon.
    """
    pieces = _pieces_of(fitted, purchases, grid, period_end_n=period_end_n)
    theta = np.asarray(fitted.theta)
    r, alpha, s, beta = (float(v) for v in np.exp(theta[:4]))
    alive, at_end_a, at_end_b = alive_at_end(theta, pieces)
    ahead = future_pieces(
        grid,
        pieces.customer_id,
        start_n=period_end_n + 1,
        days=round(horizon.days),
        purchase=fitted.purchase_names,
        dropout=fitted.dropout_names,
    )
    rate_a, rate_b = rates_of(theta, ahead)
    run_a, run_b = rate_a * ahead.length, rate_b * ahead.length
    before_b = running(run_b, ahead.first, ahead.customer) + at_end_b[ahead.customer]
    inner = sum(
        w * ((beta + at_end_b[ahead.customer]) / (beta + before_b + u * run_b)) ** s
        for u, w in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True)
    )
    reach = np.bincount(ahead.customer, weights=run_a * inner, minlength=len(pieces.x))
    expected = alive * (r + pieces.x) / (alpha + at_end_a) * reach
    ids = pl.DataFrame({"customer_id": pieces.customer_id})
    return with_ids(ids, pl.DataFrame({"p_alive": alive, "expected": expected}))


def _pieces_of(fitted: CalendarFit, purchases: AnyFrame, grid: AnyFrame, *, period_end_n: int) -> Pieces:
    frame = to_polars(purchases, needs=["customer_id", "day_n"], name="purchases")
    return cut_into_pieces(
        frame, grid, period_end_n=period_end_n, purchase=fitted.purchase_names, dropout=fitted.dropout_names
    )


def _hash(pieces: Pieces) -> str:
    digest = hashlib.sha256()
    for array in (pieces.x, pieces.t_x, pieces.T, pieces.bought, pieces.z, pieces.w):
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
