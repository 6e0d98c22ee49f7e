"""Value matrix: sales high or low × gross margin high or low, and what to do with each quadrant.

High sales and high margin: keep and serve. High sales, low margin: prices, mix, less depth of discount. Low sales,
high margin: frequency and cross-selling. Low, low: cheap channels. Members with sales <= 0 or a missing cost are
``unrated`` and never in a quadrant.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError, check_choice
from crmlib.core.frames import AnyFrame
from crmlib.core.members import members
from crmlib.scoring.pyramid import thresholds

Margin = Literal["amount", "rate"]
Cut = Literal["median", "mean", "top20", "fixed"]

KEEP, REPRICE, GROW, CHEAP, UNRATED = "keep", "reprice", "grow", "cheap", "unrated"
QUADRANTS = (KEEP, REPRICE, GROW, CHEAP, UNRATED)
"""High/high, high sales with low margin, low sales with high margin, low/low, and those that cannot be rated."""
GONE = "gone"
CAME = "came"
TOP_FIFTH = 2_000


@dataclass(frozen=True, slots=True)
class Matrix:
    """Quadrants of one period.

    Parameters
    ----------
    customers : customer_id, net_minor, margin_minor, quadrant; in the order of the input.
    quadrants : one row per quadrant, empty ones too: quadrant, customers, share_customers, net_minor, share_net,
        margin_minor (null for the unrated), margin_rate.
    net_cut, margin_cut : a member is high at or above them; minor units, or a rate for ``margin="rate"``.
    margin : what y is, the amount or the rate.
    """

    customers: pl.DataFrame
    quadrants: pl.DataFrame
    net_cut: float
    margin_cut: float
    margin: Margin


def matrix(frame: AnyFrame, *, margin: Margin, cut: Cut = "median", fixed: tuple[float, float] | None = None) -> Matrix:
    """Put every member into one of four quadrants, or among the unrated.

    Parameters
    ----------
    frame : customer_id, net_minor, margin_minor (null where a cost is missing).
    margin : y is the gross margin in money (``"amount"``) or as a share of sales (``"rate"``); a choice to be made,
        since the two answer different questions.
    cut : where high begins, among the rated members: above the median or the mean, in the top fifth, or ``"fixed"``.
    fixed : (net, margin) for ``cut="fixed"``, e.g. the cuts of the last period, so that movement is the customers'.

    Raises
    ------
    ModelError
        `scoring.fixed_cut` if `fixed` is missing or not asked for.

    Examples
    --------
    >>> year = pl.DataFrame({"customer_id": ["a", "b", "c", "d", "e"], "net_minor": [90, 80, 10, 20, 5],
    ...     "margin_minor": [40, 2, 9, 3, None]})
    >>> matrix(year, margin="amount").customers["quadrant"].to_list()
    ['keep', 'reprice', 'grow', 'cheap', 'unrated']
    """
    check_choice(margin, get_args(Margin), name="margin")
    check_choice(cut, get_args(Cut), name="cut")
    is_pair = fixed is not None and len(fixed) == 2 and all(v is not None and isfinite(v) for v in fixed)
    if (cut == "fixed") != is_pair or is_pair != (fixed is not None):
        raise ModelError("scoring.fixed_cut", values={"cut": cut})
    table = members(frame, needs=("net_minor", "margin_minor")).select("customer_id", "net_minor", "margin_minor")
    rated = ((table["net_minor"] > 0) & table["margin_minor"].is_not_null()).to_numpy()
    net = table["net_minor"].to_numpy()
    earned = table["margin_minor"].fill_null(0).to_numpy()
    y = earned.astype(np.float64) if margin == "amount" else np.where(rated, earned / np.where(rated, net, 1), 0.0)
    net_cut, margin_cut = fixed or (_high_from(net[rated], cut), _high_from(y[rated], cut))
    quadrant = quadrant_codes(net, y, rated, net_cut=net_cut, margin_cut=margin_cut)
    customers = table.with_columns(
        quadrant=pl.Series(quadrant.astype(np.uint32)).replace_strict(
            list(range(len(QUADRANTS))), list(QUADRANTS), return_dtype=pl.Enum(QUADRANTS)
        )
    )
    return Matrix(
        customers=customers,
        quadrants=quadrant_table(customers),
        net_cut=float(net_cut),
        margin_cut=float(margin_cut),
        margin=margin,
    )


def quadrant_codes(
    net: npt.NDArray[np.int64],
    y: npt.NDArray[np.float64] | npt.NDArray[np.int64],
    rated: npt.NDArray[np.bool_],
    *,
    net_cut: float,
    margin_cut: float,
) -> npt.NDArray[np.int8]:
    """Place of each member in `QUADRANTS`; shape (n,).

    Parameters
    ----------
    net : sales [minor units]; y : margin [minor units or rate]; rated : may be placed at all; each shape (n,).
    net_cut, margin_cut : high begins here, in the units of net and y.
    """
    low = (net < net_cut).astype(np.int8) * np.int8(2) + (y < margin_cut).astype(np.int8)
    return np.where(rated, low, np.int8(QUADRANTS.index(UNRATED)))


def quadrant_table(customers: pl.DataFrame) -> pl.DataFrame:
    """Count, sales and margin per quadrant."""
    total = int(customers["net_minor"].sum())
    found = customers.group_by(pl.col("quadrant").cast(pl.String)).agg(
        customers=pl.len().cast(pl.Int64),
        net_minor=pl.col("net_minor").sum(),
        margin_minor=pl.when(pl.col("margin_minor").is_null().any()).then(None).otherwise(pl.col("margin_minor").sum()),
    )
    return (
        pl.DataFrame({"quadrant": QUADRANTS})
        .join(found, on="quadrant", how="left", maintain_order="left")
        .with_columns(
            pl.col("customers", "net_minor").fill_null(0),
            margin_minor=pl.when(pl.col("customers").is_null()).then(0).otherwise(pl.col("margin_minor")),
        )
        .with_columns(
            share_customers=pl.col("customers") / customers.height,
            share_net=pl.col("net_minor") / total if total > 0 else pl.lit(None, dtype=pl.Float64),
            margin_rate=pl.when(pl.col("net_minor") > 0).then(pl.col("margin_minor") / pl.col("net_minor")),
        )
        .select(
            "quadrant", "customers", "share_customers", "net_minor", "share_net", "margin_minor", "margin_rate"
        )
    )  # fmt: skip


def moves(previous: Matrix, current: Matrix) -> pl.DataFrame:
    """Movement between quadrants in customers and in money; rows and columns add up to both periods.

    Returns
    -------
    quadrant_before (or ``came``), quadrant_now (or ``gone``), customers, net_before_minor, net_now_minor,
    margin_before_minor, margin_now_minor, margin_change_minor; only cells that somebody is in.
    """
    return (
        paired(previous, current)
        .group_by("quadrant_before", "quadrant_now")
        .agg(
            customers=pl.len().cast(pl.Int64),
            **{
                name: pl.col(name).sum()
                for name in ("net_before_minor", "net_now_minor", "margin_before_minor", "margin_now_minor")
            },
        )
        .with_columns(margin_change_minor=pl.col("margin_now_minor") - pl.col("margin_before_minor"))
        .sort("quadrant_before", "quadrant_now")
    )


def movers(previous: Matrix, current: Matrix, *, left: str = KEEP, most: int = 20) -> pl.DataFrame:
    """Members who left quadrant `left`, largest loss of margin first; those who are gone have now 0.

    Who is unrated now (a cost is missing) is left out: their loss of margin would be one of data.

    Returns
    -------
    customer_id, quadrant_before, quadrant_now, net and margin before and now, margin_change_minor; at most `most` rows.
    """
    return (
        paired(previous, current)
        .filter(pl.col("quadrant_before") == left, ~pl.col("quadrant_now").is_in([left, UNRATED]))
        .with_columns(margin_change_minor=pl.col("margin_now_minor") - pl.col("margin_before_minor"))
        .sort("margin_change_minor", "customer_id")
        .head(most)
    )


def paired(previous: Matrix, current: Matrix) -> pl.DataFrame:
    """Every member of either period with quadrant, sales and margin before and now (0 where not there, or unknown)."""
    before, now = (
        m.customers.select(
            "customer_id",
            pl.col("quadrant").cast(pl.String).alias(f"quadrant_{when}"),
            pl.col("net_minor").alias(f"net_{when}_minor"),
            pl.col("margin_minor").alias(f"margin_{when}_minor"),
        )
        for m, when in ((previous, "before"), (current, "now"))
    )
    return (
        before.join(now, on="customer_id", how="full", coalesce=True)
        .with_columns(
            pl.col("quadrant_before").fill_null(CAME),
            pl.col("quadrant_now").fill_null(GONE),
            pl.col(pl.Int64).fill_null(0),
        )
        .sort("customer_id")
    )


def _high_from(values: npt.NDArray[np.int64] | npt.NDArray[np.float64], cut: Cut) -> float:
    """Smallest value that counts as high; infinity where nobody is rated.

    Where nobody stands out (all the same, or more than half at the top) high begins at the largest value: who has it
    cannot be called low, or every big buyer of a company with one margin would be asked for a better price.
    """
    if not values.size:
        return float("inf")
    largest = float(values.max())
    if cut == "top20":
        first = float(thresholds(values.astype(np.int64), shares=(TOP_FIFTH,))[0]) if _whole(values) else _upper(values)
        return min(first, largest)
    middle = float(np.median(values) if cut == "median" else np.mean(values))
    above = values[values > middle]
    return float(above.min()) if above.size else largest


def _whole(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> bool:
    return bool(np.issubdtype(values.dtype, np.integer))


def _upper(values: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> float:
    """The same rule as the pyramid's (ties go down as a whole block), for rates."""
    order = np.unique(values, return_inverse=True)
    ranks = thresholds(order[1].astype(np.int64) + 1, shares=(TOP_FIFTH,))[0]
    return float(order[0][ranks - 1]) if ranks <= order[0].size else float("inf")
