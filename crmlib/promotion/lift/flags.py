"""Checks that flag or refuse what would quietly spoil an evaluation: R4, R10 (till), R12, R13."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.calendar import status
from crmlib.core.errors import ContractError, mask
from crmlib.core.frames import AnyFrame, to_polars

EXCEL_EPOCH_YEARS = range(30_000, 60_000)
"""Numbers that are Excel day serials of 1982 to 2064."""


def above_base(panel: AnyFrame) -> pl.DataFrame:
    """R4, a flag: cells sold above their base price: store_id, product_id, week_n, price, base_price."""
    needs = ["store_id", "product_id", "week_n", "price", "base_price"]
    return to_polars(panel, needs=needs, name="panel").filter(pl.col("price") > pl.col("base_price")).select(needs)


def predicted_days(first: date, last: date) -> int:
    """R12, a flag: days of the period whose holidays are predicted, not yet published.

    Examples
    --------
    >>> predicted_days(date(2025, 1, 1), date(2025, 1, 31))
    0
    """
    days = pl.date_range(first, last, eager=True)
    return sum(status(d) == "predicted" for d in days.to_list())


def refuse_text(frame: AnyFrame, *, numbers: tuple[str, ...] = (), days: tuple[str, ...] = (), name: str) -> None:
    """R13: refuse numbers written with a decimal comma, and days that are Excel serial numbers.

    numbers, days : columns that are to hold them.

    Raises
    ------
    ContractError
        promotion.r13.
    """
    table = to_polars(frame, needs=[*numbers, *days], name=name)
    comma, low, high = r"^\s*-?\d+,\d+\s*$", EXCEL_EPOCH_YEARS.start, EXCEL_EPOCH_YEARS.stop
    for column in numbers:
        if table.schema[column] == pl.String:
            _refuse(table.filter(pl.col(column).str.contains(comma)), column, "numbers with a decimal point", name)
    for column in days:
        if table.schema[column].is_numeric():
            _refuse(table.filter(pl.col(column).is_between(low, high)), column, "days such as 2026-02-17", name)


def _refuse(bad: pl.DataFrame, column: str, expected: str, name: str) -> None:
    """R13 if there are bad rows."""
    if bad.height:
        raise ContractError(
            "promotion.r13",
            values={"column": column, "count": bad.height},
            examples=[mask(v) for v in bad[column].head(5).to_list()],
        )
