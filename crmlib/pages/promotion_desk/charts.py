"""The picture of the desk: promotions as bars on a calendar."""

from __future__ import annotations

from datetime import date

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words

COLOURS = {
    "unapproved": theme.FAIL,
    "running": theme.ACCENT,
    "approved": theme.SERIES[2],
    "submitted": theme.SERIES[1],
    "draft": theme.MUTED,
    "closed": theme.SERIES[5],
    "settled": theme.LINE,
}
"""A stage's colour: what runs is strongest, what is over fades."""


def calendar(frame: pl.DataFrame, *, today: date, words: Words) -> alt.LayerChart:
    """One bar per promotion from its first to its last day, coloured by stage; a line at today.

    Parameters
    ----------
    frame : `name` (one line each), `first_day`, `after` (the day after its last), `kind`, `stage` (in words).
    """
    kinds = frame.select("stage", "kind").unique(maintain_order=True)
    scale = alt.Scale(domain=kinds["stage"].to_list(), range=[COLOURS[k] for k in kinds["kind"]])
    x = alt.X("first_day:T", title=None, axis=alt.Axis(format="%m-%d", tickCount=8))
    y = alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False, labelLimit=170))
    tooltip = [
        alt.Tooltip("name:N", title=words("promotion.chart.what")),
        alt.Tooltip("stage:N", title=words("promotion_desk.axis.stage")),
    ]
    bars = (
        alt.Chart(frame)
        .mark_bar(height={"band": 0.6}, cornerRadius=2)
        .encode(x=x, x2="after:T", y=y, color=alt.Color("stage:N", scale=scale, title=None), tooltip=tooltip)
    )
    now = alt.Chart(pl.DataFrame({"today": [today]})).mark_rule(color=theme.INK, strokeDash=[4, 3]).encode(x="today:T")
    return theme.finish(rows.layers(bars, now), height=max(26 * frame.height, 90))
