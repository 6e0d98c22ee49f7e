"""Targets: a year split down to persons and months without a rest, versions, and what was achieved.

Weights are last year's sales on the lunar-aligned days, so that a Spring Festival that moved from January to February
moves its target along. Parts go by largest remainder at every level, in a stated step (a whole ten thousand, say).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.apportion import over_levels
from crmlib.core.calendar import lunar_aligned
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.sales import crosstable

KEY = ("level", "unit_id", "month", "measure", "year")


def weights(days: AnyFrame, *, year: int, by: Sequence[str]) -> pl.DataFrame:
    """Last year's lunar-aligned sales of each month: the columns of `by`, month (first day), weight (≥ 0).

    days : day, net_minor and the columns of `by` (region, store_id, staff_id …). Months of `year` whose partners the
        table does not reach have no row.
    """
    first = date(year, 1, 1)
    count = (date(year + 1, 1, 1) - first).days
    pairs = [(lunar_aligned(d), d.replace(day=1)) for d in (first + timedelta(days=n) for n in range(count))]
    calendar = pl.DataFrame(pairs, schema={"day": pl.Date, "month": pl.Date}, orient="row")
    table = timed(days, at="day", needs=[*by, "net_minor"], name="days").with_columns(pl.col("day").cast(pl.Date))
    sums = calendar.join(table, on="day").group_by(*by, "month").agg(weight=pl.col("net_minor").sum())
    return sums.with_columns(pl.col("weight").clip(lower_bound=0)).sort(*by, "month")


def split(total_minor: int, rows: AnyFrame, *, levels: Sequence[str], step_minor: int = 1) -> pl.DataFrame:
    """Split a total over the levels, one after the other, in proportion to `weight`: the rows with amount_minor.

    Parameters
    ----------
    rows : one row per leaf: the columns of `levels` and weight (whole number ≥ 0), as `weights` gives it.
    levels : from the top down, e.g. region, store_id, staff_id, month.
    step_minor : every part is a multiple of it [minor units].

    Raises
    ------
    ModelError
        sales.target_weights: negative weights or none above 0; sales.target_step: the total is no multiple of the step.

    Examples
    --------
    >>> rows = pl.DataFrame({"region": ["N", "N", "S"], "store_id": ["a", "b", "c"], "weight": [1, 1, 1]})
    >>> split(100, rows, levels=["region", "store_id"])["amount_minor"].to_list()
    [34, 33, 33]
    """
    table = to_polars(rows, needs=[*levels, "weight"], name="weights")
    if table.is_empty() or table["weight"].min() < 0 or table["weight"].sum() <= 0:  # type: ignore[operator]
        raise ModelError("sales.target_weights", values={"rows": table.height})
    if total_minor % step_minor:
        raise ModelError("sales.target_step", values={"total": total_minor, "step": step_minor})
    return over_levels(total_minor, table, levels=levels, part="amount_minor", step=step_minor)


def table(rows: AnyFrame, *, unit_totals: AnyFrame, month_totals: AnyFrame, step_minor: int = 1) -> pl.DataFrame:
    """Cells of unit × month where the totals of both are given: unit_id, month, amount_minor; every total holds.

    Parameters
    ----------
    rows : unit_id, month, weight (≥ 0): the shape that the cells follow.
    unit_totals, month_totals : unit_id, amount_minor; month, amount_minor; multiples of the step, of the same sum.

    Raises
    ------
    ModelError
        sales.table_sums, sales.table_zeros, sales.target_step.
    """
    units = to_polars(unit_totals, needs=["amount_minor"], key="unit_id", name="unit_totals").sort("unit_id")
    months = to_polars(month_totals, needs=["amount_minor"], key="month", name="month_totals").sort("month")
    shape = to_polars(rows, needs=["unit_id", "month", "weight"], name="weights")
    grid = units.select("unit_id").join(months.select("month"), how="cross")
    cells = grid.join(
        shape.group_by("unit_id", "month").agg(pl.col("weight").sum()), on=["unit_id", "month"], how="left"
    )
    cells = cells.sort("unit_id", "month")
    given = [t["amount_minor"].to_numpy().astype(np.int64) for t in (units, months)]
    odd = int(sum((t % step_minor != 0).sum() for t in given))
    if odd:
        raise ModelError("sales.target_step", values={"total": odd, "step": step_minor})
    steps = [t // step_minor for t in given]
    weight = cells["weight"].fill_null(0).to_numpy().astype(np.float64).reshape(units.height, months.height)
    exact = crosstable.fit(weight, rows=steps[0], columns=steps[1])
    whole = crosstable.rounded(exact, rows=steps[0], columns=steps[1]) * step_minor
    return cells.select("unit_id", "month", amount_minor=pl.Series(whole.ravel(), dtype=pl.Int64))


def in_force(targets: AnyFrame, *, on: date) -> pl.DataFrame:
    """The rows of `targets` (contract `targets`) whose version was in force on a day.

    Raises
    ------
    ModelError
        sales.target_versions: two versions for one unit, month, measure and day.
    """
    needs = [*KEY, "amount_minor", "version", "valid_from", "valid_to"]
    table = to_polars(targets, needs=needs, name="targets")
    held = table.filter(
        (pl.col("valid_from") <= on) & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
    ).sort(*KEY, "version")
    twice = held.filter(pl.len().over(KEY) > 1)
    if twice.height:
        raise ModelError(
            "sales.target_versions",
            values={"rows": twice.height, "day": str(on)},
            examples=[mask(u) for u in twice["unit_id"].unique(maintain_order=True)],
        )
    return held


def of_month(targets: AnyFrame, *, month: date, on: date, measure: str = "net") -> pl.DataFrame:
    """Targets of one month and measure in the version in force on a day: level, unit_id, amount_minor.

    Raises
    ------
    ModelError
        sales.no_target: none of that month is in force; sales.target_versions.
    """
    held = in_force(targets, on=on).filter((pl.col("month") == month) & (pl.col("measure").cast(pl.String) == measure))
    if held.is_empty():
        raise ModelError("sales.no_target", values={"month": f"{month:%Y-%m}", "day": str(on)})
    return held.select(pl.col("level").cast(pl.String), "unit_id", "amount_minor").sort("level", "unit_id")


def of_stores(month: pl.DataFrame) -> pl.DataFrame:
    """Targets of stores, and of all of them together (unit_id null): unit_id, amount_minor.

    month : as `of_month` gives it. The company's own target goes before the sum of its stores'; a reader of some
        regions does not see it and gets the sum of theirs.
    """
    stores = month.filter(pl.col("level") == "store").select("unit_id", "amount_minor")
    whole = month.filter(pl.col("level") == "company").select("unit_id", "amount_minor")
    if whole.is_empty():
        parts = stores if stores.height else month.filter(pl.col("level") == "region")
        whole = parts.select(unit_id=pl.lit(None, dtype=pl.String), amount_minor=pl.col("amount_minor").sum()).head(1)
    return pl.concat([whole, stores])


def unbalanced(targets: AnyFrame, tree: AnyFrame) -> pl.DataFrame:
    """Parents whose children do not sum to them: parent_id, month, measure, parent_minor, children_minor, gap_minor.

    targets : rows in force (`in_force`); the company's unit_id is null.
    tree : unit_id, parent_id (null = the company). A parent none of whose children has a target is not broken.
    """
    held = to_polars(targets, needs=["unit_id", "month", "measure", "year", "amount_minor"], name="targets")
    above = to_polars(tree, needs=["parent_id"], key="unit_id", name="tree")
    keys = ["parent_id", "year", "month", "measure"]
    children = held.join(above, on="unit_id").group_by(keys).agg(children_minor=pl.col("amount_minor").sum())
    parents = held.rename({"unit_id": "parent_id", "amount_minor": "parent_minor"})
    both = parents.join(children, on=keys, nulls_equal=True).sort(keys)
    gap = pl.col("children_minor") - pl.col("parent_minor")
    return both.select("parent_id", "month", "measure", "parent_minor", "children_minor", gap_minor=gap).filter(
        pl.col("gap_minor") != 0
    )


def achieved(targets: AnyFrame, actual: AnyFrame, *, on: date) -> pl.DataFrame:
    """Actual beside the target in force on a day: the target's rows with actual_minor, gap_minor, share.

    actual : unit_id, month, amount_minor. No row is no data: actual, gap and share stay null, which is not 0 %.
    """
    held = in_force(targets, on=on)
    seen = to_polars(actual, needs=["unit_id", "month", "amount_minor"], name="actual")
    sums = seen.group_by("unit_id", "month").agg(actual_minor=pl.col("amount_minor").sum())
    joined = held.join(sums, on=["unit_id", "month"], how="left", nulls_equal=True, maintain_order="left")
    share = pl.when(pl.col("amount_minor") > 0).then(pl.col("actual_minor") / pl.col("amount_minor"))
    return joined.with_columns(gap_minor=pl.col("actual_minor") - pl.col("amount_minor"), share=share)
