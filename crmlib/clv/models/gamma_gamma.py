"""Gamma–Gamma: how much each customer will spend per purchase.

Source: Fader & Hardie (2013), The Gamma-Gamma model of monetary value, note 025.
The mean value m of x purchases says something of a customer's own mean, the more purchases the more:
E[M | m, x] = p (γ + x m) / (p x + q − 1), a weighted mean of the customer's and everybody's.
Assumes that spend and frequency are independent; `spend_frequency` measures whether they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from scipy.special import digamma, gammaln

from crmlib.clv.estimate.certificate import Certificate, estimates
from crmlib.clv.estimate.maximum import maximise, with_prior
from crmlib.clv.numerics.arrays import Array, blocks
from crmlib.clv.numerics.special import digamma_rising, log_rising
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.shapes import shaped

Counted: TypeAlias = Literal["repeat", "all"]
"""Which purchases `spend` is the mean of: `repeat` leaves the first out (x of them), `all` does not (x + 1)."""
Returns: TypeAlias = Literal["refuse", "drop"]
"""What to do with customers whose mean is zero or negative (returns, free goods)."""


@dataclass(frozen=True, slots=True)
class GammaGammaParams:
    """p: gamma shape of a purchase's value; q, gamma: shape and scale [money] of its rate across customers."""

    p: float
    q: float
    gamma: float


@dataclass(frozen=True, slots=True)
class SpendFit:
    """A fitted spend model, plain numbers only.

    Parameters
    ----------
    mean : mean value per purchase over the population, pγ/(q − 1) [money]; infinite where q ≤ 1.
    counted : which purchases the means were taken over.
    n_customers, n_dropped : customers used, and left out by the policy for returns.
    certificate, standard_errors, covariance, theta, theta_covariance : as in `ModelFit`.
    """

    params: GammaGammaParams
    log_likelihood: float
    mean: float
    counted: Counted
    standard_errors: dict[str, float]
    covariance: tuple[tuple[float, ...], ...]
    theta: tuple[float, ...]
    theta_covariance: tuple[tuple[float, ...], ...]
    n_customers: int
    n_dropped: int
    certificate: Certificate
    data_hash: str


def fit(
    history: AnyFrame, *, counted: Counted = "repeat", returns: Returns = "refuse", prior: float | None = None
) -> SpendFit:
    """Fit Gamma–Gamma to `x` and `spend` (mean value per purchase [money]).

    Parameters
    ----------
    counted : whether `spend` is the mean of repeat purchases (customers with x = 0 are left out) or of all.
    returns : refuse customers with spend ≤ 0, or drop and count them.
    prior : none, or the standard deviation of a normal prior on the log parameters.

    Raises
    ------
    ModelError
        `clv.spend_not_positive`, `clv.too_few_spenders`.

    Examples
    --------
    >>> h = pl.DataFrame({"x": [2, 1, 4, 3, 2], "spend": [22.4, 11.8, 30.1, 18.2, 25.0]})
    >>> fit(h, prior=1.0).n_customers
    5
    """
    n, spend, dropped = _spenders(history, counted=counted, returns=returns)
    centre = np.log(np.array([5.0, 3.0, 2.0 * float(np.median(spend)) / 5.0]))

    def total(theta: Array) -> tuple[float, Array]:
        value, gradient = 0.0, np.zeros(3)
        for part in blocks(len(n)):
            ll, scores = _score(tuple(float(v) for v in np.exp(theta)), n[part], spend[part])
            value, gradient = value + float(ll.sum()), gradient + scores.sum(axis=1)
        return value, gradient

    names = ("p", "q", "gamma")
    found = maximise(with_prior(total, centre=centre, prior=prior), [centre], names=names, n=len(n))
    plain = estimates(found, names=names, n_log=3)
    p, q, gamma = plain.values
    return SpendFit(
        params=GammaGammaParams(p, q, gamma),
        log_likelihood=found.value,
        mean=p * gamma / (q - 1.0) if q > 1.0 else float("inf"),
        counted=counted,
        standard_errors=plain.standard_errors,
        covariance=plain.covariance,
        theta=plain.theta,
        theta_covariance=plain.theta_covariance,
        n_customers=len(n),
        n_dropped=dropped,
        certificate=found.certificate,
        data_hash=hashlib.sha256(counted.encode() + n.tobytes() + spend.tobytes()).hexdigest(),
    )


@shaped(n="customers", spend="customers")
def log_likelihood(params: GammaGammaParams, *, n: Array, spend: Array) -> Array:
    """Log density of the mean of `n` purchases [money], shape (n,): Eq. (1a) of the note.

    Examples
    --------
    >>> cdnow = GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
    >>> log_likelihood(cdnow, n=np.array([2.0]), spend=np.array([22.35])).round(4)
    array([-3.5513])
    """
    return _score(astuple(params), n, spend)[0]


@shaped(n="customers", spend="customers")
def expected_spend(params: GammaGammaParams, *, n: Array, spend: Array) -> Array:
    """Mean value per purchase to expect of each customer [money], shape (n,): E[M | mean spend, n].

    Parameters
    ----------
    n : purchases the mean was taken over [count], shape (n,); 0 gives the population's mean.
    spend : their mean value [money], shape (n,); ignored where n is 0.

    Raises
    ------
    ModelError
        `clv.no_mean` where q ≤ 1: the population has no mean.

    Examples
    --------
    >>> cdnow = GammaGammaParams(p=6.25, q=3.74, gamma=15.44)
    >>> expected_spend(cdnow, n=np.array([2.0, 0.0]), spend=np.array([22.35, np.nan])).round(2)
    array([24.66, 35.22])
    """
    p, q, gamma = astuple(params)
    if q <= 1.0:
        raise _no_moment("clv.no_mean", q=q, least=1.0)
    m = np.where(n > 0, spend, 0.0)
    return np.asarray(p * (gamma + n * m) / (p * n + q - 1.0))


@shaped(n="customers", spend="customers")
def spend_moments(params: GammaGammaParams, *, n: Array, spend: Array) -> tuple[Array, Array, Array]:
    """Per customer: E[M], E[M²] of the own mean [money²] and the mean variance of one purchase [money²].

    Needs p n + q > 2 (so q > 2 if some customer has n = 0), else `clv.no_variance`.
    """
    p, q, gamma = astuple(params)
    mean = expected_spend(params, n=n, spend=spend)
    shape = p * n + q
    if bool((shape <= 2.0).any()):
        raise _no_moment("clv.no_variance", q=q, least=2.0)
    rate = gamma + n * np.where(n > 0, spend, 0.0)
    inverse_square = rate * rate / ((shape - 1.0) * (shape - 2.0))
    return mean, np.asarray(p * p * inverse_square), np.asarray(p * inverse_square)


def spend_frequency(history: AnyFrame) -> tuple[float, float, int]:
    """Correlation of mean spend and repeat purchases among repeat customers, its standard error, and their number.

    The model assumes 0. It is Pearson's, since a mean of more purchases has the same expectation but not the same
    median, so that ranks would show a link where there is none; the error allows for unequal variances.
    """
    frame = to_polars(history, needs=["x", "spend"], name="purchase_history").filter(
        (pl.col("x") > 0) & (pl.col("spend") > 0)
    )
    if frame.height < 3:
        return float("nan"), float("nan"), frame.height
    x, m = (frame[c].cast(pl.Float64).to_numpy() for c in ("x", "spend"))
    dx, dm = x - x.mean(), m - m.mean()
    size = float(np.sqrt((dx @ dx) * (dm @ dm)))
    if size == 0.0:
        return float("nan"), float("nan"), frame.height
    return float(dx @ dm) / size, float(np.sqrt(((dx * dm) ** 2).sum())) / size, frame.height


def _spenders(history: AnyFrame, *, counted: Counted, returns: Returns) -> tuple[Array, Array, int]:
    frame = to_polars(history, needs=["x", "spend"], name="purchase_history")
    extra = 0 if counted == "repeat" else 1
    frame = frame.select(n=pl.col("x").cast(pl.Float64) + extra, spend=pl.col("spend").cast(pl.Float64))
    frame = frame.filter(pl.col("n") > 0).with_columns(good=(pl.col("spend") > 0) & pl.col("spend").is_finite())
    bad = frame.height - int(frame["good"].fill_null(value=False).sum())
    if bad and returns == "refuse":
        raise ModelError("clv.spend_not_positive", values={"bad": bad, "customers": frame.height})
    frame = frame.filter(pl.col("good")).sort("n", "spend")
    if frame.height < 4:
        raise ModelError("clv.too_few_spenders", values={"customers": frame.height})
    return frame["n"].to_numpy(), frame["spend"].to_numpy(), bad


def _score(values: tuple[float, ...], n: Array, m: Array) -> tuple[Array, Array]:
    """Log-likelihood (n,) and derivatives by ln p, ln q, ln γ (3, n)."""
    p, q, gamma = values
    pn = p * n
    total = n * m
    log_own, log_pool = np.log1p(gamma / total), np.log1p(total / gamma)
    ll = log_rising(q, pn) - gammaln(pn) - np.log(m) - pn * log_own - q * log_pool
    scores = np.empty((3, len(n)))
    scores[0] = pn * (digamma(pn + q) - digamma(pn) - log_own)
    scores[1] = q * (digamma_rising(q, pn) - log_pool)
    scores[2] = q * total / (gamma + total) - pn * gamma / (gamma + total)
    return np.asarray(ll), scores


def _no_moment(code: str, *, q: float, least: float) -> ModelError:
    return ModelError(code, values={"q": f"{q:.3g}", "least": least})
