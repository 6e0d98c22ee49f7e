"""The picture of the channel: what was shipped and what people bought, month by month."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words


def months(frame: pl.DataFrame, *, words: Words) -> alt.Chart:
    """Two lines: shipped in, sold out to people [pieces].

    Parameters
    ----------
    frame : month, sell_in_milli, sell_out_milli.
    """
    names = {part: words(f"channel.flow.{part}") for part in ("sell_in_milli", "sell_out_milli")}
    tall = frame.select("month", *names).unpivot(index="month", variable_name="part", value_name="milli")
    tall = tall.with_columns(
        pl.col("part").replace_strict(names, return_dtype=pl.String), pieces=pl.col("milli") / 1000
    )
    order = list(names.values())
    chart: alt.Chart = (
        alt.Chart(tall)
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "month:T", title=None,
                axis=alt.Axis(format=words("page.axis.month_short"), labelAngle=0, tickCount=6),
            ),
            y=alt.Y("pieces:Q", title=words("channel.chart.pieces"), axis=rows.large(words)),
            color=alt.Color(
                "part:N", title=None, sort=order, scale=alt.Scale(domain=order, range=[theme.SERIES[1], theme.ACCENT]),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[alt.Tooltip("month:T"), alt.Tooltip("part:N"), alt.Tooltip("pieces:Q", format=",.0f")],
        )
    )  # fmt: skip
    return theme.finish(chart, height=240)
