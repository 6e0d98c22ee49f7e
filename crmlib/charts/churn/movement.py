"""New, won back and lost by period; net change by store."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words

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
    names = {k: words(f"churn.kind.{k}") for k in KINDS}
    used = [k for k in KINDS if k in frame["kind"].to_list()]
    shown = frame.with_columns(pl.col("kind").replace_strict(names, return_dtype=pl.String).alias("name"))
    days = frame["ends_on"].unique(maintain_order=True).to_list()
    x = alt.X("ends_on:O", sort=days, title=words("churn.chart.period_end"), axis=alt.Axis(labelAngle=0))
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
        x=alt.X("net:Q", title=words("churn.chart.net"), axis=alt.Axis(tickCount=6), scale=_both_ways(frame)),
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
