"""Expenses: what they cost per yuan sold, against a budget that breathes with sales, shared by a stated key.

A flexible budget has a fixed part and one that varies with net sales. The way from plan to actual goes by two steps:

    volume   = variable rate × (actual sales − planned sales)        what the plan would have allowed more or less,
    spending = spent − (fixed + variable rate × actual sales)        what was spent beside that.

Both add up to spent − plan exactly. (Horngren, Datar & Rajan, Cost Accounting, chapter 7.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from crmlib.core.apportion import largest_remainder, run_starts
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

KEYS = ("net_sales", "area", "staff", "equal")
WHOLE_BP = 10_000


def against_budget(lines: AnyFrame) -> pl.DataFrame:
    """Variance of each budget line: the rows with plan_minor, flexible_minor, volume_minor, spending_minor, over.

    Parameters
    ----------
    lines : fixed_minor, variable_bp (of net sales [basis points]), planned_net_minor, net_minor, spent_minor, and any
        keys, which are kept.

    Returns
    -------
    plan = fixed + variable · planned net; flexible = fixed + variable · net, both half up; volume = flexible − plan,
    spending = spent − flexible; `over` where spending is above 0.

    Examples
    --------
    >>> line = {"fixed_minor": [5_000_000], "variable_bp": [800], "planned_net_minor": [100_000_000]}
    >>> got = against_budget(pl.DataFrame({**line, "net_minor": [90_000_000], "spent_minor": [12_800_000]}))
    >>> got.select("volume_minor", "spending_minor").row(0)
    (-800000, 600000)
    """
    needs = ["fixed_minor", "variable_bp", "planned_net_minor", "net_minor", "spent_minor"]
    table = whole(to_polars(lines, needs=needs, name="lines"), needs, name="lines")
    plan, flexible = (pl.col("fixed_minor") + _part(net) for net in ("planned_net_minor", "net_minor"))
    table = table.with_columns(plan_minor=plan, flexible_minor=flexible)
    return table.with_columns(
        volume_minor=pl.col("flexible_minor") - pl.col("plan_minor"),
        spending_minor=pl.col("spent_minor") - pl.col("flexible_minor"),
    ).with_columns(over=pl.col("spending_minor") > 0)


def _part(net: str) -> pl.Expr:
    return (2 * pl.col(net) * pl.col("variable_bp").fill_null(0) + WHOLE_BP) // (2 * WHOLE_BP)


def of_sales(expenses: AnyFrame, sales: AnyFrame, *, by: Sequence[str] = ("kind",)) -> pl.DataFrame:
    """Expenses per month and the columns of `by`, and their share of the month's net sales (null without sales).

    expenses : month, amount_minor, state and the columns of `by`; spent ones count. sales : month, net_minor.
    """
    table = to_polars(expenses, needs=["month", "amount_minor", "state", *by], name="expenses")
    sold = to_polars(sales, needs=["net_minor"], key="month", name="sales").select("month", "net_minor")
    sums = table.filter(pl.col("state") == "spent").group_by("month", *by).agg(pl.col("amount_minor").sum())
    share = pl.when(pl.col("net_minor") > 0).then(pl.col("amount_minor") / pl.col("net_minor"))
    return sums.join(sold, on="month", how="left").with_columns(share=share).sort("month", *by)


def allocated(expenses: AnyFrame, keys: AnyFrame) -> pl.DataFrame:
    """Expenses with every shared one split over stores by its key, exact to the minor unit.

    Parameters
    ----------
    expenses : expense_id, store_id (null = shared), region (null = all stores, else those of the region), month,
        amount_minor, allocation_key, and other columns, which are kept.
    keys : store_id, region, month, net_sales, area, staff: each store's weight in each month, whole numbers ≥ 0
        (null = 0); `equal` weighs every store of the month alike.

    Returns
    -------
    The rows, shared ones once per store, with store_id and amount_minor of the store, and `shared`. Those of key `none`
    stay as they are. For every expense the parts sum to its amount.

    Raises
    ------
    ModelError
        sales.allocation: shared expenses of a month and region in which no store has a weight.
    """
    needs = ["expense_id", "store_id", "region", "month", "amount_minor", "allocation_key"]
    table = to_polars(expenses, needs=needs, key="expense_id", name="expenses")
    table = table.with_columns(pl.col("allocation_key").cast(pl.String))
    own = pl.col("store_id").is_not_null() | pl.col("allocation_key").is_in(["none"]).fill_null(value=True)
    kept = table.filter(own).with_columns(shared=pl.lit(value=False))
    split = _shares(table.filter(~own), keys)
    return pl.concat([kept, split.select(kept.columns)]).sort("expense_id", "store_id")


def _shares(shared: pl.DataFrame, keys: AnyFrame) -> pl.DataFrame:
    stores = to_polars(keys, needs=["store_id", "region", "month", *KEYS[:3]], name="keys")
    stores = stores.with_columns(equal=pl.lit(1, dtype=pl.Int64))
    long = stores.unpivot(on=list(KEYS), index=["store_id", "region", "month"], variable_name="allocation_key")
    weights = long.select(
        "month",
        "allocation_key",
        home="region",
        to="store_id",
        weight=pl.col("value").fill_null(0).round().cast(pl.Int64),
    )
    pairs = shared.join(weights, on=["month", "allocation_key"], how="left").filter(
        pl.col("region").is_null() | (pl.col("home") == pl.col("region")) | pl.col("home").is_null()
    )
    pairs = pairs.sort("expense_id", "to")
    sums = pairs.group_by("expense_id").agg(pl.col("weight").sum())
    lost = shared.join(sums.filter(pl.col("weight") > 0), on="expense_id", how="anti")
    if lost.height:
        raise ModelError("sales.allocation", values={"rows": lost.height})
    if pairs.is_empty():
        return pairs.with_columns(shared=pl.lit(value=True))
    starts = run_starts(pairs["expense_id"].rank("dense").cast(pl.Int64).to_numpy())
    amount = pairs["amount_minor"].to_numpy()
    parts = largest_remainder(pairs["weight"].to_numpy(), np.abs(amount[starts]), starts) * np.sign(amount)
    made = pairs.with_columns(store_id="to", amount_minor=pl.Series(parts, dtype=pl.Int64), shared=pl.lit(value=True))
    return made.filter(pl.col("weight") > 0)
