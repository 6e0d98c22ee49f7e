"""Labelled bars: the one way to draw amounts of named things."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from crmlib.kit.charts import money, rows, theme
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told


def bars(
    frame: pl.DataFrame,
    *,
    words: Words,
    title: str | None = None,
    percent: bool = False,
    marks: Sequence[float] = (),
) -> alt.LayerChart:
    """Horizontal bars from zero, to both sides, in the order of the rows; each with its figure beside it.

    Parameters
    ----------
    frame : `name`, `value`, `label` (the figure in words); optional `low`, `high` (an interval, drawn as a line) and
        `tone` (of `rows.TONES`; null: a loss below zero, else plain).
    title : of the value axis, with its unit.
    percent : the values are shares.
    marks : dashed lines at these values, such as thresholds.
    """
    shown = rows.prepared(frame)
    base = rows.base(shown, words=words, title=title)
    axis = rows.value_axis(shown, percent=percent, words=words, title=title)
    x = alt.X("value:Q", title=title, scale=rows.scale(shown), axis=axis)
    bar = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(x=x, color=rows.tone(alt.Color))
    spread = base.mark_rule(strokeWidth=2, color=theme.INK).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    optional = [*([spread] if "low" in frame.columns else []), *([rows.lines_at(marks)] if marks else [])]
    return rows.finish(bar, *optional, *rows.figures(base), count=shown.height)


def amounts(
    frame: pl.DataFrame,
    minor: str,
    *,
    words: Words,
    name: str | pl.Series = "name",
    label: pl.Series | None = None,
    tone: pl.Expr | None = None,
    axis: str = "",
    turned: bool = False,
) -> alt.LayerChart:
    """Bars of money, in the unit that the language counts the largest of them in.

    Parameters
    ----------
    minor : the column of amounts [minor units].
    name : column with what each bar is called, or the names.
    label : the figures in words; without, the amounts as money.
    axis : key of the axis' title, which takes the `unit`; without, the unit is the title.
    turned : an amount above zero is a loss, drawn to the left: what is missing, what a shop falls short.
    """
    largest = float(frame[minor].abs().max() or 0)  # type: ignore[arg-type]
    divisor, unit = money.axis(largest, words=words)
    figures = told(frame, minor, by=words.format.money) if label is None else label
    shown = frame.select(
        name=name, value=pl.col(minor) * (-1 if turned else 1) / divisor, label=figures,
        tone=pl.lit(None, dtype=pl.String) if tone is None else tone,
    )  # fmt: skip
    return bars(shown, words=words, title=words(axis, unit=unit) if axis else unit)
