"""Points with their intervals, one row each."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import signed, theme
from crmlib.kit.words import Words


def intervals(frame: pl.DataFrame, *, words: Words, title: str, percent: bool = False) -> alt.LayerChart:
    """Points with their intervals, one row each, and a line at zero.

    Parameters
    ----------
    frame : `name`, `value`, `low`, `high`, `label`, `doubt` (true: drawn hollow).
    percent : values are shares.
    """
    order, form = frame["name"].to_list(), "%" if percent else ",.0f"
    shown = frame.with_columns(
        low=pl.col("low").fill_null(pl.col("value")), high=pl.col("high").fill_null(pl.col("value"))
    )
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=230)),
        tooltip=[alt.Tooltip("name:N", title=words("promotion.chart.what")), alt.Tooltip("label:N", title=title)],
    )
    scale = alt.Scale(domain=list(signed.domain(shown.with_columns(right=True))), nice=False)
    rule = base.mark_rule(strokeWidth=3, color=theme.RAMP[2]).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, format=form)), x2=alt.X2("high:Q")
    )
    fill = alt.condition("datum.doubt", alt.value(theme.PAPER), alt.value(theme.ACCENT))
    point = base.mark_point(size=70, stroke=theme.ACCENT, strokeWidth=2, filled=True, opacity=1).encode(
        x=alt.X("value:Q"), fill=fill
    )
    text = base.mark_text(align="left", dx=8).encode(x=alt.X("high:Q"), text=alt.Text("label:N"))
    zero = (
        alt.Chart(pl.DataFrame({"zero": [0.0]}))
        .mark_rule(color=theme.SOFT, strokeDash=[4, 3])
        .encode(x=alt.X("zero:Q"))
    )
    return theme.finish(signed.layers(zero, rule, point, text), height=(signed.ROW - 4) * max(shown.height, 2))


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
