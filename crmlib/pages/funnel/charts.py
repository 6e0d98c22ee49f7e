"""Pictures of the funnel: what becomes of deals by their age."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

SHADES = {"won": theme.ACCENT, "open": theme.LINE, "lost": theme.MUTED}


def fates(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Shares won, open and lost stacked by age; the last share won and lost in figures.

    Parameters
    ----------
    frame : age [days], won, lost, open; each row sums to 1.
    """
    names = {part: words(f"funnel.part.{part}") for part in SHADES}
    order = list(names.values())
    tall = frame.unpivot(index="age", on=list(SHADES), variable_name="part", value_name="share").with_columns(
        place=pl.col("part").replace_strict(list(SHADES), range(3), return_dtype=pl.Int64),
        part=pl.col("part").replace_strict(names, return_dtype=pl.String),
    )
    tall = tall.with_columns(label=pl.Series([words.format.share(s) for s in tall["share"]], dtype=pl.String))
    base = alt.Chart(tall).encode(x=alt.X("age:Q", title=words("funnel.chart.age"), axis=alt.Axis(tickCount=6)))
    area = base.mark_area().encode(
        y=alt.Y("share:Q", stack="zero", title=words("funnel.chart.share"), axis=alt.Axis(format="%", tickCount=5),
                scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("part:N", title=None, sort=order, scale=alt.Scale(domain=order, range=list(SHADES.values())),
                        legend=alt.Legend(orient="bottom")),
        order=alt.Order("place:Q"),
        tooltip=[alt.Tooltip("age:Q"), alt.Tooltip("part:N"), alt.Tooltip("label:N")],
    )  # fmt: skip
    last = frame.tail(1)
    marks = pl.DataFrame(
        {"age": [last["age"][0]] * 2, "at": [last["won"][0] / 2, 1 - last["lost"][0] / 2],
         "text": [f"{names[p]} {words.format.share(last[p][0])}" for p in ("won", "lost")],
         "shade": [theme.PAPER, theme.INK]}
    )  # fmt: skip
    text = (
        alt.Chart(marks)
        .mark_text(align="right", dx=-6, fontWeight="bold")
        .encode(
            x="age:Q", y=alt.Y("at:Q", scale=alt.Scale(domain=[0, 1])), text="text:N",
            color=alt.Color("shade:N", scale=None),
        )
    )  # fmt: skip
    chart: alt.LayerChart = area + text
    return theme.finish(chart, height=250)
