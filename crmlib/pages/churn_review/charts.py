"""Pictures of the churn review: the flow, stores, stages, times to loss."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import labelled, theme
from crmlib.kit.words import Words

KINDS = ("new", "won_back", "lost", "provisional")
COLOURS = (theme.ACCENT, theme.SERIES[2], theme.WARN, "#e3b98f")
LETTER, MOST_ROOM = 0.029, 0.7
"""Share of a telephone's plot that one narrow letter of a label takes, and the most that all labels get."""


def flow(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Bars up for new and won back, down for lost (lighter while provisional), and the net figure above.

    Parameters
    ----------
    frame : ends_on (text), kind (of `KINDS`), customers (negative for losses), net (text, on one row of each period),
        top (height at which the net figure stands).
    """
    names = {k: words(f"churn_review.kind.{k}") for k in KINDS}
    used = [k for k in KINDS if k in frame["kind"].to_list()]
    shown = frame.with_columns(pl.col("kind").replace_strict(names, return_dtype=pl.String).alias("name"))
    days = frame["ends_on"].unique(maintain_order=True).to_list()
    x = alt.X("ends_on:O", sort=days, title=words("churn_review.chart.period_end"), axis=alt.Axis(labelAngle=0))
    colour = alt.Color(
        "name:N",
        title=None,
        sort=[names[k] for k in used],
        scale=alt.Scale(domain=[names[k] for k in used], range=[COLOURS[KINDS.index(k)] for k in used]),
    )
    base = alt.Chart(shown)
    drawn = base.mark_bar().encode(
        x=x,
        y=alt.Y("customers:Q", title=words("churn.chart.people"), axis=alt.Axis(tickCount=6)),
        color=colour,
        tooltip=[alt.Tooltip("ends_on:O"), alt.Tooltip("name:N"), alt.Tooltip("customers:Q")],
    )
    zero = alt.Chart(pl.DataFrame({"y": [0]})).mark_rule(color=theme.INK).encode(y=alt.Y("y:Q"))
    net = (
        base.transform_filter("isValid(datum.net)")
        .mark_text(dy=-8, fontWeight="bold")
        .encode(x=x, y=alt.Y("top:Q"), text=alt.Text("net:N"))
    )
    chart: alt.LayerChart = drawn + zero + net
    return theme.finish(chart, height=260)


def stores(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Net change of active members per store, losses to the left.

    Parameters
    ----------
    frame : name, net, label, closed (the store sells nothing now).
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False, labelLimit=220)),
        x=alt.X("net:Q", title=words("churn_review.chart.net"), axis=alt.Axis(tickCount=6), scale=_both_ways(frame)),
    )
    colour = (
        alt.when("datum.closed").then(alt.value(theme.MUTED)).when("datum.net < 0").then(alt.value(theme.WARN))
    ).otherwise(alt.value(theme.ACCENT))
    drawn = base.mark_bar().encode(color=colour, tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")])
    right = base.transform_filter("datum.net >= 0").mark_text(align="left", dx=4).encode(text=alt.Text("label:N"))
    left = base.transform_filter("datum.net < 0").mark_text(align="right", dx=-4).encode(text=alt.Text("label:N"))
    chart: alt.LayerChart = drawn + right + left
    return theme.finish(chart, height=max(30 * frame.height, 60))


def _both_ways(frame: pl.DataFrame) -> alt.Scale:
    """A scale around zero with room for the text at both ends, wide enough on a telephone, too."""
    low, high = min(0, *frame["net"].to_list()), max(0, *frame["net"].to_list())
    left, right = (
        LETTER * max((_letters(text) for text in side.to_list()), default=0)
        for side in (frame.filter(pl.col("net") < 0)["label"], frame.filter(pl.col("net") >= 0)["label"])
    )
    kept = min(1.0, MOST_ROOM / max(left + right, MOST_ROOM))
    whole = max(high - low, 1) / (1 - kept * (left + right))
    return alt.Scale(domain=[low - kept * left * whole, high + kept * right * whole], nice=False)


def _letters(text: str) -> int:
    """Width of a text and the gaps beside it in narrow letters; a Chinese one counts two."""
    return 2 + sum(2 if ord(c) > 0x2E80 else 1 for c in text)


def stages(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """One bar per stage: how many reached it, and the part of them lost there.

    Parameters
    ----------
    frame : name, reached, lost, label.
    """
    order = frame["name"].to_list()
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False))
    x = alt.X(
        "reached:Q",
        title=words("churn_review.chart.reached"),
        axis=alt.Axis(tickCount=5, format=",d"),
        scale=labelled.roomy(frame["reached"]),
    )
    base = alt.Chart(frame)
    reached = base.mark_bar(color=theme.LINE, cornerRadiusEnd=2).encode(y=y, x=x)
    lost = base.mark_bar(color=theme.WARN).encode(
        y=y, x=alt.X("lost:Q"), tooltip=[alt.Tooltip("name:N"), alt.Tooltip("label:N")]
    )
    text = base.mark_text(align="left", dx=4).encode(y=y, x=alt.X("reached:Q"), text=alt.Text("label:N"))
    chart: alt.LayerChart = reached + lost + text
    return theme.finish(chart, height=38 * frame.height)


def incidence(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Share lost and share won by days since the first follow-up, with bands, named at their ends.

    Parameters
    ----------
    frame : cause (lost, won), time, share, low, high, label (text on the last row of each, else null).
    """
    names = {c: words(f"churn_review.cause_of_end.{c}") for c in ("lost", "won")}
    shown = frame.with_columns(pl.col("cause").replace_strict(names, return_dtype=pl.String).alias("name"))
    order = list(names.values())
    colour = alt.Color(
        "name:N", title=None, scale=alt.Scale(domain=order, range=[theme.WARN, theme.ACCENT]), legend=None
    )
    x = alt.X("time:Q", title=words("churn_review.chart.days_since"), axis=alt.Axis(tickCount=6))
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
