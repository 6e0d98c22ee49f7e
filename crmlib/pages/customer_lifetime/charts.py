"""Pictures of lifetime value: sums with intervals, what was expected beside what came, a curve with its band."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words


def expected_beside_actual(frame: pl.DataFrame, *, words: Words, x_title: str, y_title: str) -> alt.LayerChart:
    """Two bars for each category: what came, and what the model expected.

    Parameters
    ----------
    frame : `name`, `series` (in words), `value`, `label`; two rows per name, the actual one first.
    """
    order, series = frame["name"].unique(maintain_order=True).to_list(), frame["series"].unique(maintain_order=True)
    colours = alt.Scale(domain=series.to_list(), range=[theme.MUTED, theme.ACCENT])
    base = alt.Chart(frame).encode(
        x=alt.X("name:N", sort=order, title=x_title, axis=alt.Axis(labelAngle=0, ticks=False)),
        xOffset=alt.XOffset("series:N", sort=series.to_list()),
        y=alt.Y("value:Q", title=y_title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5)),
        color=alt.Color("series:N", scale=colours, title=None),
        tooltip=[
            alt.Tooltip("name:N", title=x_title),
            alt.Tooltip("series:N", title=words("customer_lifetime.chart.group")),
            alt.Tooltip("label:N", title=y_title),
        ],
    )
    text = base.mark_text(dy=-6, fontSize=10, color=theme.SOFT).encode(
        text=alt.Text("label:N"), color=alt.value(theme.SOFT)
    )
    chart: alt.LayerChart = base.mark_bar(cornerRadiusEnd=2) + text
    return theme.finish(chart)


def tracking(frame: pl.DataFrame, *, words: Words) -> alt.VConcatChart:
    """Repeat purchases per week above, added up below; a line marks the end of what the model had seen.

    Parameters
    ----------
    frame : `day`, `series` (in words), `weekly`, `cumulative`, `cut` (the same day in every row).
    """
    series = frame["series"].unique(maintain_order=True).to_list()
    colours = alt.Scale(domain=series, range=[theme.MUTED, theme.ACCENT])
    months = words("page.axis.month_short")

    def part(column: str, title: str, height: int) -> alt.LayerChart:
        lines = (
            alt.Chart(frame)
            .mark_line()
            .encode(
                x=alt.X("day:T", title=None, axis=alt.Axis(format=months, tickCount=8, grid=False)),
                y=alt.Y(f"{column}:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=4)),
                color=alt.Color("series:N", scale=colours, title=None),
            )
        )
        cut = alt.Chart(frame.head(1))
        rule = cut.mark_rule(strokeDash=[4, 3]).encode(x=alt.X("cut:T"))
        note = cut.mark_text(
            align="left", dx=5, baseline="top", color=theme.SOFT, text=words("customer_lifetime.chart.holdout")
        )
        layers: alt.LayerChart = lines + rule + note.encode(x=alt.X("cut:T"), y=alt.value(2))
        return layers.properties(width=500, height=height)

    weekly = part("weekly", words("customer_lifetime.chart.per_week"), 150)
    added = part("cumulative", words("customer_lifetime.chart.cumulative"), 120)
    return theme.finish(alt.vconcat(weekly, added, spacing=14))


def pit(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Where outcomes fell in their predicted distribution, in tenths: level at 10 % if the model is right.

    Parameters
    ----------
    frame : `name`, `share`, `label`, ten rows.
    """
    base = alt.Chart(frame).encode(
        x=alt.X("name:O", sort=None, title=words("customer_lifetime.chart.tenths"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "share:Q",
            title=words("customer_lifetime.chart.of_customers"),
            scale=alt.Scale(domainMin=0),
            axis=alt.Axis(format="%"),
        ),
        tooltip=[alt.Tooltip("label:N", title=words("customer_lifetime.chart.of_customers"))],
    )
    level = alt.Chart(pl.DataFrame({"y": [0.1]})).mark_rule(strokeDash=[4, 3]).encode(y=alt.Y("y:Q"))
    text = base.mark_text(dy=-7, fontSize=11).encode(text=alt.Text("label:N"))
    chart: alt.LayerChart = base.mark_bar(cornerRadiusEnd=2, color=theme.RAMP[2]) + level + text
    return theme.finish(chart)


def newcomer_curve(frame: pl.DataFrame, *, words: Words, title: str) -> alt.LayerChart:
    """Value of a new customer by months ahead, with its band and the figure at each point.

    Parameters
    ----------
    frame : `months`, `value`, `low`, `high` in the unit of the axis, `label`.
    """
    x = alt.X(
        "months:Q", title=words("customer_lifetime.chart.months_ahead"), axis=alt.Axis(values=frame["months"].to_list())
    )
    base = alt.Chart(frame).encode(x=x)
    y = alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5))
    band = base.mark_area(opacity=0.25).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    text = base.mark_text(align="center", dy=-12).encode(y=y, text=alt.Text("label:N"))
    chart: alt.LayerChart = band + base.mark_line(point=True).encode(y=y) + text
    return theme.finish(chart)
