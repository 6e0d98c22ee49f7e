"""Checks that flag or refuse what would quietly spoil an evaluation: R4, R10 (till), R12, R13."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.calendar import status
from crmlib.core.errors import ContractError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.panel import refusal

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


def refuse_text_numbers(frame: AnyFrame, *, columns: list[str], name: str) -> None:
    """R13: refuse numbers written with a decimal comma.

    Raises
    ------
    ContractError
        promotion.r13.
    """
    table = to_polars(frame, needs=columns, name=name)
    for column in columns:
        if table.schema[column] == pl.String:
            bad = table.filter(pl.col(column).str.contains(r"^\s*-?\d+,\d+\s*$"))
            if bad.height:
                raise refusal(
                    13, bad, f"values of {column} with a decimal comma", "a decimal point", "map them", column
                )


def refuse_excel_days(frame: AnyFrame, *, columns: list[str], name: str) -> None:
    """R13: refuse days that are Excel serial numbers.

    Raises
    ------
    ContractError
        promotion.r13.
    """
    table = to_polars(frame, needs=columns, name=name)
    for column in columns:
        if table.schema[column].is_numeric():
            low, high = EXCEL_EPOCH_YEARS.start, EXCEL_EPOCH_YEARS.stop
            if table.filter(pl.col(column).is_between(low, high)).height:
                raise ContractError(
                    "promotion.r13",
                    given=f"{name}: {column} holds numbers like {table[column][0]} where days are expected",
                    expected="days such as 2026-02-17",
                    mend="read the column as Excel days in the mapping of the source",
                    values={"column": column, "count": table.height},
                )
