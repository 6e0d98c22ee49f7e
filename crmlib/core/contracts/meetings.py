"""Meetings: events, their guests (and those held out by lot), and what they cost."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

INTENTS = ("hot", "warm", "cold", "none")
MEETING_COSTS_KINDS = ("room", "gift", "travel", "pay", "media", "other")
MEETING_MONEY = ("order", "payment", "refund")


class Meetings(Table):
    """One row per event; an order from `big_order_minor` on is large, refunds count for `return_days`."""

    meeting_id = dy.String(primary_key=True)
    kind = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    place = dy.String(nullable=True)
    region = dy.String(nullable=True)
    organiser_staff = dy.String(nullable=True)
    capacity = dy.Int32(nullable=True, min=0)
    big_order_minor = dy.Int64(nullable=False, min=0)
    return_days = dy.Int32(nullable=False, min=0)


class MeetingGuests(Table):
    """One row per event and guest, those held out by lot before invitations left included."""

    meeting_id = dy.String(primary_key=True)
    customer_id = dy.String(primary_key=True)
    invited_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    held_out = dy.Bool(nullable=False)
    lot_no = dy.Int64(nullable=True)
    is_new = dy.Bool(nullable=False)
    by_staff = dy.String(nullable=True)
    accepted = dy.Bool(nullable=True)
    came_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    walk_in = dy.Bool(nullable=False)
    intent = dy.Enum(INTENTS, nullable=True)
    not_bought_reason = dy.String(nullable=True)
    next_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)

    @dy.rule()
    def held_out_are_not_invited(cls) -> pl.Expr:  # noqa: N805
        """Who is held out gets no invitation."""
        return ~(cls.held_out.col & cls.invited_at.col.is_not_null())

    @dy.rule()
    def walk_ins_have_no_invitation(cls) -> pl.Expr:  # noqa: N805
        """A walk-in came without invitation."""
        return ~cls.walk_in.col | (cls.invited_at.col.is_null() & cls.came_at.col.is_not_null())


class MeetingCosts(Table):
    """One row per voucher of an event."""

    cost_id = dy.String(primary_key=True)
    meeting_id = dy.String(nullable=False)
    kind = dy.Enum(MEETING_COSTS_KINDS, nullable=False)
    amount_minor = dy.Int64(nullable=False, min=0)


class MeetingOrders(Table):
    """One row per entry in the book of an event's orders: ordered, paid, paid back; amounts above 0.

    Orders of people on the list who did not come, those held out included, stand in it too: they are no orders of the
    event, but what the lot is read from.
    """

    entry_id = dy.String(primary_key=True)
    order_id = dy.String(nullable=False)
    meeting_id = dy.String(nullable=False)
    customer_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(MEETING_MONEY, nullable=False)
    amount_minor = dy.Int64(nullable=False, min=1)
    staff_id = dy.String(nullable=True)


MEETINGS = Contract("meetings", Meetings, ("meeting_id",), event="at", defaults=(("return_days", "30"),), ahead=True)
MEETING_GUESTS = Contract(
    "meeting_guests",
    MeetingGuests,
    ("meeting_id", "customer_id"),
    event="invited_at",
    defaults=(("held_out", "false"), ("walk_in", "false")),
)
MEETING_COSTS = Contract("meeting_costs", MeetingCosts, ("cost_id",))
MEETING_ORDERS = Contract("meeting_orders", MeetingOrders, ("entry_id",), event="at")
