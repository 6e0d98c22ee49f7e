"""Scores that a person can recompute: Σ weight · min(cap, actual/target), in basis points, half up.

Weights are frozen before the period begins; a correction is a row with an author, never a changed figure.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

BP = 10_000
SHEET: dict[str, pl.DataType | type[pl.DataType]] = {
    "staff_id": pl.String, "figure_id": pl.String, "counted": pl.Int64, "corrected": pl.Int64, "target": pl.Int64,
    "reached_bp": pl.Int64, "weight_bp": pl.Int64, "points_bp": pl.Int64,
}  # fmt: skip
"""What a score sheet holds."""


def score(
    actuals: AnyFrame, targets: AnyFrame, rules: AnyFrame, *, period_start: date, corrections: AnyFrame | None = None
) -> pl.DataFrame:
    """Score sheets of everybody with targets.

    Parameters
    ----------
    actuals : staff_id, figure_id, actual (whole units of the figure); missing is 0.
    targets : staff_id, role, figure_id, target.
    rules : role, figure_id, weight_bp, cap_bp, frozen_at (date); one version per role.
    corrections : staff_id, figure_id, change, by_staff.

    Returns
    -------
    staff_id, figure_id, counted, corrected, target, reached_bp (capped), weight_bp, points_bp (null where a figure has
    no target above 0: it is shown, its weight is spread over the others); sum of points_bp by person is the score.

    Raises
    ------
    ModelError
        `cases.weights`, `cases.frozen_late`, `cases.no_author`.
    """
    law = to_polars(rules, needs=("role", "figure_id", "weight_bp", "cap_bp", "frozen_at"), name="score_rules")
    _refuse(law, period_start)
    done = to_polars(actuals, needs=("staff_id", "figure_id", "actual"), name="figures")
    goals = to_polars(targets, needs=("staff_id", "role", "figure_id", "target"), name="person_targets")
    sheet = (
        goals.join(law, on=["role", "figure_id"], how="inner")
        .join(done, on=["staff_id", "figure_id"], how="left")
        .join(_changes(corrections), on=["staff_id", "figure_id"], how="left")
        .with_columns(counted=pl.col("actual").fill_null(0), corrected=pl.col("change").fill_null(0))
    )
    actual = (pl.col("counted") + pl.col("corrected")).clip(0)
    known = pl.col("target") > 0
    reached = pl.min_horizontal((2 * BP * actual + pl.col("target")) // (2 * pl.col("target")), pl.col("cap_bp"))
    weight = pl.col("weight_bp").filter(known).sum().over("staff_id")
    return (
        sheet.with_columns(reached_bp=pl.when(known).then(reached))
        .with_columns(points_bp=(2 * pl.col("weight_bp") * pl.col("reached_bp") + weight) // (2 * weight))
        .select(*SHEET)
        .sort("staff_id", "figure_id")
    )


def _changes(corrections: AnyFrame | None) -> pl.DataFrame:
    if corrections is None:
        return pl.DataFrame(schema={"staff_id": pl.String, "figure_id": pl.String, "change": pl.Int64})
    table = to_polars(corrections, needs=("staff_id", "figure_id", "change", "by_staff"), name="score_corrections")
    bad = table.filter(pl.col("by_staff").is_null() | (pl.col("by_staff") == pl.col("staff_id"))).height
    if bad:
        raise ModelError("cases.no_author", values={"rows": bad})
    return table.group_by("staff_id", "figure_id").agg(pl.col("change").sum())


def _refuse(rules: pl.DataFrame, period_start: date) -> None:
    sums = rules.group_by("role").agg(pl.col("weight_bp").sum()).filter(pl.col("weight_bp") != BP).sort("role")
    if sums.height:
        role, total = sums.row(0)
        raise ModelError("cases.weights", values={"role": role, "sum": total, "needed": BP})
    late = rules.filter(pl.col("frozen_at").cast(pl.Date) >= period_start).height
    if late:
        raise ModelError("cases.frozen_late", values={"rows": late, "start": str(period_start)})
