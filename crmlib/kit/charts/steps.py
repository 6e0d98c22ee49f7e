"""Steps that add up: the one way to draw a gap and its causes (a waterfall)."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit.charts import rows
from crmlib.kit.words import Words


def steps(frame: pl.DataFrame, *, words: Words, title: str, total: str, label: str) -> alt.LayerChart:
    """A bar per step, each where the one above it ends, from zero; below them their sum.

    Parameters
    ----------
    frame : `name`, `value` (axis unit), `label`; in the order to be drawn.
    title : of the value axis, with its unit.
    total, label : name of the sum, and its figure in words.
    """
    stop = pl.col("value").cum_sum()
    ends = frame.select("name", "label", "value", start=stop - pl.col("value"), stop=stop).with_columns(
        tone=pl.when(pl.col("value") < 0).then(pl.lit("loss")).otherwise(pl.lit("plain"))
    )
    whole = {"name": total, "label": label, "value": float(frame["value"].sum()), "start": 0.0, "tone": "total"}
    last = pl.DataFrame([whole | {"stop": whole["value"]}]).select(ends.columns)
    shown = pl.concat([ends, last], how="vertical_relaxed").with_columns(
        low=pl.min_horizontal("start", "stop"),
        high=pl.max_horizontal("start", "stop"),
        right=pl.max_horizontal("start", "stop") > 0,
    )
    shown = shown.with_columns(at=pl.when("right").then("high").otherwise("low"))
    base = rows.base(shown, words=words, title=title)
    reach = max((abs(v) for v in (*shown["low"], *shown["high"])), default=0.0)
    axis = alt.Axis(format=",.3~f", tickCount=rows.FEW, labelExpr=rows.scaled(reach, words=words, title=title))
    bar = base.mark_bar(cornerRadius=2, height={"band": 0.62}).encode(
        x=alt.X("start:Q", title=title, scale=rows.scale(shown), axis=axis),
        x2=alt.X2("stop:Q"),
        color=rows.tone(alt.Color),
    )
    return rows.finish(rows.lines_at([0.0]), bar, *rows.figures(base), count=shown.height)
