"""What does a mechanic at a depth bring? The pooled response table a plan is made from.

Two estimates side by side: sold / imputed base over all events of a cell of the table, and the pooled Poisson
regression with store × product, product × week and city × week effects (pyfixest), whose clustered intervals have
missed the truth where stores were selected, so that it never stands alone.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyfixest

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.lift import Lift
from crmlib.promotion.panel import Index, Panel, positions

MAX_REGRESSION_CELLS = 300_000
"""The regression samples whole stores beyond this many cells."""
TOLERANCE = 1e-4
"""Of the regression's deviance: coefficients agree with those at 1e-8 to 2e-5, for a third of the time."""
FEW_EVENTS = 3
"""A cell of the table with fewer events than this rests on its neighbours: it is marked."""


def response_table(found: Lift, plan: AnyFrame, *, panel: Panel | None = None) -> pl.DataFrame:
    """Response by mechanic and depth.

    Parameters
    ----------
    plan : event_id, mechanic, depth_bp.
    panel : give it to add the pooled regression (`pooled_lift`, `pooled_se`).

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
    """Pooled Poisson regression: mechanic, depth_bp, pooled_lift, pooled_se (of the log), clustered by store."""
    frame = _regression_frame(panel, kinds, found)
    formula = "units ~ i(cell, ref='none') | pair + good + place"
    fit = pyfixest.fepois(
        formula, data=frame.to_pandas(), vcov={"CRV1": "store"}, fixef_rm="singleton", iwls_tol=TOLERANCE,
        store_data=False, copy_data=False, lean=True,
    )  # fmt: skip
    names = [str(n).split("::")[-1].rstrip("]").removeprefix("T.") for n in fit.coef().index]
    keys = kinds.select("mechanic", "depth_bp", cell=pl.format("{}|{}", "mechanic", "depth_bp")).unique()
    log = pl.DataFrame(
        {"cell": names, "pooled_lift": np.expm1(fit.coef().to_numpy()), "pooled_se": fit.se().to_numpy()}
    )
    return keys.join(log, on="cell").drop("cell")


def _regression_frame(panel: Panel, kinds: pl.DataFrame, found: Lift) -> pl.DataFrame:
    """Known cells that are clean or in an event's weeks, with the event's cell of the table."""
    shape = panel.units.shape
    label = np.full(shape, "none", dtype=object)
    cells = dict(kinds.select("event_id", pl.format("{}|{}", "mechanic", "depth_bp")).iter_rows())
    keep = panel.known.copy()
    for row in found.cells.partition_by("role", as_dict=True).items():
        (role,), frame = row
        at = _positions(panel, frame)
        if role == "event":
            label[at] = np.array([cells.get(e, "none") for e in frame["event_id"].to_list()], dtype=object)
        else:
            keep[at] = False
    step = -(-int(keep.sum()) // MAX_REGRESSION_CELLS)
    keep[np.arange(shape[0]) % step != 0] = False
    store, product, week = np.nonzero(keep)
    return pl.DataFrame(
        {
            "units": panel.units[store, product, week],
            "cell": label[store, product, week].astype(str),
            "pair": store * shape[1] + product,
            "good": product * shape[2] + week,
            "place": panel.city[store] * shape[2] + week,
            "store": store,
        }
    )


def _positions(panel: Panel, frame: pl.DataFrame) -> tuple[Index, ...]:
    weeks = frame["week_n"].to_numpy().astype(np.int64) - panel.first_week
    return positions(frame["store_id"], panel.stores), positions(frame["product_id"], panel.products), weeks
