"""Ranked bars with their figures written beside them."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words

ROOM = 1.8


def bars(frame: pl.DataFrame, *, words: Words, title: str, form: str = ",.0f") -> alt.LayerChart:
    """One bar per row in the order given, its text at the end; a row marked `soft` is drawn muted.

    Parameters
    ----------
    frame : name, value, label (text at the end of the bar), soft (Boolean: shown, but not a finding).
    title, form : of the value axis.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False, labelLimit=200)),
        x=alt.X("value:Q", title=title, axis=_axis(form), scale=_roomy(frame["value"])),
    )
    colour = alt.condition("datum.soft", alt.value(theme.MUTED), alt.value(theme.ACCENT))
    drawn = base.mark_bar(cornerRadiusEnd=2).encode(
        color=colour, tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    chart: alt.LayerChart = drawn + base.mark_text(align="left", dx=4).encode(text=alt.Text("label:N"))
    return theme.finish(chart, height=max(34 * frame.height, 60))


def stages(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """One bar per stage: how many reached it, and the part of them lost there.

    Parameters
    ----------
    frame : name, reached, lost, label.
    """
    order = frame["name"].to_list()
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False))
    x = alt.X(
        "reached:Q",
        title=words("churn.chart.reached"),
        axis=alt.Axis(tickCount=5, format=",d"),
        scale=_roomy(frame["reached"]),
    )
    base = alt.Chart(frame)
    reached = base.mark_bar(color=theme.LINE, cornerRadiusEnd=2).encode(y=y, x=x)
    lost = base.mark_bar(color=theme.WARN).encode(
        y=y, x=alt.X("lost:Q"), tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    text = base.mark_text(align="left", dx=4).encode(y=y, x=alt.X("reached:Q"), text=alt.Text("label:N"))
    chart: alt.LayerChart = reached + lost + text
    return theme.finish(chart, height=38 * frame.height)


def outcomes(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """What became of the last list: one bar per tier, split into those who came and those not yet.

    Parameters
    ----------
    frame : tier, state (words), customers, order (0 came, 1 not yet).
    """
    states = [words("churn.state_now.came"), words("churn.state_now.not_yet")]
    base = alt.Chart(frame).encode(
        y=alt.Y("tier:N", title=None, axis=alt.Axis(labelFontSize=14, ticks=False)),
        x=alt.X("customers:Q", title=words("churn.chart.people"), axis=alt.Axis(tickMinStep=1, format="d")),
        order=alt.Order("order:Q"),
    )
    colour = alt.Color(
        "state:N",
        title=None,
        sort=states,
        scale=alt.Scale(domain=states, range=[theme.ACCENT, theme.MUTED]),
    )
    drawn = base.mark_bar().encode(
        color=colour, tooltip=[alt.Tooltip("tier:N"), alt.Tooltip("state:N"), alt.Tooltip("customers:Q")]
    )
    inside = base.transform_filter("datum.customers > 0").mark_text(align="right", dx=-4, color="white")
    chart: alt.LayerChart = drawn + inside.encode(x=alt.X("customers:Q", stack="zero"), text=alt.Text("customers:Q"))
    return theme.finish(chart, height=max(44 * frame["tier"].n_unique(), 80))


def _roomy(values: pl.Series) -> alt.Scale:
    """A scale from zero that leaves nearly half of the width for the text at the end of the longest bar."""
    longest = max((float(v) for v in values.to_list() if v is not None), default=1.0)
    return alt.Scale(domain=[0, max(longest, 1e-9) * ROOM], nice=False)


def _axis(form: str) -> alt.Axis:
    """Ticks of a value axis; a share has none above the whole."""
    if form.endswith("%"):
        return alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=form)
    return alt.Axis(tickCount=5, format=form)
