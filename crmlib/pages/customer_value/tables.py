"""Tiers and movement between tiers, set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.table import readable
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT


def tiers(frame: pl.DataFrame, *, words: Words) -> GT:
    """One row per tier: customers, sales, margin, shares and the threshold in money."""
    unknown = [name for name in ("margin_minor",) if frame[name].null_count()]
    unknown += ["margin_rate", "uncosted"] if frame["margin_rate"].null_count() == frame.height else []
    return readable(frame, words=words, hide=unknown)


def migration(cells: pl.DataFrame, *, words: Words) -> GT:
    """Where customers were (rows) and are now (columns), with the row's total."""
    names = {
        t: words(f"customer_value.tier.{t}") if words.has(f"customer_value.tier.{t}") else t for t in _values(cells)
    }
    wide = (
        cells.pivot("tier_now", index="tier_before", values="customers")
        .with_columns(customers=pl.sum_horizontal(pl.exclude("tier_before")))
        .with_columns(pl.col("tier_before").replace(names))
        .rename({t: names[t] for t in cells["tier_now"].unique(maintain_order=True)})
    )
    return readable(wide, words=words)


def _values(cells: pl.DataFrame) -> list[str]:
    return pl.concat([cells["tier_before"], cells["tier_now"]]).unique(maintain_order=True).to_list()
