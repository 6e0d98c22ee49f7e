"""Pictures of the churn review: the flow, stores, stages, times to loss."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import labelled, rows, theme
from crmlib.kit.words import Words

KINDS = ("new", "won_back", "lost", "provisional")
COLOURS = (theme.ACCENT, theme.SERIES[2], theme.WARN, "#e3b98f")


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
    shown = frame.select("name", "label", value="net", tone=rows.toned(pl.col("closed")))
    return labelled.bars(shown, words=words, title=words("churn_review.chart.net"))


def stages(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """One bar per stage: how many reached it, and the part of them lost there.

    Parameters
    ----------
    frame : name, reached, lost, label.
    """
    title, shown = words("churn_review.chart.reached"), rows.prepared(frame.with_columns(value="reached"))
    base = rows.base(shown, words=words, title=title)
    axis = rows.value_axis(shown, percent=False)
    x = alt.X("reached:Q", title=title, axis=axis, scale=rows.scale(shown))
    reached = base.mark_bar(color=theme.LINE, cornerRadiusEnd=2).encode(x=x)
    lost = base.mark_bar(color=theme.WARN).encode(x=alt.X("lost:Q"))
    return rows.finish(reached, lost, *rows.figures(base), count=frame.height)


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
