"""`receipt_lines`: one line of one receipt, sold or brought back."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

UNITS = ("piece", "kg", "l")
CHANNELS = ("store", "counter", "online", "event", "phone")
TENDERS = ("cash", "card", "wallet", "coupon", "points", "stored", "mixed")


class ReceiptLines(Table):
    """Lines of receipts; money in minor units, quantities in thousandths, returns negative."""

    line_id = dy.String(primary_key=True)
    receipt_id = dy.String(nullable=False)
    store_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    product_id = dy.String(nullable=True)
    sold_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    day = dy.Date(nullable=False)
    day_n = dy.Int32(nullable=False)
    quantity_milli = dy.Int64(nullable=False)
    unit = dy.Enum(UNITS, nullable=False)
    list_minor = dy.Int64(nullable=True)
    net_minor = dy.Int64(nullable=False)
    cost_minor = dy.Int64(nullable=True)
    promotion_id = dy.String(nullable=True)
    channel = dy.Enum(CHANNELS, nullable=True)
    tender = dy.Enum(TENDERS, nullable=True)
    staff_id = dy.String(nullable=True)

    @dy.rule()
    def day_matches_day_n(cls) -> pl.Expr:  # noqa: N805
        """`day_n` counts the days from 1970-01-01 to `day`."""
        return cls.day.col.cast(pl.Int32) == cls.day_n.col

    @dy.rule()
    def known_not_before_sold(cls) -> pl.Expr:  # noqa: N805
        """Nothing is known before it happens."""
        return cls.known_at.col >= cls.sold_at.col


RECEIPT_LINES = Contract(
    "receipt_lines", ReceiptLines, ("line_id",), event="sold_at", dated=True, defaults=(("unit", "piece"),)
)
