"""Promotions in all stores, all year: what they brought, when no store is ever without them.

Without an untreated store the week of an event is not identified by comparison. What is left is variation in time and
depth: the same goods at no offer, a shallow and a deep one, while other goods tell what the week itself was like. Sales
of a product and week over its stores follow

    log E[sold] = log of what its stores usually sell + product + week + category × week + season of the product
                  + offer × (on + mechanic + (slope + product's own) × depth + curve × depth²) + after an offer

with week, category × week (festivals apart), season (two waves a year), mechanic and the product's own slope as random
effects (`depth_fit`): each is shrunk to what all have in common as far as its own data are thin; zeros stay in. It is
weaker evidence than a comparison of stores: what moves a product's week besides is taken for effect or base. Where
goods are never without an offer, only the difference to the shallowest one is told. Unpromoted weeks, each predicted
from all others, are the placebos that widen the interval where the model is too sure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.sparse import csr_array, diags_array, hstack
from scipy.stats import norm

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.depth_fit import Design, Fit, Rows, designed, fitted, offer_columns
from crmlib.promotion.lift.footprint import Treated
from crmlib.promotion.lift.panel import Index, Panel, positions

ROUNDS, FIRST_ROUNDS = 12, 3
"""Rounds of the fit, and of the first one, before what stores usually sell is known."""
KNOWN_BASE = 0.25
"""Standard error of log(sold with / without an offer) above which goods have no base of their own."""
MIN_PLACEBOS, OWN = 30, 10.0
"""Unpromoted weeks that widen intervals; how many weeks of all goods a product's own ones are weighed against."""
MIN_UNITS = 20.0
"""An event is judged if its goods sold at least this in it."""
MIN_PROMOTED_WEEKS = 26
"""Goods that sell less without offers than in one event have a season, and no base, unless offered in so many weeks."""
ALL_YEAR = 0.25
"""Goods offered in fewer of their weeks than this are not judged in a festival's: their season and their offer
coincide, and such events of the sample came out at half as much again, or more."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What depth and time say.

    events : event_id, base_milli, effect_milli, lower_milli, upper_milli; against (none: no offer, least: the
        shallowest depth of the product), promoted (share of its goods' weeks under an offer), se_log (of the base).
    response : depth_bp (those seen), lift, low, high, against: what the mean good does at each depth, over no offer or
        over the shallowest one.
    base : expected units without an offer, or at the shallowest one, shape (stores, products, weeks); 0 where never
        sold. least_bp : depth of the shallowest one of the products compared with it, else 0, shape (products,).
    placebos : unpromoted product-weeks; achieved : share of them inside their own interval, NaN with fewer than 30.
    """

    events: pl.DataFrame
    response: pl.DataFrame
    base: Floats
    least_bp: Index
    placebos: int
    achieved: float


def everywhere(
    panel: Panel,
    rows: Treated,
    plan: AnyFrame,
    *,
    festival_weeks: frozenset[int] = frozenset(),
    phi: float = 1.0,
    coverage: float = 0.9,
) -> Everywhere:
    """Judge all events from depth and time.

    Parameters
    ----------
    plan : event_id, mechanic, depth_bp of the events in `rows`. phi : variance of a count, in counts.
    festival_weeks : week_n of weeks in which people buy for a festival: categories swing more there.
    """
    feasts = np.array(sorted(festival_weeks), dtype=np.int64) - panel.first_week
    known = to_polars(plan, needs=["event_id", "mechanic", "depth_bp"], name="plan").unique("event_id")
    at = positions(rows.ids, known["event_id"])
    depth = known["depth_bp"].cast(pl.Float64).fill_null(0.0).to_numpy()[at] / 10_000
    kind = (known["mechanic"].fill_null("").rank("dense").to_numpy().astype(np.int64) - 1)[at]
    event, after = _marks(panel, rows)
    level = _ratio((panel.units * panel.known).sum(axis=2), panel.known.sum(axis=2).astype(np.float64))
    cells = _rows(panel, event, after, level)
    if not (cells.event >= 0).any():
        return _nothing(panel, level)
    design = designed(cells, panel, depth, kind, feasts=feasts)
    first = fitted(design, cells, phi, rounds=FIRST_ROUNDS)
    level = _levels(panel, event, after, cells, first)
    cells = _rows(panel, event, after, level)
    fit = fitted(design, cells, phi, rounds=ROUNDS, start=first.state)
    least = _least(design, cells, fit, depth)
    plain = _plain(design, cells, kind, least)
    clean, limit = (cells.event < 0) & (cells.after == 0), float(norm.ppf((1 + coverage) / 2))
    wider, achieved = _calibrated(cells, fit, clean, coverage, goods=panel.units.shape[1], feasts=feasts)
    judge = _Judge(cells, design, fit, plain, least, wider, feasts, phi)
    found = [_judged(judge, e) for e in range(len(rows.ids))]
    return Everywhere(
        events=_table(rows.ids, found, limit),
        response=_response(fit, depth[np.unique(cells.event[cells.event >= 0])], limit),
        base=level[:, :, None] * np.exp(_laid(panel, cells, plain @ fit.beta + fit.cell[design.cell]))[None],
        least_bp=np.where(np.isfinite(least), np.rint(least * 10_000), 0).astype(np.int64),
        placebos=int(clean.sum()),
        achieved=achieved,
    )


def _nothing(panel: Panel, level: Floats) -> Everywhere:
    """No event touches a known cell."""
    nobody = pl.DataFrame(schema={"depth_bp": pl.Int64, "lift": pl.Float64, "low": pl.Float64, "high": pl.Float64})
    base = np.repeat(level[:, :, None], panel.weeks, axis=2)
    return Everywhere(
        _table(pl.Series([], dtype=pl.String), [], 0.0),
        nobody,
        base,
        np.zeros(panel.units.shape[1], dtype=np.int64),
        0,
        float("nan"),
    )


def _marks(panel: Panel, rows: Treated) -> tuple[Index, Bools]:
    """Event of every cell (-1 without one), and whether it lies in the dip of one, shape (s, p, w)."""
    event, after = np.full(panel.units.shape, -1, dtype=np.int64), np.zeros(panel.units.shape, dtype=np.bool_)
    for i in range(rows.event.size):
        s, p, end = rows.store[i], rows.product[i], int(rows.last[i]) + 1
        event[s, p, rows.first[i] : end] = rows.event[i]
        after[s, p, end : end + int(panel.dip_weeks[p])] = True
    return event, after & (event < 0)


def _rows(panel: Panel, event: Index, after: Bools, level: Floats) -> Rows:
    """Sums over stores by product, week, event and after."""
    s, p, w = np.nonzero(panel.known & (level > 0)[:, :, None])
    state = (event[s, p, w] + 1) * 2 + after[s, p, w]
    states = int(state.max(initial=0)) + 1
    key, place = np.unique((p * panel.weeks + w) * states + state, return_inverse=True)
    where, state = np.divmod(key, states)
    return Rows(
        product=where // panel.weeks,
        week=where % panel.weeks,
        event=state // 2 - 1,
        after=(state % 2).astype(np.float64),
        sold=np.bincount(place, weights=panel.units[s, p, w], minlength=key.size).astype(np.float64),
        usual=np.bincount(place, weights=level[s, p], minlength=key.size).astype(np.float64),
    )


def _levels(panel: Panel, event: Index, after: Bools, cells: Rows, fit: Fit) -> Floats:
    """What each store usually sells of each product, with the fitted ups and downs of its weeks taken out."""
    up = np.ones((panel.units.shape[1], panel.weeks, int(event.max()) + 2, 2))
    up[cells.product, cells.week, cells.event + 1, cells.after.astype(np.int64)] = np.exp(fit.state.eta)
    due = np.zeros(panel.units.shape[:2])
    for product in range(panel.units.shape[1]):
        weeks = np.broadcast_to(np.arange(panel.weeks), event[:, product].shape)
        ups = up[product, weeks, event[:, product] + 1, after[:, product].astype(np.int64)]
        due[:, product] = (panel.known[:, product] * ups).sum(axis=1)
    return _ratio((panel.units * panel.known).sum(axis=2), due)


def _least(design: Design, cells: Rows, fit: Fit, depth: Floats) -> Floats:
    """Shallowest depth of the products whose sales without an offer are not known, NaN of the others; (products,)."""
    on, goods = np.flatnonzero(cells.event >= 0), design.sizes[1]
    shallow = np.full(goods, np.inf)
    np.minimum.at(shallow, cells.product[on], depth[cells.event[on]])
    offer = design.x[on][:, : design.offer].toarray()
    counts = np.bincount(cells.product[on], minlength=goods)
    sums = np.zeros((goods, design.offer))
    np.add.at(sums, cells.product[on], offer)
    mean = sums / np.maximum(counts, 1)[:, None]
    error = np.sqrt(((mean @ fit.covariance[: design.offer, : design.offer]) * mean).sum(axis=1))
    return np.where((counts > 0) & (error > KNOWN_BASE), shallow, np.nan)


def _plain(design: Design, cells: Rows, kind: Index, least: Floats) -> csr_array:
    """Rows of the design with neither an offer nor the weeks after one; at the shallowest depth where that is told."""
    off = least[cells.product]
    on, mechanic = np.isfinite(off), np.where(cells.event >= 0, kind[cells.event], 0)
    shallow = (on & (cells.event >= 0)).astype(np.float64)
    offer = offer_columns(cells, mechanic, on=shallow, off=np.where(shallow > 0, off, 0.0), sizes=design.sizes)
    keep = np.ones(design.x.shape[1])
    keep[: design.offer + 1] = 0.0
    rest = csr_array(design.x @ diags_array(keep))
    return csr_array(rest + hstack([offer, csr_array((off.size, design.x.shape[1] - design.offer))]))


def _laid(panel: Panel, cells: Rows, value: Floats) -> Floats:
    """Values of rows by product and week, shape (products, weeks); a product's mean in gaps."""
    found = np.full((panel.units.shape[1], panel.weeks), np.nan)
    found[cells.product, cells.week] = value
    seen = np.isfinite(found)
    mean = _ratio(np.where(seen, found, 0.0).sum(axis=1), seen.sum(axis=1).astype(np.float64))
    return np.where(seen, found, mean[:, None])


def _calibrated(
    cells: Rows, fit: Fit, clean: Bools, coverage: float, *, goods: int, feasts: Index
) -> tuple[Floats, float]:
    """How much wider each row's interval must be for unpromoted weeks, each predicted from the others; and coverage.

    Products whose own weeks are missed by more than others' are widened by that, and festival weeks apart from others.
    """
    wider, at = np.ones(cells.sold.size), np.isin(cells.week, feasts)
    if clean.sum() < MIN_PLACEBOS:
        return wider, float("nan")
    z = np.abs(fit.residual) / np.sqrt(np.maximum(1 - fit.leverage, 1e-9) / fit.weight)
    squares = np.bincount(cells.product[clean], weights=z[clean] ** 2, minlength=goods)
    own = np.sqrt((squares + OWN) / (np.bincount(cells.product[clean], minlength=goods) + OWN))[cells.product]
    limit, held = float(norm.ppf((1 + coverage) / 2)), np.zeros(cells.sold.size, dtype=np.bool_)
    for kind in (False, True):
        mine = clean & (at == kind)
        if mine.sum() < MIN_PLACEBOS:
            mine = clean
        factor = max(float(np.quantile((z / own)[mine], coverage)) / limit, 1.0)
        wider = np.where(at == kind, np.maximum(factor * own, 1.0), wider)
    held = z <= limit * wider
    return wider, float(held[clean].mean())


@dataclass(frozen=True, slots=True)
class _Judged:
    """Units of the base and of the effect, standard error of both; as `Everywhere.events`."""

    base: float
    effect: float
    error: float
    against: str
    promoted: float
    se_log: float


@dataclass(frozen=True, slots=True)
class _Judge:
    """What the events are judged by."""

    cells: Rows
    design: Design
    fit: Fit
    plain: csr_array
    least: Floats
    wider: Floats
    feasts: Index
    phi: float


def _judged(by: _Judge, event: int) -> _Judged | None:
    """One event; None where its goods sold too little, or hardly ever outside a short season of offers."""
    cells, fit, phi = by.cells, by.fit, by.phi
    at = np.flatnonzero(cells.event == event)
    if not at.size or cells.sold[at].sum() < MIN_UNITS:
        return None
    cell, plain = by.design.cell[at], by.plain[at].toarray()
    quiet, busy = (float(v) for v in fit.state.tau2)
    noise = phi / np.maximum(cells.sold[at], 1.0)
    share = (quiet + noise) / (busy + noise)  # how much of a week's surprise it would have had without the offer
    base = cells.usual[at] * np.exp(plain @ fit.beta + fit.cell[cell] + share * fit.residual[at])
    total, sold = float(base.sum()), float(cells.sold[at].sum())
    goods = np.isin(cells.product, np.unique(cells.product[at]))
    on = goods & (cells.event >= 0)
    promoted = float(cells.usual[on].sum() / cells.usual[goods].sum())
    if total > cells.sold[goods & ~on].sum() and np.unique(cells.week[on]).size < MIN_PROMOTED_WEEKS:
        return None
    if promoted < ALL_YEAR and np.isin(cells.week[at], by.feasts).any():
        return None
    weight = base / total
    mixed = weight @ (plain - fit.pull[cell])
    shared = np.bincount(cell, weights=weight)
    spread = float(mixed @ fit.covariance @ mixed + (shared**2 / fit.mass[: shared.size]).sum())
    left = np.maximum(quiet + phi / np.maximum(base, 1.0) - share * (quiet + noise), 0.0)
    return _Judged(
        base=total,
        effect=sold - total,
        error=total * float(np.sqrt(spread + (weight**2 * left).sum()) * (weight @ by.wider[at])),
        against="least" if np.isfinite(by.least[cells.product[at]]).any() else "none",
        promoted=promoted,
        se_log=float(np.sqrt(spread)),
    )


def _response(fit: Fit, depths: Floats, limit: float) -> pl.DataFrame:
    """Lift of the mean good by depth, with its interval."""
    seen = np.unique(depths)
    terms = np.column_stack([np.ones(seen.size), seen, seen**2])
    covariance = fit.covariance[:3, :3]
    known = bool(np.sqrt(terms.mean(axis=0) @ covariance @ terms.mean(axis=0)) <= KNOWN_BASE) if seen.size else True
    apart = terms if known else terms - terms[:1]
    log, error = apart @ fit.beta[:3], np.sqrt(np.maximum(((apart @ covariance) * apart).sum(axis=1), 0.0))
    bounds = {"lift": log, "low": log - limit * error, "high": log + limit * error}
    return pl.DataFrame(
        {
            "depth_bp": np.rint(seen * 10_000).astype(np.int64),
            **{name: np.expm1(v) for name, v in bounds.items()},
            "against": ["none" if known else "least"] * seen.size,
        }
    )


def _table(ids: pl.Series, found: list[_Judged | None], limit: float) -> pl.DataFrame:
    schema = {
        "event_id": pl.String(), "base_milli": pl.Int64(), "effect_milli": pl.Int64(), "lower_milli": pl.Int64(),
        "upper_milli": pl.Int64(), "against": pl.String(), "promoted": pl.Float64(), "se_log": pl.Float64(),
    }  # fmt: skip
    rows = []
    for name, one in zip(ids.to_list(), found, strict=True):
        if one is None:
            continue
        half = limit * one.error
        milli = [round(1000 * v) for v in (one.base, one.effect, one.effect - half, one.effect + half)]
        rows.append((name, *milli, one.against, one.promoted, one.se_log))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _ratio(top: Floats, bottom: Floats) -> Floats:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
