"""Pictures of the staff page: shares by their size within the limits of chance."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words


def funnel(frame: pl.DataFrame, limits: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """A point per person at trials and share; the band is what chance makes of the common share.

    Parameters
    ----------
    frame : name, trials, share, tone (above, below, inside), label. limits : trials, low, high, share.
    """
    x = alt.X("trials:Q", title=words("staff.chart.calls"), axis=alt.Axis(format="d", tickCount=6))
    y = alt.Y("low:Q", title=words("staff.chart.reached"), axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    base = alt.Chart(limits)
    band = base.mark_area(opacity=0.25, color=theme.MUTED).encode(x=x, y=y, y2="high:Q")
    mean = base.mark_line(color=theme.MUTED, strokeDash=[4, 3]).encode(x="trials:Q", y="share:Q")
    tones = {"inside": theme.ACCENT, "above": theme.SERIES[2], "below": theme.FAIL}
    names = {tone: words(f"staff.tone.{tone}") for tone in tones}
    shown = frame.with_columns(pl.col("tone").replace_strict(names, return_dtype=pl.String))
    point = (
        alt.Chart(shown)
        .mark_point(size=70, filled=True, opacity=1)
        .encode(
            x="trials:Q", y="share:Q",
            color=alt.Color(
                "tone:N", title=None, scale=alt.Scale(domain=list(names.values()), range=list(tones.values())),
                legend=alt.Legend(orient="bottom", columns=1),
            ),
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")],
        )
    )  # fmt: skip
    return theme.finish(rows.layers(band, mean, point), height=280)
