"""`contacts`: calls, visits, complaints and surveys; `loss_reasons`: answers to why a member stays away."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

PURPOSES = (
    "follow_up", "care", "complaint", "survey", "invite", "win_back", "sale",
    "visit", "guidance", "debt", "order",
)  # fmt: skip
DIRECTIONS = ("in", "out")
EFFECTS = ("better", "same", "worse", "unknown")
LOSS_REASONS = (
    "price", "taste", "quality", "service", "complaint", "out_of_stock", "distance", "store_closed", "moved",
    "competitor", "no_need", "new_card", "gift_only", "promotion_only", "life_change", "group_buy_ended",
    "not_interested", "never_bought", "other", "not_reached",
)  # fmt: skip
"""Codes a loss may be given; which of them fit a stage, `crmlib.churn.movement.forms` knows."""


class Contacts(Table):
    """One row per contact with a customer."""

    contact_id = dy.String(primary_key=True)
    customer_id = dy.String(nullable=False)
    staff_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    channel = dy.String(nullable=True)
    purpose = dy.Enum(PURPOSES, nullable=False)
    outcome = dy.String(nullable=True)
    due_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    solved_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    score = dy.Int8(nullable=True)
    reason = dy.String(nullable=True)
    cost_minor = dy.Int64(nullable=True)
    direction = dy.Enum(DIRECTIONS, nullable=True)
    duration_s = dy.Int64(nullable=True, min=0)
    reached = dy.Bool(nullable=True)
    task_id = dy.String(nullable=True)
    ticket_id = dy.String(nullable=True)
    deal_id = dy.String(nullable=True)
    meeting_id = dy.String(nullable=True)
    product_id = dy.String(nullable=True)
    effect = dy.Enum(EFFECTS, nullable=True)
    suggestion = dy.String(nullable=True)
    quantity_left_milli = dy.Int64(nullable=True, min=0)
    next_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)

    @dy.rule()
    def solved_after_contact(cls) -> pl.Expr:  # noqa: N805
        """Nothing is solved before it is raised."""
        return cls.solved_at.col >= cls.at.col


class LossReasons(Table):
    """One row per answer to why a member stays away, from the form that leaves with a list.

    `customer` is what the list shows, a pseudonym or the member's own number; `at` is the day of the list.
    """

    customer = dy.String(primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    reason = dy.Enum(LOSS_REASONS, nullable=False)


CONTACTS = Contract("contacts", Contacts, ("contact_id",), event="at", dated=True)
LOSS_REASONS_GIVEN = Contract("loss_reasons", LossReasons, ("customer", "at"), event="at")
