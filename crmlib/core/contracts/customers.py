"""`customers` without personal data, and `people`, which holds it apart."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

GENDERS = ("female", "male")
MERGE_STATES = ("accepted", "rejected", "undone")
ASSIGNMENT_KINDS = ("first", "claim", "assigned", "hand_over", "returned")


class Customers(Table):
    """One row per customer: what a report may show."""

    customer_id = dy.String(primary_key=True)
    joined_on = dy.Date(nullable=True)
    source = dy.String(nullable=True)
    referred_by = dy.String(nullable=True)
    birth_month = dy.Int8(nullable=True, min=1, max=12)
    birth_day = dy.Int8(nullable=True, min=1, max=31)
    birth_lunar = dy.Bool(nullable=True)
    birth_leap = dy.Bool(nullable=True)
    age_band = dy.String(nullable=True)
    gender = dy.Enum(GENDERS, nullable=True)
    region = dy.String(nullable=True)
    occupation = dy.String(nullable=True)
    industry = dy.String(nullable=True)
    education = dy.String(nullable=True)
    household = dy.String(nullable=True)
    income_band = dy.String(nullable=True)
    home_cell = dy.String(nullable=True)
    home_store = dy.String(nullable=True)
    tags = dy.List(dy.String(nullable=False), nullable=False)
    owner_staff = dy.String(nullable=True)
    may_sms = dy.Bool(nullable=False)
    may_email = dy.Bool(nullable=False)
    may_call = dy.Bool(nullable=False)
    may_visit = dy.Bool(nullable=True)
    quiet_from = dy.Int16(nullable=True, min=0, max=1440)
    quiet_to = dy.Int16(nullable=True, min=0, max=1440)


class People(Table):
    """Who a customer is. Never joined in a notebook; read only for a logged hand-off."""

    customer_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    phone = dy.String(nullable=True)
    email = dy.String(nullable=True)
    birthday = dy.Date(nullable=True)


class Assignments(Table):
    """One row per member and owner: from `starts_on` on, until the member's next row or `ends_on`; nobody: the pool."""

    customer_id = dy.String(primary_key=True)
    starts_on = dy.Date(primary_key=True)
    staff_id = dy.String(nullable=True)
    ends_on = dy.Date(nullable=True)
    kind = dy.Enum(ASSIGNMENT_KINDS, nullable=True)
    by_staff = dy.String(nullable=True)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """Nobody hands over before taking over."""
        return cls.ends_on.col >= cls.starts_on.col


class CardMerges(Table):
    """One row per decision about two cards that may be one person's; the latest one of a pair counts."""

    keep_id = dy.String(primary_key=True)
    merge_id = dy.String(primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    state = dy.Enum(MERGE_STATES, nullable=False)
    by = dy.String(nullable=False)
    reason = dy.String(nullable=True)
    probability = dy.Float64(nullable=True, min=0.0, max=1.0)


CUSTOMERS = Contract(
    "customers",
    Customers,
    ("customer_id",),
    event="joined_on",
    defaults=(
        ("tags", ""),
        ("may_sms", "false"),
        ("may_email", "false"),
        ("may_call", "false"),
    ),
)
PEOPLE = Contract("people", People, ("customer_id",))
CARD_MERGES = Contract("card_merges", CardMerges, ("keep_id", "merge_id", "at"), event="at")
ASSIGNMENTS = Contract("assignments", Assignments, ("customer_id", "starts_on"), event="starts_on")
