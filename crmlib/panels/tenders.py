"""How receipts were paid, by store and day: what a cash book is held against where no list of payments is connected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels.engine import lines_of, reduced

STORE_DAY_TENDER = {"store_id": pl.String, "day_n": pl.Int32, "tender": pl.String, "net_minor": pl.Int64}


def store_day_tender(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Net sales by store, day and means of payment, `start` to `end` included; a mixed payment is not taken apart.

    Parameters
    ----------
    lines : receipt lines; needs store_id, day_n, tender, net_minor.

    Returns
    -------
    store_id, day_n, tender (null where the till does not say), net_minor.
    """
    rows = lines_of(lines, needs=("store_id", "day_n", "tender", "net_minor"), name="receipt_lines")
    inside = rows.filter(nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end))
    cells = inside.with_columns(tender=nw.col("tender").cast(nw.String)).group_by("store_id", "day_n", "tender")
    return reduced(cells.agg(nw.col("net_minor").sum()), schema=STORE_DAY_TENDER, sort=("store_id", "day_n", "tender"))


COUPON_RECEIPTS = {
    "coupon": pl.String, "receipt_id": pl.String, "customer_id": pl.String, "day_n": pl.Int32, "net_minor": pl.Int64,
}  # fmt: skip


def coupon_receipts(lines: AnyFrame, *, offers: Sequence[str], start: date, end: date) -> pl.DataFrame:
    """Receipts on which a coupon was used, `start` to `end` included.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, customer_id, day_n, quantity_milli, net_minor, promotion_id, tender.
    offers : promotions that are coupons.

    Returns
    -------
    coupon (the promotion; null where the till says only that a coupon paid), receipt_id, customer_id, day_n,
    net_minor of its lines; goods brought back are left out.
    """
    needs = ("receipt_id", "customer_id", "day_n", "quantity_milli", "net_minor", "promotion_id", "tender")
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(
        nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end), nw.col("quantity_milli") > 0
    )
    offered = nw.col("promotion_id").is_in(list(offers)).fill_null(value=False)
    paid = (nw.col("tender").cast(nw.String) == "coupon").fill_null(value=False)
    none = nw.lit(None, nw.String)
    used = sold.filter(offered | paid).with_columns(
        coupon=nw.when(offered).then(nw.col("promotion_id")).otherwise(none)
    )
    made = used.group_by("coupon", "receipt_id", "customer_id", "day_n").agg(nw.col("net_minor").sum())
    return reduced(made, schema=COUPON_RECEIPTS, sort=("day_n", "receipt_id", "coupon"))
