"""Ratio difference-in-differences: the plain check beside the model.

Base = sales of the treated stores in clean weeks before × (sales of untreated stores in the event's weeks / their
sales in the same weeks before), store by store over the same weeks. It knows nothing of seasons beyond what the
untreated stores show.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.footprint import Treated
from crmlib.promotion.lift.panel import Panel

BEFORE = 8
"""Weeks before the waiting week that are compared."""
MIN_UNITS = 30.0
"""Fewer units than this before or in the untreated stores give no ratio."""


def ratio_did(panel: Panel, rows: Treated, *, clean: Bools) -> pl.DataFrame:
    """Base and effect of each event: event_id, did_base_milli, did_effect_milli; null where no ratio can be formed."""
    check_shapes(panel=(panel.units, "stores products weeks"), clean=(clean, "stores products weeks"))
    found = [_one(panel, rows, event, clean) for event in range(len(rows.ids))]
    return pl.DataFrame(
        {
            "event_id": rows.ids,
            "did_base_milli": pl.Series([None if b is None else round(1000 * b) for b, _ in found], dtype=pl.Int64),
            "did_effect_milli": pl.Series(
                [None if b is None else round(1000 * a) - round(1000 * b) for b, a in found], dtype=pl.Int64
            ),
        }
    )


def _one(panel: Panel, rows: Treated, event: int, clean: Bools) -> tuple[float | None, float]:
    """Base (None if it cannot be formed) and actual units of one event."""
    mine = rows.event == event
    before = control = due = actual = 0.0
    for product in np.unique(rows.product[mine]):
        own = mine & (rows.product == product)
        first, last = int(rows.first[own].min()), int(rows.last[own].max())
        span, past = slice(first, last + 1), slice(max(first - 1 - BEFORE, 0), max(first - 1, 0))
        stores = rows.store[own]
        y, ok = panel.units[:, product], clean[:, product]
        known = panel.known[stores, product, span]
        free = np.flatnonzero(ok[:, span].all(axis=1) & ok[:, past].any(axis=1))
        usual = _mean(y[:, past], ok[:, past])
        actual += float((panel.units[stores, product, span] * known).sum())
        before += float((usual[stores][:, None] * known).sum())
        control += float(y[free, span].sum())
        due += float(usual[free].sum()) * (last - first + 1)
    return (None if min(due, control, before) < MIN_UNITS else before * control / due), actual


def _mean(y: Floats, ok: Bools) -> Floats:
    """Mean of the clean weeks of every store, 0 where there is none."""
    return np.asarray((y * ok).sum(axis=1) / np.maximum(ok.sum(axis=1), 1))
