"""Before the event: how far the same forecast would have missed past ones, and to which side."""

from __future__ import annotations

import math
from itertools import pairwise

import polars as pl

from crmlib.core.experiments import lopsided
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.promotion.plan.planning import Plan

NEAR_BAND = 3
"""Number of the band of forecasts that were about right."""
WIDE = 0.35
"""A typical forecast miss above this share makes the forecast a rough guide."""


def check(plan: Plan, *, words: Words) -> Finding:
    """How far the same forecast would have missed past events."""
    form = words.format
    errors = sorted(plan.response.errors)
    middle = sorted(abs(math.expm1(e)) for e in errors)[len(errors) // 2]
    edges = [-9.0, -0.5, -0.25, -0.1, 0.1, 0.25, 0.5, 9.0]
    names = [words(f"promotion_plan.check.band.{i}") for i in range(len(edges) - 1)]
    counts = [sum(a <= e < b for e in errors) for a, b in pairwise(edges)]
    table = pl.DataFrame({"error_band": names, "events": counts})
    bars = table.select(
        name="error_band", value=pl.col("events").cast(pl.Float64), label=pl.col("events").cast(pl.String)
    )
    under, over = sum(counts[:NEAR_BAND]), sum(counts[NEAR_BAND + 1 :])
    kind = ("high" if under > over else "low") if lopsided(under, over) else "fine" if middle <= WIDE else "wide"
    values = {
        "typical": form.share(middle, digits=0),
        "events": form.count(len(errors)),
        "under": form.count(under),
        "over": form.count(over),
    }
    return Finding.worded(
        "promotion_plan.check",
        kind,
        values,
        words=words,
        key="promotion.forecast_check",
        status="ok" if kind == "fine" else "warn",
        table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_plan.axis.events")),
        sure=words("promotion_plan.check.sure") + _season_worth(plan, words),
        role="check",
    )


def _season_worth(plan: Plan, words: Words) -> str:
    """What the season is worth on past events; nothing where it could not be tried."""
    if plan.response.without_season is None:
        return ""
    errors = plan.response.errors
    mean = sum(abs(e) for e in errors) / len(errors)
    return words(
        "promotion_plan.check.season",
        mean=words.format.share(math.expm1(mean), digits=0),
        flat=words.format.share(math.expm1(plan.response.without_season), digits=0),
    )
