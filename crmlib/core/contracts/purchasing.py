"""`suppliers`, `purchases`, `listings`, `lot_sightings`: where goods come from, should stand, and were seen."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table
from crmlib.core.contracts.receipts import UNITS


class Suppliers(Table):
    """One row per supplier; `terms_days` from invoice to payment."""

    supplier_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    region = dy.String(nullable=True)
    terms_days = dy.Int32(nullable=True, min=0)


class Purchases(Table):
    """One row per line of a purchase order; `price_minor` is the line's total without tax."""

    purchase_line_id = dy.String(primary_key=True)
    order_id = dy.String(nullable=False)
    supplier_id = dy.String(nullable=False)
    store_id = dy.String(nullable=False)
    product_id = dy.String(nullable=False)
    ordered_on = dy.Date(nullable=False)
    promised_on = dy.Date(nullable=True)
    received_on = dy.Date(nullable=True)
    quantity_milli = dy.Int64(nullable=False)
    unit = dy.Enum(UNITS, nullable=False)
    price_minor = dy.Int64(nullable=False)
    tax_minor = dy.Int64(nullable=True)
    invoice_id = dy.String(nullable=True)

    @dy.rule()
    def received_after_ordering(cls) -> pl.Expr:  # noqa: N805
        """Goods are not received before they were ordered."""
        return cls.received_on.col.is_null() | (cls.received_on.col >= cls.ordered_on.col)


class Listings(Table):
    """What a store should carry, from a day on, both ends included; no end yet is null."""

    store_id = dy.String(primary_key=True)
    product_id = dy.String(primary_key=True)
    valid_from = dy.Date(primary_key=True)
    valid_to = dy.Date(nullable=True)
    facing = dy.Int32(nullable=True, min=0)

    @dy.rule()
    def valid_to_after_valid_from(cls) -> pl.Expr:  # noqa: N805
        """A listing does not end before it begins."""
        return cls.valid_to.col.is_null() | (cls.valid_to.col >= cls.valid_from.col)


class LotSightings(Table):
    """One row per scanned or photographed lot: where goods of which lot were found, at what price."""

    sighting_id = dy.String(primary_key=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    lot_id = dy.String(nullable=False)
    partner_id = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    region = dy.String(nullable=False)
    price_minor = dy.Int64(nullable=True, min=0)
    by = dy.String(nullable=True)

    @dy.rule()
    def seen_at_one_place(cls) -> pl.Expr:  # noqa: N805
        """A lot is seen at a partner's or in a store, one of both."""
        return cls.partner_id.col.is_null() != cls.store_id.col.is_null()


SUPPLIERS = Contract("suppliers", Suppliers, ("supplier_id",))
PURCHASES = Contract("purchases", Purchases, ("purchase_line_id",), event="ordered_on", defaults=(("unit", "piece"),))
LISTINGS = Contract("listings", Listings, ("store_id", "product_id", "valid_from"), event="valid_from", ahead=True)
LOT_SIGHTINGS = Contract("lot_sightings", LotSightings, ("sighting_id",), event="at")
