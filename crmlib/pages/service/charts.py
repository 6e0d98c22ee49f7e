"""Pictures of the desk: how fast tickets are solved, and agents needed and rostered through the day."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words


def curves(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Share solved by days since opening, a step line per quarter, with the interval of the first.

    Parameters
    ----------
    frame : name (of the quarter, the present one first), time [days], share, low, high.
    """
    names = frame["name"].unique(maintain_order=True).to_list()
    shades = [theme.ACCENT, theme.MUTED][: len(names)]
    base = alt.Chart(frame).encode(
        x=alt.X("time:Q", title=words("service.chart.days"), axis=alt.Axis(tickCount=6)),
        color=alt.Color(
            "name:N", title=None, sort=names, scale=alt.Scale(domain=names, range=shades),
            legend=alt.Legend(orient="bottom", columns=1, symbolOpacity=1),
        ),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("time:Q", format=".1f"), alt.Tooltip("share:Q", format=".1%")],
    )  # fmt: skip
    y = alt.Axis(format="%", tickCount=5)
    band = base.transform_filter(alt.FieldEqualPredicate(field="name", equal=names[0] if names else "")).mark_area(
        opacity=0.15, interpolate="step-after"
    )
    band = band.encode(y=alt.Y("low:Q", title=None, axis=y, scale=alt.Scale(domain=[0, 1])), y2=alt.Y2("high:Q"))
    line = base.mark_line(interpolate="step-after").encode(y=alt.Y("share:Q", title=None, axis=y))
    chart: alt.LayerChart = band + line
    return theme.finish(chart, height=230)


def day(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Agents by half hour: rostered as columns, red where they are fewer than needed, needed as a line.

    Parameters
    ----------
    frame : minute, needed, rostered, short.
    """
    names = {part: words(f"service.agents.{part}") for part in ("enough", "few", "needed")}
    shown = frame.select(
        "needed", "rostered", hour=pl.col("minute") / 60, until=(pl.col("minute") + 30) / 60,
        clock=pl.format("{}:{}", pl.col("minute") // 60, (pl.col("minute") % 60).cast(pl.String).str.zfill(2)),
        part=pl.when(pl.col("short") > 0).then(pl.lit(names["few"])).otherwise(pl.lit(names["enough"])),
    )  # fmt: skip
    axis = alt.Axis(values=list(range(0, 25, 2)), format="d", labelExpr="datum.value + ':00'")
    order = list(names.values())
    color = alt.Color(
        "part:N", title=None, sort=order, legend=alt.Legend(orient="bottom", columns=1),
        scale=alt.Scale(domain=order, range=[theme.MUTED, theme.FAIL, theme.INK]),
    )  # fmt: skip
    tip = [alt.Tooltip("clock:N"), alt.Tooltip("needed:Q"), alt.Tooltip("rostered:Q", format=".1f")]
    x = alt.X("hour:Q", title=None, axis=axis, scale=alt.Scale(zero=False, nice=False))
    y = alt.Axis(tickMinStep=1, format="d")
    bars = alt.Chart(shown).mark_bar(opacity=0.75).encode(
        x=x, x2=alt.X2("until:Q"), y=alt.Y("rostered:Q", title=words("service.chart.agents"), axis=y),
        y2=alt.datum(0), color=color,
        tooltip=tip,
    )  # fmt: skip
    last = shown.tail(1).with_columns(hour=pl.col("until"))
    steps = pl.concat([shown, last]).with_columns(part=pl.lit(names["needed"]))
    line = alt.Chart(steps).mark_line(interpolate="step-after").encode(
        x=x, y=alt.Y("needed:Q"), color=color, tooltip=tip
    )  # fmt: skip
    chart: alt.LayerChart = bars + line
    return theme.finish(chart, height=230)
