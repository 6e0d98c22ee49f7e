"""The picture of the pool: what came and went month by month, and how many lay there at the end."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words


def flow(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Bars up (came in) and down (went out), a line for the stock at each month's end [customers].

    Parameters
    ----------
    frame : month, came, went, end.
    """
    names = {part: words(f"pool.flow.{part}") for part in ("came", "went")}
    tall = frame.select("month", "came", went=-pl.col("went")).unpivot(index="month", variable_name="part")
    tall = tall.with_columns(pl.col("part").replace_strict(names, return_dtype=pl.String))
    order = list(names.values())
    axis = alt.Axis(format=words("page.axis.month_short"), labelAngle=0, tickCount=6)
    bars = (
        alt.Chart(tall)
        .mark_bar(size=16)
        .encode(
            x=alt.X("month:T", title=None, axis=axis),
            y=alt.Y("value:Q", title=words("pool.chart.customers"), axis=rows.large(words)),
            color=alt.Color(
                "part:N", title=None, sort=order, scale=alt.Scale(domain=order, range=[theme.WARN, theme.ACCENT]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[alt.Tooltip("month:T"), alt.Tooltip("part:N"), alt.Tooltip("value:Q", format=",.0f")],
        )
    )  # fmt: skip
    stock = alt.Chart(frame).mark_line(point=True, color=theme.INK).encode(
        x=alt.X("month:T"), y=alt.Y("end:Q"), tooltip=[alt.Tooltip("month:T"), alt.Tooltip("end:Q", format=",.0f")]
    )  # fmt: skip
    chart: alt.LayerChart = bars + stock
    return theme.finish(chart, height=240)
