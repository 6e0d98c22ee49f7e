"""The new figures beside the old ones, the difference measured on the days of stores by how the old system counted.

The old system may have known amounts without tax, closed its month on another day, left out a kind of store, rounded
each store and day, or held a day twice. Each day of each store is counted both ways, so the reasons sum exactly; what
is left is unexplained.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from crmlib.cases.accept import Acceptance, compare, measured
from crmlib.core.frames import AnyFrame, to_polars, whole

FIGURES = {"net_sales": "net_minor", "member_sales": "member_net_minor", "receipts": "receipts", "lines": "lines"}
"""Figures that the days of stores give, and the column of each."""
MONEY = ("net_sales", "member_sales")
ALL = "all"
"""Scope of a figure of all stores."""
WHOLE = 10_000
RULES = ("tax_bp", "closing_day", "leaves_out", "rounded_to", "repeated")
REASON = {"figure_id": pl.String, "scope": pl.String, "period": pl.String, "reason": pl.String, "amount": pl.Int64}
NEW = {"figure_id": pl.String, "scope": pl.String, "period": pl.String, "value": pl.Int64}


def accepted(old: AnyFrame, days: AnyFrame, stores: AnyFrame) -> Acceptance:
    """Every old figure against the new one.

    Parameters
    ----------
    old : figure_id (of FIGURES), scope (a region, a store or ``all``), period (``2026-09``), value (whole units),
        definition; tax_bp, closing_day, leaves_out, rounded_to, repeated (null: as the new system counts).
    days : store_id, day, and the columns of FIGURES, of whole days.
    stores : store_id, region, kind.

    Returns
    -------
    A figure that days of stores do not give, or of a scope or month without any, stands on the old side only.

    Raises
    ------
    ModelError
        `cases.no_definition` if an old figure has none.
    """
    table = to_polars(old, needs=("figure_id", "scope", "period", "value", "definition", *RULES), name="old_figures")
    sold = _days(days, stores)
    news: list[dict[str, Any]] = []
    reasons = [pl.DataFrame(schema=REASON)]
    for row in table.iter_rows(named=True):
        rows = _both(row, sold)
        if rows is None:
            continue
        key = {name: row[name] for name in ("figure_id", "scope", "period")}
        news.append(key | {"value": int(rows.filter(pl.col("period") == row["period"])["amount"].sum())})
        why = measured(rows, figure_id=row["figure_id"])
        reasons.append(why.filter(pl.col("period") == row["period"]).select(*REASON))
    return compare(table, pl.DataFrame(news, schema=NEW), pl.concat(reasons))


def _days(days: AnyFrame, stores: AnyFrame) -> pl.DataFrame:
    places = to_polars(stores, needs=("region", "kind"), name="stores", key="store_id")
    made = to_polars(days, needs=("store_id", "day", *FIGURES.values()), name="days")
    made = whole(made, list(FIGURES.values()), name="days")
    known = places.select("store_id", "region", pl.col("kind").cast(pl.String))
    return made.join(known, on="store_id", how="left", maintain_order="left")


def _both(row: dict[str, Any], sold: pl.DataFrame) -> pl.DataFrame | None:
    """Days of stores as `accept.measured` wants them; none where the new system has nothing of this figure."""
    column = FIGURES.get(row["figure_id"])
    if column is None:
        return None
    scope = row["scope"]
    here = pl.lit(value=True) if scope == ALL else (pl.col("region") == scope) | (pl.col("store_id") == scope)
    told, own = _month(row["closing_day"]), _month(None)
    near = sold.filter(here, (own == row["period"]) | (told == row["period"]))
    if near.filter(own == row["period"]).is_empty():
        return None
    amount = pl.col(column)
    taxed = int(row["tax_bp"] or 0)
    before = _half_up(amount * WHOLE, WHOLE + taxed) if taxed else amount
    unit = row["rounded_to"]
    twice = pl.format("{} {}", pl.col("store_id"), pl.col("day")).is_in(list(row["repeated"] or []))
    without = row["leaves_out"]
    return near.select(
        scope=pl.lit(scope), period=own, old_period=told, amount=amount, old_amount=before,
        in_old=pl.lit(value=True) if without is None else (pl.col("kind") != without).fill_null(value=True),
        in_new=pl.lit(value=True), copies=pl.when(twice).then(2).otherwise(1),
        rounded=_half_up(before, unit) * unit if unit else before,
    )  # fmt: skip


def _half_up(amount: pl.Expr, by: int) -> pl.Expr:
    """Whole quotient, half away from zero."""
    return amount.sign() * ((2 * amount.abs() + by) // (2 * by))


def _month(closing: int | None) -> pl.Expr:
    """The month of a day: the calendar's, or that which ends on its closing day."""
    day = pl.col("day")
    if closing is None:
        return day.dt.strftime("%Y-%m")
    following = day.dt.month_start().dt.offset_by("1mo")
    return pl.when(day.dt.day() > closing).then(following).otherwise(day).dt.strftime("%Y-%m")


def gate(steps: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """Steps that block the switch-over on `as_of`: due, blocking, and not done or done without evidence; oldest first.

    Parameters
    ----------
    steps : step_id, due_on, done_on, evidence, blocking.

    Returns
    -------
    The steps with late_days.
    """
    table = to_polars(steps, needs=("due_on", "done_on", "evidence", "blocking"), name="rollout_steps", key="step_id")
    done = (pl.col("done_on") <= as_of).fill_null(value=False)
    proven = pl.col("evidence").str.strip_chars().fill_null("") != ""
    open_ = table.filter(pl.col("blocking"), pl.col("due_on") <= as_of, ~(done & proven))
    return open_.with_columns(late_days=(pl.lit(as_of) - pl.col("due_on")).dt.total_days()).sort("due_on", "step_id")


def by_scope(found: Acceptance, *, first: list[str]) -> pl.DataFrame:
    """Scopes with their figures: scope, figures_n, blocking (lines that are not explained); those of `first` first."""
    bad = (pl.col("unexplained") != 0) | pl.col("only").is_not_null()
    counts = found.table.group_by("scope").agg(figures_n=pl.len().cast(pl.Int64), blocking=bad.sum().cast(pl.Int64))
    return counts.sort(~pl.col("scope").is_in(first), "scope")
