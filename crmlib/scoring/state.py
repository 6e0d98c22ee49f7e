"""What one month keeps for the next: frozen cuts, tier thresholds and the tiers held, as one small table.

Columns of `score_state`: kind (``rfm``, ``pyramid``, ``held``), definition, key, level, value. The day it belongs to is
kept by the page that stores it.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.scoring.pyramid import Pyramid
from crmlib.scoring.rfm import Cuts

SCHEMA = {
    "kind": pl.String,
    "definition": pl.String,
    "key": pl.String,
    "level": pl.Int64,
    "value": pl.Int64,
}


def freeze(*, definition: str, pyramid: Pyramid, smoothed: pl.DataFrame, cuts: Cuts | None = None) -> pl.DataFrame:
    """The state after a report: tier thresholds, tiers held and, if given, the RFM cuts.

    Parameters
    ----------
    definition : window, region and shares in one string; the next report takes over only what agrees.
    smoothed : customer_id and tier_smoothed, from `smoothing.smooth`.

    Examples
    --------
    >>> from crmlib.scoring.pyramid import pyramid
    >>> from crmlib.scoring.smoothing import smooth
    >>> year = pyramid(pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [9, 1]}), shares=(5000,))
    >>> state = freeze(definition="x", pyramid=year, smoothed=smooth(year))
    >>> held(state, definition="x")["tier_smoothed"].to_list()
    ['A', 'B']
    """
    parts = [
        pl.DataFrame({"kind": "pyramid", "key": pyramid.tiers["tier"][:-1], "value": pyramid.cuts}).with_columns(
            definition=pl.lit(definition),
            level=pl.int_range(pl.len()).cast(pl.Int64),
            value=pl.col("value").cast(pl.Int64),
        ),
        smoothed.select(
            kind=pl.lit("held"),
            key=pl.col("customer_id"),
            value=pl.lit(None, dtype=pl.Int64),
            definition=pl.lit(definition),
            level=pl.col("tier_smoothed").replace_strict(_levels(pyramid), return_dtype=pl.Int64),
        ),
    ]
    if cuts is not None:
        parts.append(_cut_rows(cuts))
    return pl.concat([part.select(pl.col(n).cast(t) for n, t in SCHEMA.items()) for part in parts])


def freeze_cuts(cuts: Cuts) -> pl.DataFrame:
    """The state of a report that keeps RFM cuts only."""
    return _cut_rows(cuts).select(pl.col(n).cast(t) for n, t in SCHEMA.items())


def _cut_rows(cuts: Cuts) -> pl.DataFrame:
    return cuts.table.select(
        kind=pl.lit("rfm"),
        key=pl.col("measure"),
        value=pl.col("at_least"),
        definition=pl.lit(cuts.definition),
        level=pl.col("score"),
    )


def held(state: AnyFrame | None, *, definition: str) -> pl.DataFrame | None:
    """Tiers held after the last report, customer_id and tier_smoothed, or nothing if its definition was another."""
    rows = _rows(state, "held", definition)
    if rows is None:
        return None
    names = dict(enumerate("ABCDEFGHIJ"))
    return rows.select(
        customer_id=pl.col("key"), tier_smoothed=pl.col("level").replace_strict(names, return_dtype=pl.String)
    )


def frozen_cuts(state: AnyFrame | None, *, definition: str) -> Cuts | None:
    """RFM cuts of the last report, or nothing if its definition was another."""
    rows = _rows(state, "rfm", definition)
    if rows is None:
        return None
    table = rows.select(measure="key", score="level", at_least="value", customers=pl.lit(None, dtype=pl.Int64))
    return Cuts(table=table, definition=definition)


def _rows(state: AnyFrame | None, kind: str, definition: str) -> pl.DataFrame | None:
    if state is None:
        return None
    table = to_polars(state, needs=SCHEMA, name="score_state")
    rows = table.filter(pl.col("kind") == kind, pl.col("definition") == definition)
    return None if rows.is_empty() else rows


def _levels(pyramid: Pyramid) -> dict[str, int]:
    return {tier: level for level, tier in enumerate(pyramid.tiers["tier"])}
