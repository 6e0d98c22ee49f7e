"""Ranked bars with their figures written beside them."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

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
        x=alt.X("value:Q", title=title, axis=_axis(form), scale=roomy(frame["value"])),
    )
    colour = alt.condition("datum.soft", alt.value(theme.MUTED), alt.value(theme.ACCENT))
    drawn = base.mark_bar(cornerRadiusEnd=2).encode(
        color=colour, tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    chart: alt.LayerChart = drawn + base.mark_text(align="left", dx=4).encode(text=alt.Text("label:N"))
    return theme.finish(chart, height=max(34 * frame.height, 60))


def roomy(values: pl.Series) -> alt.Scale:
    """A scale from zero that leaves nearly half of the width for the text at the end of the longest bar."""
    longest = max((float(v) for v in values.to_list() if v is not None), default=1.0)
    return alt.Scale(domain=[0, max(longest, 1e-9) * ROOM], nice=False)


def _axis(form: str) -> alt.Axis:
    """Ticks of a value axis; a share has none above the whole."""
    if form.endswith("%"):
        return alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=form)
    return alt.Axis(tickCount=5, format=form)
