"""The picture of a month: sales so far, the target's path, and where it will end."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import layers


def course(frame: pl.DataFrame, end: pl.DataFrame, *, title: str, order: list[str], day_format: str) -> alt.LayerChart:
    """Cumulative sales and target from zero, and the interval at the month's end.

    Parameters
    ----------
    frame : `day`, `series` (in words), `value` (axis unit, null: not drawn), `label`.
    end : `day`, `value`, `low`, `high` (axis unit), `label`; no row where the month is over.
    order : names of sales and target.
    """
    scale = alt.Scale(domain=order, range=[theme.ACCENT, theme.SERIES[1]])
    x = alt.X("day:T", title=None, axis=alt.Axis(format=day_format, labelAngle=0, tickCount=8))
    y = alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5, format=",.3~f"))
    line = (
        alt.Chart(frame.drop_nulls("value"))
        .mark_line(strokeWidth=2.4)
        .encode(
            x=x,
            y=y,
            color=alt.Color("series:N", title=None, scale=scale, sort=order),
            strokeDash=alt.StrokeDash(
                "series:N", sort=order, title=None, scale=alt.Scale(domain=order, range=[[1, 0], [5, 3]])
            ),
            tooltip=[alt.Tooltip("day:T", format="%Y-%m-%d"), alt.Tooltip("series:N"), alt.Tooltip("label:N")],
        )
    )
    if end.is_empty():
        return theme.finish(layers(line), height=250)
    at = alt.Chart(end).encode(x=alt.X("day:T"), tooltip=[alt.Tooltip("label:N")])
    span = at.mark_rule(strokeWidth=6, opacity=0.4, color=theme.ACCENT).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    point = at.mark_point(size=70, color=theme.ACCENT).encode(y=alt.Y("value:Q"))
    name = at.mark_text(align="right", dx=-10, fontWeight="bold").encode(y=alt.Y("value:Q"), text=alt.Text("label:N"))
    return theme.finish(layers(line, span, point, name), height=250)
