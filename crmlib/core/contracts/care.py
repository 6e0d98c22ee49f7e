"""Care: tasks, special days, and products that need guidance."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

TASK_KINDS = (
    "first_use", "use_up", "birthday", "anniversary", "follow_up", "points", "complaint", "meeting", "win_back",
    "other",
)  # fmt: skip
TASK_STATES = ("open", "done", "late", "cancelled", "not_fitted", "held_out")
DAY_KINDS = ("birthday", "wedding", "founding", "other")


class CareTasks(Table):
    """One row per task, made by a rule, returned by the adviser's form; `person_id` is one for merged cards."""

    task_id = dy.String(primary_key=True)
    person_id = dy.String(nullable=False)
    customer_id = dy.String(nullable=False)
    kind = dy.Enum(TASK_KINDS, nullable=False)
    made_on = dy.Date(nullable=False)
    due_on = dy.Date(nullable=False)
    window_days = dy.Int32(nullable=False, min=0)
    owner_staff = dy.String(nullable=True)
    product_id = dy.String(nullable=True)
    reason = dy.String(nullable=False)
    value_minor = dy.Int64(nullable=True)
    state = dy.Enum(TASK_STATES, nullable=False)
    done_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    contact_id = dy.String(nullable=True)
    rule_version = dy.String(nullable=False)

    @dy.rule()
    def done_after_made(cls) -> pl.Expr:  # noqa: N805
        """No task is done before it is made."""
        return cls.done_at.col.is_null() | (cls.done_at.col.dt.date() >= cls.made_on.col)


class SpecialDays(Table):
    """One row per customer and kind of day kept every year, solar or lunar."""

    customer_id = dy.String(primary_key=True)
    kind = dy.Enum(DAY_KINDS, primary_key=True)
    month = dy.Int8(nullable=False, min=1, max=12)
    day = dy.Int8(nullable=False, min=1, max=31)
    lunar = dy.Bool(nullable=False)
    leap = dy.Bool(nullable=True)

    @dy.rule()
    def day_exists(cls) -> pl.Expr:  # noqa: N805
        """A lunar month has at most 30 days, a solar one those of its month."""
        short = cls.month.col.is_in([4, 6, 9, 11])
        longest = pl.when(cls.lunar.col | short).then(30).when(cls.month.col == 2).then(29).otherwise(31)
        return cls.day.col <= longest


class GuidedProducts(Table):
    """One row per product whose buyers are guided; doses in units a day."""

    product_id = dy.String(primary_key=True)
    guide = dy.String(nullable=False)
    first_use_days = dy.Int32(nullable=True, min=0)
    dose_units_day = dy.Float64(nullable=True, min_exclusive=0)


CARE_TASKS = Contract("care_tasks", CareTasks, ("task_id",), event="made_on", defaults=(("window_days", "0"),))
SPECIAL_DAYS = Contract("special_days", SpecialDays, ("customer_id", "kind"), defaults=(("lunar", "false"),))
GUIDED_PRODUCTS = Contract("guided_products", GuidedProducts, ("product_id",))
