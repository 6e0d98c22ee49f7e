"""Labelled bars, lines with a band, and grids: the few shapes the customer pages are made of."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme

ROW = 34
"""Height of one bar's row [px]."""
LABEL_ROOM = 1.6
"""Length of the axis over the longest bar: its label stands beside it."""


def bars(
    frame: pl.DataFrame,
    *,
    category: str,
    value: str,
    label: str,
    title: str | None = None,
    percent: bool = False,
    highlight: str | None = None,
) -> alt.LayerChart:
    """Horizontal bars in the order of the rows, each with its label beside it.

    Parameters
    ----------
    frame : one row per bar.
    category, value, label : columns with the name, the length and the text beside the bar.
    title : of the value axis.
    percent : the values are shares.
    highlight : Boolean column; bars without it are muted.
    """
    order = frame[category].to_list()
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{category}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=170)),
        x=alt.X(
            f"{value}:Q",
            title=title,
            scale=alt.Scale(domain=_room(frame, value), nice=False),
            axis=_share_axis(frame, value) if percent else alt.Axis(format=",.2~f", tickCount=5),
        ),
        tooltip=[alt.Tooltip(f"{category}:N"), alt.Tooltip(f"{label}:N")],
    )
    color = (
        alt.condition(f"datum['{highlight}']", alt.value(theme.ACCENT), alt.value(theme.MUTED))
        if highlight
        else alt.value(theme.ACCENT)
    )
    text = base.mark_text(align="left", dx=4).encode(text=alt.Text(f"{label}:N"))
    chart: alt.LayerChart = base.mark_bar(cornerRadiusEnd=2).encode(color=color) + text
    return theme.finish(chart, height=ROW * max(frame.height, 2))


def _share_axis(frame: pl.DataFrame, value: str) -> alt.Axis:
    """Percentages, none above 100 %: the room beyond belongs to the labels."""
    highest = frame[value].max()
    if isinstance(highest, float) and highest > 0.5:
        return alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    return alt.Axis(format="%", tickCount=5)


def interval_bars(
    frame: pl.DataFrame, *, category: str, value: str, low: str, high: str, label: str, title: str | None = None
) -> alt.LayerChart:
    """Bars of shares from zero with their interval as a line, in the order of the rows.

    Parameters
    ----------
    frame : one row per bar; value, low and high are shares.
    """
    order = frame[category].to_list()
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{category}:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=170)),
        tooltip=[alt.Tooltip(f"{category}:N"), alt.Tooltip(f"{label}:N")],
    )
    scale = alt.Scale(domain=[0, 1])
    bar = base.mark_bar(cornerRadiusEnd=2, color=theme.RAMP[2]).encode(
        x=alt.X(f"{value}:Q", title=title, scale=scale, axis=alt.Axis(format="%", tickCount=5))
    )
    rule = base.mark_rule(strokeWidth=2).encode(x=alt.X(f"{low}:Q", scale=scale), x2=alt.X2(f"{high}:Q"))
    text = base.mark_text(align="left", dx=6).encode(x=alt.X(f"{high}:Q", scale=scale), text=alt.Text(f"{label}:N"))
    chart: alt.LayerChart = bar + rule + text
    return theme.finish(chart, height=ROW * max(frame.height, 2))


def share_line(
    frame: pl.DataFrame, *, x: str, value: str, label: str, month_format: str, title: str | None = None
) -> alt.LayerChart:
    """A share month by month, with the last value written at its point.

    Parameters
    ----------
    frame : x (first day of the month), value (share), label (text of the value); in order of x.
    month_format : d3 format of a month in the reader's language.
    """
    base = alt.Chart(frame).encode(
        x=alt.X(f"{x}:T", title=None, axis=alt.Axis(format=month_format, labelAngle=0, tickCount=6)),
        y=alt.Y(
            f"{value}:Q",
            title=title,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", tickCount=5),
        ),
        tooltip=[alt.Tooltip(f"{x}:T"), alt.Tooltip(f"{label}:N")],
    )
    last = base.transform_filter(f"datum['{x}'] == {_epoch_ms(frame, x)}")
    chart: alt.LayerChart = (
        base.mark_line()
        + base.mark_point()
        + last.mark_text(align="right", dy=16 if _falls(frame, value) else -12, fontWeight="bold").encode(
            text=alt.Text(f"{label}:N")
        )
    )
    return theme.finish(chart, height=220)


def columns(
    frame: pl.DataFrame, *, x: str, value: str, label: str, month_format: str, title: str | None = None
) -> alt.Chart:
    """One column per month, from zero.

    Parameters
    ----------
    frame : x (first day of the month), value, label (for the tooltip); in order of x.
    month_format : d3 format of a month in the reader's language.
    """
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(cornerRadiusEnd=2, color=theme.ACCENT)
        .encode(
            x=alt.X(f"yearmonth({x}):T", title=None, axis=alt.Axis(format=month_format, labelAngle=0, tickCount=6)),
            y=alt.Y(f"{value}:Q", title=title, axis=alt.Axis(format=",.2~f", tickCount=5)),
            tooltip=[alt.Tooltip(f"{x}:T"), alt.Tooltip(f"{label}:N")],
        )
    )
    return theme.finish(chart, height=220)


def dots(
    frame: pl.DataFrame, *, category: str, value: str, low: str, high: str, label: str, unusual: str, title: str
) -> alt.LayerChart:
    """Ratios around one on a logarithmic axis, with intervals; unusual ones in colour.

    Each label stands below its name: beside the dots it would leave them no room on a narrow screen.

    Parameters
    ----------
    frame : one row per dot; value, low, high > 0; `unusual` is Boolean.
    """
    named = frame.with_columns(pl.concat_str(category, pl.lit("\n"), label).alias("__name"))
    order = named["__name"].to_list()
    two_lines = alt.Axis(ticks=False, labelLimit=220, grid=True, labelExpr="split(datum.label, '\\n')")
    base = alt.Chart(named).encode(
        y=alt.Y("__name:N", sort=order, title=None, axis=two_lines),
        color=alt.condition(f"datum['{unusual}']", alt.value(theme.ACCENT), alt.value(theme.MUTED)),
        tooltip=[alt.Tooltip(f"{category}:N"), alt.Tooltip(f"{label}:N")],
    )
    scale = alt.Scale(type="log", nice=False, domain=_log_room(frame, low, high))
    axis = alt.Axis(values=[0.25, 0.5, 1, 2, 4, 8], format="~r")
    point = base.mark_point(size=70).encode(x=alt.X(f"{value}:Q", title=title, scale=scale, axis=axis))
    rule = base.mark_rule(strokeWidth=2).encode(x=alt.X(f"{low}:Q", scale=scale), x2=alt.X2(f"{high}:Q"))
    one = alt.Chart(pl.DataFrame({"one": [1.0]})).mark_rule(strokeDash=[4, 3]).encode(x=alt.X("one:Q", scale=scale))
    chart: alt.LayerChart = one + rule + point
    return theme.finish(chart, height=36 * max(frame.height, 3))


def _room(frame: pl.DataFrame, value: str) -> list[float]:
    """From zero to the longest bar, with room for its label."""
    low, high = frame[value].min(), frame[value].max()
    top = float(high) if isinstance(high, int | float) and high > 0 else 1.0
    return [min(0.0, float(low) if isinstance(low, int | float) else 0.0), top * LABEL_ROOM]


def _log_room(frame: pl.DataFrame, low: str, high: str) -> list[float]:
    """All intervals, and one."""
    least, most = frame[low].min(), frame[high].max()
    a = float(least) if isinstance(least, int | float) else 0.5
    b = float(most) if isinstance(most, int | float) else 2.0
    return [min(a, 1.0) * 0.95, max(b, 1.0) * 1.05]


def _epoch_ms(frame: pl.DataFrame, x: str) -> int:
    days = frame[x].cast(pl.Date).to_physical().max()
    return int(days) * 86_400_000 if isinstance(days, int) else 0


def _falls(frame: pl.DataFrame, value: str) -> bool:
    """The label of the last point goes below it if the line comes from above."""
    last = frame[value].tail(2).to_list()
    return len(last) == 2 and last[1] < last[0]
