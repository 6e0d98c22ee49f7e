"""Referrals: who brings others, and what a referred customer is worth beside one who came alone.

A difference between the two kinds is descriptive: those who refer and are referred may differ in more than that. It
is compared among members who joined in the same quarter, so that a longer membership does not look like worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.frames import AnyFrame, timed, to_polars

Cells: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64]
DRAWS = 400
"""Bootstrap samples for the interval."""


@dataclass(frozen=True, slots=True)
class Referrals:
    """What referrals bring.

    Parameters
    ----------
    referrers : customer_id, referred (customers brought), net_minor, margin_minor of those brought; most first.
    members, referred : members with a known joining day, and how many of them were referred.
    mean_referred_minor, mean_others_minor : net per member [minor units]; the others weighted to the referred ones'
        quarters of joining.
    difference_minor, low_minor, high_minor : with a 95 % bootstrap interval; nan where a side is empty.
    """

    referrers: pl.DataFrame
    members: int
    referred: int
    mean_referred_minor: float
    mean_others_minor: float
    difference_minor: float
    low_minor: float
    high_minor: float


def referrals(customers: AnyFrame, values: AnyFrame, *, rng: np.random.Generator) -> Referrals:
    """Count referrals and compare referred members with others of the same quarter.

    Parameters
    ----------
    customers : customer_id, referred_by, joined_on.
    values : customer_id, net_minor of the period; who is missing bought nothing.
    rng : for the bootstrap.
    """
    people = timed(customers, needs=("referred_by",), at="joined_on", name="customers", key="customer_id")
    net = to_polars(values, needs=("net_minor",), name="values", key="customer_id")
    table = (
        people.select("customer_id", pl.col("referred_by").cast(pl.String), "joined_on")
        .join(net.select("customer_id", pl.col("net_minor").cast(pl.Int64)), on="customer_id", how="left")
        .with_columns(pl.col("net_minor").fill_null(0))
        .sort("customer_id")
    )
    referrers = (
        table.filter(pl.col("referred_by").is_not_null(), pl.col("referred_by") != pl.col("customer_id"))
        .group_by(customer_id="referred_by")
        .agg(referred=pl.len().cast(pl.Int64), net_minor=pl.col("net_minor").sum())
        .sort("referred", "net_minor", "customer_id", descending=[True, True, False])
    )
    dated = table.filter(pl.col("joined_on").is_not_null()).with_columns(
        quarter=pl.col("joined_on").dt.truncate("1q").rank("dense").cast(pl.Int64) - 1,
        was=pl.col("referred_by").is_not_null(),
    )
    was = dated["was"].to_numpy()
    money = dated["net_minor"].to_numpy().astype(np.float64)
    quarter = dated["quarter"].to_numpy()
    mean, others = _means(money, was, quarter)
    low, high = _interval(money, was, quarter, rng=rng)
    return Referrals(
        referrers=referrers,
        members=dated.height,
        referred=int(was.sum()),
        mean_referred_minor=mean,
        mean_others_minor=others,
        difference_minor=mean - others,
        low_minor=low,
        high_minor=high,
    )


def _means(
    money: npt.NDArray[np.float64], was: npt.NDArray[np.bool_], quarter: npt.NDArray[np.int64]
) -> tuple[float, float]:
    """Mean of the referred, and of the others weighted to the quarters of the referred (where both exist)."""
    if not was.any() or was.all():
        return float("nan"), float("nan")
    size = int(quarter.max()) + 1
    n_r, n_o = (np.bincount(quarter[side], minlength=size) for side in (was, ~was))
    s_r, s_o = (np.bincount(quarter[side], weights=money[side], minlength=size) for side in (was, ~was))
    return _weighed(n_r, n_o, s_r, s_o)


def _weighed(n_r: Cells, n_o: Cells, s_r: Cells, s_o: Cells) -> tuple[float, float]:
    """`_means` of how many there are in each quarter and what they spent, referred and others; sums are exact."""
    both = (n_r > 0) & (n_o > 0)
    if not both.any():
        return float("nan"), float("nan")
    weight = n_r[both] / n_r[both].sum()
    return float(s_r[both].sum() / n_r[both].sum()), float((weight * s_o[both] / n_o[both]).sum())


def _interval(
    money: npt.NDArray[np.float64],
    was: npt.NDArray[np.bool_],
    quarter: npt.NDArray[np.int64],
    *,
    rng: np.random.Generator,
) -> tuple[float, float]:
    if not was.any() or was.all():
        return float("nan"), float("nan")
    cell = quarter * 2 + was
    size = 2 * (int(quarter.max()) + 1)
    drawn = []
    for _ in range(DRAWS):
        times = np.bincount(rng.integers(money.size, size=money.size), minlength=money.size)
        count, total = (np.bincount(cell, weights=by, minlength=size) for by in (times, times * money))
        mean, others = _weighed(count[1::2], count[::2], total[1::2], total[::2])
        drawn.append(mean - others)
    low, high = np.nanquantile(drawn, [0.025, 0.975]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return float(low), float(high)
