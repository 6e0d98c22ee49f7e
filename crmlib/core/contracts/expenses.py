"""`expenses`: what running the business cost, by the month it belongs to."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import Contract, Table

EXPENSE_KINDS = ("selling", "administrative", "finance")
EXPENSE_STATES = ("committed", "spent")
ALLOCATION_KEYS = ("none", "net_sales", "area", "staff", "equal")


class Expenses(Table):
    """One row per voucher, credited ones negative; what no store bears alone says by which key it is shared."""

    expense_id = dy.String(primary_key=True)
    kind = dy.Enum(EXPENSE_KINDS, nullable=False)
    line = dy.String(nullable=False)
    """Rent, wages, freight, display, media, interest, card fee, ..."""
    budget_line = dy.String(nullable=True)
    promotion_id = dy.String(nullable=True)
    store_id = dy.String(nullable=True)
    region = dy.String(nullable=True)
    month = dy.Date(nullable=False)
    paid_on = dy.Date(nullable=True)
    amount_minor = dy.Int64(nullable=False)
    state = dy.Enum(EXPENSE_STATES, nullable=False)
    variable = dy.Bool(nullable=False)
    allocation_key = dy.Enum(ALLOCATION_KEYS, nullable=True)

    @dy.rule()
    def month_is_a_first_day(cls) -> pl.Expr:  # noqa: N805
        """The month an expense belongs to is given as its first day."""
        return cls.month.col.dt.day() == 1

    @dy.rule()
    def shared_costs_have_a_key(cls) -> pl.Expr:  # noqa: N805
        """An expense of no store says how stores share it (`none` keeps it apart)."""
        return cls.store_id.col.is_not_null() | cls.allocation_key.col.is_not_null()


EXPENSES = Contract(
    "expenses",
    Expenses,
    ("expense_id",),
    event="month",
    defaults=(("state", "spent"), ("variable", "false")),
    ahead=True,
)
