"""The board of promotions: where each stands today, how long to go, what it holds of the budget, what it meets."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

DROPPED = ("rejected", "cancelled", "expired")
APPROVED = ("approved", "executing", "closed", "claimed", "settled")
STAGES = ("unapproved", "running", "approved", "submitted", "draft", "closed", "settled")
"""unapproved: its days have come without an approval; closed: over, its books still open."""
LIFE = {
    state: place
    for place, state in enumerate(
        ("draft", "submitted", "approved", "executing", "closed", "claimed", "settled", *DROPPED)
    )
}
"""How far on in its life a promotion is: what is approved today is so at once, its step counts from its day on."""
_NEEDS = (
    *("promotion_id", "name", "mechanic", "depth_bp", "category", "first_day", "last_day", "stores", "products"),
    *("budget_minor", "state"),
)


def board(
    promotions: AnyFrame, *, as_of: date, steps: AnyFrame | None = None, accounts: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Every promotion that was not dropped, in the order of its days.

    Parameters
    ----------
    promotions : judged versions (`calendar.frozen_versions`). steps : promotion_steps up to `as_of`, where connected:
        the last one says where a promotion stands, before what its own row says.
    accounts : `books.books`, where connected: what it still holds of the budget.

    Returns
    -------
    promotion_id, name, mechanic, depth_bp, category, first_day, last_day, stores, products, budget_minor, stage,
    days_to (to its first day if ahead, to its last day if running, else since its end: negative), reserved_minor (null
    without accounts), funding_open_minor (supplier money not claimed yet).
    """
    table = to_polars(promotions, needs=_NEEDS, name="promotions").select(_NEEDS)
    if steps is not None:
        moves = to_polars(steps, needs=["promotion_id", "state", "at"], name="promotion_steps").sort("at")
        last = moves.group_by("promotion_id").agg(moved=pl.col("state").cast(pl.String).last())
        table = table.join(last, on="promotion_id", how="left", maintain_order="left")
        own = pl.col("state").cast(pl.String)
        behind = own.replace_strict(LIFE, default=-1) < pl.col("moved").replace_strict(LIFE, default=-1)
        further = pl.when(own.is_null() | behind).then("moved").otherwise(own)
        table = table.with_columns(state=pl.when(pl.col("moved").is_null()).then(own).otherwise(further)).drop("moved")
    if accounts is None:
        accounts = pl.DataFrame(schema={"promotion_id": pl.String, **dict.fromkeys(_MONEY, pl.Int64)})
    table = table.join(accounts.select("promotion_id", *_MONEY), on="promotion_id", how="left", maintain_order="left")
    state = pl.col("state").cast(pl.String).fill_null("draft")
    table = table.filter(~state.is_in(DROPPED))
    today = pl.lit(as_of)
    ahead, over = pl.col("first_day") > today, pl.col("last_day") < today
    stage = (
        pl.when(over & (state == "settled")).then(pl.lit("settled"))
        .when(over).then(pl.lit("closed"))
        .when(ahead & state.is_in(APPROVED)).then(pl.lit("approved"))
        .when(ahead & (state == "submitted")).then(pl.lit("submitted"))
        .when(ahead).then(pl.lit("draft"))
        .when(state.is_in(APPROVED)).then(pl.lit("running"))
        .otherwise(pl.lit("unapproved"))
    )  # fmt: skip
    until = pl.when(ahead).then(pl.col("first_day")).otherwise(pl.col("last_day"))
    found = table.with_columns(
        stage=stage,
        days_to=(until - today).dt.total_days(),
        funding_open_minor=(pl.col("funding_minor") - pl.col("claimed_minor")).clip(lower_bound=0),
    )
    return found.drop("state", "funding_minor", "claimed_minor").sort("first_day", "promotion_id")


_MONEY = ("reserved_minor", "funding_minor", "claimed_minor")


def meetings(found: pl.DataFrame) -> pl.DataFrame:
    """Pairs of promotions that are not over and meet on the same goods, stores and days.

    found : `board`; empty lists of stores or products mean all.

    Returns
    -------
    one, other (promotion_id), first_day, last_day (of the days they share), stores, products (how many they share;
    null: all).
    """
    live = [r for r in found.iter_rows(named=True) if r["stage"] not in {"closed", "settled"}]
    rows = [met for one, other in combinations(live, 2) if (met := _meeting(one, other)) is not None]
    schema = {
        "one": pl.String(), "other": pl.String(), "first_day": pl.Date(), "last_day": pl.Date(), "stores": pl.Int64(),
        "products": pl.Int64(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").sort("first_day", "one", "other")


def _meeting(one: dict[str, Any], other: dict[str, Any]) -> tuple[object, ...] | None:
    first, last = max(one["first_day"], other["first_day"]), min(one["last_day"], other["last_day"])
    shared = [_shared(one[c], other[c]) for c in ("stores", "products")]
    if first > last or 0 in shared:
        return None
    return one["promotion_id"], other["promotion_id"], first, last, *shared


def _shared(one: list[str], other: list[str]) -> int | None:
    """How many both have; an empty list has all (None where both have)."""
    if one and other:
        return len(set(one) & set(other))
    return len(one or other) or None
