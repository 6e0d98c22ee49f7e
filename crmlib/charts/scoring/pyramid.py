"""Tiers beside their share of sales, and the movement between tiers."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.charts import theme
from crmlib.text import Words


def concentration(tiers: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Two bars per tier: its share of members and its share of sales.

    Parameters
    ----------
    tiers : tier, share_customers, share_net; one row per tier, best first.
    """
    names = {"share_customers": words("scoring.chart.of_members"), "share_net": words("scoring.chart.of_sales")}
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
            title=words("scoring.chart.now"),
            sort=[_tier(words, t) for t in now],
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False),
        ),
        y=alt.Y(
            "tier_before:N",
            title=words("scoring.chart.before"),
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
    key = f"scoring.tier.{tier}"
    return words(key) if words.has(key) else tier
