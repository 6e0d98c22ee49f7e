"""Pictures of a plan: what if, and the response by mechanic and depth."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import layers
from crmlib.kit.words import Words


def what_if(frame: pl.DataFrame, *, picks: dict[str, str], words: Words, titles: tuple[str, str]) -> alt.LayerChart:
    """One scenario of a grid at a time, picked above the chart: margin by depth, its band, and the depth in figures.

    Parameters
    ----------
    frame : `x` (depth, percent), `y`, `low`, `high`; `label` (the scenario in figures); `beyond` (never tried: a hollow
        point); depth, days, products, stores
        (in words, in the order of the choices).
    picks : depth, days, products, stores that are shown at first. titles : of the two axes.
    """
    params = [
        alt.param(
            name=f"{name}_shown",
            value=value,
            bind=alt.binding_select(
                options=frame[name].unique(maintain_order=True).to_list(),
                name=words(f"promotion_plan.pick.{name}") + " ",
            ),
        )
        for name, value in picks.items()
    ]
    chosen = " && ".join(f"datum.{name} === {name}_shown" for name in picks if name != "depth")
    base = alt.Chart(frame).transform_filter(chosen)
    x = alt.X("x:Q", title=titles[0], scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=6))
    y = alt.Y("y:Q", title=titles[1], axis=alt.Axis(tickCount=5, format=",.0f"))
    band = base.mark_area(opacity=0.18, color=theme.ACCENT).encode(x=x, y=alt.Y("low:Q", title=titles[1]), y2="high:Q")
    line = base.mark_line(strokeWidth=2.5, color=theme.ACCENT).encode(
        x=x, y=y, tooltip=[alt.Tooltip("label:N", title=words("promotion.chart.what"))]
    )
    filled = alt.condition("datum.beyond", alt.value(theme.PAPER), alt.value(theme.ACCENT))
    dots = base.mark_point(size=55, opacity=1, stroke=theme.ACCENT, strokeWidth=2, filled=True).encode(
        x=x, y=y, fill=filled
    )
    one = base.transform_filter("datum.depth === depth_shown")
    mark = one.mark_point(size=140, filled=True, color=theme.SERIES[1], opacity=1).encode(x=x, y=y)
    said = one.mark_text(align="right", baseline="top", fontWeight="bold", lineBreak="\n").encode(
        x=alt.value("width"), y=alt.value(2), text="label:N"
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color=theme.SOFT, strokeDash=[4, 3]).encode(y="zero:Q")
    return theme.finish(layers(zero, band, line, dots, mark, said).add_params(*params), height=280)


def response(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Heat map of the lift by mechanic and depth, the number in every cell.

    Parameters
    ----------
    frame : `mechanic`, `depth` (both in words, in order), `lift`, `label`, `few`.
    """
    depths, mechanics = (frame[c].unique(maintain_order=True).to_list() for c in ("depth", "mechanic"))
    # mechanics across and depths down: there are more depths, and a number must fit its cell on a telephone
    x = alt.X("mechanic:N", sort=mechanics, title=None, axis=alt.Axis(labelAngle=0, ticks=False, orient="top"))
    y = alt.Y("depth:N", sort=depths, title=words("promotion_plan.axis.depth_down"), axis=alt.Axis(ticks=False))
    base = alt.Chart(frame).encode(x=x, y=y)
    colour = alt.Color("lift:Q", scale=alt.Scale(range=list(theme.RAMP)), legend=None)
    top = max((float(v) for v in frame["lift"]), default=0.0)
    ink = alt.condition(f"datum.lift > {0.7 * top}", alt.value(theme.PAPER), alt.value(theme.INK))
    cell = base.mark_rect(stroke=theme.PAPER, strokeWidth=2).encode(color=colour)
    text = base.mark_text().encode(text=alt.Text("label:N"), color=ink)
    return theme.finish(layers(cell, text), height=30 * max(len(depths), 2))
