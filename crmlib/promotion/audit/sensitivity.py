"""How much unseen demand would it take? The tipping point of every event, and signs that there was some.

If the chosen stores were going to sell more that very week for reasons nobody recorded, every engine takes it for
lift. Two things can be said. The tipping point: the effect vanishes if the chosen stores had that share of unseen
demand; it is compared with what choosing by the week's demand could fake at most, given how store-weeks really swing.
And a negative control (Lipsitch et al. 2010, Epidemiology 21(3), 383-388): goods the event does not touch should sell
no better than usual in the chosen stores in its weeks.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import norm

from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.footprint import Treated
from crmlib.promotion.lift.panel import Index, Panel

CONTROL_Z = 2.576
"""Untouched goods selling better than usual by more standard errors than this (1 %, two-sided) are a sign."""
EFFECT_ROLE = "event"


def sensitivity(panel: Panel, rows: Treated, *, base: Floats, clean: Bools, parts: pl.DataFrame) -> pl.DataFrame:
    """Tipping point and negative control of every event.

    Parameters
    ----------
    base : imputed untreated units, shape (stores, products, weeks); `clean` : cells no event touches.
    parts : `Lift.parts`.

    Returns
    -------
    event_id; tipping (effect / base), tipping_low (lower bound / base); fakeable (what choosing stores by the week's
    demand could fake at most); excess, excess_z (untouched goods in the chosen against the other stores); fires;
    reason (none, small: the lower bound is within what choice could fake; control: untouched goods sold better too).
    """
    ratio, swing = store_weeks(panel.units, base, clean)
    rows_of = [np.flatnonzero(rows.event == e) for e in range(len(rows.ids))]
    found = [_control(ratio, rows, mine) for mine in rows_of]
    chosen = np.array([np.unique(rows.store[mine]).size for mine in rows_of]) / ratio.shape[0]
    table = pl.DataFrame(
        {
            "event_id": rows.ids,
            "fakeable": fakeable(chosen, swing),
            "excess": pl.Series([f[0] for f in found], dtype=pl.Float64).fill_nan(None),
            "excess_z": pl.Series([f[1] for f in found], dtype=pl.Float64).fill_nan(None),
        }
    )
    core = parts.filter(pl.col("role") == EFFECT_ROLE)
    tips = core.select(
        "event_id",
        tipping=pl.col("effect_milli") / pl.col("base_milli"),
        tipping_low=pl.col("lower_milli") / pl.col("base_milli"),
    )
    sign = (pl.col("excess_z") > CONTROL_Z).fill_null(value=False)
    small = (pl.col("tipping_low") < pl.col("fakeable")) & (pl.col("tipping_low") > 0)
    joined = tips.join(table, on="event_id", maintain_order="left")
    reason = pl.when(sign).then(pl.lit("control")).when(small).then(pl.lit("small")).otherwise(pl.lit("none"))
    return joined.with_columns(fires=sign | small.fill_null(value=False), reason=reason)


def store_weeks(units: Floats, base: Floats, clean: Bools) -> tuple[Floats, float]:
    """Sold / base − 1 of the untouched goods of every store and week, shape (s, w), and how much it really swings.

    The swing [standard deviation, as a share] is what is left of the spread after counting noise; 0 without any such
    week.
    """
    check_shapes(
        units=(units, "stores products weeks"), base=(base, "stores products weeks"),
        clean=(clean, "stores products weeks"),
    )  # fmt: skip
    ok = clean & np.isfinite(base)
    due = np.where(ok, base, 0.0).sum(axis=1)
    sold = np.where(ok, units, 0.0).sum(axis=1)
    ratio = np.divide(sold, due, out=np.full_like(due, np.nan), where=due > 0) - 1
    seen = np.isfinite(ratio)
    if not seen.any():
        return ratio, 0.0
    return ratio, float(np.sqrt(max(float(ratio[seen].var()) - float((1 / due[seen]).mean()), 0.0)))


def fakeable(share: Floats, swing: float) -> Floats:
    """Gap between chosen and other stores if they are chosen by the week's demand alone, and it swings normally.

    E[z | chosen] − E[z | not] = density(q) / (share · (1 − share)) standard deviations, q the cut of the top `share`.

    Examples
    --------
    >>> fakeable(np.array([0.5]), 0.1).round(3)
    array([0.16])
    """
    check_shapes(share=(share, "n"))
    inner = np.clip(share, 1e-6, 1 - 1e-6)
    return np.asarray(swing * norm.pdf(norm.ppf(inner)) / (inner * (1 - inner)))


def _control(ratio: Floats, rows: Treated, mine: Index) -> tuple[float, float]:
    """Excess of untouched goods in the chosen stores in the event's weeks, and its size in usual swings of that gap."""
    stores = np.unique(rows.store[mine])
    chosen = np.isin(np.arange(ratio.shape[0]), stores)
    if chosen.all():
        return float("nan"), float("nan")
    gap = _mean(ratio[chosen]) - _mean(ratio[~chosen])
    first, last = int(rows.first[mine].min()), int(rows.last[mine].max())
    inside = (np.arange(gap.size) >= first) & (np.arange(gap.size) <= last) & np.isfinite(gap)
    usual = gap[~inside & np.isfinite(gap)]
    if not inside.any() or usual.size < 2:
        return float("nan"), float("nan")
    excess = float(gap[inside].mean() - usual.mean())
    # robust spread: other events chosen the same way must not hide this one
    spread = float(1.4826 * np.median(np.abs(usual - np.median(usual)))) / np.sqrt(inside.sum())
    return excess, excess / spread if spread > 0 else float("nan")


def _mean(ratio: Floats) -> Floats:
    seen = np.isfinite(ratio)
    total = np.where(seen, ratio, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, seen.sum(axis=0), out=np.full(total.shape, np.nan), where=seen.any(axis=0)))
