"""Can the model be trusted: league table, calibration, drift."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words


def league(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """AUC of every score with its interval, the whole base and the still active apart.

    Parameters
    ----------
    frame : name, population (words), auc, auc_low, auc_high, label; in the order to be shown.
    """
    groups = frame["population"].unique(maintain_order=True).to_list()
    base = alt.Chart(frame)
    y = alt.Y(
        "name:N", sort=frame["name"].unique(maintain_order=True).to_list(), title=None, axis=alt.Axis(ticks=False)
    )
    low = min(0.5, float(frame["auc_low"].min() or 0.5))  # type: ignore[arg-type]
    scale = alt.Scale(domain=[low, 1.0], zero=False, nice=False)
    x = alt.X("auc:Q", title=words("churn.chart.auc"), scale=scale, axis=alt.Axis(format=".2f"))
    offset = alt.YOffset("population:N", sort=groups)
    colour = alt.Color(
        "population:N", title=None, sort=groups, scale=alt.Scale(domain=groups, range=list(theme.SERIES[: len(groups)]))
    )
    spread = base.mark_rule(strokeWidth=2).encode(
        y=y, yOffset=offset, x=alt.X("auc_low:Q", scale=scale), x2=alt.X2("auc_high:Q"), color=colour
    )
    point = base.mark_point(size=60).encode(
        y=y, yOffset=offset, x=x, color=colour, tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    text = base.mark_text(align="left", dx=8).encode(
        y=y, yOffset=offset, x=alt.X("auc_high:Q", scale=scale), text=alt.Text("label:N")
    )
    chart: alt.LayerChart = spread + point + text
    return theme.finish(chart, height=48 * frame["name"].n_unique())


def calibration(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Share lost against the risk said, in twenty bins of equal size, with Wilson bounds; the diagonal is right.

    Parameters
    ----------
    frame : expected, observed, low, high.
    """
    base = alt.Chart(frame)
    unit = alt.Scale(domain=[0, 1])
    x = alt.X("expected:Q", title=words("churn.chart.said"), scale=unit, axis=alt.Axis(format="%"))
    y = alt.Y("observed:Q", title=words("churn.chart.came_true"), scale=unit, axis=alt.Axis(format="%"))
    right = alt.Chart(pl.DataFrame({"a": [0.0, 1.0]})).mark_line(color=theme.MUTED, strokeDash=[4, 4], strokeWidth=1)
    spread = base.mark_rule(color=theme.ACCENT).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    point = base.mark_point(size=45).encode(x=x, y=y)
    chart: alt.LayerChart = right.encode(x=alt.X("a:Q"), y=alt.Y("a:Q")) + spread + point
    return theme.finish(chart, width=420, height=300)


def drift(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Stability index of score and features, with the lines of note and alarm.

    Parameters
    ----------
    frame : label (words), psi, text, verdict.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", sort=frame["label"].to_list(), title=None, axis=alt.Axis(ticks=False)),
        x=alt.X("psi:Q", title=words("churn.chart.psi"), scale=alt.Scale(domainMin=0)),
    )
    colour = (alt.when("datum.verdict == 'alarm'").then(alt.value(theme.FAIL)).when("datum.verdict == 'note'")).then(
        alt.value(theme.WARN)
    )
    drawn = base.mark_bar(cornerRadiusEnd=2).encode(color=colour.otherwise(alt.value(theme.MUTED)))
    text = base.mark_text(align="left", dx=4).encode(text=alt.Text("text:N"))
    lines = alt.Chart(pl.DataFrame({"x": [0.1, 0.25]})).mark_rule(strokeDash=[4, 4]).encode(x=alt.X("x:Q"))
    chart: alt.LayerChart = drawn + lines + text
    return theme.finish(chart, height=28 * frame.height)
