"""Whom is it worth contacting, where nothing better than a risk is known? Only where no holdout exists.

Contact iff p·γ·(m − d) − (1 − p)·d·r − f > 0: p risk, γ chance that a leaving customer accepts, m future margin,
d cost of the offer, r chance that a staying customer takes the offer anyway, f cost of the contact.

`empc` is the expected maximum profit measure for churn (Verbraken, Verbeke & Baesens 2013, IEEE TKDE 25(5)): γ is
beta(α, β), and for each γ the best threshold on the convex hull of the ROC curve is taken; per customer.

Targeting by risk lost money in a simulated trial where targeting by uplift earned: see `crmlib.churn.winback.uplift`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc
from scipy.stats import beta as beta_distribution

from crmlib.churn.metrics import Array, refuse_one_class
from crmlib.core.errors import ModelError
from crmlib.core.shapes import shaped


@dataclass(frozen=True, slots=True)
class Empc:
    """Expected maximum profit per customer (in the unit of the value), and the share of customers to contact."""

    profit: float
    share: float


@shaped(p="customers", margin="customers")
def contact_profit(
    p: Array, *, margin: Array, accept: float, offer: float, taken_anyway: float, contact: float
) -> Array:
    """Expected profit of contacting each customer; contact where it is above 0.

    Examples
    --------
    >>> contact_profit(np.array([0.6, 0.1]), margin=np.array([200.0, 200.0]), accept=0.3, offer=10.0,
    ...     taken_anyway=0.5, contact=1.0).round(2)
    array([31.2,  0.2])
    """
    return np.asarray(p * accept * (margin - offer) - (1 - p) * offer * taken_anyway - contact)


@shaped(y="customers", score="customers")
def empc(
    y: Array, score: Array, *, value: float, offer: float, contact: float, alpha: float = 6, beta: float = 14
) -> Empc:
    """Expected maximum profit over γ ~ beta(alpha, beta).

    Parameters
    ----------
    y, score : 1 lost; higher score = more at risk, shape (n,).
    value, offer, contact : customer value, cost of the offer, cost of a contact, in one unit.

    Examples
    --------
    >>> y, s = np.array([0, 1] * 4), np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    >>> round(empc(y, s, value=200, offer=10, contact=1).profit, 12)
    23.875593418348
    """
    refuse_one_class(int(y.sum()), int(len(y) - y.sum()))
    if value <= offer:
        raise ModelError("churn.offer_above_value", values={"value": value, "offer": offer})
    pi1 = float(y.mean())
    pi0 = 1 - pi1
    f0, f1 = _hull(y, score)
    delta, phi = offer / value, contact / value
    with np.errstate(divide="ignore", invalid="ignore"):
        top = pi0 * (delta + phi) * np.diff(f0) + pi1 * phi * np.diff(f1)
        gamma = top / (pi1 * (1 - delta) * np.diff(f1))
    inside = np.concatenate([[0.0], gamma[gamma < 1], [1.0]])
    kept = len(inside) - 1
    zeroth, first = _partial(inside, alpha, beta)
    gain = value * (1 - delta) * pi1 * f1[:kept]
    loss = value * ((pi0 * (delta + phi)) * f0[:kept] + phi * pi1 * f1[:kept])
    profit = float((gain * first - loss * zeroth).sum())
    return Empc(profit, float(((pi0 * f0[:kept] + pi1 * f1[:kept]) * zeroth).sum()))


def _partial(edges: Array, alpha: float, beta: float) -> tuple[Array, Array]:
    """∫ h(γ)dγ and ∫ γ h(γ)dγ between neighbouring edges for the beta density h."""
    mean = float(beta_distribution.mean(alpha, beta))
    return np.diff(betainc(alpha, beta, edges)), mean * np.diff(betainc(alpha + 1, beta, edges))


def _hull(y: Array, score: Array) -> tuple[Array, Array]:
    """Upper convex hull of the ROC curve: shares of kept (F0) and of lost (F1) above falling thresholds."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    lost = np.concatenate([[0.0], np.cumsum(y[order])[last]])
    kept = np.concatenate([[0.0], np.cumsum(1 - y[order])[last]])
    points = list(zip(kept / kept[-1], lost / lost[-1], strict=True))
    hull: list[tuple[float, float]] = []
    for point in points:
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return np.array([h[0] for h in hull]), np.array([h[1] for h in hull])


def _turns_left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0
