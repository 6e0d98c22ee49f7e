"""`points`: the members' points account, entry by entry."""

from __future__ import annotations

import dataframely as dy

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

ENTRY_KINDS = ("earn", "redeem", "expire", "adjust")


class Points(Table):
    """One row per entry; redeemed and expired points are negative."""

    entry_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    points = dy.Int64(nullable=False)
    kind = dy.Enum(ENTRY_KINDS, nullable=False)
    promotion_id = dy.String(nullable=True)
    cost_minor = dy.Int64(nullable=True)


POINTS = Contract("points", Points, ("entry_id",), event="at", dated=True)
