"""Pictures of meetings: the chain from invitation to order, by kind of guest."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

STEPS = ("invited", "accepted", "came", "bought")
SHADES = {"old": theme.ACCENT, "new": theme.SERIES[1], "walk_in": theme.MUTED}


def chain(table: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """One bar per step, split into members, new ones and walk-ins, the sum beside it.

    Parameters
    ----------
    table : kind (new, old, walk_in, all), invited, accepted, came, bought.
    """
    steps = {step: words(f"meetings.step.{step}") for step in STEPS}
    kinds = {kind: words(f"meetings.kind.{kind}") for kind in SHADES}
    tall = table.unpivot(index="kind", on=list(STEPS), variable_name="step", value_name="guests")
    tall = tall.with_columns(step=pl.col("step").replace_strict(steps, return_dtype=pl.String))
    parts = tall.filter(pl.col("kind") != "all").with_columns(
        place=pl.col("kind").replace_strict(list(SHADES), range(3), return_dtype=pl.Int64),
        kind=pl.col("kind").replace_strict(kinds, return_dtype=pl.String),
    )
    sums = tall.filter(pl.col("kind") == "all").with_columns(
        label=pl.Series(
            [words.format.count(n) for n in tall.filter(pl.col("kind") == "all")["guests"]], dtype=pl.String
        )
    )
    y = alt.Y("step:N", title=None, sort=list(steps.values()), axis=alt.Axis(labelLimit=110))
    x = alt.X("guests:Q", title=words("meetings.chart.guests"), axis=alt.Axis(tickCount=5, format=",d"))
    bar = (
        alt.Chart(parts)
        .mark_bar(height={"band": 0.62})
        .encode(
            y=y, x=x, order=alt.Order("place:Q"),
            color=alt.Color("kind:N", title=None, sort=list(kinds.values()),
                            scale=alt.Scale(domain=list(kinds.values()), range=list(SHADES.values())),
                            legend=alt.Legend(orient="bottom")),
            tooltip=[alt.Tooltip("step:N"), alt.Tooltip("kind:N"), alt.Tooltip("guests:Q")],
        )
    )  # fmt: skip
    text = alt.Chart(sums).mark_text(align="left", dx=5, fontWeight="bold").encode(y=y, x="guests:Q", text="label:N")
    chart: alt.LayerChart = bar + text
    return theme.finish(chart, height=190)
