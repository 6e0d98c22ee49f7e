"""Figures of staff counted from rows: a figure is a named query (table, condition, unit) that anybody can repeat.

A condition is `column=value|value;column=value`, all of which hold. The unit `rows` counts, `minor` adds amount_minor.
Typed figures are laid beside counted ones, never taken for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

UNITS = ("rows", "minor")
FACTS = {
    "staff_id": pl.String, "figure_id": pl.String, "day": pl.Date, "amount": pl.Int64, "late": pl.Boolean,
}  # fmt: skip
LATE = timedelta(hours=24)


def conditions(where: str | None) -> list[tuple[str, list[str]]]:
    """Column and values of each part of a condition.

    Examples
    --------
    >>> conditions("purpose=visit;outcome=reached|declined"), conditions(None)
    ([('purpose', ['visit']), ('outcome', ['reached', 'declined'])], [])
    """
    parts = [part.split("=", 1) for part in (where or "").split(";") if part.strip()]
    return [(part[0].strip(), [v.strip() for v in part[-1].split("|")]) for part in parts]


def facts(defs: AnyFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per fact of every figure whose table is there.

    Parameters
    ----------
    defs : figure_id, table, where, unit; one version each.
    tables : table → staff_id, at (date or time), known_at where known, amount_minor where amounts are added, and what
        conditions ask for.

    Returns
    -------
    staff_id, figure_id, day, amount (1 for rows), late (known more than a day after it happened).

    Raises
    ------
    ModelError
        `cases.bad_figure` for a unit or column that is not there.
    """
    law = to_polars(defs, needs=("figure_id", "table", "where", "unit"), name="figure_defs", key="figure_id")
    parts = [pl.DataFrame(schema=FACTS)]
    for figure, name, where, unit in law.select("figure_id", "table", "where", "unit").iter_rows():
        if name in tables:
            parts.append(_counted(figure, tables[name], where, unit, name))
    return pl.concat(parts)


def _counted(figure: str, table: pl.DataFrame, where: str | None, unit: str, name: str) -> pl.DataFrame:
    asked = conditions(where)
    lacking = [
        c for c in (*(c for c, _ in asked), *(["amount_minor"] if unit == "minor" else [])) if c not in table.columns
    ]
    if lacking or unit not in UNITS:
        raise ModelError(
            "cases.bad_figure",
            values={
                "figure": figure,
                "table": name,
                "asked": lacking[0] if lacking else unit,
                "units": ", ".join(UNITS),
            },
        )
    kept = table.filter(
        *(pl.col(c).cast(pl.String).is_in(values) for c, values in asked), pl.col("staff_id").is_not_null()
    )
    at = pl.col("at")
    late = pl.lit(value=False)
    if "known_at" in table.columns and table.schema["at"] != pl.Date:
        late = ((pl.col("known_at") - at) > LATE).fill_null(value=False)
    return kept.select(
        "staff_id", figure_id=pl.lit(figure), day=at if table.schema["at"] == pl.Date else at.dt.date(),
        amount=pl.col("amount_minor").cast(pl.Int64) if unit == "minor" else pl.lit(1, dtype=pl.Int64), late=late,
    )  # fmt: skip


def actuals(made: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """staff_id, figure_id, actual, late_rows of the facts from `first` to `last`."""
    table = to_polars(made, needs=tuple(FACTS), name="facts")
    inside = table.filter(pl.col("day").is_between(first, last))
    return (
        inside.group_by("staff_id", "figure_id")
        .agg(actual=pl.col("amount").sum(), late_rows=pl.col("late").sum().cast(pl.Int64))
        .sort("staff_id", "figure_id")
    )


def typed(reports: AnyFrame) -> pl.DataFrame:
    """staff_id, kind, period_start, period_end, figure_id, value of what was typed; only whole numbers.

    Parameters
    ----------
    reports : work_reports: staff_id, kind, period_start, period_end, typed (list of `figure=value`).
    """
    needs = ("staff_id", "kind", "period_start", "period_end", "typed")
    table = to_polars(reports, needs=needs, name="work_reports").with_columns(pl.col("kind").cast(pl.String))
    rows = table.explode("typed", empty_as_null=True, keep_nulls=True).filter(pl.col("typed").is_not_null())
    pair = pl.col("typed").str.splitn("=", 2)
    return rows.select(
        "staff_id", "kind", "period_start", "period_end",
        figure_id=pair.struct.field("field_0").str.strip_chars(),
        value=pair.struct.field("field_1").str.strip_chars().cast(pl.Int64, strict=False),
    ).filter(pl.col("value").is_not_null())  # fmt: skip


def beside(made: AnyFrame, told: AnyFrame) -> pl.DataFrame:
    """Typed figures beside the rows of their own period: … counted, late_rows, gap (typed − counted).

    Parameters
    ----------
    made : of `facts`. told : of `typed`.
    """
    rows = to_polars(told, needs=("staff_id", "period_start", "period_end", "figure_id", "value"), name="typed figures")
    every = to_polars(made, needs=tuple(FACTS), name="facts")
    near = rows.with_row_index("_row").join(every, on=["staff_id", "figure_id"], how="left")
    inside = near.filter(pl.col("day").is_between(pl.col("period_start"), pl.col("period_end")))
    by = inside.group_by("_row").agg(counted=pl.col("amount").sum(), late_rows=pl.col("late").sum().cast(pl.Int64))
    joined = rows.with_row_index("_row").join(by, on="_row", how="left", maintain_order="left").drop("_row")
    return joined.with_columns(pl.col("counted", "late_rows").fill_null(0)).with_columns(
        gap=pl.col("value") - pl.col("counted")
    )


def current(rules: AnyFrame, *, on: date) -> pl.DataFrame:
    """The newest version of each role's weights, or of each figure, that is valid on a day."""
    table = to_polars(rules, needs=("version", "valid_from"), name="versions")
    valid = table.filter(pl.col("valid_from") <= on)
    by = "role" if "role" in valid.columns else "figure_id"
    return valid.filter(pl.col("version") == pl.col("version").max().over(by))
