"""The festival's picture: units sold by lunar day, this year against past years and the plan."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import large
from crmlib.kit.words import Words


def curves(frame: pl.DataFrame, ends: pl.DataFrame, *, words: Words, title: str) -> alt.LayerChart:
    """A line per year over the days from the festival; where this one is expected to end, and the plan.

    Parameters
    ----------
    frame : name (of the line), offset, units, now (this festival). ends : name, offset, value, low, high, label.
    """
    rows = frame.with_columns(label=pl.Series([words.format.count(round(u)) for u in frame["units"]], dtype=pl.String))
    names = rows["name"].unique(maintain_order=True).to_list()
    shades = [theme.ACCENT if now else theme.MUTED for now in rows.unique("name", maintain_order=True)["now"]]
    x = alt.X("offset:Q", title=words("festival.axis.offset"), axis=alt.Axis(tickCount=6, format="d"))
    y = alt.Y("units:Q", title=title, axis=large(words))
    base = alt.Chart(rows).encode(x=x)
    line = base.mark_line().encode(
        y=y,
        color=alt.Color(
            "name:N", title=None, sort=names, scale=alt.Scale(domain=names, range=shades),
            legend=alt.Legend(orient="bottom"),
        ),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("offset:Q"), alt.Tooltip("label:N")],
    )  # fmt: skip
    day = alt.Chart(pl.DataFrame({"offset": [0]})).mark_rule(strokeDash=[4, 3], color=theme.SOFT).encode(x=x)
    chart: alt.LayerChart = line + day
    if ends.height:
        ends = ends.with_columns(upper=pl.col("value") == pl.col("value").max())
        end = alt.Chart(ends).encode(x=x)
        chart += end.mark_rule(strokeWidth=2, color=theme.INK).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
        chart += end.mark_point(filled=True, size=60, color=theme.INK).encode(y=alt.Y("value:Q"))
        for upper, dy in ((True, -6), (False, 14)):
            text = end.transform_filter(alt.datum.upper == upper).mark_text(
                align="right", dx=-8, dy=dy, fontWeight="bold"
            )
            chart += text.encode(y=alt.Y("value:Q"), text=alt.Text("label:N"))
    return theme.finish(chart, height=260)
