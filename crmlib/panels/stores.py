"""One row per store and day, and per home cell and store."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, reduced

STORE_DAY = {
    "store_id": pl.String,
    "day_n": pl.Int32,
    "receipts": pl.Int32,
    "lines": pl.Int64,
    "net_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "uncosted_lines": pl.Int64,
    "member_receipts": pl.Int32,
    "member_net_minor": pl.Int64,
}
VISITS = {
    "customer_id": pl.String,
    "store_id": pl.String,
    "purchase_days": pl.Int64,
    "net_minor": pl.Int64,
}
FLOWS = {
    "home_cell": pl.String,
    "store_id": pl.String,
    "customers": pl.Int32,
    "purchase_days": pl.Int64,
    "net_minor": pl.Int64,
}


def store_day(lines: AnyFrame) -> pl.DataFrame:
    """Sales of each store on each day, with the part that was sold on a card.

    Returns
    -------
    store_id (null where the source has none), day_n, receipts, lines, net_minor, cost_minor (of the lines that have
    one), uncosted_lines, member_receipts, member_net_minor.
    """
    stored = from_cells.store_days(lines, _store_days)
    by_day = _store_days(lines) if stored is None else stored
    return reduced(by_day, schema=STORE_DAY, sort=("store_id", "day_n"))


def _store_days(lines: AnyFrame) -> Lines:
    """The days of stores, receipt by receipt."""
    needs = ("store_id", "day_n", "receipt_id", "customer_id", "net_minor", "cost_minor")
    carded = ~nw.col("customer_id").is_null()
    return (
        lines_of(lines, needs=needs, name="receipt_lines")
        .with_columns(
            uncosted=nw.when(nw.col("cost_minor").is_null()).then(1).otherwise(0),
            member_receipt=nw.when(carded).then(nw.col("receipt_id")),
            member_net=nw.when(carded).then(nw.col("net_minor")).otherwise(0),
        )
        .group_by("store_id", "day_n", "receipt_id")
        .agg(
            lines=nw.len(),
            net_minor=nw.col("net_minor").sum(),
            cost_minor=nw.col("cost_minor").sum(),
            uncosted_lines=nw.col("uncosted").sum(),
            member=nw.col("member_receipt").max(),
            member_net_minor=nw.col("member_net").sum(),
        )
        .with_columns(member_receipts=nw.when(~nw.col("member").is_null()).then(1).otherwise(0))
        .group_by("store_id", "day_n")
        .agg(
            *(nw.col(name).sum() for name in ("lines", "net_minor", "cost_minor", "uncosted_lines", "member_receipts")),
            nw.col("member_net_minor").sum(),
            receipts=nw.len(),
        )
    )


def flows(lines: AnyFrame, customers: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Who comes from where: purchase days and sales from each home cell to each store, `start` to `end` included.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, store_id, day_n, quantity_milli, net_minor.
    customers : needs customer_id, home_cell; of any engine.

    Returns
    -------
    home_cell, store_id, customers, purchase_days [customer-store-days], net_minor. Customers without a home cell and
    lines without a store are left out.
    """
    homes = to_polars(customers, needs=("home_cell",), name="customers", key="customer_id")
    visits = (
        lines_of(lines, needs=("customer_id", "store_id", "day_n", "quantity_milli", "net_minor"), name="receipt_lines")
        .filter(
            ~nw.col("customer_id").is_null(),
            ~nw.col("store_id").is_null(),
            nw.col("day_n") >= day_number(start),
            nw.col("day_n") <= day_number(end),
        )
        .group_by("customer_id", "store_id", "day_n")
        .agg(most=nw.col("quantity_milli").max(), net_minor=nw.col("net_minor").sum())
        .with_columns(purchase=nw.when(nw.col("most") > 0).then(1).otherwise(0))
        .group_by("customer_id", "store_id")
        .agg(purchase_days=nw.col("purchase").sum(), net_minor=nw.col("net_minor").sum())
    )
    by_cell = (
        reduced(visits, schema=VISITS, sort=("customer_id", "store_id"))
        .join(homes.filter(pl.col("home_cell").is_not_null()), on="customer_id")
        .group_by("home_cell", "store_id")
        .agg(customers=pl.len(), purchase_days=pl.col("purchase_days").sum(), net_minor=pl.col("net_minor").sum())
    )
    return by_cell.select(pl.col(name).cast(dtype) for name, dtype in FLOWS.items()).sort("home_cell", "store_id")
