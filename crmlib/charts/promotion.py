"""Pictures of promotions: signed bars, intervals, the band of a running event, what-if curves, the response table."""

from __future__ import annotations

from typing import cast

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words

ROW = 30
"""Height of one bar's row [px]."""
ROOM = 0.022
"""Share of the axis one narrow letter of a label takes."""


def signed_bars(frame: pl.DataFrame, *, words: Words, title: str, percent: bool = False) -> alt.LayerChart:
    """Horizontal bars to both sides of zero, in the order of the rows; gains and losses in two colours, labelled.

    Parameters
    ----------
    frame : `name`, `value`, `label`; optional `low`, `high` (drawn as a line) and `total` (true for a sum: darker).
    title : of the value axis, with its unit. percent : values are shares.
    """
    bounds = ("low", "high") if "low" in frame.columns else ("value", "value")
    shown = frame.with_columns(
        low=pl.col(bounds[0]).fill_null(pl.col("value")),
        high=pl.col(bounds[1]).fill_null(pl.col("value")),
        total=pl.col("total") if "total" in frame.columns else pl.lit(value=False),
    )
    # a label stands outside the bar and its interval, on the side of the value
    shown = shown.with_columns(
        at=pl.when(pl.col("value") < 0).then("low").otherwise("high"), right=pl.col("value") >= 0
    )
    order = shown["name"].to_list()
    base = alt.Chart(shown).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=230)),
        tooltip=[alt.Tooltip("name:N", title=words("promotion.chart.what")), alt.Tooltip("label:N", title=title)],
    )
    scale = alt.Scale(domain=list(_domain(shown)), nice=False)
    colour = (
        alt.when("datum.total")
        .then(alt.value(theme.SERIES[2]))
        .when("datum.value < 0")
        .then(alt.value(theme.SERIES[1]))
        .otherwise(alt.value(theme.ACCENT))
    )
    bar = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(
        x=alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=5, format="%" if percent else ",.0f")),
        color=colour,
    )
    rule = base.mark_rule(strokeWidth=2, color=theme.INK).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    right = (
        base.transform_filter("datum.right")
        .mark_text(align="left", dx=6)
        .encode(x=alt.X("at:Q"), text=alt.Text("label:N"))
    )
    left = (
        base.transform_filter("!datum.right")
        .mark_text(align="right", dx=-6)
        .encode(x=alt.X("at:Q"), text=alt.Text("label:N"))
    )
    layers = [bar, right, left] if bounds[0] == "value" else [bar, rule, right, left]
    return theme.finish(_layers(*layers), height=ROW * max(shown.height, 2))


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
    scale = alt.Scale(domain=list(_domain(shown.with_columns(right=True))), nice=False)
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
    return theme.finish(_layers(zero, rule, point, text), height=(ROW - 4) * max(shown.height, 2))


def band(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Cumulative actual against the plan and its band, with the projection.

    Parameters
    ----------
    frame : `day`, `low`, `high`, and `value` by `series` in words (plan, actual, projection) with `kind` naming them.
    """
    x = alt.X("day:T", title=None, axis=alt.Axis(format="%m-%d", tickCount=7))
    title = words("promotion.watch.axis")
    area = (
        alt.Chart(frame.filter(pl.col("kind") == "plan"))
        .mark_area(opacity=0.25, color=theme.MUTED)
        .encode(x=x, y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    )
    kinds = frame.select("series", "kind").unique(maintain_order=True)
    colours = {"plan": theme.SOFT, "actual": theme.ACCENT, "projected": theme.SERIES[1]}
    scale = alt.Scale(domain=kinds["series"].to_list(), range=[colours[k] for k in kinds["kind"]])
    dash = alt.condition("datum.kind === 'actual'", alt.value([1, 0]), alt.value([5, 3]))
    line = (
        alt.Chart(frame.drop_nulls("value"))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x,
            y=alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0)),
            color=alt.Color("series:N", scale=scale, title=None),
            strokeDash=dash,
            detail=alt.Detail("kind:N"),
            tooltip=[
                alt.Tooltip("day:T", format="%Y-%m-%d", title=words("promotion.chart.day")),
                alt.Tooltip("series:N", title=words("promotion.chart.what")),
                alt.Tooltip("value:Q", format=",.0f", title=title),
            ],
        )
    )
    return theme.finish(_layers(area, line), height=280)


def what_if(frame: pl.DataFrame, *, picks: dict[str, str], words: Words, titles: tuple[str, str]) -> alt.LayerChart:
    """One scenario of a grid at a time, picked above the chart: margin by depth, its band, and the depth in figures.

    Parameters
    ----------
    frame : `x` (depth, percent), `y`, `low`, `high`; `label` (the scenario in figures); depth, days, products, stores
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
    line = base.mark_line(strokeWidth=2.5, color=theme.ACCENT, point=True).encode(
        x=x, y=y, tooltip=[alt.Tooltip("label:N", title=words("promotion.chart.what"))]
    )
    one = base.transform_filter("datum.depth === depth_shown")
    mark = one.mark_point(size=140, filled=True, color=theme.SERIES[1], opacity=1).encode(x=x, y=y)
    said = one.mark_text(align="right", baseline="top", fontWeight="bold", lineBreak="\n").encode(
        x=alt.value("width"), y=alt.value(2), text="label:N"
    )
    zero = alt.Chart(pl.DataFrame({"zero": [0.0]})).mark_rule(color=theme.SOFT, strokeDash=[4, 3]).encode(y="zero:Q")
    return theme.finish(_layers(zero, band, line, mark, said).add_params(*params), height=280)


def response(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Heat map of the lift by mechanic and depth, the number in every cell.

    Parameters
    ----------
    frame : `mechanic`, `depth` (both in words, in order), `lift`, `label`, `few`.
    """
    depths, mechanics = (frame[c].unique(maintain_order=True).to_list() for c in ("depth", "mechanic"))
    # mechanics across and depths down: there are more depths, and a number must fit its cell on a telephone
    x = alt.X("mechanic:N", sort=mechanics, title=None, axis=alt.Axis(labelAngle=0, ticks=False, orient="top"))
    y = alt.Y("depth:N", sort=depths, title=words("promotion.chart.depth"), axis=alt.Axis(ticks=False))
    base = alt.Chart(frame).encode(x=x, y=y)
    colour = alt.Color("lift:Q", scale=alt.Scale(range=list(theme.RAMP)), legend=None)
    top = max((float(v) for v in frame["lift"]), default=0.0)
    ink = alt.condition(f"datum.lift > {0.7 * top}", alt.value(theme.PAPER), alt.value(theme.INK))
    cell = base.mark_rect(stroke=theme.PAPER, strokeWidth=2).encode(color=colour)
    text = base.mark_text().encode(text=alt.Text("label:N"), color=ink)
    return theme.finish(_layers(cell, text), height=30 * max(len(depths), 2))


def _layers(*layers: alt.Chart) -> alt.LayerChart:
    return cast(alt.LayerChart, alt.layer(*layers))


def _domain(frame: pl.DataFrame) -> tuple[float, float]:
    """Axis that holds zero, all bars and intervals, and leaves room for the labels on their side."""
    low, high = min(0.0, *frame["low"].to_list()), max(0.0, *frame["high"].to_list())
    span = (high - low) or 1.0
    wide = {True: 0, False: 0}
    for label, right in frame.select("label", "right").iter_rows():
        wide[right] = max(wide[right], sum(2 if ord(c) > 0x2E80 else 1 for c in label))
    left, right = (min(ROOM * wide[side] + (0.07 if wide[side] else 0), 0.45) for side in (False, True))
    whole = span / max(1 - left - right, 0.2)
    return (low - left * whole if wide[False] else low), high + right * whole
