"""BG/CNBD-k and MBG/CNBD-k: BG/NBD and MBG/NBD for customers who buy regularly.

Source: Reutterer, Platzer & Schröder (2021), Leveraging purchase regularity for predicting customer behavior the easy
way, International Journal of Research in Marketing 38(1), 194-215. Times between purchases are Erlang-k instead of
exponential: every k-th event of a Poisson stream of rate λ ~ Gamma(r, α) is a purchase; after each repeat purchase
(MBG: after the first one, too) the customer leaves with probability p ~ Beta(a, b). k = 1 is BG/NBD, MBG/NBD.

    L = Π(gaps)^(k−1) / Γ(k)^x · Γ(r+kx)/Γ(r) · α^r · B(a, b+x+m)/B(a, b)
        · { (α+T)^−(r+kx) Σ_{j<k} (r+kx)_j/j! ((T−t_x)/(α+T))^j + a/(b+x−1+m) (α+t_x)^−(r+kx) }

with m = 0 (BG; the second term only where x > 0) or 1 (MBG). The product of the gaps does not depend on the other
parameters: a fit of a given k needs x, t_x and T only, and the choice of k the sum of ln(gap) besides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import lgamma
from typing import Literal, TypeAlias

import numpy as np

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import Ahead, Model, ModelFit
from crmlib.clv.history import PurchaseHistory, Unit, read, scale_of
from crmlib.clv.models import bg_nbd, mbg_nbd
from crmlib.clv.numerics.arrays import Array, Values, as_rows
from crmlib.clv.numerics.regular_coin import RegularCoin
from crmlib.clv.numerics.special import digamma_rising, log_add, log_rising, whole_numbers
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame
from crmlib.core.shapes import shaped

Family: TypeAlias = Literal["bg_cnbd", "mbg_cnbd"]
MOST_K = 12
"""Most hidden events per purchase, as in BTYDplus; beyond, gaps are all but equal."""
DOUBT = 8.0
"""Log-likelihood by which k's may be misplaced by the noise of a sample of customers, per ratio of their numbers."""
_NAME = re.compile(r"(m?bg_cnbd)_(\d+)")


_rows = shaped(x="customers", t_x="customers", T="customers")


@dataclass(frozen=True, slots=True)
class CnbdParams:
    """r, alpha: gamma shape and rate of the hidden stream (k events per purchase); a, b: beta shapes of the dropout."""

    r: float
    alpha: float
    a: float
    b: float


def fit(
    history: AnyFrame | PurchaseHistory,
    *,
    family: Family,
    k: int | None = None,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[CnbdParams]:
    """Fit by maximum likelihood, k included unless it is given; `model` of the result is e.g. ``"mbg_cnbd_2"``.

    Parameters
    ----------
    history : `x`, `t_x`, `T`, and for the choice of k `log_gaps` (`crmlib.clv.estimate.regularity.with_log_gaps`).
    k : regularity, 1 … 12.

    Raises
    ------
    ModelError
        `clv.regularity` if k is out of range or to be chosen without `log_gaps`; else as `estimate.fitting.fit`.
    """
    data = read(history, unit=unit, purchase=purchase, dropout=dropout, index=False)
    if k is not None or data.log_gaps is None:
        return _with_gaps(fitting.fit(model(family, _given(k)), data, prior=prior), data)
    return max((_with_gaps(f, data) for f in _fits(family, data, prior=prior)), key=lambda f: f.log_likelihood)


def regularity(name: str) -> int:
    """The k of a fitted model by its name; 1 for models of irregular buying.

    Examples
    --------
    >>> regularity("mbg_cnbd_3"), regularity("bg_nbd")
    (3, 1)
    """
    found = _NAME.fullmatch(name)
    return int(found[2]) if found else 1


def by_name(name: str) -> Model[CnbdParams] | None:
    """The model that a name such as ``"mbg_cnbd_2"`` stands for, or none."""
    found = _NAME.fullmatch(name)
    return model(found[1], int(found[2])) if found and 1 <= int(found[2]) <= MOST_K else None


def _fits(family: Family, data: PurchaseHistory, *, prior: float | None) -> list[ModelFit[CnbdParams]]:
    """Fits of every k that may be the best: found on a sample of customers, judged by the likelihood of all."""
    few, gaps = fitting.few_of(data), data.log_gaps or 0.0
    values: dict[int, float] = {}
    for k in range(1, MOST_K + 1):
        near = fitting.fit(model(family, k), few, prior=prior)
        values[k] = fitting.log_likelihood(model(family, k), data, np.asarray(near.theta)) + (k - 1) * gaps
        if values[k] < max(values.values()) - _doubt(data, few):
            break
    best = max(values.values())
    return [
        fitting.fit(model(family, k), data, prior=prior)
        for k, value in values.items()
        if value >= best - _doubt(data, few)
    ]


def _doubt(data: PurchaseHistory, few: PurchaseHistory) -> float:
    return DOUBT * data.n_customers / few.n_customers if few.n_rows < data.n_rows else 0.0


def _with_gaps(found: ModelFit[CnbdParams], data: PurchaseHistory) -> ModelFit[CnbdParams]:
    """The fit with the log-likelihood of the gaps added, or a note that it lacks them."""
    k = regularity(found.model)
    if data.log_gaps is None:
        return found if k == 1 else replace(found, notes=(*found.notes, "no_gaps"))
    return replace(found, log_likelihood=found.log_likelihood + (k - 1) * data.log_gaps)


def _given(k: int | None) -> int:
    if k is None or not (isinstance(k, int) and 1 <= k <= MOST_K):
        raise ModelError("clv.regularity", values={"k": str(k), "most": MOST_K})
    return k


@cache
def model(family: Family, k: int) -> Model[CnbdParams]:
    """The model of a family with `k` hidden events per purchase."""
    first = family == "mbg_cnbd"

    def starts(history: PurchaseHistory) -> list[tuple[float, ...]]:
        age, rate = scale_of(history)
        shape, a, b = (0.7, 0.9, 2.0) if first else (0.5, 0.8, 2.5)
        return [(shape, min(shape / rate, 10.0 * age) / k, a, b)]

    return Model(
        name=f"{family}_{k}",
        params=CnbdParams,
        purchase=(("alpha", -1),),
        dropout=(("a", 1), ("b", 1)),
        starts=(mbg_nbd.MODEL if first else bg_nbd.MODEL).starts if k == 1 else starts,
        score=lambda v, x, t_x, T: _score(v, x, t_x, T, k=k, first=first),
        log_likelihood=lambda v, x, t_x, T: _log_likelihood(v, x, t_x, T, k=k, first=first),
        p_alive=lambda v, x, t_x, T: log_add(*_branches(v, x, t_x, T, k=k, first=first)[:2])[1],
        ahead=lambda v, x, t_x, T: _ahead(v, x, t_x, T, k=k, first=first),
        newcomer=lambda v, n: _newcomer(v, n, k=k, first=first),
    )


@_rows
def log_likelihood(params: CnbdParams, *, x: Array, t_x: Array, T: Array, k: int, family: Family) -> Array:
    """Log-likelihood of each customer without the product of the gaps, shape (n,)."""
    return _log_likelihood(_values(params), x, t_x, T, k=_given(k), first=family == "mbg_cnbd")


def _values(params: CnbdParams) -> Values:
    return params.r, params.alpha, params.a, params.b


def _stages(times: Array, share: Array, *, k: int) -> Array:
    """(κ)_j / j! · share^j for j = 0 … k − 1, shape (k, n): hidden events behind the last purchase."""
    out = np.ones((k, len(share)))
    for j in range(1, k):
        out[j] = out[j - 1] * (times + (j - 1.0)) * share / j
    return out


def _branches(
    values: Values, x: Array, t_x: Array, T: Array, *, k: int, first: bool
) -> tuple[Array, Array, Array, Array]:
    """Log weights of "still there at T" and "dropped out at t_x", and ln(1 + time/α) at both times."""
    r, alpha, a, b = values
    at_T, at_t = np.log1p(T / alpha), np.log1p(t_x / alpha)
    times = r + k * x
    alive = -times * at_T
    if k > 1:
        alive = alive + np.log1p(_stages(times, (T - t_x) / (alpha + T), k=k)[1:].sum(axis=0))
    if first:
        return alive, np.log(a / (b + x)) - times * at_t, at_T, at_t
    dropped = np.log(a / (b + np.maximum(x, 1.0) - 1.0)) - times * at_t
    return alive, np.where(x > 0, dropped, -np.inf), at_T, at_t


def _log_likelihood(values: Values, x: Array, t_x: Array, T: Array, *, k: int, first: bool) -> Array:
    r, alpha, a, b = values
    alive, dropped, _, _ = _branches(values, x, t_x, T, k=k, first=first)
    flips, events = whole_numbers(x + float(first)), whole_numbers(k * x)
    coins = log_rising(b, flips) - log_rising(a + b, flips)
    whole = log_rising(r, events) - k * x * np.log(alpha) + coins + log_add(alive, dropped)[0]
    return np.asarray(whole - x * lgamma(k) if k > 1 else whole)


def _score(values: Values, x: Array, t_x: Array, T: Array, *, k: int, first: bool) -> tuple[Array, Array]:
    r, alpha, a, b = values
    alive, dropped, at_T, at_t = _branches(values, x, t_x, T, k=k, first=first)
    mixed, there = log_add(alive, dropped)
    gone, events, flips = 1.0 - there, whole_numbers(k * x), whole_numbers(x + float(first))
    coins = log_rising(b, flips) - log_rising(a + b, flips)
    ll = log_rising(r, events) - k * x * np.log(alpha) + coins + mixed
    by_ab = digamma_rising(a + b, flips)
    pull = there * (T / (alpha + T)) + gone * (t_x / (alpha + t_x))
    scores = np.empty((4, len(x)))
    scores[0] = r * (digamma_rising(r, events) - there * at_T - gone * at_t)
    scores[1] = (r + k * x) * pull - k * x
    scores[2] = gone - a * by_ab
    tried = b + x if first else b + np.maximum(x, 1.0) - 1.0
    scores[3] = b * (digamma_rising(b, flips) - by_ab - gone / tried)
    if k > 1:
        by_shape, mean_stage = _stage_slopes(r + k * x, (T - t_x) / (alpha + T), k=k)
        scores[0] += r * there * by_shape
        scores[1] -= there * mean_stage * (alpha / (alpha + T))
        ll = ll - x * lgamma(k)
    return np.asarray(ll), scores


def _stage_slopes(times: Array, share: Array, *, k: int) -> tuple[Array, Array]:
    """Derivative of ln Σ_j c_j by κ, and the mean of j under weights c_j; each of shape (n,)."""
    c = _stages(times, share, k=k)
    rising, by_shape, mean = np.zeros_like(share), np.zeros_like(share), np.zeros_like(share)
    for j in range(1, k):
        rising = rising + 1.0 / (times + (j - 1.0))
        by_shape, mean = by_shape + c[j] * rising, mean + j * c[j]
    whole = c.sum(axis=0)
    return by_shape / whole, mean / whole


def _ahead(values: Values, x: Array, t_x: Array, T: Array, *, k: int, first: bool) -> Ahead:
    if k == 1:
        return (mbg_nbd.MODEL if first else bg_nbd.MODEL).ahead(values, x, t_x, T)
    r, alpha, a, b = values
    c = _stages(r + k * x, (T - t_x) / (alpha + T), k=k)
    rows = len(x)
    return RegularCoin(
        k=k,
        weights=c / c.sum(axis=0),
        shape=as_rows(r + k * x, rows),
        scale=as_rows(alpha + T, rows),
        a=a,
        b=as_rows(b + x + float(first), rows),
    )


def _newcomer(values: Values, n: int, *, k: int, first: bool) -> Ahead:
    """Nothing has happened since the purchase just made; MBG's first coin has fallen or not."""
    if k == 1:
        return (mbg_nbd.MODEL if first else bg_nbd.MODEL).newcomer(values, n)
    r, alpha, a, b = values
    return RegularCoin(
        k=k,
        weights=np.ones((1, n)),
        shape=as_rows(r, n),
        scale=as_rows(alpha, n),
        a=a,
        b=as_rows(b, n) + float(first),
        stays=b / (a + b) if first else 1.0,
    )
