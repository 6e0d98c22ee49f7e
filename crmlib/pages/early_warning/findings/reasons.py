"""A customer's own reason, with the customer's own numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import polars as pl

from crmlib.kit.words import Words


def rhythm(words: Words, row: Mapping[str, object]) -> str:
    """How long the silence is against the customer's own gap: 'usually every 17 days, 41 days without a visit'."""
    usual, silent = _whole(row["usual_gap"]), _whole(row["recency"])
    if row.get("trips") == 1:
        return words("early_warning.reason.once", silent=silent)
    return words("early_warning.reason.rhythm", usual=max(usual, 1), silent=silent)


def why(words: Words, row: Mapping[str, object]) -> str:
    """The reason of one customer: the own rhythm first, then the model's strongest group that says something else."""
    first = rhythm(words, row)
    for k in (1, 2, 3):
        more = _detail(words, str(row.get(f"reason_{k}")), row)
        if more:
            return words("early_warning.reason.both", first=first, more=more)
    return first


def _detail(words: Words, group: str, row: Mapping[str, object]) -> str | None:
    """A group as a sentence, if the customer's numbers bear it out; else none: no reason without its fact."""
    form = words.format
    before, now = _whole(row.get("trips_prior_90")), _whole(row.get("trips_90"))
    share = row.get("promotion_share")
    idle, complaints = _whole(row.get("store_idle")), _whole(row.get("complaints_open"))
    told = {
        "trend": words("early_warning.reason.trend", before=before, now=now) if now < before else None,
        "store": words("early_warning.reason.store", days=idle) if idle > 14 else None,
        "service": words("early_warning.reason.service", count=complaints) if complaints else None,
        "promotion": words("early_warning.reason.promotion", share=form.share(_number(share), digits=0))
        if _number(share) >= 0.5
        else None,
    }
    return told.get(group)


def joined(words: Words, frame: pl.DataFrame) -> list[str]:
    """The reason of every row."""
    return [why(words, row) for row in frame.iter_rows(named=True)]


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _whole(value: object) -> int:
    return round(_number(value))
