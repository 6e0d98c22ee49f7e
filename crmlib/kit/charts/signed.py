"""Bars to both sides of zero, and the axis that leaves room for their labels."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

ROW = 30
"""Height of one bar's row [px]."""

ROOM = 0.022
"""Share of the axis one narrow letter of a label takes."""


def signed_bars(frame: pl.DataFrame, *, words: Words, title: str, percent: bool = False) -> alt.LayerChart:
    """Horizontal bars to both sides of zero, in the order of the rows; gains and losses in two colours, labelled.

    Parameters
    ----------
    frame : `name`, `value`, `label`; optional `low`, `high` (drawn as a line) and `total` (true for a sum: darker).
    title : of the value axis, with its unit. percent : values are shares.
    """
    bounds = ("low", "high") if "low" in frame.columns else ("value", "value")
    shown = frame.with_columns(
        low=pl.col(bounds[0]).fill_null(pl.col("value")),
        high=pl.col(bounds[1]).fill_null(pl.col("value")),
        total=pl.col("total") if "total" in frame.columns else pl.lit(value=False),
    )
    # a label stands outside the bar and its interval, on the side of the value
    shown = shown.with_columns(
        at=pl.when(pl.col("value") < 0).then("low").otherwise("high"), right=pl.col("value") >= 0
    )
    order = shown["name"].to_list()
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=230)),
        tooltip=[alt.Tooltip("name:N", title=words("promotion.chart.what")), alt.Tooltip("label:N", title=title)],
    )
    scale = alt.Scale(domain=list(domain(shown)), nice=False)
    colour = (
        alt.when("datum.total")
        .then(alt.value(theme.SERIES[2]))
        .when("datum.value < 0")
        .then(alt.value(theme.SERIES[1]))
        .otherwise(alt.value(theme.ACCENT))
    )
    bar = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(
        x=alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, format="%" if percent else ",.0f")),
        color=colour,
    )
    rule = base.mark_rule(strokeWidth=2, color=theme.INK).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    right = (
        base.transform_filter("datum.right")
        .mark_text(align="left", dx=6)
        .encode(x=alt.X("at:Q"), text=alt.Text("label:N"))
    )
    left = (
        base.transform_filter("!datum.right")
        .mark_text(align="right", dx=-6)
        .encode(x=alt.X("at:Q"), text=alt.Text("label:N"))
    )
    drawn = [bar, right, left] if bounds[0] == "value" else [bar, rule, right, left]
    return theme.finish(layers(*drawn), height=ROW * max(shown.height, 2))


def layers(*layers: alt.Chart) -> alt.LayerChart:
    """`layers` one above the other."""
    return cast(alt.LayerChart, alt.layer(*layers))


def domain(frame: pl.DataFrame) -> tuple[float, float]:
    """Axis that holds zero, all bars and intervals, and leaves room for the labels on their side."""
    low, high = min(0.0, *frame["low"].to_list()), max(0.0, *frame["high"].to_list())
    span = (high - low) or 1.0
    wide = {True: 0, False: 0}
    for label, right in frame.select("label", "right").iter_rows():
        wide[right] = max(wide[right], sum(2 if ord(c) > 0x2E80 else 1 for c in label))
    left, right = (min(ROOM * wide[side] + (0.07 if wide[side] else 0), 0.45) for side in (False, True))
    whole = span / max(1 - left - right, 0.2)
    return (low - left * whole if wide[False] else low), high + right * whole
