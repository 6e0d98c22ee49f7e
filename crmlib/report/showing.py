"""What an analyst has at hand becomes a finding: a chart, a frame, a table that is set, a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from crmlib.core.errors import CrmError, ParameterError
from crmlib.kit import notebook as notebooks
from crmlib.kit.finding import Finding, Status
from crmlib.report import registry

if TYPE_CHECKING:
    from crmlib.report.page import Page

MOST_ROWS = 100_000
"""More rows than this are no table that somebody reads."""


@dataclass(frozen=True, slots=True)
class Said:
    """The sentences around a thing: headline, what is seen, how sure, what to do; and its key and verdict."""

    headline: str = ""
    seen: str = ""
    sure: str = ""
    do: str = ""
    key: str = ""
    status: Status = "none"


@dataclass(slots=True)
class _Parts:
    chart: Any = None
    table: pl.DataFrame | None = None
    view: Any = None
    text: str = ""


def finding(page: Page, things: Sequence[object], said: Said) -> Finding:
    """One finding of `things`: at most one chart, one table and texts, in any order.

    Without a headline it is the heading above the cell that is running, else the title. Columns of a frame are worded
    and rounded by the vocabulary of columns; a chart without a table of its own brings its data as the table.

    Raises
    ------
    ParameterError
        `report.cannot_show`.
    """
    parts = _Parts()
    for thing in things:
        _sort(thing, parts)
    number = len(page.shown.findings) + 1
    seen = said.seen or (parts.text if said.headline else "")
    headline = said.headline or parts.text or _heading(page) or page.words(f"{page.report}.title")
    table = parts.table if parts.table is not None else _data(parts.chart)
    plain = _plain(table)
    return Finding(
        key=said.key or f"{page.report}.section_{number}",
        status=said.status,
        headline=headline,
        table=plain,
        note_seen=seen,
        note_sure=said.sure,
        note_do=said.do,
        view=parts.view,
        chart=parts.chart,
        alt=headline,
        row_key=row_key(plain),
    )


def _sort(thing: object, parts: _Parts) -> None:
    family = type(thing).__module__.split(".")[0]
    if isinstance(thing, str):
        parts.text = f"{parts.text} {thing}".strip()
    elif family == "altair" and hasattr(thing, "to_dict"):
        parts.chart = _looked(thing)
    elif type(thing).__name__ == "GT" and family == "great_tables":
        parts.view, parts.table = thing, _frame(thing._tbl_data)  # type: ignore[attr-defined]
    elif (frame := _frame(thing)) is not None:
        parts.table = frame
    else:
        raise ParameterError(
            "report.cannot_show",
            values={"kind": type(thing).__name__},
        )


def _frame(thing: Any) -> pl.DataFrame | None:
    """A frame of Polars or pandas as one of Polars; the index of a pandas frame with a name is a column."""
    if isinstance(thing, pl.DataFrame):
        return thing
    if isinstance(thing, pl.LazyFrame):
        return thing.head(MOST_ROWS).collect(engine="streaming")
    if isinstance(thing, pl.Series):
        return thing.to_frame(thing.name or "value")
    kind = type(thing)
    if kind.__module__.split(".")[0] != "pandas" or kind.__name__ not in {"DataFrame", "Series"}:
        return None
    frame = thing.to_frame(str(thing.name or "value")) if kind.__name__ == "Series" else thing
    named = any(name is not None for name in frame.index.names)
    frame = frame.reset_index() if named else frame
    frame.columns = ["_".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in frame.columns]
    done: pl.DataFrame = pl.from_pandas(frame)
    return done


def _plain(table: pl.DataFrame | None) -> pl.DataFrame:
    """Columns that a table, a workbook and a comparison can hold: nested ones become text, midnights become days."""
    if table is None:
        return pl.DataFrame()
    texts = [name for name, kind in table.schema.items() if kind.is_nested() or kind == pl.Object]
    lists = {
        name: pl.Series(name, [None if v is None else str(v) for v in table[name].to_list()], dtype=pl.String)
        for name in texts
    }
    times = [name for name, kind in table.schema.items() if kind == pl.Datetime]
    days = [pl.col(name).dt.date() if _midnights(table[name]) else pl.col(name).dt.to_string("%F %R") for name in times]
    return table.with_columns(**lists).with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String), *days)


def row_key(table: pl.DataFrame) -> tuple[str, ...]:
    """The columns that tell rows apart from one page to the next: the first texts and days that do; none if none do.

    Examples
    --------
    >>> row_key(pl.DataFrame({"net_minor": [1, 2], "store_id": ["a", "a"], "kind": ["x", "y"]}))
    ('store_id', 'kind')
    """
    names = [name for name, kind in table.schema.items() if kind in (pl.String, pl.Date, pl.Boolean)]
    tried = (tuple(names[:count]) for count in range(1, len(names) + 1))
    return next((key for key in tried if table.select(key).is_unique().all()), ())


def _midnights(times: pl.Series) -> bool:
    return bool((times.drop_nulls().dt.truncate("1d") == times.drop_nulls()).all())


def _looked(chart: Any) -> Any:
    """The chart in the house's look, unless it has one of its own."""
    import altair as alt  # noqa: PLC0415

    from crmlib.kit.charts import theme  # noqa: PLC0415

    return theme.finish(chart, height=None) if getattr(chart, "config", None) is alt.Undefined else chart


def _data(chart: Any) -> pl.DataFrame | None:
    return None if chart is None else _frame(getattr(chart, "data", None))


def _heading(page: Page) -> str:
    """The heading above the cell that is running, on the reader's side of its bar."""
    from IPython import get_ipython  # noqa: PLC0415

    shell = get_ipython()
    typed = list(getattr(shell, "user_ns", {}).get("In", ())) if shell is not None else []
    try:
        notebook = notebooks.read(registry.find(page.report).notebook)
    except CrmError:
        return ""
    found = notebook.heading_of(typed[-1]) if typed else ""
    zh, en = notebooks.split(re.sub(r"[*_`]", "", found))
    return zh if page.words.language == "zh" else en
