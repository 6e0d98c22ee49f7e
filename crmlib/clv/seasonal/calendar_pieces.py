"""Each customer's time since the first purchase, cut where the grid's period changes and at the last purchase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.numerics.arrays import Array
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

DAYS_PER_WEEK = 7.0


@dataclass(frozen=True, slots=True)
class Pieces:
    """Customers sorted by id, and their pieces of time in order.

    Parameters
    ----------
    customer_id : ids, length n.
    x, t_x, T : repeat purchase days, time of the last one and age [weeks], shape (n,).
    bought : sum of the purchase covariates over the repeat purchases, shape (n, k).
    customer : index of each piece's customer, shape (m,), ascending.
    first : index of each customer's first piece, shape (n,).
    length : of each piece [weeks], shape (m,).
    before : whether the piece lies before t_x, shape (m,).
    z, w : covariates of purchase and dropout in each piece, shapes (m, k) and (m, l).
    """

    customer_id: pl.Series
    x: Array
    t_x: Array
    T: Array
    bought: Array
    customer: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    length: Array
    before: npt.NDArray[np.bool_]
    z: Array
    w: Array


def cut_into_pieces(
    purchases: pl.DataFrame,
    grid: AnyFrame,
    *,
    period_end_n: int,
    purchase: Sequence[str],
    dropout: Sequence[str],
) -> Pieces:
    """Cut every customer's time from the first purchase to the end of `period_end_n`.

    A purchase on day d happens at its start; the observed time ends with `period_end_n`, so T counts the days after
    the first purchase as `panels.purchase_history` does.
    """
    names = list(dict.fromkeys([*purchase, *dropout]))
    days = purchases.filter(pl.col("day_n") <= period_end_n).select("customer_id", pl.col("day_n").cast(pl.Int32))
    days = days.unique().sort("customer_id", "day_n")
    people = days.group_by("customer_id").agg(
        first_n=pl.col("day_n").min(), last_n=pl.col("day_n").max(), x=pl.len() - 1
    )
    people = people.sort("customer_id").with_row_index("customer")
    periods = _periods(grid, names)
    _check_cover(periods, first=days["day_n"].min(), last=period_end_n)
    spans = _spans(people, periods, end_n=period_end_n)
    values = {c: spans[c].cast(pl.Float64).to_numpy() for c in names}
    m = spans.height
    customer = spans["customer"].cast(pl.Int64).to_numpy()
    return Pieces(
        customer_id=people["customer_id"],
        x=people["x"].cast(pl.Float64).to_numpy(),
        t_x=((people["last_n"] - people["first_n"]) / DAYS_PER_WEEK).to_numpy(),
        T=((period_end_n - people["first_n"]) / DAYS_PER_WEEK).to_numpy(),
        bought=_bought(days, people, periods, purchase),
        customer=customer,
        first=np.searchsorted(customer, np.arange(people.height)).clip(max=max(m - 1, 0)),
        length=((spans["to"] - spans["from"]) / DAYS_PER_WEEK).to_numpy(),
        before=spans["before"].to_numpy(),
        z=np.column_stack([values[c] for c in purchase]) if purchase else np.empty((m, 0)),
        w=np.column_stack([values[c] for c in dropout]) if dropout else np.empty((m, 0)),
    )


def future_pieces(
    grid: AnyFrame,
    customer_id: pl.Series,
    *,
    start_n: int,
    days: int,
    purchase: Sequence[str],
    dropout: Sequence[str],
) -> Pieces:
    """The pieces of the `days` from `start_n` on, the same cuts for every customer."""
    ids = pl.DataFrame({"customer_id": customer_id, "day_n": pl.Series([start_n] * len(customer_id), dtype=pl.Int32)})
    return cut_into_pieces(ids, grid, period_end_n=start_n + days, purchase=purchase, dropout=dropout)


def _periods(grid: AnyFrame, names: Sequence[str]) -> pl.DataFrame:
    frame = to_polars(grid, needs=["start_n", "days", *names], name="grid")
    keys = ["customer_id", "start_n"] if "customer_id" in frame.columns else ["start_n"]
    bad = frame.select(pl.all_horizontal(pl.col(names).cast(pl.Float64).is_finite())).to_series() if names else None
    if bad is not None and not bad.fill_null(value=False).all():
        raise ModelError("clv.grid_values")
    return frame.sort(keys)


def _check_cover(periods: pl.DataFrame, *, first: object, last: int) -> None:
    low, high = periods["start_n"].min(), (periods["start_n"] + periods["days"] - 1).max()
    if not isinstance(first, int) or not isinstance(low, int) or not isinstance(high, int):
        raise ModelError("clv.no_rows")
    if low > first or high < last:
        raise ModelError("clv.grid_cover", values={"low": low, "high": high, "first": first, "last": last})


def _spans(people: pl.DataFrame, periods: pl.DataFrame, *, end_n: int) -> pl.DataFrame:
    """Overlaps of each customer's life with the periods, cut at t_x: `from`, `to` [days], `before`."""
    own = "customer_id" in periods.columns
    joined = people.join(periods, on="customer_id") if own else people.join(periods, how="cross")
    ends = pl.col("start_n") + pl.col("days")
    halves = []
    for low, high, before in (("first_n", "last_n", True), ("last_n", None, False)):
        stop = pl.col(high) if high else pl.lit(end_n)
        halves.append(
            joined.with_columns(
                pl.max_horizontal("start_n", low).alias("from"),
                pl.min_horizontal(ends, stop).alias("to"),
                before=pl.lit(value=before),
            ).filter(pl.col("to") > pl.col("from"))
        )
    return pl.concat(halves).sort("customer", "from")


def _bought(days: pl.DataFrame, people: pl.DataFrame, periods: pl.DataFrame, names: Sequence[str]) -> Array:
    """Sum of the covariates over each customer's repeat purchases, shape (n, k)."""
    if not names:
        return np.empty((people.height, 0))
    own = ["customer_id"] if "customer_id" in periods.columns else None
    repeat = days.join(people.select("customer_id", "first_n", "customer"), on="customer_id", maintain_order="left")
    repeat = repeat.filter(pl.col("day_n") > pl.col("first_n")).sort("day_n")
    table = periods.with_columns(day_n=pl.col("start_n").cast(pl.Int32)).sort("day_n")
    found = repeat.join_asof(table, on="day_n", by=own, strategy="backward")
    sums = found.group_by("customer").agg(pl.col(list(names)).cast(pl.Float64).sum())
    whole = people.select("customer").join(sums, on="customer", how="left", maintain_order="left")
    return whole.select(pl.col(list(names)).fill_null(0.0)).to_numpy()
