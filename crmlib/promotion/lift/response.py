"""What does a mechanic at a depth bring? The pooled response table a plan is made from.

Two estimates side by side: sold / imputed base over all events of a cell of the table, and the pooled Poisson
regression with store × product, product × week and city × week effects, whose clustered intervals have missed the truth
where stores were selected, so that it never stands alone and its intervals are not shown.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.lift import Lift
from crmlib.promotion.lift.panel import Index, Panel, positions
from crmlib.promotion.lift.ppml import fit_effects, predict

EVENT_ROLE = "event"
MAX_ROUNDS, CHANGE, TOLERANCE = 60, 1e-4, 1e-5
"""Rounds of scaling cells and effects in turn, until no factor moves by more than a ten-thousandth."""
FEW_EVENTS = 3
"""A cell of the table with fewer events than this rests on its neighbours: it is marked."""


def response_table(found: Lift, plan: AnyFrame, *, panel: Panel | None = None) -> pl.DataFrame:
    """Response by mechanic and depth.

    Parameters
    ----------
    plan : event_id, mechanic, depth_bp.
    panel : give it to add the pooled regression (`pooled_lift`).

    Returns
    -------
    mechanic, depth_bp, events, stores, base_milli, lift (sold / base − 1), low, high (10th and 90th percentile over
    events), dip, cannibalised, halo (effects as a share of the base), few (fewer than 3 events).
    """
    kinds = to_polars(plan, needs=["event_id", "mechanic", "depth_bp"], name="plan").select(
        "event_id", "mechanic", "depth_bp"
    )
    wide = found.parts.pivot(on="role", index="event_id", values="effect_milli", sort_columns=False)
    base = found.parts.filter(pl.col("role") == "event").select("event_id", "base_milli")
    roles = ["event", "dip", "sibling", "halo"]
    wide = wide.with_columns(pl.lit(0).alias(r) for r in roles if r not in wide.columns).fill_null(0)
    table = (
        wide.join(base, on="event_id")
        .join(kinds, on="event_id")
        .join(found.events.select("event_id", "stores"), on="event_id")
    )
    own = pl.col("event") / pl.col("base_milli")
    result = table.group_by("mechanic", "depth_bp").agg(
        events=pl.len(),
        stores=pl.col("stores").sum(),
        base_milli=pl.col("base_milli").sum(),
        lift=pl.col("event").sum() / pl.col("base_milli").sum(),
        low=own.quantile(0.1, "linear"),
        high=own.quantile(0.9, "linear"),
        dip=pl.col("dip").sum() / pl.col("base_milli").sum(),
        cannibalised=pl.col("sibling").sum() / pl.col("base_milli").sum(),
        halo=pl.col("halo").sum() / pl.col("base_milli").sum(),
    )
    result = result.with_columns(few=pl.col("events") < FEW_EVENTS).sort("mechanic", "depth_bp")
    if panel is None:
        return result
    return result.join(pooled(panel, kinds, found), on=["mechanic", "depth_bp"], how="left", maintain_order="left")


def pooled(panel: Panel, kinds: pl.DataFrame, found: Lift) -> pl.DataFrame:
    """Pooled Poisson regression: mechanic, depth_bp, pooled_lift.

    The effects of the lift engine and one factor for each cell of the table, on clean cells and events' own weeks at
    once; the factor's score equation is that sold and fitted units of its cells agree, so it is scaled in turn with
    the effects. The same estimate as `pyfixest.fepois` gives (a test holds it), at a tenth of its time.
    """
    keys = kinds.select("mechanic", "depth_bp").unique().sort("mechanic", "depth_bp").with_row_index("number")
    number = np.full(panel.units.shape, -1, dtype=np.int64)
    cells = found.cells.filter(pl.col("role") == EVENT_ROLE).join(kinds, on="event_id").join(
        keys, on=["mechanic", "depth_bp"], maintain_order="left"
    )  # fmt: skip
    weeks = cells["week_n"].to_numpy().astype(np.int64) - panel.first_week
    at = positions(cells["store_id"], panel.stores), positions(cells["product_id"], panel.products), weeks
    number[at] = cells["number"].to_numpy()
    number[~(panel.known & found.clean.any(axis=0))] = -1  # a week without an untreated store tells nothing
    factor = _factors(panel, found.clean | (number >= 0), number, cells=keys.height)
    return keys.drop("number").with_columns(pooled_lift=pl.Series(factor - 1).fill_nan(None))


def _factors(panel: Panel, used: Bools, number: Index, *, cells: int) -> Floats:
    """Sold / expected of every cell of the table, fitted together with the effects; NaN without events."""
    mine = number >= 0
    of = number[mine]
    sold = np.bincount(of, weights=panel.units[mine], minlength=cells)
    factor, effects, change = np.ones(cells), None, np.inf
    for _ in range(MAX_ROUNDS):
        exposure = np.where(mine, factor[number], 1.0)
        effects = fit_effects(panel.units, used, city=panel.city, exposure=exposure, start=effects, tolerance=TOLERANCE)
        due = np.bincount(of, weights=np.nan_to_num(predict(effects, city=panel.city)[mine]), minlength=cells)
        fresh = np.divide(sold, due, out=np.ones(cells), where=due > 0)
        change, factor = float(np.abs(np.log(np.maximum(fresh, 1e-9) / np.maximum(factor, 1e-9))).max()), fresh
        if change < CHANGE:
            break
    return np.where(np.bincount(of, minlength=cells) > 0, factor, np.nan)
