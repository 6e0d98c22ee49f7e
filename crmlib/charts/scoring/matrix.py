"""The value matrix as a two-by-two board."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words

PLACES = {"keep": ("high", "high"), "reprice": ("high", "low"), "grow": ("low", "high"), "cheap": ("low", "low")}
"""Quadrant → (sales, margin)."""


def matrix(quadrants: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Four fields: what to do, members, sales and margin rate; darker holds more of the sales.

    Parameters
    ----------
    quadrants : quadrant, customers, net_minor, share_net, margin_rate; the unrated are not drawn.
    """
    form = words.format
    rows = [
        {
            "sales": words(f"scoring.matrix.sales.{PLACES[row['quadrant']][0]}"),
            "margin": words(f"scoring.matrix.margin.{PLACES[row['quadrant']][1]}"),
            "share": row["share_net"] or 0.0,
            "name": words(f"scoring.quadrant.{row['quadrant']}"),
            "people": words("scoring.persons", count=form.count(row["customers"])),
            "money": words(
                "scoring.matrix.cell", money=form.money(row["net_minor"]), share=form.share(row["share_net"])
            ),
            "rate": words("scoring.matrix.rate", rate=form.share(row["margin_rate"])),
        }
        for row in quadrants.iter_rows(named=True)
        if row["quadrant"] in PLACES
    ]
    base = alt.Chart(pl.DataFrame(rows)).encode(
        x=alt.X(
            "margin:N",
            title=None,
            sort=[words("scoring.matrix.margin.low"), words("scoring.matrix.margin.high")],
            axis=alt.Axis(labelAngle=0, ticks=False, domain=False, orient="bottom"),
        ),
        y=alt.Y(
            "sales:N",
            title=None,
            sort=[words("scoring.matrix.sales.high"), words("scoring.matrix.sales.low")],
            axis=alt.Axis(ticks=False, domain=False, labelAngle=-90, labelAlign="center"),
        ),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("people:N"), alt.Tooltip("money:N"), alt.Tooltip("rate:N")],
    )
    field = base.mark_rect(stroke="white", strokeWidth=3).encode(
        color=alt.Color("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[theme.RAMP[0], theme.RAMP[2]]))
    )
    name = base.mark_text(dy=-36, fontSize=14, fontWeight="bold").encode(text=alt.Text("name:N"))
    people = base.mark_text(dy=-12, fontSize=13).encode(text=alt.Text("people:N"))
    money = base.mark_text(dy=10).encode(text=alt.Text("money:N"))
    rate = base.mark_text(dy=32).encode(text=alt.Text("rate:N"))
    chart: alt.LayerChart = field + name + people + money + rate
    return theme.finish(chart, height=280)
