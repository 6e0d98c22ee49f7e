"""The books of promotions: steps, costs, claims, notes, orders and stock; the budgets that pay for them; the staff."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table
from crmlib.core.contracts.expenses import EXPENSE_KINDS
from crmlib.core.contracts.receipts import UNITS

COST_KINDS = ("gift", "points", "display", "labour", "media", "funding", "other")
STATES = (
    "draft", "submitted", "approved", "executing", "closed", "claimed", "settled", "rejected", "cancelled", "expired",
)  # fmt: skip
NOTE_KINDS = ("incident", "feedback", "competitor")
LOCATIONS = ("shelf", "back", "warehouse")
STAFF_ROLES = ("cashier", "adviser", "manager", "planner", "service", "salesperson", "agent", "driver", "trainer")


class PromotionSteps(Table):
    """One row per move of a promotion from state to state; `amount_minor` is what an approval approves."""

    promotion_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    state = dy.Enum(STATES, primary_key=True)
    at = dy.Datetime(primary_key=True, time_zone=TIME_ZONE)
    actor = dy.String(nullable=False)
    amount_minor = dy.Int64(nullable=True, min=0)


class PromotionCosts(Table):
    """One row per voucher; `funding` is money from the supplier, all others are money paid out."""

    cost_id = dy.String(primary_key=True)
    promotion_id = dy.String(nullable=False)
    store_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(COST_KINDS, nullable=False)
    amount_minor = dy.Int64(nullable=False, min=0)


class PromotionClaims(Table):
    """One row per claim on a supplier or partner; `cap_minor` is the most that the agreement pays."""

    claim_id = dy.String(primary_key=True)
    promotion_id = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    amount_minor = dy.Int64(nullable=False, min=0)
    cap_minor = dy.Int64(nullable=True, min=0)
    paid_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)


class PromotionNotes(Table):
    """One row per incident, customer's word or competitor's move seen during a promotion."""

    note_id = dy.String(primary_key=True)
    promotion_id = dy.String(nullable=False)
    store_id = dy.String(nullable=True)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    kind = dy.Enum(NOTE_KINDS, nullable=False)
    score = dy.Int8(nullable=True, min=1, max=5)
    solved = dy.Bool(nullable=True)
    note = dy.String(nullable=True)


class Orders(Table):
    """One row per order placed ahead (app, counter slip); `checked_out_at` is null while it is open."""

    order_id = dy.String(primary_key=True)
    promotion_id = dy.String(nullable=True)
    store_id = dy.String(nullable=False)
    ordered_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    checked_out_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)

    @dy.rule()
    def checked_out_after_ordering(cls) -> pl.Expr:  # noqa: N805
        """An order is checked out after it was placed."""
        return cls.checked_out_at.col.is_null() | (cls.checked_out_at.col >= cls.ordered_at.col)


class Stock(Table):
    """One row per store, product, lot and day on which goods were counted: what was left at closing.

    `lot_id` is empty where the count is not by lot. A count is never negative; a book balance may be (`stock_moves`).
    """

    store_id = dy.String(primary_key=True)
    product_id = dy.String(primary_key=True)
    lot_id = dy.String(primary_key=True)
    counted_on = dy.Date(primary_key=True)
    on_hand_milli = dy.Int64(nullable=False, min=0)
    unit = dy.Enum(UNITS, nullable=True)
    location = dy.Enum(LOCATIONS, nullable=True)
    counted_by = dy.String(nullable=True)


class Budgets(Table):
    """One row per budget line of a year or month: region, activity, store; a change is a new version.

    `month` 0 is the whole year; `variable_bp` is the share of net sales [basis points] that varies with them, on top
    of `budget_minor`, which is fixed.
    """

    year = dy.Int32(primary_key=True)
    region = dy.String(primary_key=True)
    activity = dy.String(primary_key=True)
    store_id = dy.String(primary_key=True)
    month = dy.Int32(primary_key=True, min=0, max=12)
    version = dy.Int32(primary_key=True, min=1)
    budget_minor = dy.Int64(nullable=False, min=0)
    kind = dy.Enum(EXPENSE_KINDS, nullable=True)
    variable_bp = dy.Int32(nullable=True, min=0, max=10_000)


class Staff(Table):
    """One row per person who works here, by the name among colleagues; `calls_per_day` is what an adviser can do."""

    staff_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    role = dy.Enum(STAFF_ROLES, nullable=False)
    region = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    joined_on = dy.Date(nullable=True)
    left_on = dy.Date(nullable=True)
    calls_per_day = dy.Int32(nullable=True, min=0)
    team = dy.String(nullable=True)
    manager_staff = dy.String(nullable=True)

    @dy.rule()
    def left_after_joined(cls) -> pl.Expr:  # noqa: N805
        """Nobody leaves before joining."""
        return cls.left_on.col.is_null() | cls.joined_on.col.is_null() | (cls.left_on.col >= cls.joined_on.col)


PROMOTION_STEPS = Contract(
    "promotion_steps",
    PromotionSteps,
    ("promotion_id", "version", "state", "at"),
    event="at",
    defaults=(("version", "1"),),
)
PROMOTION_COSTS = Contract("promotion_costs", PromotionCosts, ("cost_id",), event="at")
PROMOTION_CLAIMS = Contract("promotion_claims", PromotionClaims, ("claim_id",), event="at")
PROMOTION_NOTES = Contract("promotion_notes", PromotionNotes, ("note_id",), event="at")
ORDERS = Contract("orders", Orders, ("order_id",), event="ordered_at")
STOCK = Contract(
    "stock",
    Stock,
    ("store_id", "product_id", "lot_id", "counted_on"),
    event="counted_on",
    defaults=(("lot_id", ""),),
)
BUDGETS = Contract(
    "budgets",
    Budgets,
    ("year", "region", "activity", "store_id", "month", "version"),
    defaults=(("month", "0"), ("version", "1")),
)
STAFF = Contract("staff", Staff, ("staff_id",), event="joined_on")
