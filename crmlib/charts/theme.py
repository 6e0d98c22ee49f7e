"""The look of every chart: a face that has Chinese, quiet axes, colours that colour-blind readers tell apart.

A chart function ends with ``return theme.finish(chart)``. On a page the width given here is only the widest one: single
and layered charts are fitted to the column, so nothing may rely on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    import altair as alt

FONT = "Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif"
INK = "#1f2933"
SOFT = "#52606d"
LINE = "#e4e9ef"
PAPER = "#ffffff"
ACCENT = "#0f766e"
MUTED = "#94a3b8"
OK = "#047857"
WARN = "#b45309"
FAIL = "#b91c1c"
SERIES = (ACCENT, "#e47717", "#414c93", "#650e17", "#c36bfc", "#41a38d")
"""Colours of series, in this order: told apart under protanopia, deuteranopia and tritanopia, and 3:1 on white."""
RAMP = ("#eef4f6", "#c9dde1", "#8fb9bd", "#4f9391", ACCENT)
"""Light to dark, for heat maps; write the number into the cell as well."""

_Chart = TypeVar("_Chart", bound="alt.TopLevelMixin")


def finish(chart: _Chart, *, width: int = 560, height: int | None = 260) -> _Chart:
    """Return `chart` with the house's size, fonts, grid and colours; the last call of every chart function.

    Parameters
    ----------
    chart : any Altair chart. Facets and concatenations keep the sizes of their parts.
    width : widest drawing area [px] of a single or layered chart.
    height : height of the drawing area [px]; `None` keeps what the chart says (e.g. ``alt.Step``).

    Examples
    --------
    >>> import altair as alt
    >>> finish(alt.Chart().mark_bar(), height=120).to_dict()["height"]
    120
    """
    import altair as alt  # noqa: PLC0415  (costs seconds; the constants above must not)

    sized: Any = chart
    if isinstance(chart, alt.Chart | alt.LayerChart):
        sized = chart.properties(width=width) if height is None else chart.properties(width=width, height=height)
    return cast(_Chart, _configured(sized))


def _configured(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background=PAPER, padding=4)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=SOFT,
            labelFontSize=12,
            titleColor=SOFT,
            titleFontSize=12,
            titleFontWeight="normal",
            domainColor=LINE,
            tickColor=LINE,
            gridColor=LINE,
            labelLimit=220,
            labelOverlap="greedy",
            labelSeparation=10,
        )
        .configure_axisX(labelFlush=False)
        .configure_header(labelColor=INK, labelFontSize=12, titleColor=SOFT, titleFontSize=12)
        .configure_legend(
            labelColor=INK,
            labelFontSize=12,
            titleColor=SOFT,
            titleFontSize=12,
            titleFontWeight="normal",
            orient="top",
            labelLimit=260,
            symbolStrokeWidth=2,
        )
        .configure_title(color=INK, fontSize=13, anchor="start", fontWeight="normal")
        .configure_text(color=INK, fontSize=12)
        .configure_range(category=list(SERIES), heatmap=list(RAMP), ramp=list(RAMP))
        .configure_bar(color=ACCENT)
        .configure_line(color=ACCENT, strokeWidth=2)
        .configure_point(color=ACCENT, filled=True, size=40)
        .configure_area(color=ACCENT)
        .configure_rule(color=SOFT)
    )
