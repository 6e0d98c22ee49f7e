"""Do the engines agree? Ratio difference-in-differences for all, the audit engine where it matters."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.audit.audit import MIN_WEEKS, audit
from crmlib.promotion.audit.did import ratio_did
from crmlib.promotion.lift.footprint import Treated
from crmlib.promotion.lift.lift import MIN_CONTROLS
from crmlib.promotion.lift.panel import Index, Panel

HALF_WIDTHS = 1.0
"""Engines that differ by more than this many half-widths of the interval disagree."""
MIN_FREE = 0.5
"""Share of an event's weeks in which a store must be untreated, and a control known, to stand beside it."""
AUDITED = 10
"""Events with the largest effects that the audit engine looks at in any case."""


def agreement(
    panel: Panel,
    rows: Treated,
    *,
    clean: Bools,
    parts: pl.DataFrame,
    value_minor: pl.DataFrame | None = None,
    depth: pl.DataFrame | None = None,
    audited: int = AUDITED,
) -> pl.DataFrame:
    """The engines side by side.

    Parameters
    ----------
    parts : `Lift.parts`. value_minor : event_id, unit_minor: money per unit, to rank events by money; units if absent.
    depth : `Everywhere.events`, where offers run in all stores: they stand in for the model where it has no comparator.

    Returns
    -------
    event_id; effect_milli, lower_milli, upper_milli (the model's; null where no store is untreated); did_effect_milli;
    audit_effect_milli, audit_lower_milli, audit_upper_milli (null where not audited); depth_effect_milli,
    depth_lower_milli, depth_upper_milli, depth_base_milli, against (null where not judged from depth and time); engine
    (model; response or audit where the model has no comparator); control (stores, other_goods, none: what the audit
    compared with); agrees (null if alone).
    """
    core = parts.filter(pl.col("role") == "event").select("event_id", "effect_milli", "lower_milli", "upper_milli")
    table = pl.DataFrame({"event_id": rows.ids}).join(core, on="event_id", how="left", maintain_order="left")
    table = table.join(ratio_did(panel, rows, clean=clean), on="event_id", maintain_order="left").drop("did_base_milli")
    half = (pl.col("upper_milli") - pl.col("lower_milli")) / 2
    apart = (pl.col("did_effect_milli") - pl.col("effect_milli")).abs() > HALF_WIDTHS * half
    table = table.with_columns(apart=apart.fill_null(value=False))
    table = table.join(_by_depth(depth), on="event_id", how="left", maintain_order="left")
    audits = [_audited(panel, rows, e, clean) for e in _to_audit(table, value_minor, audited)]
    columns = ["event_id", "audit_effect_milli", "audit_lower_milli", "audit_upper_milli", "control"]
    schema = dict(zip(columns, (pl.String(), pl.Int64(), pl.Int64(), pl.Int64(), pl.String()), strict=True))
    table = table.join(
        pl.DataFrame(audits, schema=schema, orient="row"), on="event_id", how="left", maintain_order="left"
    )
    audit_apart = (pl.col("audit_effect_milli") - pl.col("effect_milli")).abs() > HALF_WIDTHS * half
    compared = pl.col("effect_milli").is_not_null() & (
        pl.col("did_effect_milli").is_not_null() | pl.col("audit_effect_milli").is_not_null()
    )
    alone, shallow = pl.col("effect_milli").is_null(), pl.col("depth_effect_milli").is_not_null()
    return table.with_columns(
        engine=pl.when(alone & shallow)
        .then(pl.lit("response"))
        .when(alone)
        .then(pl.lit("audit"))
        .otherwise(pl.lit("model")),
        agrees=pl.when(compared).then(~(pl.col("apart") | audit_apart.fill_null(value=False))),
    ).drop("apart")


def _by_depth(depth: pl.DataFrame | None) -> pl.DataFrame:
    milli = ("effect_milli", "lower_milli", "upper_milli", "base_milli")
    schema = {"event_id": pl.String(), **dict.fromkeys(milli, pl.Int64()), "against": pl.String()}
    table = pl.DataFrame(schema=schema) if depth is None else depth.select(list(schema))
    return table.rename({c: f"depth_{c}" for c in milli})


def _to_audit(table: pl.DataFrame, value_minor: pl.DataFrame | None, audited: int) -> list[int]:
    """Positions of the events to audit: the largest by money, those in dispute, those that nothing else judges."""
    worth = pl.col("effect_milli").abs().cast(pl.Float64)
    ranked = table.with_row_index("at")
    if value_minor is not None:
        ranked = ranked.join(value_minor, on="event_id", how="left", maintain_order="left")
        worth = worth * pl.col("unit_minor").fill_null(0)
    ranked = ranked.with_columns(rank=worth.rank("ordinal", descending=True))
    alone = pl.col("effect_milli").is_null() & pl.col("depth_effect_milli").is_null()
    large = (pl.col("rank") <= audited).fill_null(value=False)
    return ranked.filter(large | pl.col("apart") | alone)["at"].to_list()


def _audited(
    panel: Panel, rows: Treated, event: int, clean: Bools
) -> tuple[str, int | None, int | None, int | None, str]:
    """One event by the audit engine: its goods and stores together, against the best control there is.

    Goods that sold less in all their clean weeks than in the event have no history to be audited against.
    """
    mine = np.flatnonzero(rows.event == event)
    pairs = np.unique(np.stack([rows.store[mine], rows.product[mine]]), axis=1)
    weeks = np.arange(panel.weeks)
    during = (weeks >= rows.first[mine].min()) & (weeks <= rows.last[mine].max())
    units, ok, known = (a[pairs[0], pairs[1]] for a in (panel.units, clean, panel.known))
    name = str(rows.ids[event])
    if (units * ok).sum() < (units * known)[:, during].sum():
        return name, None, None, None, "none"
    level = _level(units, ok)
    y, _ = _index(units, ok, level)
    seen, weight = _index(units, known, level)
    y[during] = seen[during]
    x, control = _controls(panel, rows, mine, during & np.isfinite(y), clean)
    during &= np.isfinite(y) & np.isfinite(x).all(axis=1)  # a week in which every store was shut is left out
    try:
        found = audit(y, x, event=during)
    except ModelError:
        return name, None, None, None, "none"
    scale = 1000 * float(weight[during].mean())
    return name, round(found.effect * scale), round(found.lower * scale), round(found.upper * scale), control


def _controls(panel: Panel, rows: Treated, mine: Index, during: Bools, clean: Bools) -> tuple[Floats, str]:
    """Control series, shape (weeks, 1 or 0): the event's goods in untreated stores, else other goods.

    A week without any control is a gap (NaN), not the end of the series; most weeks of the event must have one.
    """
    stores, goods = np.unique(rows.store[mine]), np.unique(rows.product[mine])
    others = np.setdiff1d(np.arange(panel.units.shape[0]), stores)
    same = np.ix_(others, goods)
    free = clean[same][:, :, during].mean(axis=(1, 2)) >= MIN_FREE if during.any() else np.zeros(0, dtype=np.bool_)
    if free.sum() >= MIN_CONTROLS:
        series = _series(panel.units[same][free], clean[same][free])
        if _covers(series, during):
            return series[:, None], "stores"
    group = panel.group[goods]
    apart = ~np.isin(panel.group, group[group >= 0])
    apart[goods] = False
    rest = np.ix_(stores, np.flatnonzero(apart))
    series = _series(panel.units[rest], clean[rest])
    if apart.any() and _covers(series, during):
        return series[:, None], "other_goods"
    return np.zeros((panel.weeks, 0)), "none"


def _covers(series: Floats, during: Bools) -> bool:
    """Whether a control has enough weeks to learn from and most of the event's."""
    seen = np.isfinite(series)
    enough = (seen & ~during).sum() >= MIN_WEEKS and during.any()
    return bool(enough and seen[during].mean() >= MIN_FREE)


def _series(units: Floats, ok: Bools) -> Floats:
    """Index of a block of cells, shape (weeks,)."""
    flat, seen = units.reshape(-1, units.shape[2]), ok.reshape(-1, ok.shape[2])
    return _index(flat, seen, _level(flat, seen))[0]


def _level(units: Floats, ok: Bools) -> Floats:
    return np.asarray((units * ok).sum(axis=1) / np.maximum(ok.sum(axis=1), 1))


def _index(units: Floats, ok: Bools, level: Floats) -> tuple[Floats, Floats]:
    """Sales of the clean cells against the same cells' usual level, shape (weeks,); NaN where nothing is clean."""
    due = (level[:, None] * ok).sum(axis=0)
    sold = (units * ok).sum(axis=0)
    return np.divide(sold, due, out=np.full(due.shape, np.nan), where=due > 0), due
