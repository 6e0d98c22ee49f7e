"""Pictures that both pages on sites draw."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from crmlib.kit.charts import theme

ROW = 30
"""Height of one bar's row [px]."""


def losers(frame: pl.DataFrame, *, title: str) -> alt.LayerChart:
    """One bar per site or store, in the order of the rows; those that are hit stand out.

    Parameters
    ----------
    frame : name, amount (axis unit), label, hit (above the warning).
    title : of the axis.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False, labelLimit=170)),
        x=alt.X("amount:Q", title=title, axis=alt.Axis(tickCount=5)),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")],
    )
    bar = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.condition("datum.hit", alt.value(theme.WARN), alt.value(theme.MUTED))
    )
    room = base.transform_calculate(room="datum.amount * 1.5").mark_point(opacity=0).encode(x=alt.X("room:Q"))
    text = base.mark_text(align="left", dx=4).encode(text=alt.Text("label:N"))
    return theme.finish(cast(alt.LayerChart, alt.layer(bar, room, text)), height=ROW * max(frame.height, 3))
