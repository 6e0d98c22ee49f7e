"""Overdue against one's own rhythm: how unusual a silence is for this customer.

The law is `crmlib.core.renewal`: gaps between trips are gamma with an own rate, and after each trip a customer may stop
for good. Late is the share of one's own gaps that are shorter than the silence, o_i = 1 − S_i(R_i): due, overdue and
silent from the shares on that the core names (.8, .9, .95). Because the law knows stopping, a long silence is no longer
taken for a slow rhythm.

It is a reason and a trigger, not a ranking: plain recency ranks churn better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from crmlib.churn.metrics import Array
from crmlib.core import renewal
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

DUE, OVERDUE, SILENT = renewal.DUE, renewal.LATE, renewal.SILENT
State = Literal["on_rhythm", "due", "overdue", "silent"]
MIN_GAPS = renewal.MIN_GAPS
"""Customers with a closed gap below which no rhythm is estimated."""
SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class RenewalFit:
    """k: shape of the gaps; c, d: gamma shape and scale [days] of the rate; a, b: beta of stopping; customers used."""

    k: float
    c: float
    d: float
    customers: int
    a: float = 0.0
    b: float = 1.0

    def overdue(self, table: AnyFrame) -> pl.DataFrame:
        """How late each customer is.

        Returns customer_id, overdue (share of own gaps shorter than the silence), usual_gap (median of the predictive
        gap, days) and state (on_rhythm, due, overdue, silent).
        """
        return _overdue(self, to_polars(table, needs=["customer_id", "recency", "age", "trips"], name="features"))


def fit(table: AnyFrame, *, log_gaps: AnyFrame, rng: np.random.Generator) -> RenewalFit:
    """Fit the law.

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
    everybody = frame.join(sums.select("customer_id", "log_gap_sum"), on="customer_id").sort("customer_id")
    repeat = everybody.filter(pl.col("trips") > 1).height
    if repeat < MIN_GAPS:
        raise ModelError("churn.no_rhythm", values={"customers": repeat, "needed": MIN_GAPS})
    if everybody.height > SAMPLE:
        everybody = everybody[np.sort(rng.choice(everybody.height, SAMPLE, replace=False))]
    n, s, r = _gaps(everybody)
    law = renewal.fit(pl.DataFrame({"n": n, "s": s, "log_gap_sum": everybody["log_gap_sum"].fill_null(0.0), "r": r}))
    return RenewalFit(k=law.k, c=law.c, d=law.d, customers=law.customers, a=law.a, b=law.b)


def log_gap_sums(trips: pl.DataFrame) -> pl.DataFrame:
    """Sum of the log gaps of each customer, from trips (customer_id, day_n) sorted by both."""
    same = (pl.col("customer_id") == pl.col("customer_id").shift(1)).fill_null(value=False)
    gap = pl.when(same).then(pl.col("day_n") - pl.col("day_n").shift(1))
    # by the number of the customer: a key known to be sorted would sum in another order, and the law sees the last bit
    gaps = trips.select("customer_id", gap=gap, number=(~same).cum_sum())
    by_customer = gaps.group_by("number", maintain_order=True)
    return by_customer.agg(pl.col("customer_id").first(), pl.col("gap").log().sum().alias("log_gap_sum")).drop("number")


def _gaps(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    n = frame["trips"].to_numpy().astype(float) - 1
    s = (frame["age"] - frame["recency"]).to_numpy().astype(float)
    return n, s, frame["recency"].to_numpy().astype(float)


def _overdue(fit: RenewalFit, frame: pl.DataFrame) -> pl.DataFrame:
    n, s, r = _gaps(frame)
    law = renewal.Renewal(fit.k, fit.c, fit.d, fit.a, fit.b, fit.customers)
    late = renewal.lateness(law, n=n, s=s, r=r)
    usual = renewal.usual_gap(law, n=n, s=s)
    state = pl.when(pl.col("overdue") >= SILENT).then(pl.lit("silent")).when(pl.col("overdue") >= OVERDUE)
    states = (
        state.then(pl.lit("overdue")).when(pl.col("overdue") >= DUE).then(pl.lit("due")).otherwise(pl.lit("on_rhythm"))
    )
    result = pl.DataFrame({"customer_id": frame["customer_id"], "overdue": late, "usual_gap": usual})
    return result.with_columns(states.alias("state"))
