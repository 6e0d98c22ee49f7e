"""sBG: how long members of a plan will stay (contracts, coupon books, deliveries by subscription).

Source: Fader & Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1), 76-90.
At each renewal a member leaves with a probability of their own, Beta(alpha, beta) across members, so that those
who are left renew more and more: P(T = t) = B(α+1, β+t−1)/B(α, β), S(t) = B(α, β+t)/B(α, β).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from crmlib.clv.estimate.certificate import Certificate, estimates
from crmlib.clv.estimate.maximum import maximise, with_prior
from crmlib.clv.numerics.arrays import Array
from crmlib.clv.numerics.special import digamma_rising, log_rising
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars


@dataclass(frozen=True, slots=True)
class SbgParams:
    """alpha, beta: beta shapes of the probability of leaving at a renewal."""

    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class SbgFit:
    """A fitted retention model, plain numbers only; fields as in `ModelFit`."""

    params: SbgParams
    log_likelihood: float
    standard_errors: dict[str, float]
    covariance: tuple[tuple[float, ...], ...]
    theta: tuple[float, ...]
    theta_covariance: tuple[tuple[float, ...], ...]
    n_customers: int
    certificate: Certificate
    data_hash: str


def fit(members: AnyFrame, *, prior: float | None = None) -> SbgFit:
    """Fit sBG to individual members: `periods` [count] renewals offered so far, `left` whether the last was declined.

    A column `customers` may give the number of members who share a row. A member who is still there after 7
    renewals is (7, false); one who declined the first is (1, true).

    Examples
    --------
    >>> m = pl.DataFrame({"periods": [1, 2, 3, 3], "left": [True, True, True, False], "customers": [37, 16, 9, 38]})
    >>> fit(m).n_customers
    100
    """
    frame = to_polars(members, needs=["periods", "left"], name="members")
    if "customers" not in frame.columns:
        frame = frame.with_columns(customers=pl.lit(1))
    counts = frame.group_by("periods", "left").agg(pl.col("customers").sum()).sort("periods", "left")
    _check(counts)
    periods, customers = counts["periods"].cast(pl.Float64).to_numpy(), counts["customers"].cast(pl.Float64).to_numpy()
    left = counts["left"].to_numpy()
    n, centre, names = int(customers.sum()), np.zeros(2), ("alpha", "beta")

    def total(theta: Array) -> tuple[float, Array]:
        ll, scores = _score((float(np.exp(theta[0])), float(np.exp(theta[1]))), periods, left)
        return float(customers @ ll), scores @ customers

    found = maximise(with_prior(total, centre=centre, prior=prior), [centre], names=names, n=n)
    plain = estimates(found, names=names, n_log=2)
    return SbgFit(
        params=SbgParams(*plain.values),
        log_likelihood=found.value,
        standard_errors=plain.standard_errors,
        covariance=plain.covariance,
        theta=plain.theta,
        theta_covariance=plain.theta_covariance,
        n_customers=n,
        certificate=found.certificate,
        data_hash=hashlib.sha256(periods.tobytes() + left.tobytes() + customers.tobytes()).hexdigest(),
    )


def members_of_cohort(survivors: list[int]) -> pl.DataFrame:
    """Members of one cohort from the numbers who were still there after 0, 1, 2, … renewals.

    Examples
    --------
    >>> members_of_cohort([100, 63, 47]).rows()
    [(1, True, 37), (2, True, 16), (2, False, 47)]
    """
    lost = [a - b for a, b in pairwise(survivors)]
    rows = [(i + 1, True, n) for i, n in enumerate(lost)] + [(len(lost), False, survivors[-1])]
    return pl.DataFrame(rows, schema=["periods", "left", "customers"], orient="row")


def survival(params: SbgParams, *, t: Array) -> Array:
    """Share of a cohort still there after `t` renewals, S(t), Eq. (6); shape of `t`.

    Examples
    --------
    >>> survival(SbgParams(alpha=0.668, beta=3.806), t=np.array([0.0, 1.0, 7.0])).round(3)
    array([1.   , 0.851, 0.489])
    """
    return np.asarray(np.exp(log_rising(params.beta, t) - log_rising(params.alpha + params.beta, t)))


def retention(params: SbgParams, *, t: Array) -> Array:
    """Share of those who were there before renewal `t` who stay, r(t) = (β + t − 1)/(α + β + t − 1), Eq. (8)."""
    return np.asarray((params.beta + t - 1.0) / (params.alpha + params.beta + t - 1.0))


def residual_periods(params: SbgParams, *, t: Array, discount: float) -> Array:
    """Renewals to expect of a member who has been through `t`, discounted by `discount` per period, shape of `t`.

    DERL of Fader & Hardie (2010), with the first renewal to come discounted by nothing: Σ_i S(t+i)/S(t) / (1+d)^(i−1).
    """
    if discount <= 0:
        raise ModelError("clv.discount_needed", values={"discount": discount})
    stays, total, factor, i = np.ones_like(t, dtype=np.float64), np.zeros_like(t, dtype=np.float64), 1.0, 0
    while factor > 1e-14 * discount:
        stays = stays * (params.beta + t + i) / (params.alpha + params.beta + t + i)
        total = total + factor * stays
        factor, i = factor / (1.0 + discount), i + 1
    return np.asarray(total)


def _score(values: tuple[float, float], periods: Array, left: Array) -> tuple[Array, Array]:
    alpha, beta = values
    before = np.where(left, periods - 1.0, periods)
    ll = log_rising(beta, before) - log_rising(alpha + beta, periods) + np.where(left, np.log(alpha), 0.0)
    both = digamma_rising(alpha + beta, periods)
    scores = np.array([np.where(left, 1.0, 0.0) - alpha * both, beta * (digamma_rising(beta, before) - both)])
    return np.asarray(ll), scores


def _check(counts: pl.DataFrame) -> None:
    bad = counts.filter((pl.col("periods") < 1) | (pl.col("customers") < 0) | pl.any_horizontal(pl.all().is_null()))
    if bad.height or counts.is_empty() or not counts["left"].any() or counts["left"].all():
        raise ModelError("clv.members", values={"kinds": counts.height, "bad": bad.height})
