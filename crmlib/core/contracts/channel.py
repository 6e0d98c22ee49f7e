"""The channel: what partners move, wholesale orders step by step, deliveries, code scans, shelf checks."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

PARTNER_MOVES_KINDS = ("sell_in", "sell_out", "return_up", "return_down", "adjust", "gift")
ORDER_STATES = ("entered", "checked", "picked", "shipped", "delivered", "closed", "cancelled")
SCANNERS = ("consumer", "inspector", "terminal")


class PartnerMoves(Table):
    """One row per move of goods into or out of a partner's stock; quantities above 0, adjustments signed."""

    move_id = dy.String(primary_key=True)
    partner_id = dy.String(nullable=False)
    product_id = dy.String(nullable=False)
    day = dy.Date(nullable=False)
    kind = dy.Enum(PARTNER_MOVES_KINDS, nullable=False)
    quantity_milli = dy.Int64(nullable=False)
    net_minor = dy.Int64(nullable=True)
    to_partner = dy.String(nullable=True)
    batch = dy.String(nullable=True)
    reported_on = dy.Date(nullable=True)

    @dy.rule()
    def only_adjustments_are_signed(cls) -> pl.Expr:  # noqa: N805
        """Goods move in one direction; the kind says which."""
        return (cls.kind.col == "adjust") | (cls.quantity_milli.col > 0)

    @dy.rule()
    def day_not_in_the_future(cls) -> pl.Expr:  # noqa: N805
        """Nothing moves after it is known."""
        return cls.day.col <= cls.known_at.col.dt.date()


class SaleOrders(Table):
    """One row per wholesale order of a partner or a customer."""

    order_id = dy.String(primary_key=True)
    partner_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    staff_id = dy.String(nullable=True)
    meeting_id = dy.String(nullable=True)
    entered_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    promised_on = dy.Date(nullable=True)
    cancelled_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    cancel_reason = dy.String(nullable=True)
    state = dy.Enum(ORDER_STATES, nullable=False)

    @dy.rule()
    def one_buyer(cls) -> pl.Expr:  # noqa: N805
        """A partner or a customer buys, not both and not nobody."""
        return cls.partner_id.col.is_null() != cls.customer_id.col.is_null()

    @dy.rule()
    def cancelled_after_entered(cls) -> pl.Expr:  # noqa: N805
        """Nothing is cancelled before it is ordered."""
        return cls.cancelled_at.col.is_null() | (cls.cancelled_at.col >= cls.entered_at.col)


class SaleOrderLines(Table):
    """One row per line of a wholesale order."""

    order_id = dy.String(primary_key=True)
    line_no = dy.Int32(primary_key=True, min=1)
    product_id = dy.String(nullable=False)
    ordered_milli = dy.Int64(nullable=False, min_exclusive=0)
    price_minor = dy.Int64(nullable=False)
    promotion_id = dy.String(nullable=True)


class OrderSteps(Table):
    """One row per move of a wholesale order from state to state."""

    order_id = dy.String(primary_key=True)
    step = dy.Enum(ORDER_STATES, primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    by_staff = dy.String(nullable=True)


class Deliveries(Table):
    """One row per delivery of an order line; several may serve one line."""

    delivery_id = dy.String(primary_key=True)
    order_id = dy.String(primary_key=True)
    line_no = dy.Int32(primary_key=True, min=1)
    delivered_on = dy.Date(nullable=False)
    delivered_milli = dy.Int64(nullable=False, min=0)
    short_reason = dy.String(nullable=True)


class CodeScans(Table):
    """One row per scan of a code; `partner_id` is to whom it was shipped, `region` where it was seen."""

    scan_id = dy.String(primary_key=True)
    code = dy.String(nullable=False)
    batch = dy.String(nullable=True)
    product_id = dy.String(nullable=False)
    partner_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    region = dy.String(nullable=False)
    by = dy.Enum(SCANNERS, nullable=False)


class ShelfChecks(Table):
    """One row per store, product and day on which somebody looked at the shelf."""

    store_id = dy.String(primary_key=True)
    product_id = dy.String(primary_key=True)
    checked_on = dy.Date(primary_key=True)
    on_shelf = dy.Bool(nullable=False)
    facing = dy.Int16(nullable=True, min=0)
    price_minor = dy.Int64(nullable=True, min=0)
    by_staff = dy.String(nullable=True)


PARTNER_MOVES = Contract("partner_moves", PartnerMoves, ("move_id",), event="day")
SALE_ORDERS = Contract("sale_orders", SaleOrders, ("order_id",), event="entered_at")
SALE_ORDER_LINES = Contract("sale_order_lines", SaleOrderLines, ("order_id", "line_no"))
ORDER_STEPS = Contract("order_steps", OrderSteps, ("order_id", "step", "at"), event="at")
DELIVERIES = Contract("deliveries", Deliveries, ("delivery_id", "order_id", "line_no"), event="delivered_on")
CODE_SCANS = Contract("code_scans", CodeScans, ("scan_id",), event="at", dated=True)
SHELF_CHECKS = Contract("shelf_checks", ShelfChecks, ("store_id", "product_id", "checked_on"), event="checked_on")
