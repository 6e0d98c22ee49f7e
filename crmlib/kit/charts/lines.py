"""Months: a share as a line, amounts as columns."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme


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


def _epoch_ms(frame: pl.DataFrame, x: str) -> int:
    days = frame[x].cast(pl.Date).to_physical().max()
    return int(days) * 86_400_000 if isinstance(days, int) else 0


def _falls(frame: pl.DataFrame, value: str) -> bool:
    """The label of the last point goes below it if the line comes from above."""
    last = frame[value].tail(2).to_list()
    return len(last) == 2 and last[1] < last[0]
