"""From purchases to money: what one purchase of each customer is worth, on average and in its spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.models.gamma_gamma import SpendFit, expected_spend, spend_moments
from crmlib.clv.numerics.arrays import Array
from crmlib.core.errors import ModelError
from crmlib.core.frames import check_columns

LEAST = 0.05
"""In a single draw of the parameters p n + q is held this far above 2, where the variance would be infinite."""


@dataclass(frozen=True, slots=True)
class Money:
    """Per customer, each of shape (n,): purchases behind the mean spend [count], that mean [money], margin share."""

    n: Array
    spend: Array
    margin: Array
    fit: SpendFit | None


def money_of(frame: pl.DataFrame, *, spend: SpendFit | None, margin: float | str) -> Money:
    """What each customer's purchases are worth; without a spend model every purchase counts 1."""
    rows = frame.height
    if isinstance(margin, str):
        check_columns(frame.columns, [margin], name="purchase_history")
        share = frame[margin].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    else:
        share = np.full(rows, float(margin))
    unknown = int(np.count_nonzero(~np.isfinite(share)))
    if unknown:
        raise ModelError("clv.margin", values={"unknown": unknown, "customers": rows})
    if spend is None:
        return Money(n=np.zeros(rows), spend=np.zeros(rows), margin=share, fit=None)
    check_columns(frame.columns, ["x", "spend"], name="purchase_history")
    mean = frame["spend"].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
    n = frame["x"].cast(pl.Float64).to_numpy() + (0.0 if spend.counted == "repeat" else 1.0)
    seen = mean > 0  # no positive spend: nothing is known of this customer but that they belong to the population
    return Money(n=np.where(seen, n, 0.0), spend=np.where(seen, mean, 0.0), margin=share, fit=spend)


def mean_value(money: Money) -> Array:
    """Expected margin value of one purchase of each customer [money], shape (n,)."""
    if money.fit is None:
        return money.margin
    return expected_spend(money.fit.params, n=money.n, spend=money.spend) * money.margin


def check_variance(money: Money) -> None:
    """Refuse where the spread of a purchase's value has no finite estimate (q ≤ 2)."""
    if money.fit is not None and len(money.n):
        least = np.array([float(money.n.min())])
        spend_moments(money.fit.params, n=least, spend=np.ones(1))


def value_moments(money: Money, part: npt.NDArray[np.intp], theta: Array | None) -> tuple[Array, Array, Array]:
    """For the customers `part` (indices): E[M], E[M²] of the own mean and E[variance of one purchase], as margin.

    theta : log of (p, q, γ) of this draw; none for the estimates.
    """
    share = money.margin[part]
    if money.fit is None:
        return share, share * share, np.zeros(len(share))
    values = np.exp(np.asarray(money.fit.theta if theta is None else theta))
    p, q, gamma = (float(v) for v in values)
    n, m = money.n[part], money.spend[part]
    shape = np.maximum(p * n + q, 2.0 + LEAST)
    rate = gamma + n * m
    mean = p * rate / (shape - 1.0) * share
    inverse_square = rate * rate / ((shape - 1.0) * (shape - 2.0)) * share * share
    return mean, p * p * inverse_square, p * inverse_square


@dataclass(frozen=True, slots=True)
class PerPurchase:
    """What one purchase is worth by draw, as factors of the customer's own spend and margin.

    The own mean is first · (base + n · spend) · margin, the expectation of its square is square · (…)², the variance of
    one purchase noise · (…)².

    Parameters
    ----------
    first, square, noise : shape (draws, n) or (1, n).
    base : shape (draws,) or (1,).
    """

    first: Array
    square: Array
    noise: Array
    base: Array


def per_purchase(money: Money, n: Array, thetas: Array | None) -> PerPurchase:
    """`value_moments` of customers with `n` purchases, but for their own spend and margin.

    Parameters
    ----------
    n : purchases behind a mean spend, shape (n,).
    thetas : logs of (p, q, γ) by draw, shape (draws, 3); none for the estimates.
    """
    if money.fit is None:
        one = np.ones((1, len(n)))
        return PerPurchase(first=one, square=one, noise=np.zeros((1, len(n))), base=np.ones(1))
    values = np.exp(np.atleast_2d(np.asarray(money.fit.theta if thetas is None else thetas)))
    p, q, gamma = (values[:, [i]] for i in range(3))
    shape = np.maximum(p * n + q, 2.0 + LEAST)
    square = p / ((shape - 1.0) * (shape - 2.0))
    return PerPurchase(first=p / (shape - 1.0), square=p * square, noise=square, base=gamma[:, 0])


def spend_draws(spend: SpendFit | None, *, n: int, rng: np.random.Generator) -> Array:
    """Draws of the log spend parameters around the estimates, shape (n, 3); (0, 3) without a spend model."""
    if spend is None or not spend.theta_covariance:
        return np.empty((0, 3))
    root = np.linalg.cholesky(np.asarray(spend.theta_covariance))
    return np.asarray(np.asarray(spend.theta) + rng.standard_normal((n, 3)) @ root.T)
