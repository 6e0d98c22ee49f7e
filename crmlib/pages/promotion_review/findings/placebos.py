"""After the event: whether the model's intervals can be trusted."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import polars as pl

from crmlib.core.experiments import lopsided
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.promotion.lift.lift import Lift

NEAR = 0.1
"""A miss within this share of the base is a near one."""
COVERAGE_SLACK = 0.05
"""Achieved coverage further than this from the nominal one is amber."""


def check(lift: Lift, *, words: Words) -> Finding:
    """Whether intervals held the truth on placebo events of other rounds."""
    form = words.format
    off = abs(lift.achieved - lift.coverage) if lift.achieved == lift.achieved else None
    core = lift.placebos.filter((pl.col("role") == "event") & (pl.col("base") > 0))
    miss = ((core["actual"] - core["base"]) / core["base"]).to_list()
    table = _miss_bands(miss, words)
    under, over = sum(m < -NEAR for m in miss), sum(m > NEAR for m in miss)
    held = "few" if off is None else "held" if off <= COVERAGE_SLACK else "off"
    kind = "leans" if held == "held" and lopsided(under, over) else held
    bars = table.select(
        name="error_band", value=pl.col("events").cast(pl.Float64), label=pl.col("events").cast(pl.String)
    )
    values = {
        "achieved": form.share(lift.achieved),
        "coverage": form.share(lift.coverage, digits=0),
        "placebos": form.count(lift.scale.placebos),
        "half": form.share(median(abs(m) for m in miss) if miss else None, digits=0),
        "near": form.count(len(miss) - under - over),
        "band": form.share(NEAR, digits=0),
        "double": form.count(sum(m > 1 for m in miss)),
        "under": form.count(under),
        "over": form.count(over),
    }
    return Finding.worded(
        "promotion_review.check",
        kind,
        values,
        words=words,
        key="promotion.check",
        status="none" if off is None else "ok" if kind == "held" else "warn",
        table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion_review.axis.placebos")),
        role="check",
    )


def _miss_bands(miss: list[float], words: Words) -> pl.DataFrame:
    """Misses of the placebos in bands of one width, those beyond double in one of their own."""
    form = words.format
    edges = [i / 4 for i in range(-4, 5)]
    names = [f"{form.change(a, digits=0)}…{form.change(b, digits=0)}" for a, b in pairwise(edges)]
    counts = [sum(a <= m < b for m in miss) for a, b in pairwise(edges)]
    above = words("promotion_review.check.above", edge=form.change(edges[-1], digits=0))
    return pl.DataFrame({"error_band": [*names, above], "events": [*counts, sum(m >= edges[-1] for m in miss)]})
