"""`points`: the members' points account, entry by entry."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

ENTRY_KINDS = ("earn", "redeem", "expire", "adjust", "open")


class Points(Table):
    """One row per entry; redeemed and expired points are negative, and so is an earn that a return takes back.

    `ref_id` names the entry that this one corrects; `expires_on` is the last day on which the points can be used.
    """

    entry_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    points = dy.Int64(nullable=False)
    kind = dy.Enum(ENTRY_KINDS, nullable=False)
    promotion_id = dy.String(nullable=True)
    cost_minor = dy.Int64(nullable=True)
    expires_on = dy.Date(nullable=True)
    receipt_id = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    ref_id = dy.String(nullable=True)

    @dy.rule()
    def sign_fits_kind(cls) -> pl.Expr:  # noqa: N805
        """What is used or expires is negative, an opening is not."""
        kind, amount = cls.kind.col.cast(pl.String), cls.points.col
        return (~kind.is_in(["redeem", "expire"]) | (amount < 0)) & ((kind != "open") | (amount >= 0))


POINTS = Contract("points", Points, ("entry_id",), event="at", dated=True)
