"""Overdue against one's own rhythm: how unusual a silence is for this customer.

Gaps between trips are gamma with a common shape k and an own rate λ_i, itself gamma(c, d) over customers (a compound
gamma renewal process). After n_i closed gaps of total S_i the customer's next gap is beta prime, so

    o_i = F̂_i(R_i) = I(R_i / (R_i + d + S_i); k, c + k n_i)

with R_i the open gap and I the regularised incomplete beta function. k, c, d maximise the marginal likelihood of the
closed gaps of eligible repeat buyers with the open gap as censored, so the population is customer-weighted and not
dominated by those who come every week. Due at .8, overdue at .9, silent at .95.

It is a reason and a trigger, not a ranking: plain recency ranks churn better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import betainc, gammaln

from crmlib.churn.metrics import Array
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

DUE, OVERDUE, SILENT = 0.8, 0.9, 0.95
State = Literal["on_rhythm", "due", "overdue", "silent"]
MIN_GAPS = 50
"""Customers with a closed gap below which no rhythm is estimated."""
SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class RenewalFit:
    """k: shape of the gaps; c, d: gamma shape and scale [days] of the rate over customers; customers used."""

    k: float
    c: float
    d: float
    customers: int

    def overdue(self, table: AnyFrame) -> pl.DataFrame:
        """How late each customer is.

        Returns customer_id, overdue (share of own gaps shorter than the silence), usual_gap (median of the predictive
        gap, days) and state (on_rhythm, due, overdue, silent).
        """
        return _overdue(self, to_polars(table, needs=["customer_id", "recency", "age", "trips"], name="features"))


def fit(table: AnyFrame, *, log_gaps: AnyFrame, rng: np.random.Generator) -> RenewalFit:
    """Fit k, c, d.

    Parameters
    ----------
    table : features (customer_id, recency, age, trips).
    log_gaps : customer_id, log_gap_sum, from `log_gap_sums`.
    rng : draws at most 50,000 customers.

    Raises
    ------
    ModelError
        `churn.no_rhythm` if fewer than 50 customers have a closed gap.
    """
    frame = to_polars(table, needs=["customer_id", "recency", "age", "trips"], name="features")
    sums = to_polars(log_gaps, needs=["customer_id", "log_gap_sum"], name="log gaps")
    repeat = frame.filter(pl.col("trips") > 1).join(sums, on="customer_id").sort("customer_id")
    if repeat.height < MIN_GAPS:
        raise ModelError(
            "churn.no_rhythm",
            given=f"{repeat.height} customers with a second trip",
            expected=f"at least {MIN_GAPS}",
            mend="use a longer history; without repeat trips nobody has a rhythm to be late against",
            values={"customers": repeat.height, "needed": MIN_GAPS},
        )
    if repeat.height > SAMPLE:
        repeat = repeat[np.sort(rng.choice(repeat.height, SAMPLE, replace=False))]
    n, s, r = _gaps(repeat)
    log_sum = repeat["log_gap_sum"].to_numpy()
    start = np.log([1.0, 2.0, 2.0 * float((s / n).mean())])
    best = minimize(_loss, start, args=(n, s, log_sum, r), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    k, c, d = (float(v) for v in np.exp(best.x))
    return RenewalFit(k=k, c=c, d=d, customers=repeat.height)


def log_gap_sums(trips: pl.DataFrame) -> pl.DataFrame:
    """Sum of the log gaps of each customer, from trips (customer_id, day_n) sorted by both."""
    same = pl.col("customer_id") == pl.col("customer_id").shift(1)
    gaps = trips.with_columns(pl.when(same).then(pl.col("day_n") - pl.col("day_n").shift(1)).alias("gap"))
    return gaps.group_by("customer_id", maintain_order=True).agg(pl.col("gap").log().sum().alias("log_gap_sum"))


def log_likelihood(theta: Array, *, n: Array, s: Array, log_sum: Array, r: Array) -> Array:
    """Marginal log likelihood of closed gaps and the censored open one, shape (n,); theta = log(k, c, d)."""
    k, c, d = np.exp(theta)
    shape, scale = c + k * n, d + s
    closed = (k - 1) * log_sum - n * gammaln(k) + gammaln(shape) - gammaln(c) + c * np.log(d) - shape * np.log(scale)
    still_open = betainc(shape, k, scale / (r + scale))  # 1 − I(R/(R + D); k, C), without the loss of digits
    return np.asarray(closed + np.log(np.maximum(still_open, 1e-300)))


def _loss(theta: Array, n: Array, s: Array, log_sum: Array, r: Array) -> float:
    return -float(log_likelihood(theta, n=n, s=s, log_sum=log_sum, r=r).mean())


def _gaps(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    n = frame["trips"].to_numpy().astype(float) - 1
    s = (frame["age"] - frame["recency"]).to_numpy().astype(float)
    return n, s, frame["recency"].to_numpy().astype(float)


def _overdue(fit: RenewalFit, frame: pl.DataFrame) -> pl.DataFrame:
    n, s, r = _gaps(frame)
    o = betainc(fit.k, fit.c + fit.k * n, r / (r + fit.d + s))
    usual = _median_gap(fit, n, s)
    state = pl.when(pl.col("overdue") >= SILENT).then(pl.lit("silent")).when(pl.col("overdue") >= OVERDUE)
    states = (
        state.then(pl.lit("overdue")).when(pl.col("overdue") >= DUE).then(pl.lit("due")).otherwise(pl.lit("on_rhythm"))
    )
    result = pl.DataFrame({"customer_id": frame["customer_id"], "overdue": o, "usual_gap": usual})
    return result.with_columns(states.alias("state"))


def _median_gap(fit: RenewalFit, n: Array, s: Array) -> Array:
    from scipy.special import betaincinv  # noqa: PLC0415

    share = betaincinv(fit.k, fit.c + fit.k * n, 0.5)
    return np.asarray((fit.d + s) * share / (1 - share))
