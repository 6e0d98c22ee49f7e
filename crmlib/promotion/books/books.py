"""The books of promotions: where each stands, what was approved, what was spent, claimed and left."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.apportion import over_levels
from crmlib.core.frames import AnyFrame, to_polars

ENDED = ("settled", "rejected", "cancelled", "expired")
"""States in which what was not spent is released."""
FUNDING = "funding"
ACTIVITIES = ("festival", "member", "daily")


def books(steps: AnyFrame, costs: AnyFrame, claims: AnyFrame) -> pl.DataFrame:
    """One row per promotion that was approved: approved = reserved + spent + released, in whole minor units.

    Parameters
    ----------
    steps : promotion_id, version, state, at, amount_minor (of an approval). costs : promotion_id, kind, amount_minor.
    claims : promotion_id, amount_minor, cap_minor.

    Returns
    -------
    promotion_id, state (the last), approved_version, approved_minor, reserved_minor, spent_minor (vouchers, at most
    what was approved), released_minor, over_minor (vouchers above it), funding_minor, claimed_minor, over_cap_minor
    (R14), edited (a version after the approved one: R10).
    """
    moves = to_polars(steps, needs=["promotion_id", "version", "state", "at", "amount_minor"], name="promotion_steps")
    moves = moves.with_columns(pl.col("state").cast(pl.String)).sort("promotion_id", "at", maintain_order=True)
    approved = moves.filter(pl.col("state") == "approved").group_by("promotion_id", maintain_order=True).last()
    last = moves.group_by("promotion_id").agg(pl.col("state").last(), newest=pl.col("version").max())
    paid = to_polars(costs, needs=["promotion_id", "kind", "amount_minor"], name="promotion_costs")
    funded = pl.col("kind").cast(pl.String) == FUNDING
    sums = paid.group_by("promotion_id").agg(
        vouchers=pl.col("amount_minor").filter(~funded).sum(), funding_minor=pl.col("amount_minor").filter(funded).sum()
    )
    asked = to_polars(claims, needs=["promotion_id", "amount_minor", "cap_minor"], name="promotion_claims")
    claimed = asked.group_by("promotion_id").agg(
        claimed_minor=pl.col("amount_minor").sum(), cap=pl.col("cap_minor").max()
    )
    table = approved.select(
        "promotion_id", approved_version="version", approved_minor=pl.col("amount_minor").fill_null(0)
    )
    for other in (last, sums, claimed):
        table = table.join(other, on="promotion_id", how="left", maintain_order="left")
    table = table.with_columns(pl.col("vouchers", "funding_minor", "claimed_minor").fill_null(0))
    spent = pl.min_horizontal("vouchers", "approved_minor")
    left = pl.col("approved_minor") - spent
    ended = pl.col("state").is_in(ENDED)
    return table.select(
        "promotion_id",
        "state",
        "approved_version",
        "approved_minor",
        reserved_minor=pl.when(ended).then(0).otherwise(left),
        spent_minor=spent,
        released_minor=pl.when(ended).then(left).otherwise(0),
        over_minor=pl.col("vouchers") - spent,
        funding_minor="funding_minor",
        claimed_minor="claimed_minor",
        over_cap_minor=(pl.col("claimed_minor") - pl.col("cap").fill_null(0)).clip(lower_bound=0),
        edited=pl.col("newest") > pl.col("approved_version"),
    ).sort("promotion_id")


def by_activity(
    budgets: AnyFrame, costs: AnyFrame, promotions: AnyFrame, accounts: pl.DataFrame, *, as_of: date
) -> pl.DataFrame:
    """Budget of the year against vouchers and money still reserved, by activity.

    Parameters
    ----------
    budgets : year, activity, budget_minor. costs : promotion_id, at, kind, amount_minor. promotions : judged versions
        with
        slot and grades (slot = festival; grades named = member; else daily). accounts : `books`.

    Returns
    -------
    activity, budget_minor, spent_minor, reserved_minor, left_minor, over.
    """
    kinds = to_polars(promotions, needs=["promotion_id", "slot", "grades"], name="promotions").select(
        "promotion_id",
        activity=pl.when(pl.col("slot").is_not_null())
        .then(pl.lit("festival"))
        .when(pl.col("grades").list.len() > 0)
        .then(pl.lit("member"))
        .otherwise(pl.lit("daily")),
    )
    money = to_polars(budgets, needs=["year", "activity", "budget_minor"], name="budgets")
    money = _in_force(money.filter(pl.col("year") == as_of.year))
    money = money.group_by("activity").agg(pl.col("budget_minor").sum())
    paid = to_polars(costs, needs=["promotion_id", "at", "kind", "amount_minor"], name="promotion_costs")
    paid = paid.filter((pl.col("at").dt.year() == as_of.year) & (pl.col("kind").cast(pl.String) != FUNDING))
    spent = paid.join(kinds, on="promotion_id").group_by("activity").agg(spent_minor=pl.col("amount_minor").sum())
    open_ = accounts.join(kinds, on="promotion_id").group_by("activity").agg(pl.col("reserved_minor").sum())
    table = pl.DataFrame({"activity": ACTIVITIES})
    for other in (money, spent, open_):
        table = table.join(other, on="activity", how="left", maintain_order="left")
    table = table.with_columns(pl.col("budget_minor", "spent_minor", "reserved_minor").fill_null(0))
    left = pl.col("budget_minor") - pl.col("spent_minor") - pl.col("reserved_minor")
    return table.with_columns(left_minor=left, over=left < 0)


def by_store(budgets: AnyFrame, costs: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """Budget of the year for promotions against vouchers, region by region and store by store.

    Parameters
    ----------
    budgets : year, region, store_id, budget_minor, and kind where other expenses are budgeted, too (left out here).
    costs : store_id, at, kind, amount_minor; a voucher of no store, or of one without a budget, is shared over all
        stores in proportion to their budgets, exact to the minor unit.

    Returns
    -------
    region, store_id, budget_minor, spent_minor, left_minor, over; regions and stores in their order.
    """
    money = to_polars(budgets, needs=["year", "region", "store_id", "budget_minor"], name="budgets")
    if "kind" in money.columns:
        money = money.filter(pl.col("kind").is_null())
    money = _in_force(money.filter(pl.col("year") == as_of.year))
    table = money.group_by("region", "store_id").agg(pl.col("budget_minor").sum()).sort("region", "store_id")
    paid = to_polars(costs, needs=["store_id", "at", "kind", "amount_minor"], name="promotion_costs")
    paid = paid.filter(
        pl.col("at").dt.year() == as_of.year, pl.col("at").dt.date() <= as_of, pl.col("kind").cast(pl.String) != FUNDING
    )
    own = paid.group_by("store_id").agg(own=pl.col("amount_minor").sum())
    table = table.join(own, on="store_id", how="left", maintain_order="left").with_columns(pl.col("own").fill_null(0))
    shared = int(paid["amount_minor"].sum()) - int(table["own"].sum())
    if table.height and table["budget_minor"].sum() > 0:
        weights = table.with_columns(weight="budget_minor")
        table = over_levels(shared, weights, levels=("region", "store_id"), part="part")
    else:
        table = table.with_columns(part=pl.lit(0, dtype=pl.Int64))
    spent = pl.col("own") + pl.col("part")
    return table.select(
        "region", "store_id", "budget_minor", spent_minor=spent, left_minor=pl.col("budget_minor") - spent,
        over=spent > pl.col("budget_minor"),
    )  # fmt: skip


def _in_force(budgets: pl.DataFrame) -> pl.DataFrame:
    """Newest version of every budget line; where a line has a figure for the year, its months are not added to it."""
    line = [c for c in ("year", "region", "activity", "store_id") if c in budgets.columns]
    if "version" in budgets.columns:
        budgets = budgets.filter(pl.col("version") == pl.col("version").max().over([*line, "month"]))
    if "month" in budgets.columns:
        budgets = budgets.filter((pl.col("month") == 0) | (pl.col("month").min().over(line) > 0))
    return budgets
