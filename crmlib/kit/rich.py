"""How the package's things look in a notebook: a finding with its chart, a fit with its numbers, a study's steps.

Everything is drawn here, without the network: a chart is its picture.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any

import polars as pl

from crmlib.kit.escape import escape

MOST_ROWS = 20
_LONGEST = 120


def finding(one: Any) -> str:
    """A finding as its card: headline, verdict, picture, notes, the first rows of its table."""
    notes = (one.note_seen, one.note_sure, one.note_do)
    said = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    table = "" if one.table.is_empty() else one.table.head(MOST_ROWS)._repr_html_()
    rows = f"<p><small>{one.table.height:,} × {one.table.width}, {escape(one.key)}, {one.status}</small></p>"
    return f"<h4>{escape(one.headline)}</h4>{picture(one.chart)}{said}{table}{rows}"


def picture(chart: Any) -> str:
    """A chart as an inline picture; nothing for none."""
    if chart is None:
        return ""
    import vl_convert  # noqa: PLC0415

    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def record(one: Any) -> str:
    """A frozen result: what it is, and each field with its value; of a study its steps, which are not computed here."""
    kind = type(one)
    own = [(f.name, shown(getattr(one, f.name))) for f in fields(one)] if is_dataclass(one) else []
    return _titled(kind.__name__, _first_line(kind)) + facts(own) + facts(_steps(kind))


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values as a table of two columns."""
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>{rows}</table>" if rows else ""


def shown(value: object) -> str:
    """A value in one line.

    Examples
    --------
    >>> shown(0.123456789), shown(pl.DataFrame({"a": [1, 2]})), shown("x" * 200)[-3:]
    ('0.123457', 'DataFrame, 2 rows: a', 'xx…')
    """
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, pl.DataFrame):
        return _short(f"DataFrame, {value.height:,} rows: {', '.join(value.columns)}")
    if isinstance(value, pl.LazyFrame):
        return "LazyFrame"
    return _short(" ".join(str(value).split()))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _titled(name: str, said: str) -> str:
    return f"<p><strong>{escape(name)}</strong> {escape(said)}</p>"


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _steps(kind: type) -> list[tuple[str, str]]:
    found = {n: p for base in reversed(kind.__mro__) for n, p in vars(base).items() if isinstance(p, cached_property)}
    return [(name, _first_line(step.func)) for name, step in found.items() if not name.startswith("_")]
