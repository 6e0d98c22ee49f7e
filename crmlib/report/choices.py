"""Parameters of own reports whose values stand in a column of the lake: what a reader may choose, and the check."""

from __future__ import annotations

import polars as pl

from crmlib import panels
from crmlib.core.errors import ParameterError
from crmlib.report.form.cell import place_of
from crmlib.report.form.parameters import Issue
from crmlib.report.page import LINES, Page

MOST = 500
"""A column with more values than this is written, not chosen."""


def offered(page: Page) -> dict[str, tuple[str, ...]]:
    """Name of a parameter → the values of its column that the reader may see; none where there are too many."""
    return {name: values for name, place in _places(page).items() if 0 < len(values := _values(page, place)) <= MOST}


def check(page: Page) -> None:
    """Whether each value chosen is one of its column.

    Raises
    ------
    ParameterError
        `report.not_offered`.
    """
    for name, place in _places(page).items():
        value = getattr(page.params, name)
        if value is None or value in (known := _values(page, place)):
            continue
        shown = ", ".join(known[:20]) or "-"
        raise ParameterError(
            "report.not_offered",
            values={
                "name": name,
                "value": value,
                "known": shown,
                "issues": (Issue(name, str(value), "choice", {"choices": shown}),),
            },
        )


def _places(page: Page) -> dict[str, str]:
    found = {name: place_of(info.metadata) for name, info in type(page.params).model_fields.items()}
    return {name: place for name, place in found.items() if place}


def _values(page: Page, place: str) -> tuple[str, ...]:
    table, _, column = place.partition(".")
    if not page.has(table):
        return ()
    if table == LINES:
        return panels.values_of(page.lines, column)
    rows = page.table(table)
    if column not in rows.collect_schema().names():
        return ()
    found = rows.select(pl.col(column).drop_nulls().cast(pl.String).unique().sort()).collect(engine="streaming")
    return tuple(found[column])
