"""Parameters whose values stand in a column of the lake: what a reader may choose, by name, and the check."""

from __future__ import annotations

import polars as pl

from crmlib import panels
from crmlib.core.errors import ParameterError
from crmlib.report.form.cell import place_of
from crmlib.report.form.parameters import Issue
from crmlib.report.form.picks import Pick
from crmlib.report.page import LINES, Page

MOST = 500
"""A column with more values than this is written, not chosen."""


def offered(page: Page) -> dict[str, tuple[tuple[str, str], ...]]:
    """Name of a parameter → value and label of each that the reader may see; none where there are too many."""
    found = {name: tuple((v, v) for v in _values(page, place)) for name, place in _places(page).items()}
    for name, info in type(page.params).model_fields.items():
        for rule in info.metadata:
            if isinstance(rule, Pick):
                found[name] = _picks(page, rule)
    own = page.context.person
    if own and "person" in found:  # whoever has a staff number is offered no other
        found["person"] = tuple(pair for pair in found["person"] if pair[0] == own)
    return {name: pairs for name, pairs in found.items() if 0 < len(pairs) <= MOST}


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


def _picks(page: Page, pick: Pick) -> tuple[tuple[str, str], ...]:
    """Value and label of each row that the reader may see, the latest or the first by label first."""
    rows = page.optional(pick.table)
    columns = set() if rows is None else set(rows.collect_schema().names())
    if rows is None or pick.value not in columns:
        return ()
    latest = pl.col(pick.latest).max() if pick.latest in columns else pl.lit(0)
    known = rows.filter(pl.col(pick.value).is_not_null()).group_by(value=pl.col(pick.value).cast(pl.String)).agg(
        latest=latest, **{c: pl.col(c).drop_nulls().last() for c in pick.label if not pick.of and c in columns}
    )  # fmt: skip
    table = known.collect()
    if pick.of:
        table = table.join(_labels(page, pick), on="value", how="left")
    shown = [c for c in pick.label if c in table.columns]
    parts = [_text(c, table.schema[c]) for c in shown] or [pl.col("value")]
    named = table.with_columns(label=pl.concat_str(parts, separator=" · ", ignore_nulls=True))
    named = named.with_columns(label=pl.when(pl.col("label") == "").then("value").otherwise("label"))
    order = named.sort("latest", "label", "value", descending=[True, False, False], nulls_last=True)
    return tuple(order.select("value", "label").iter_rows())


def _labels(page: Page, pick: Pick) -> pl.DataFrame:
    """The labels of another table by value; empty where it is not connected."""
    table, key = pick.source
    rows = page.optional(table)
    if rows is None:
        return pl.DataFrame(schema={"value": pl.String})
    columns = [c for c in pick.label if c in rows.collect_schema().names()]
    return rows.select(pl.col(key).cast(pl.String).alias("value"), *columns).unique("value", keep="last").collect()


def _text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column as it stands in a label: instants as their day."""
    return (pl.col(column).dt.date() if isinstance(dtype, pl.Datetime) else pl.col(column)).cast(pl.String)


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
