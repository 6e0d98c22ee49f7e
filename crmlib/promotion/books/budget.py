"""A budget split from the year down to the store, exact at every step, and every minor unit accounted for."""

from __future__ import annotations

import polars as pl

from crmlib.core.apportion import over_levels
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

LEVELS = ("region", "activity", "store_id")


def split(total_minor: int, weights: AnyFrame, *, levels: tuple[str, ...] = LEVELS) -> pl.DataFrame:
    """Split an annual budget over regions, then activities, then stores, in proportion to weights.

    Parameters
    ----------
    weights : one row per leaf: the level columns and weight (whole number ≥ 0, e.g. last year's sales).

    Returns
    -------
    The rows with budget_minor; at every level the parts add up to the whole exactly.

    Raises
    ------
    ModelError
        promotion.budget_weights: negative weights, or none above 0.

    Examples
    --------
    >>> rows = pl.DataFrame({"region": ["N", "N", "S"], "store_id": ["a", "b", "c"], "weight": [1, 1, 1]})
    >>> split(100, rows, levels=("region", "store_id"))["budget_minor"].to_list()
    [34, 33, 33]
    """
    table = to_polars(weights, needs=[*levels, "weight"], name="weights").sort(levels)
    if table.is_empty() or table["weight"].min() < 0 or table["weight"].sum() <= 0:  # type: ignore[operator]
        raise ModelError("promotion.budget_weights", values={"count": table.height})
    return over_levels(total_minor, table, levels=levels, part="budget_minor")


def claims_checked(claims: AnyFrame, limits: AnyFrame) -> pl.DataFrame:
    """Claims against their caps: claim_id, promotion_id, amount_minor, so_far_minor, limit_minor, over_minor (R14).

    claims : claim_id, promotion_id, amount_minor, in the order in which they came.
    limits : promotion_id, cap_minor, unit_minor, executed_milli: at most the cap, and what was carried out × unit.
    """
    table = to_polars(claims, needs=["claim_id", "promotion_id", "amount_minor"], name="claims")
    caps = to_polars(limits, needs=["promotion_id", "cap_minor", "unit_minor", "executed_milli"], name="limits")
    carried_out = pl.col("unit_minor") * pl.col("executed_milli") // 1000
    caps = caps.select("promotion_id", limit_minor=pl.min_horizontal("cap_minor", carried_out))
    joined = table.join(caps, on="promotion_id", how="left", maintain_order="left").with_columns(
        pl.col("limit_minor").fill_null(0), so_far_minor=pl.col("amount_minor").cum_sum().over("promotion_id")
    )
    over = (pl.col("so_far_minor") - pl.col("limit_minor")).clip(lower_bound=0)
    return joined.with_columns(over_minor=pl.min_horizontal(over, "amount_minor"))


def spending(lines: AnyFrame, budgets: AnyFrame) -> pl.DataFrame:
    """Spending by budget line, so that an overspend shows before it happens.

    Returns budget_line, budget_minor, spent_minor, committed_minor, left_minor, over.

    lines : budget_line, kind (selling, administrative, finance), amount_minor, state (committed or spent).
    """
    table = to_polars(lines, needs=["budget_line", "amount_minor", "state"], name="expenses")
    money = to_polars(budgets, needs=["budget_line", "budget_minor"], name="budgets")
    sums = table.group_by("budget_line").agg(
        spent_minor=pl.col("amount_minor").filter(pl.col("state") == "spent").sum(),
        committed_minor=pl.col("amount_minor").filter(pl.col("state") == "committed").sum(),
    )
    joined = money.join(sums, on="budget_line", how="full", coalesce=True).with_columns(
        pl.col("budget_minor", "spent_minor", "committed_minor").fill_null(0)
    )
    left = pl.col("budget_minor") - pl.col("spent_minor") - pl.col("committed_minor")
    return joined.with_columns(left_minor=left, over=left < 0).sort("budget_line")
