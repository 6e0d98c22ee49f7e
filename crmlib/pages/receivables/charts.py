"""Pictures of receivables: what was open at each month's end, by lateness; days outstanding."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words

SHADES = ("#9fc5c0", "#e8c468", "#e09f3e", "#c96f2b", "#9e3d22", "#6b1f1a", "#b3b3b3", "#7d7d8c", "#d9d9d9")
"""One per bucket, in their order: from not due to the latest, then those apart."""


def buckets(frame: pl.DataFrame, *, names: list[str], words: Words, title: str) -> alt.Chart:
    """Columns of what was open at each month's end, split by lateness.

    Parameters
    ----------
    frame : day, bucket (in words), value [units of money], order, label. names : buckets in words, in their order.
    """
    month = words("page.axis.month_short")
    chart: alt.Chart = (
        alt.Chart(frame.with_columns(pl.col("day").dt.strftime("%Y-%m-%d")))
        .mark_bar()
        .encode(
            x=alt.X(
                "day:O", title=None,
                axis=alt.Axis(labelExpr=f"timeFormat(toDate(datum.value), '{month}')", labelAngle=0),
            ),
            y=alt.Y("value:Q", title=title, axis=rows.large(words)),
            color=alt.Color(
                "bucket:N", title=None, sort=names, scale=alt.Scale(domain=names, range=list(SHADES[: len(names)])),
                legend=alt.Legend(orient="bottom", columns=2, labelLimit=112, symbolSize=60),
            ),
            order=alt.Order("order:Q"),
            tooltip=[alt.Tooltip("day:N"), alt.Tooltip("bucket:N"), alt.Tooltip("label:N")],
        )
    )  # fmt: skip
    return theme.finish(chart, height=260)


def days(frame: pl.DataFrame, *, words: Words, title: str) -> alt.LayerChart:
    """Days outstanding at each month's end, with the range of the twelve before.

    Parameters
    ----------
    frame : day, days, low, high (the range of the months before the last), label (of the last, else null).
    """
    base = alt.Chart(frame).encode(
        x=alt.X("day:T", title=None, axis=alt.Axis(format=words("page.axis.month_short"), tickCount=6, labelAngle=0))
    )
    y = alt.Y("days:Q", title=title, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5))
    band = base.mark_area(opacity=0.15, color=theme.ACCENT).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    line = base.mark_line().encode(y=y)
    point = base.mark_point().encode(y=y, tooltip=[alt.Tooltip("day:T"), alt.Tooltip("days:Q", format=".0f")])
    text = (
        base.transform_filter("isValid(datum.label)")
        .mark_text(align="right", dy=-12, fontWeight="bold")
        .encode(y=y, text=alt.Text("label:N"))
    )
    chart: alt.LayerChart = band + line + point + text
    return theme.finish(chart, height=220)
