"""Expenses beside those of a year ago: what sales would have changed, and what was spent beside that.

Last year's line is the plan: its variable part breathes with net sales, its fixed part stays. Volume and spending add
up to the change exactly (`crmlib.sales.expenses.against_budget`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.sales.expenses import WHOLE_BP, against_budget, allocated

LINE = ("kind", "line")


def store_months(store_day: AnyFrame, stores: AnyFrame) -> pl.DataFrame:
    """Weights for shared costs: store_id, region, month, net_sales, area, staff, net_minor, margin_minor.

    Parameters
    ----------
    store_day : store_id, day_n, net_minor, cost_minor, as `crmlib.panels.store_day`.
    stores : store_id, region, area_m2, staff_count.
    """
    days = to_polars(store_day, needs=["store_id", "day_n", "net_minor", "cost_minor"], name="store days")
    days = days.filter(pl.col("store_id").is_not_null())
    month = pl.col("day_n").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo")
    sums = days.group_by("store_id", month=month).agg(pl.col("net_minor", "cost_minor").sum())
    shops = to_polars(stores, needs=["store_id", "region", "area_m2", "staff_count"], name="stores", key="store_id")
    both = sums.join(shops.select("store_id", "region", "area_m2", "staff_count"), on="store_id", how="left")
    return both.select(
        "store_id",
        "region",
        "month",
        net_sales=pl.col("net_minor").clip(lower_bound=0),
        area=pl.col("area_m2").fill_null(0).round().cast(pl.Int64),
        staff=pl.col("staff_count").fill_null(0).cast(pl.Int64),
        net_minor="net_minor",
        margin_minor=pl.col("net_minor") - pl.col("cost_minor"),
    ).sort("store_id", "month")


def whole_months(expenses: AnyFrame, *, as_of: date) -> tuple[date, date, date, date]:
    """First and last month of this year and of the same months a year ago: those with expenses up to `as_of`."""
    table = to_polars(expenses, needs=["month"], name="expenses").filter(pl.col("month") <= as_of)
    last = table["month"].max()
    end = last if isinstance(last, date) else as_of.replace(day=1)
    return end.replace(month=1), end, end.replace(year=end.year - 1, month=1), end.replace(year=end.year - 1)


def against_last_year(
    expenses: AnyFrame, weights: pl.DataFrame, *, as_of: date, by: Sequence[str] = LINE
) -> pl.DataFrame:
    """Set the year so far against the same months a year ago, by the columns of `by`.

    Parameters
    ----------
    expenses : month, amount_minor, state, variable and the columns of `by`; spent ones count.
    weights : from `store_months`; sales are those of the store where `by` has store_id, else of all.

    Returns
    -------
    The columns of `by`; fixed_minor, variable_bp, planned_net_minor (a year ago), net_minor, spent_minor, months_now,
    months_then (with a voucher) and what `against_budget` adds; the largest overspending first. New lines have a plan
    of 0.
    """
    table = to_polars(expenses, needs=["month", "amount_minor", "state", "variable", *by], name="expenses")
    table = table.filter(pl.col("state").cast(pl.String) == "spent")
    first, last, first_then, last_then = whole_months(table, as_of=as_of)
    keys = list(by)
    on = ["store_id"] if "store_id" in keys else []

    def within(rows: pl.DataFrame, begin: date, end: date) -> pl.DataFrame:
        return rows.filter(pl.col("month").is_between(begin, end))

    def sold(begin: date, end: date, name: str) -> pl.DataFrame:
        rows = within(weights, begin, end)
        if on:
            return rows.group_by(on).agg(pl.col("net_minor").sum().alias(name))
        return rows.select(pl.col("net_minor").sum().alias(name))

    amount = pl.col("amount_minor")
    now = within(table, first, last).group_by(keys).agg(spent_minor=amount.sum(), months_now=pl.col("month").n_unique())
    then = within(table, first_then, last_then).group_by(keys)
    plan = then.agg(
        fixed_minor=amount.filter(~pl.col("variable")).sum(),
        moving=amount.filter("variable").sum(),
        months_then=pl.col("month").n_unique(),
    )
    both = now.join(plan, on=keys, how="full", coalesce=True)
    for name, span in (("planned_net_minor", (first_then, last_then)), ("net_minor", (first, last))):
        part = sold(*span, name)
        both = both.join(part, on=on, how="left") if on else both.join(part, how="cross")
    both = both.with_columns(
        pl.col(
            "spent_minor", "fixed_minor", "moving", "planned_net_minor", "net_minor", "months_now", "months_then"
        ).fill_null(0)
    )
    rate = (pl.col("moving") * WHOLE_BP / pl.col("planned_net_minor")).round().cast(pl.Int64)
    known = pl.col("planned_net_minor") > 0
    both = both.with_columns(variable_bp=pl.when(known).then(rate).otherwise(0))
    # what rounding the rate to basis points leaves, and what has no sales to breathe with, is fixed
    got = (2 * pl.col("planned_net_minor") * pl.col("variable_bp") + WHOLE_BP) // (2 * WHOLE_BP)
    both = both.with_columns(fixed_minor=pl.col("fixed_minor") + pl.col("moving") - got).drop("moving")
    return against_budget(both).sort(pl.col("spending_minor"), *keys, descending=[True, *(False for _ in keys)])


def by_store(expenses: AnyFrame, weights: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """What each store earns after its own and its share of common expenses, this year so far.

    Returns
    -------
    store_id, net_minor, margin_minor, own_minor, shared_minor, left_minor (margin less both), the lowest first. Costs
    of key `none` stay out; the stores' expenses and those sum to all that was spent.
    """
    table = to_polars(expenses, needs=["month", "state"], name="expenses")
    table = table.filter(pl.col("state").cast(pl.String) == "spent")
    first, last, _, _ = whole_months(table, as_of=as_of)
    rows = allocated(table.filter(pl.col("month").is_between(first, last)), weights)
    sums = (
        rows.filter(pl.col("store_id").is_not_null())
        .group_by("store_id")
        .agg(
            own_minor=pl.col("amount_minor").filter(~pl.col("shared")).sum(),
            shared_minor=pl.col("amount_minor").filter("shared").sum(),
        )
    )
    sold = weights.filter(pl.col("month").is_between(first, last)).group_by("store_id")
    both = sold.agg(pl.col("net_minor", "margin_minor").sum()).join(sums, on="store_id", how="full", coalesce=True)
    both = both.with_columns(pl.exclude("store_id").fill_null(0))
    left = pl.col("margin_minor") - pl.col("own_minor") - pl.col("shared_minor")
    return both.with_columns(left_minor=left).sort("left_minor", "store_id")
