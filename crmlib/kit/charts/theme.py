"""The look of every chart: a face that has Chinese, quiet axes, colours that colour-blind readers tell apart.

A chart function ends with ``return theme.finish(chart)``. On a page the width given here is only the widest one: single
and layered charts are fitted to the column, so nothing may rely on it.
"""

from __future__ import annotations

from functools import cache
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

    given: Any = chart
    done = given.copy(deep=False)  # each `configure_...` would copy the whole chart with its data
    done.config = _config()
    if isinstance(chart, alt.Chart | alt.LayerChart):
        done.width = width
        if height is not None:
            done.height = height
    return cast(_Chart, done)


@cache
def _config() -> alt.Config:
    """What every chart has in common; made once and only read."""
    import altair as alt  # noqa: PLC0415

    return alt.Config(
        font=FONT,
        background=PAPER,
        padding=4,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
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
        ),
        axisX=alt.AxisConfig(labelFlush=False),
        header=alt.HeaderConfig(labelColor=INK, labelFontSize=12, titleColor=SOFT, titleFontSize=12),
        legend=alt.LegendConfig(
            labelColor=INK,
            labelFontSize=12,
            titleColor=SOFT,
            titleFontSize=12,
            titleFontWeight="normal",
            orient="top",
            labelLimit=260,
            symbolStrokeWidth=2,
        ),
        title=alt.TitleConfig(color=INK, fontSize=13, anchor="start", fontWeight="normal"),
        text=alt.MarkConfig(color=INK, fontSize=12),
        range=alt.RangeConfig(category=list(SERIES), heatmap=list(RAMP), ramp=list(RAMP)),
        bar=alt.BarConfig(color=ACCENT),
        line=alt.LineConfig(color=ACCENT, strokeWidth=2),
        point=alt.MarkConfig(color=ACCENT, filled=True, size=40),
        area=alt.AreaConfig(color=ACCENT),
        rule=alt.MarkConfig(color=SOFT),
    )
