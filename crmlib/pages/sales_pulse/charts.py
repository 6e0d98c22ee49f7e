"""The picture of sales: week by week, with the same slots of last year behind and the festivals marked."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import layers


def course(
    frame: pl.DataFrame, festivals: pl.DataFrame, *, title: str, order: list[str], day_format: str
) -> alt.LayerChart:
    """Two lines from zero: this year, and the same slots a year before; festivals as named dashed lines.

    Parameters
    ----------
    frame : `ends` (day), `series` (in words), `value` (axis unit), `label`.
    festivals : `day`, `name`.
    order : the names of the series, this year's first.
    """
    scale = alt.Scale(domain=order, range=[theme.ACCENT, theme.MUTED])
    line = (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.2)
        .encode(
            x=alt.X("ends:T", title=None, axis=alt.Axis(format=day_format, labelAngle=0, tickCount=8)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5, format=",.3~f")),
            color=alt.Color("series:N", title=None, scale=scale, sort=order),
            strokeDash=alt.StrokeDash(
                "series:N", sort=order, scale=alt.Scale(domain=order, range=[[1, 0], [5, 3]]), title=None
            ),
            tooltip=[alt.Tooltip("ends:T", format="%Y-%m-%d"), alt.Tooltip("series:N"), alt.Tooltip("label:N")],
        )
    )
    if festivals.is_empty():
        return theme.finish(layers(line), height=250)
    marks = alt.Chart(festivals).encode(x=alt.X("day:T"))
    rule = marks.mark_rule(color=theme.SOFT, strokeDash=[2, 3])
    name = marks.mark_text(align="left", baseline="top", dx=4, color=theme.SOFT, fontSize=11).encode(
        y=alt.value(2), text=alt.Text("name:N")
    )
    return theme.finish(layers(rule, line, name), height=250)
