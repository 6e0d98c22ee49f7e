"""Pictures of a running promotion."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import layers
from crmlib.kit.words import Words


def band(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Cumulative actual against the plan and its band, with the projection.

    Parameters
    ----------
    frame : `day`, `low`, `high`, and `value` by `series` in words (plan, actual, projection) with `kind` naming them.
    """
    x = alt.X("day:T", title=None, axis=alt.Axis(format="%m-%d", tickCount=7))
    title = words("promotion_watch.axis.units")
    area = (
        alt.Chart(frame.filter(pl.col("kind") == "plan"))
        .mark_area(opacity=0.25, color=theme.MUTED)
        .encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    )
    kinds = frame.select("series", "kind").unique(maintain_order=True)
    colours = {"plan": theme.SOFT, "actual": theme.ACCENT, "projected": theme.SERIES[1]}
    scale = alt.Scale(domain=kinds["series"].to_list(), range=[colours[k] for k in kinds["kind"]])
    dash = alt.condition("datum.kind === 'actual'", alt.value([1, 0]), alt.value([5, 3]))
    line = (
        alt.Chart(frame.drop_nulls("value"))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0)),
            color=alt.Color("series:N", scale=scale, title=None),
            strokeDash=dash,
            detail=alt.Detail("kind:N"),
            tooltip=[
                alt.Tooltip("day:T", format="%Y-%m-%d", title=words("promotion_watch.axis.day")),
                alt.Tooltip("series:N", title=words("promotion.chart.what")),
                alt.Tooltip("value:Q", format=",.0f", title=title),
            ],
        )
    )
    return theme.finish(layers(area, line), height=280)
