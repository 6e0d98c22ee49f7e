"""Curves: until when to call, how soon people are lost or won, what each list brought."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words


def silence(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Chance of no trip in the next weeks by weeks of silence, with the half marked.

    Parameters
    ----------
    frame : week, gone, label (text at the last week below one half, else null).
    """
    base = alt.Chart(frame)
    x = alt.X("week:Q", title=words("churn.chart.silent_weeks"), axis=alt.Axis(tickMinStep=4, format="d"))
    y = alt.Y("gone:Q", title=words("churn.chart.gone"), axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    line = base.mark_line().encode(x=x, y=y)
    half = alt.Chart(pl.DataFrame({"y": [0.5]})).mark_rule(strokeDash=[4, 4]).encode(y=alt.Y("y:Q"))
    marked = base.transform_filter("isValid(datum.label)")
    point = marked.mark_point(size=80, color=theme.WARN).encode(x=alt.X("week:Q"), y=alt.Y("gone:Q"))
    text = marked.mark_text(align="left", dx=10, dy=14).encode(
        x=alt.X("week:Q"), y=alt.Y("gone:Q"), text=alt.Text("label:N")
    )
    chart: alt.LayerChart = half + line + point + text
    return theme.finish(chart, height=240)


def incidence(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Share lost and share won by days since the first follow-up, with bands, named at their ends.

    Parameters
    ----------
    frame : cause (lost, won), time, share, low, high, label (text on the last row of each, else null).
    """
    names = {c: words(f"churn.cause_of_end.{c}") for c in ("lost", "won")}
    shown = frame.with_columns(pl.col("cause").replace_strict(names, return_dtype=pl.String).alias("name"))
    order = list(names.values())
    colour = alt.Color(
        "name:N", title=None, scale=alt.Scale(domain=order, range=[theme.WARN, theme.ACCENT]), legend=None
    )
    x = alt.X("time:Q", title=words("churn.chart.days_since"), axis=alt.Axis(tickCount=6))
    top = min(1.0, float(frame["high"].cast(pl.Float64).fill_null(0).max() or 1) + 0.05)  # type: ignore[arg-type]
    y = alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, top]))
    base = alt.Chart(shown)
    band = base.mark_area(opacity=0.18, interpolate="step-after").encode(
        x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour
    )
    line = base.mark_line(interpolate="step-after").encode(x=x, y=y, color=colour)
    text = base.transform_filter("isValid(datum.label)").mark_text(align="right", dy=-10, fontWeight="bold")
    named = text.encode(x=alt.X("time:Q"), y=alt.Y("share:Q"), text=alt.Text("label:N"), color=colour)
    chart: alt.LayerChart = band + line + named
    return theme.finish(chart, height=260)


def effects(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Difference in the share that came back, list by list, with intervals; zero is no effect.

    Parameters
    ----------
    frame : name, effect, low, high (null where a list has no holdout), label, together (Boolean).
    """
    base = alt.Chart(frame)
    y = alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False))
    roomy = alt.Scale(padding=24)  # the figure beside the last point stays inside on a phone
    x = alt.X("effect:Q", title=words("churn.chart.effect"), axis=alt.Axis(format="+%", tickCount=6), scale=roomy)
    colour = alt.condition("datum.together", alt.value(theme.ACCENT), alt.value(theme.SOFT))
    zero = alt.Chart(pl.DataFrame({"x": [0]})).mark_rule(color=theme.INK).encode(x=alt.X("x:Q"))
    spread = base.mark_rule(strokeWidth=2).encode(y=y, x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=colour)
    point = base.mark_point(size=90).encode(
        y=y, x=x, color=colour, tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    text = base.mark_text(align="left", dx=6, dy=-9, fontSize=11).encode(
        y=y, x=alt.X("effect:Q"), text=alt.Text("label:N")
    )
    chart: alt.LayerChart = zero + spread + point + text
    return theme.finish(chart, height=max(40 * frame.height, 80))
