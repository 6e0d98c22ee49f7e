"""The books of goods: lots, every move of stock, what partners report, what customers have paid and not yet fetched."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table
from crmlib.core.contracts.receipts import UNITS

STOCK_IN = ("purchase", "transfer_in", "sale_return")
STOCK_OUT = (
    "purchase_return", "transfer_out", "sale", "gift_out", "spare_out", "held_out", "waste", "expired", "shrink",
)  # fmt: skip
STOCK_KINDS = ("open", *STOCK_IN, *STOCK_OUT, "count_diff", "adjust")
"""Kinds of a move of stock; `open`, `count_diff` and `adjust` may have either sign."""
HELD_KINDS = ("open", "paid", "collected", "refunded", "adjust")


class Lots(Table):
    """One row per batch; `expires_on` is the last saleable day, `region` the market it was made for."""

    lot_id = dy.String(primary_key=True)
    product_id = dy.String(nullable=False)
    produced_on = dy.Date(nullable=True)
    expires_on = dy.Date(nullable=True)
    region = dy.String(nullable=True)
    supplier_id = dy.String(nullable=True)
    cost_minor = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def expires_after_production(cls) -> pl.Expr:  # noqa: N805
        """A batch does not expire before it is made."""
        return cls.expires_on.col >= cls.produced_on.col


class StockMoves(Table):
    """One row per move, signed; never edited. `cost_minor` is the value of the moved goods at cost, same sign."""

    move_id = dy.String(primary_key=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    store_id = dy.String(nullable=False)
    product_id = dy.String(nullable=False)
    lot_id = dy.String(nullable=True)
    unit = dy.Enum(UNITS, nullable=False)
    kind = dy.Enum(STOCK_KINDS, nullable=False)
    quantity_milli = dy.Int64(nullable=False)
    cost_minor = dy.Int64(nullable=True)
    ref_id = dy.String(nullable=True)
    transfer_id = dy.String(nullable=True)
    reason = dy.String(nullable=True)

    @dy.rule()
    def sign_fits_kind(cls) -> pl.Expr:  # noqa: N805
        """What comes in is positive, what goes out is negative."""
        kind, amount = cls.kind.col.cast(pl.String), cls.quantity_milli.col
        return (~kind.is_in(STOCK_IN) | (amount >= 0)) & (~kind.is_in(STOCK_OUT) | (amount <= 0))

    @dy.rule()
    def transfers_are_named(cls) -> pl.Expr:  # noqa: N805
        """Both ends of a transfer carry its name."""
        return ~cls.kind.col.cast(pl.String).str.starts_with("transfer_") | cls.transfer_id.col.is_not_null()


class PartnerStock(Table):
    """One row per distributor, key account or terminal, product and day on which they report their stock."""

    partner_id = dy.String(primary_key=True)
    product_id = dy.String(primary_key=True)
    on_day = dy.Date(primary_key=True)
    on_hand_milli = dy.Int64(nullable=True)
    received_milli = dy.Int64(nullable=True)
    sold_milli = dy.Int64(nullable=True)
    lot_id = dy.String(nullable=True)


class HeldMoves(Table):
    """One row per move of goods that a customer has paid and not yet collected."""

    move_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=False)
    order_id = dy.String(nullable=False)
    product_id = dy.String(nullable=False)
    lot_id = dy.String(nullable=True)
    store_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(HELD_KINDS, nullable=False)
    quantity_milli = dy.Int64(nullable=False)
    value_minor = dy.Int64(nullable=False)
    promised_on = dy.Date(nullable=True)

    @dy.rule()
    def sign_fits_kind(cls) -> pl.Expr:  # noqa: N805
        """What is paid comes in, what is collected or refunded goes out."""
        kind, amount = cls.kind.col.cast(pl.String), cls.quantity_milli.col
        incoming, outgoing = kind.is_in(["open", "paid"]), kind.is_in(["collected", "refunded"])
        return (~incoming | (amount >= 0)) & (~outgoing | (amount <= 0))


LOTS = Contract("lots", Lots, ("lot_id",), event="produced_on", ahead=True)
STOCK_MOVES = Contract("stock_moves", StockMoves, ("move_id",), event="at", dated=True, defaults=(("unit", "piece"),))
PARTNER_STOCK = Contract("partner_stock", PartnerStock, ("partner_id", "product_id", "on_day"), event="on_day")
HELD_MOVES = Contract("held_moves", HeldMoves, ("move_id",), event="at")
