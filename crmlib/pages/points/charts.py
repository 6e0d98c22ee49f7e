"""Pictures of points: what became of each month's, and what came and went."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows, theme
from crmlib.kit.words import Words

SHADES = {"used": theme.ACCENT, "expired": theme.MUTED, "open": theme.WARN}


def cohorts(frame: pl.DataFrame, *, words: Words) -> alt.Chart:
    """Columns by month of issue: used, expired, still open.

    Parameters
    ----------
    frame : month, used, expired, open.
    """
    return _columns(frame, SHADES, words)


def months(frame: pl.DataFrame, *, words: Words) -> alt.Chart:
    """Columns by month: issued above the line, used and expired below it.

    Parameters
    ----------
    frame : month, issued, used, expired.
    """
    down = frame.with_columns(-pl.col("used"), -pl.col("expired"))
    return _columns(down, {"issued": theme.SERIES[2], "used": theme.ACCENT, "expired": theme.MUTED}, words)


def _columns(frame: pl.DataFrame, shades: dict[str, str], words: Words) -> alt.Chart:
    names = {part: words(f"points.part.{part}") for part in shades}
    tall = frame.select("month", *shades).unpivot(index="month", variable_name="part", value_name="points")
    tall = tall.with_columns(
        pl.col("part").replace_strict(names, return_dtype=pl.String),
        label=pl.Series([words.format.count(abs(p)) for p in tall["points"]], dtype=pl.String),
    )
    order = list(names.values())
    chart: alt.Chart = (
        alt.Chart(tall)
        .mark_bar()
        .encode(
            x=alt.X(
                "yearmonth(month):T", title=None,
                axis=alt.Axis(format=words("page.axis.month_short"), labelAngle=0, tickCount=6),
            ),
            y=alt.Y("points:Q", title=words("points.chart.points"), axis=rows.large(words)),
            color=alt.Color(
                "part:N", title=None, sort=order, scale=alt.Scale(domain=order, range=list(shades.values())),
                legend=alt.Legend(orient="bottom"),
            ),
            tooltip=[alt.Tooltip("month:T"), alt.Tooltip("part:N"), alt.Tooltip("label:N")],
        )
    )  # fmt: skip
    return theme.finish(chart, height=240)
