"""The form that all checks of the data health page share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words

if TYPE_CHECKING:
    import altair as alt


def check(
    key: str,
    kind: str,
    status: Status,
    table: pl.DataFrame,
    values: dict[str, str],
    *,
    words: Words,
    view: pl.DataFrame | None = None,
    named: dict[str, str] | None = None,
    chart: alt.TopLevelMixin | None = None,
    seen: str = "seen",
    row_key: tuple[str, ...] = (),
    role: Literal["finding", "check"] = "finding",
) -> Finding:
    """A finding of the data health page: headline, notes and advice from ``data_health.<key>``.

    Parameters
    ----------
    kind : which of the headlines, and the advice that goes with it.
    values : the words' values.
    view : the table for reading, if it is another one; named : columns whose values have names.
    seen : key of the note that says what is seen.
    """
    table, seen_table = (t.rename({"source": "feed"}, strict=False) for t in (table, table if view is None else view))
    return Finding.worded(
        f"data_health.{key}",
        kind,
        values,
        words=words,
        key=f"health.{key}",
        status=status,
        table=table,
        view=views.readable(seen_table, words=words, names=named),
        chart=chart,
        seen=words(f"data_health.{key}.{seen}", **values),
        row_key=row_key,
        names=named,
        role=role,
    )
