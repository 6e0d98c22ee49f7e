"""The picture of sales: week by week, with the same slots of last year behind and the festivals marked."""

from __future__ import annotations

from datetime import date

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.charts.rows import layers, text_width

PHONE = 240
"""Width of the plot on a telephone [px]."""
BESIDE, LOWER = 4, 14
"""Between a line and its name; from one row of names to the next [px]."""


def course(
    frame: pl.DataFrame, festivals: pl.DataFrame, *, title: str, order: list[str], day_format: str
) -> alt.LayerChart:
    """Two lines from zero: this year, and the same slots a year before; festivals as named dashed lines.

    Parameters
    ----------
    frame : `ends` (day), `series` (in words), `value` (axis unit), `label`.
    festivals : `day`, `name`.
    order : the names of the series, this year's first.
    """
    scale = alt.Scale(domain=order, range=[theme.ACCENT, theme.MUTED])
    line = (
        alt.Chart(frame)
        .mark_line(strokeWidth=2.2)
        .encode(
            x=alt.X("ends:T", title=None, axis=alt.Axis(format=day_format, labelAngle=0, tickCount=8)),
            y=alt.Y("value:Q", title=title, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickCount=5, format=",.3~f")),
            color=alt.Color("series:N", title=None, scale=scale, sort=order),
            strokeDash=alt.StrokeDash(
                "series:N", sort=order, scale=alt.Scale(domain=order, range=[[1, 0], [5, 3]]), title=None
            ),
            tooltip=[alt.Tooltip("ends:T", format="%Y-%m-%d"), alt.Tooltip("series:N"), alt.Tooltip("label:N")],
        )
    )
    if festivals.is_empty():
        return theme.finish(layers(line), height=250)
    rule = alt.Chart(festivals).mark_rule(color=theme.SOFT, strokeDash=[2, 3]).encode(x=alt.X("day:T"))
    return theme.finish(layers(rule, line, *_named(festivals, *_span(frame))), height=250)


def _span(frame: pl.DataFrame) -> tuple[date, date]:
    days = frame["ends"].sort().to_list()
    return days[0], days[-1]


def _named(festivals: pl.DataFrame, first: date, last: date) -> list[alt.Chart]:
    """The names beside their lines: inwards in the later half, a row lower where one would run into another.

    It is worked out for a telephone; there the plot is `PHONE` wide.
    """
    drawn: list[alt.Chart] = []
    until: list[float] = []  # where the names of each row end [px]
    for day, name in festivals.sort("day").select("day", "name").iter_rows():
        at, wide = PHONE * (day - first).days / max((last - first).days, 1), text_width(name) + 2 * BESIDE
        inwards = at > PHONE / 2
        begins = at - wide if inwards else at
        row = next((n for n, end in enumerate(until) if begins >= end), len(until))
        until[row : row + 1] = [begins + wide]
        text = alt.Chart(pl.DataFrame({"day": [day], "name": [name]})).mark_text(
            align="right" if inwards else "left", baseline="top", dx=-BESIDE if inwards else BESIDE, color=theme.SOFT,
            fontSize=11,
        )  # fmt: skip
        drawn.append(text.encode(x=alt.X("day:T"), y=alt.value(2 + LOWER * row), text=alt.Text("name:N")))
    return drawn
