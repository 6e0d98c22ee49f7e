"""What goods will sell without an event, product by product, or why that cannot be said.

Each product is of one kind on the days asked for: *level* (it sells now: the level of the last weeks × the season of
its category), *slot* (it hardly sells now, but sold on the same days of the moon last year: those days, grown as all
goods have), *out* (it sold lately, and last year stopped selling by these days), *none* (neither lately nor a year ago:
nothing to go by). A plan whose goods are all out or without a slot is refused: 0 units, or last month's peak, would
look like an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.calendar import lunar_aligned
from crmlib.core.errors import ModelError
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.baseline import (
    Season,
    category,
    columns_of,
    days_of,
    expected,
    level_weeks,
    season,
    untreated,
)
from crmlib.promotion.lift.footprint import EVENT, ROLES
from crmlib.promotion.lift.lift import Lift
from crmlib.promotion.lift.panel import Index, Panel, positions
from crmlib.promotion.plan.forecast import Response

KINDS = ("level", "slot", "out", "none")
MIN_UNITS = 5.0
"""Units of a product, in the weeks or days compared, that say it sells."""
SHARE = 0.1
"""Selling at less than this share of another time's pace is being out of season."""
FADED, LAST_WEEKS = 0.15, 2
"""Without a year of history: pace of the last two weeks against the eight, below which a season is over."""


@dataclass(frozen=True, slots=True)
class PlanBase:
    """stores : store_id, base_milli. season : of the goods that sell now. goods : product_id, kind, base_milli."""

    stores: pl.DataFrame
    season: Season
    goods: pl.DataFrame


def without_offers(panel: Panel, lift: Lift, events: pl.DataFrame, response: Response) -> Floats:
    """Sales as they would have been without offers, shape (stores, products, weeks).

    Sold where clean, imputed in events; where the base of an event could not be told (goods that sell only in the
    season of their promotion, offers in all stores), sold ÷ what such an offer usually does.

    Parameters
    ----------
    events : event_id, mechanic, depth_bp.
    """
    flat = untreated(panel.units, lift.base, lift.clean)
    cells = lift.cells.filter(~pl.col("counted")).join(
        events.select("event_id", "mechanic", "depth_bp"), on="event_id", how="left"
    )
    in_event = pl.col("role") == ROLES[EVENT]
    kinds = cells.filter(in_event).select("mechanic", "depth_bp").unique()
    factors = [max(float(np.exp(response.log_lift(m or "", d or 0))), 1.0) for m, d in kinds.iter_rows()]
    told = cells.join(
        kinds.with_columns(factor=pl.Series(factors, dtype=pl.Float64)), on=["mechanic", "depth_bp"], how="left",
        nulls_equal=True,
    ).with_columns(factor=pl.when(in_event).then("factor").otherwise(1.0))  # fmt: skip
    at = (
        positions(told["store_id"], panel.stores),
        positions(told["product_id"], panel.products),
        told["week_n"].to_numpy().astype(np.int64) - panel.first_week,
    )
    flat[at] = np.where(panel.known[at], panel.units[at] / told["factor"].to_numpy(), 0.0)
    return flat


def plan_base(
    panel: Panel, flat: Floats, *, products: pl.Series, days: list[date], until: int, noise: float, name: str
) -> PlanBase:
    """Base of some goods over `days` in every store.

    Parameters
    ----------
    flat : as `without_offers` gives it. until : column of the last week to learn from. name : of the goods, for the
    refusal.

    Raises
    ------
    ModelError
        promotion.out_of_season: the goods stopped selling by these days last year. promotion.no_slot: they sold neither
        lately nor on these days a year ago.
    """
    goods = np.flatnonzero(panel.products.is_in(products.implode()).to_numpy())
    kind, then, growth = _kinds(flat, goods, days=days, first_week=panel.first_week, until=until)
    if not np.isin(kind, (0, 1)).any():
        raise _refused(name, days, out=bool((kind == 2).any()))
    open_now: Bools = np.asarray(panel.known[:, goods, level_weeks(until)].any(axis=(1, 2)))
    units = np.zeros((panel.units.shape[0], goods.size))
    selling, seasonal = goods[kind == 0], goods[kind == 1]
    here = Season(1.0, np.zeros(0, dtype=np.int64), known=False)
    if selling.size:
        alike = np.setdiff1d(category(panel.group, selling), goods[kind != 0])
        here = season(
            flat[:, alike].sum(axis=(0, 1)), flat.sum(axis=(0, 1)),
            first_week=panel.first_week, until=until, days=days, noise=noise,
        )  # fmt: skip
        for place in np.flatnonzero(kind == 0):
            units[:, place] = expected(flat[:, goods[place]], here, until=until, days=len(days))
        units *= open_now[:, None]
    if seasonal.size:
        slot = Season(growth, then, known=True)
        for place in np.flatnonzero(kind == 1):
            units[:, place] = expected(flat[:, goods[place]], slot, until=until, days=len(days))
        here = slot if not selling.size else here
        open_late: Bools = np.asarray(panel.known[:, :, level_weeks(until)].any(axis=(1, 2)))
        units *= open_late[:, None]
    milli = np.rint(1000 * units).astype(np.int64)
    return PlanBase(
        stores=pl.DataFrame({"store_id": panel.stores, "base_milli": milli.sum(axis=1)}),
        season=here,
        goods=pl.DataFrame(
            {
                "product_id": panel.products.gather(goods),
                "kind": [KINDS[k] for k in kind],
                "base_milli": milli.sum(axis=0),
            }
        ),
    )


def _kinds(flat: Floats, goods: Index, *, days: list[date], first_week: int, until: int) -> tuple[Index, Index, float]:
    """Kind of each product (position in `KINDS`), last year's columns of the days, growth of all goods since."""
    series, level = flat[:, goods].sum(axis=0), level_weeks(until)
    then = columns_of([lunar_aligned(d) for d in days], first_week)
    window = columns_of([lunar_aligned(d) for d in days_of(level, first_week)], first_week)
    recent = series[:, level].sum(axis=1)
    if min(then.min(), window.min()) < 0 or max(then.max(), window.max()) > until:
        last = series[:, max(until - LAST_WEEKS + 1, 0) : until + 1].sum(axis=1) / LAST_WEEKS
        faded = last < FADED * recent / max(level.stop - level.start, 1)
        kind = np.where(recent < MIN_UNITS, 3, np.where(faded, 2, 0))
        return kind.astype(np.int64), np.zeros(0, dtype=np.int64), 1.0
    ahead, before = series[:, then].sum(axis=1) / 7, series[:, window].sum(axis=1) / 7
    everything = flat.sum(axis=(0, 1))
    growth = float(everything[level].sum()) / max(float(everything[window].sum()) / 7, 1e-9)
    pace, past, now = ahead / then.size, before / window.size, recent / (7 * max(level.stop - level.start, 1))
    out = (before >= MIN_UNITS) & (pace < SHARE * past)
    slot = (ahead >= MIN_UNITS) & (now < SHARE * pace * growth)
    return np.select([slot, out, recent >= MIN_UNITS], [1, 2, 0], 3).astype(np.int64), then, growth


def _refused(name: str, days: list[date], *, out: bool) -> ModelError:
    code = "promotion.out_of_season" if out else "promotion.no_slot"
    return ModelError(code, values={"category": name, "first_day": days[0], "last_day": days[-1]})
