"""Points with their intervals: the one way to draw estimates of named things."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words


def intervals(
    frame: pl.DataFrame,
    *,
    words: Words,
    title: str,
    percent: bool = False,
    log: bool = False,
) -> alt.LayerChart:
    """Points with their intervals, one row each, their figures beside them, and a line where nothing differs.

    Parameters
    ----------
    frame : `name`, `value`, `low`, `high` (null: none is known), `label`; optional `doubt` (true: drawn hollow) and
        `tone` (of `rows.TONES`; plain where none is given).
    title : of the value axis, with its unit.
    percent : values are shares.
    log : values are ratios above 0, on a logarithmic axis around one; else the line stands at zero.
    """
    plain = pl.lit("plain", dtype=pl.String)
    shown = frame.with_columns(
        tone=pl.col("tone").fill_null(plain) if "tone" in frame.columns else plain,
        doubt=pl.col("doubt") if "doubt" in frame.columns else pl.lit(value=False),
    )
    shown = rows.prepared(shown)
    at = 1.0 if log else 0.0
    base = rows.base(shown, words=words, title=title)
    usual = rows.value_axis(shown, percent=percent, words=words, title=title)
    axis = alt.Axis(values=[0.25, 0.5, 1, 2, 4, 8], format="~r") if log else usual
    scale = rows.scale(shown, at=at, log=log)
    x = alt.X("low:Q", title=title, scale=scale, axis=axis)
    spread = base.mark_rule(strokeWidth=3, opacity=0.45).encode(x=x, x2=alt.X2("high:Q"), color=rows.tone(alt.Color))
    fill = alt.when("datum.doubt").then(alt.value(theme.PAPER)).otherwise(rows.tone(alt.Fill))
    point = base.mark_point(size=70, strokeWidth=2, opacity=1).encode(
        x=alt.X("value:Q"), stroke=rows.tone(alt.Stroke), fill=fill
    )
    return rows.finish(rows.lines_at([at]), spread, point, *rows.figures(base), count=shown.height)
