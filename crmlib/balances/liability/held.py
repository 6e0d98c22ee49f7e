"""Goods paid and not yet collected: owed in pieces and in money; they are not own stock and not sold again."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, timed, to_polars, whole

ORDER = ["customer_id", "order_id", "product_id", "store_id"]


def owed(moves: AnyFrame, *, as_of: date, lots: AnyFrame | None = None) -> pl.DataFrame:
    """One row per order and product with goods still to be collected at the close of `as_of`.

    Parameters
    ----------
    moves : table `held_moves`. lots : lot_id, expires_on.

    Returns
    -------
    customer_id, order_id, product_id, store_id, quantity_milli, value_minor, held_days (since the first payment),
    promised_on (the last that was given), overdue_days (> 0: promised and not collected), expires_on (first lot), in
    order of the promised day.
    """
    day = pl.lit(a_day(as_of, name="as_of"))
    needs = [*ORDER, "lot_id", "kind", "quantity_milli", "value_minor", "promised_on"]
    rows = whole(timed(moves, needs=needs, name="held_moves"), ["quantity_milli", "value_minor"], name="held_moves")
    rows = rows.with_columns(pl.col("at").cast(pl.Date)).filter(pl.col("at") <= day).sort("at", maintain_order=True)
    dates = pl.lit(None, dtype=pl.Date).alias("expires_on")
    if lots is None:
        rows = rows.with_columns(dates)
    else:
        table = to_polars(lots, needs=["lot_id", "expires_on"], name="lots", key="lot_id")
        rows = rows.join(table.select("lot_id", "expires_on"), on="lot_id", how="left", maintain_order="left")
    incoming = pl.col("quantity_milli") > 0
    sums = rows.group_by(ORDER, maintain_order=True).agg(
        pl.col("quantity_milli", "value_minor").sum(),
        since=pl.col("at").filter(incoming).min(),
        promised_on=pl.col("promised_on").drop_nulls().last(),
        expires_on=pl.col("expires_on").filter(incoming).min(),
    )
    left = sums.filter((pl.col("quantity_milli") != 0) | (pl.col("value_minor") != 0))
    return left.select(
        *ORDER,
        "quantity_milli",
        "value_minor",
        held_days=(day - pl.col("since")).dt.total_days(),
        promised_on="promised_on",
        overdue_days=(day - pl.col("promised_on")).dt.total_days(),
        expires_on="expires_on",
    ).sort("promised_on", *ORDER, nulls_last=True)


def free_stock(stock: AnyFrame, held: AnyFrame) -> pl.DataFrame:
    """What a store may sell: on hand less what it holds for customers; below 0 it has sold goods that are not its own.

    Parameters
    ----------
    stock : store_id, product_id, on_hand_milli. held : store_id, product_id, quantity_milli, as `owed`.

    Returns
    -------
    store_id, product_id, on_hand_milli, held_milli, free_milli.
    """
    key = ["store_id", "product_id"]
    have = (
        to_polars(stock, needs=[*key, "on_hand_milli"], name="stock").group_by(key).agg(pl.col("on_hand_milli").sum())
    )
    kept = to_polars(held, needs=[*key, "quantity_milli"], name="held")
    kept = kept.group_by(key).agg(held_milli=pl.col("quantity_milli").sum())
    both = have.join(kept, on=key, how="full", coalesce=True).with_columns(
        pl.col("on_hand_milli", "held_milli").fill_null(0)
    )
    return both.with_columns(free_milli=pl.col("on_hand_milli") - pl.col("held_milli")).sort(key)
