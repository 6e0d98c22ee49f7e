"""Can the model be trusted: league table, calibration, drift."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.churn.judge.drift import ALARM, NOTE
from crmlib.kit.charts import labelled, rows, theme
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


def calibration(frame: pl.DataFrame, *, titles: tuple[str, str]) -> alt.LayerChart:
    """Share that came true against the share said, in groups of equal size, with bounds; the diagonal is right.

    Parameters
    ----------
    frame : expected, observed, low, high (shares); others are left alone.
    titles : of the two axes: what was said, what came true.
    """
    said, true = titles
    scale, share = alt.Scale(domain=[0, 1]), alt.Axis(format="%", tickCount=5)
    ends = alt.Chart(pl.DataFrame({"a": [0.0, 1.0]})).encode(x=alt.X("a:Q", scale=scale), y=alt.Y("a:Q", scale=scale))
    right = ends.mark_line(color=theme.MUTED, strokeDash=[4, 3], strokeWidth=1.5)
    x = alt.X("expected:Q", title=said, scale=scale, axis=share)
    base = alt.Chart(frame).encode(x=x)
    spread = base.mark_rule(strokeWidth=2, color=theme.RAMP[2]).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    told = [alt.Tooltip("expected:Q", title=said, format=".0%"), alt.Tooltip("observed:Q", title=true, format=".0%")]
    point = base.mark_point(size=60, opacity=1).encode(
        y=alt.Y("observed:Q", title=true, scale=scale, axis=share), tooltip=told
    )
    return theme.finish(rows.layers(right, spread, point), width=420, height=300)


def drift(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Stability index of score and features, with the lines of note and alarm.

    Parameters
    ----------
    frame : label (words), psi, text, verdict (alarm, note or another).
    """
    tones = {"alarm": "fail", "note": "warn"}
    tone = pl.col("verdict").replace_strict(tones, default="quiet", return_dtype=pl.String)
    shown = frame.select(tone=tone, name="label", value="psi", label="text")
    return labelled.bars(shown, words=words, title=words("churn.chart.psi"), marks=(NOTE, ALARM))
