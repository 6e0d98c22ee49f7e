"""`contacts`: calls, visits, complaints and surveys."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

PURPOSES = ("follow_up", "care", "complaint", "survey", "invite", "win_back", "sale")


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

    @dy.rule()
    def solved_after_contact(cls) -> pl.Expr:  # noqa: N805
        """Nothing is solved before it is raised."""
        return cls.solved_at.col >= cls.at.col


CONTACTS = Contract("contacts", Contacts, ("contact_id",), event="at", dated=True)
