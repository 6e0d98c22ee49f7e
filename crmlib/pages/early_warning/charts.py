"""Pictures of early warning: what became of the last list, silence and return."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words


def outcomes(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """What became of the last list: one bar per tier, split into those who came and those not yet.

    Parameters
    ----------
    frame : tier, state (words), customers, order (0 came, 1 not yet).
    """
    states = [words("early_warning.state_now.came"), words("early_warning.state_now.not_yet")]
    most = int(frame.group_by("tier").agg(pl.col("customers").sum())["customers"].max() or 0)  # type: ignore[arg-type]
    whole = alt.Axis(tickMinStep=1, format="d", tickCount=min(max(most, 1), 6))
    base = alt.Chart(frame).encode(
        y=alt.Y("tier:N", title=None, axis=alt.Axis(labelFontSize=14, ticks=False)),
        x=alt.X("customers:Q", title=words("churn.chart.people"), axis=whole),
        order=alt.Order("order:Q"),
    )
    colour = alt.Color(
        "state:N",
        title=None,
        sort=states,
        scale=alt.Scale(domain=states, range=[theme.ACCENT, theme.MUTED]),
    )
    drawn = base.mark_bar().encode(
        color=colour, tooltip=[alt.Tooltip("tier:N"), alt.Tooltip("state:N"), alt.Tooltip("customers:Q")]
    )
    inside = base.transform_filter("datum.customers > 0").mark_text(align="right", dx=-4, color="white")
    at = alt.X("customers:Q", stack="zero", title=words("churn.chart.people"), axis=whole)
    chart: alt.LayerChart = drawn + inside.encode(x=at, text=alt.Text("customers:Q"))
    return theme.finish(chart, height=max(44 * frame["tier"].n_unique(), 80))


def silence(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Chance of no trip in the next weeks by weeks of silence, with the half marked.

    Parameters
    ----------
    frame : week, gone, label (text at the first week above one half, else null).
    """
    base = alt.Chart(frame)
    x = alt.X("week:Q", title=words("early_warning.chart.silent_weeks"), axis=alt.Axis(tickMinStep=4, format="d"))
    y = alt.Y(
        "gone:Q", title=words("early_warning.chart.gone"), axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])
    )
    line = base.mark_line().encode(x=x, y=y)
    half = alt.Chart(pl.DataFrame({"y": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(y=alt.Y("y:Q"))
    marked = base.transform_filter("isValid(datum.label)")
    point = marked.mark_point(size=80, color=theme.WARN).encode(x=alt.X("week:Q"), y=alt.Y("gone:Q"))
    text = marked.mark_text(align="left", dx=10, dy=14).encode(
        x=alt.X("week:Q"), y=alt.Y("gone:Q"), text=alt.Text("label:N")
    )
    chart: alt.LayerChart = half + line + point + text
    return theme.finish(chart, height=240)
