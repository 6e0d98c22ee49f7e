"""Pictures of customer value: tiers, movement, the matrix."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

PLACES = {"keep": ("high", "high"), "reprice": ("high", "low"), "grow": ("low", "high"), "cheap": ("low", "low")}
"""Quadrant → (sales, margin)."""


def concentration(tiers: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Two bars per tier: its share of members and its share of sales.

    Parameters
    ----------
    tiers : tier, share_customers, share_net; one row per tier, best first.
    """
    names = {"share_customers": words("scoring.chart.of_members"), "share_net": words("customer_value.chart.of_sales")}
    tall = (
        tiers.select("tier", *names)
        .unpivot(index="tier", variable_name="measure", value_name="share")
        .with_columns(
            pl.col("measure").replace_strict(names, return_dtype=pl.String),
            pl.Series("label", [words.format.share(v) for name in names for v in tiers[name]]),
        )
    )
    order = list(names.values())
    base = alt.Chart(tall).encode(
        y=alt.Y("tier:N", title=None, sort=tiers["tier"].to_list(), axis=alt.Axis(labelFontSize=14, ticks=False)),
        yOffset=alt.YOffset("measure:N", sort=order),
        x=alt.X("share:Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=alt.Scale(domainMin=0)),
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color(
            "measure:N",
            title=None,
            sort=order,
            scale=alt.Scale(domain=order, range=[theme.MUTED, theme.ACCENT]),
        ),
        tooltip=[alt.Tooltip("tier:N"), alt.Tooltip("measure:N"), alt.Tooltip("label:N")],
    )
    labels = base.mark_text(align="left", dx=4).encode(text=alt.Text("label:N"))
    chart: alt.LayerChart = bars + labels
    return theme.finish(chart, height=56 * tiers.height)


def migration(cells: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Heat map: a row for where customers were, a column for where they are now; darker means more of the row.

    Parameters
    ----------
    cells : tier_before, tier_now, customers, share_of_row; one row per cell.
    """
    cells = cells.filter(pl.col("customers").sum().over("tier_before") > 0)
    before, now = cells["tier_before"].unique(maintain_order=True), cells["tier_now"].unique(maintain_order=True)
    shown = cells.with_columns(
        tier_before=pl.Series([_tier(words, t) for t in cells["tier_before"]]),
        tier_now=pl.Series([_tier(words, t) for t in cells["tier_now"]]),
        label=pl.Series([words.format.count(n) for n in cells["customers"]]),
        share_label=pl.Series([words.format.share(s) for s in cells["share_of_row"]]),
    )
    base = alt.Chart(shown).encode(
        x=alt.X(
            "tier_now:N",
            title=words("customer_value.chart.now"),
            sort=[_tier(words, t) for t in now],
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False),
        ),
        y=alt.Y(
            "tier_before:N",
            title=words("customer_value.chart.before"),
            sort=[_tier(words, t) for t in before],
            axis=alt.Axis(ticks=False, domain=False),
        ),
    )
    cell = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color(
            "share_of_row:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[theme.RAMP[0], theme.ACCENT])
        ),
        tooltip=[
            alt.Tooltip("tier_before:N"),
            alt.Tooltip("tier_now:N"),
            alt.Tooltip("label:N"),
            alt.Tooltip("share_label:N"),
        ],
    )
    text = base.mark_text().encode(
        text=alt.Text("label:N"),
        color=alt.condition("datum.share_of_row > 0.8", alt.value("white"), alt.value(theme.INK)),
    )
    chart: alt.LayerChart = cell + text
    return theme.finish(chart, height=40 * before.len())


def _tier(words: Words, tier: str) -> str:
    key = f"customer_value.tier.{tier}"
    return words(key) if words.has(key) else tier


def matrix(quadrants: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Four fields: what to do, members, sales and margin rate; darker holds more of the sales.

    Parameters
    ----------
    quadrants : quadrant, customers, net_minor, share_net, margin_rate; the unrated are not drawn.
    """
    form = words.format
    rows = [
        {
            "sales": words(f"customer_value.matrix.sales.{PLACES[row['quadrant']][0]}"),
            "margin": words(f"customer_value.matrix.margin.{PLACES[row['quadrant']][1]}"),
            "share": row["share_net"] or 0.0,
            "name": words(f"customer_value.quadrant.{row['quadrant']}"),
            "people": words("scoring.persons", count=form.count(row["customers"])),
            "money": words(
                "customer_value.matrix.cell", money=form.money(row["net_minor"]), share=form.share(row["share_net"])
            ),
            "rate": words("customer_value.matrix.rate", rate=form.share(row["margin_rate"])),
        }
        for row in quadrants.iter_rows(named=True)
        if row["quadrant"] in PLACES
    ]
    base = alt.Chart(pl.DataFrame(rows)).encode(
        x=alt.X(
            "margin:N",
            title=None,
            sort=[words("customer_value.matrix.margin.low"), words("customer_value.matrix.margin.high")],
            axis=alt.Axis(labelAngle=0, ticks=False, domain=False, orient="bottom"),
        ),
        y=alt.Y(
            "sales:N",
            title=None,
            sort=[words("customer_value.matrix.sales.high"), words("customer_value.matrix.sales.low")],
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
