"""When does somebody order again, and have they stopped? Gamma renewal with dropout.

Gaps between orders are gamma(k, λ), λ ~ gamma(c, d) over customers; after each order a customer stops for good with
probability p ~ beta(a, b). With n closed gaps of sum s, open gap r, C = c + kn and D = d + s:

    S(t)  = I_{D/(t+D)}(C, k)                              the next gap is longer than t, if there is one
    L     = L_gaps · [B(a+1, b+n) + B(a, b+n+1) S(r)] / B(a, b)
    alive = (b+n) S(r) / ((b+n) S(r) + a)
    P(order within h) = alive · (1 − S(r+h)/S(r))

Without dropout silence only ever makes the next order more likely: 72 % where 24 % came. This is the one definition of
late: 1 − S(r), the share of one's own gaps that are shorter than the silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize
from scipy.special import betainc, betaincinv, betaln, digamma, gammaln

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array = npt.NDArray[Any]
MIN_GAPS = 50
"""Customers with a closed gap below which no rhythm is estimated."""
EARLY, DUE, LATE, SILENT, STOPPED = 0.1, 0.8, 0.9, 0.95, 0.5
"""Shares of one's own gaps shorter than the silence: early below the first, due, late, silent from the next three on;
stopped where alive is below the last. The one definition of late: churn, the order cycle and every page ask it here."""
STATES = ("early", "on_time", "late", "stopped")
_FLOOR = 1e-300
_STEP = 1e-5


@dataclass(frozen=True, slots=True)
class Renewal:
    """k: shape of gaps; c, d: gamma shape and scale [days] of the rate; a, b: beta of stopping; customers used."""

    k: float
    c: float
    d: float
    a: float
    b: float
    customers: int

    def predict(self, gaps: AnyFrame, *, ahead: float) -> pl.DataFrame:
        """`gaps` (customer_id, n, s, r) with lateness, alive, p_order (within `ahead` days), usual_gap and state."""
        return _predict(self, to_polars(gaps, needs=("customer_id", "n", "s", "r"), name="gaps"), ahead)


def gaps(orders: AnyFrame, *, today: int) -> pl.DataFrame:
    """What a history says about rhythm.

    Parameters
    ----------
    orders : customer_id, day_n [days since 1970]; several on a day are one.
    today : last day watched; later orders are left out.

    Returns
    -------
    customer_id, n (closed gaps), s (their sum, days), log_gap_sum, r (open gap, days); sorted by customer_id.

    Examples
    --------
    >>> gaps(pl.DataFrame({"customer_id": ["a"] * 3, "day_n": [0, 10, 30]}), today=35).drop("log_gap_sum").row(0)
    ('a', 2, 30, 5)
    """
    days = to_polars(orders, needs=("customer_id", "day_n"), name="orders").select("customer_id", "day_n").unique()
    day = pl.col("day_n")
    return (
        days.filter(day <= today)
        .sort("customer_id", "day_n")
        .group_by("customer_id", maintain_order=True)
        .agg(
            n=pl.len().cast(pl.Int64) - 1,
            s=(day.last() - day.first()).cast(pl.Int64),
            log_gap_sum=day.diff().log().sum(),
            r=(today - day.last()).cast(pl.Int64),
        )
    )


def survival(law: Renewal, *, n: Array, s: Array, t: Array) -> Array:
    """S(t): the customer's next gap, if any, is longer than t, shape (customers,)."""
    D = law.d + s
    return np.asarray(betainc(law.c + law.k * n, law.k, D / (t + D)))


def alive(law: Renewal, *, n: Array, s: Array, r: Array) -> Array:
    """Probability of not having stopped, given the silence r, shape (customers,)."""
    still = (law.b + n) * survival(law, n=n, s=s, t=r)
    return np.asarray(still / (still + law.a))


def lateness(law: Renewal, *, n: Array, s: Array, r: Array) -> Array:
    """Share of the customer's own gaps that are shorter than the silence r, shape (customers,)."""
    return np.asarray(1 - survival(law, n=n, s=s, t=r))


def order_within(law: Renewal, *, n: Array, s: Array, r: Array, ahead: float | Array) -> Array:
    """Probability of an order in the next `ahead` days, shape (customers,)."""
    now, then = survival(law, n=n, s=s, t=r), survival(law, n=n, s=s, t=r + ahead)
    still = (law.b + n) * now
    return np.asarray(still / (still + law.a) * (1 - then / np.maximum(now, _FLOOR)))


def order_quantile(law: Renewal, *, n: Array, s: Array, r: Array, q: float) -> Array:
    """Days from now by which an order came with probability q, shape (customers,); nan where never (they may stop)."""
    now = survival(law, n=n, s=s, t=r)
    chance = alive(law, n=n, s=s, r=r)
    reached = chance > q
    target = np.where(reached, now * (1 - q / np.where(reached, chance, 1)), 0.5)
    x = betaincinv(law.c + law.k * n, law.k, target)
    D = law.d + s
    return np.asarray(np.where(reached, np.maximum(D * (1 - x) / x - r, 0), np.nan))


def usual_gap(law: Renewal, *, n: Array, s: Array) -> Array:
    """Median of the customer's next gap if there is one [days], shape (customers,)."""
    x = betaincinv(law.c + law.k * n, law.k, 0.5)
    return np.asarray((law.d + s) * (1 - x) / x)


def fit(table: AnyFrame) -> Renewal:
    """Maximum likelihood of k, c, d, a, b over the customers of `gaps`.

    Raises
    ------
    ModelError
        `cases.no_rhythm` if fewer than 50 customers have a closed gap.
    """
    frame = to_polars(table, needs=("n", "s", "log_gap_sum", "r"), name="gaps")
    with_gap = int((frame["n"] > 0).sum())
    if with_gap < MIN_GAPS:
        raise ModelError("cases.no_rhythm", values={"customers": with_gap, "needed": MIN_GAPS})
    same = frame.group_by("n", "s", "log_gap_sum", "r").len().sort("n", "s", "log_gap_sum", "r")
    n, s, logs, r, weight = (same[c].to_numpy().astype(float) for c in ("n", "s", "log_gap_sum", "r", "len"))
    weight /= weight.sum()
    mean_gap = float((s @ weight) / max(n @ weight, 1e-9))
    start = np.log([1.5, 1.0, 0.8 * mean_gap, 0.4, 3.0])
    best = minimize(
        _loss, start, args=(n, s, logs, r, weight), jac=True, method="L-BFGS-B",
        bounds=[(-7.0, 12.0)] * 5, options={"ftol": 1e-9, "gtol": 1e-6},
    )  # fmt: skip
    k, c, d, a, b = (float(v) for v in np.exp(best.x))
    return Renewal(k, c, d, a, b, frame.height)


def log_likelihood(theta: Array, *, n: Array, s: Array, log_gap_sum: Array, r: Array) -> Array:
    """Log likelihood by customer, shape (customers,); theta = log(k, c, d, a, b)."""
    k, c, d, a, b = np.exp(theta)
    C, D = c + k * n, d + s
    still = betainc(C, k, D / (r + D))
    closed = (k - 1) * log_gap_sum - n * gammaln(k) + gammaln(C) - gammaln(c) + c * np.log(d) - C * np.log(D)
    stopping = betaln(a, b + n) - betaln(a, b) - np.log(a + b + n)
    return np.asarray(closed + stopping + np.log(a + (b + n) * still))


def _loss(  # noqa: PLR0917
    theta: Array, n: Array, s: Array, logs: Array, r: Array, w: Array
) -> tuple[float, Array]:
    """Minus the mean log likelihood and its gradient; only ∂S/∂k and ∂S/∂c are differences, the rest is exact.

    What depends on n alone is computed once per distinct n.
    """
    k, c, d, a, b = np.exp(theta)
    few, at = np.unique(n, return_inverse=True)
    small = c + k * few
    C, D, log_d = small[at], d + s, np.log(d)
    log_D, x = np.log(D), D / (r + D)
    still = betainc(C, k, x)
    by_k = (betainc(C + _STEP * n, k + _STEP, x) - still) / _STEP
    by_c = (betainc(C + _STEP, k, x) - still) / _STEP
    log_x = np.log(x)
    density = np.exp((C - 1) * log_x + (k - 1) * np.log1p(-np.minimum(x, 1 - 1e-16)) - betaln(small, k)[at])
    by_d = np.where(r > 0, density * r / (r + D) ** 2, 0.0)
    mix = a + (b + n) * still
    gain = (b + n) / mix
    closed = gammaln(small) - few * gammaln(k) + betaln(a, b + few) - np.log(a + b + few)
    constant = c * log_d - gammaln(c) - betaln(a, b)
    value = w @ (closed[at] + (k - 1) * logs - C * log_D + np.log(mix)) + constant
    slope_C = digamma(small)[at] - log_D
    common = (digamma(a + b) - digamma(a + b + few) - 1 / (a + b + few))[at]
    slopes = np.array(
        [
            k * (w @ (logs - n * digamma(k) + n * slope_C + gain * by_k)),
            c * (w @ (slope_C - digamma(c) + log_d + gain * by_c)),
            d * (w @ (c / d - C / D + gain * by_d)),
            a * (w @ (common + 1 / mix)),
            b * (w @ ((digamma(b + few) - digamma(b))[at] + common + still / mix)),
        ]
    )
    return -float(value), -slopes


def _predict(law: Renewal, frame: pl.DataFrame, ahead: float) -> pl.DataFrame:
    n, s, r = (frame[c].to_numpy().astype(float) for c in ("n", "s", "r"))
    now = survival(law, n=n, s=s, t=r)
    still = (law.b + n) * now
    living = still / (still + law.a)
    late = pl.col("lateness")
    state = (
        pl.when(pl.col("alive") < STOPPED).then(pl.lit("stopped"))
        .when(late >= LATE).then(pl.lit("late"))
        .when(late < EARLY).then(pl.lit("early"))
        .otherwise(pl.lit("on_time"))
    )  # fmt: skip
    return frame.with_columns(
        lateness=pl.Series(1 - now),
        alive=pl.Series(living),
        p_order=pl.Series(order_within(law, n=n, s=s, r=r, ahead=ahead)),
        usual_gap=pl.Series(usual_gap(law, n=n, s=s)),
    ).with_columns(state=state.cast(pl.Enum(STATES)))
