"""Intervals from placebo events: the same stores, other weeks in which nothing happened, hidden from the fit.

The error of a placebo is known (units sold − imputed base, for the outcome as it came, not its mean). Its size grows
with the base: variance = phi · base + tau² · base². Errors divided by that scale are pooled within week type (quiet,
festival), and their quantiles give the interval of a real event of any size: a split-conformal interval
(Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, ch. 4) on placebo events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.optimize import minimize

from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.footprint import EVENT, ROLES, Footprint, Treated
from crmlib.promotion.lift.panel import Index, Panel

NET = len(ROLES)
"""Role number of the sum over all roles."""
MIN_CLEAN_SHARE = 0.9
"""A placebo needs at least this share of its cells untouched by real events."""
MIN_STRATUM = 40
"""Placebos a week type needs for quantiles of its own; fewer share those of all."""
MIN_PLACEBOS = 30
"""Fewer placebos than this calibrate nothing: no interval is given."""
TRIES = 40


@dataclass(frozen=True, slots=True)
class PlaceboErrors:
    """One row per placebo and role: fold (the round), festival, role, actual and base [units]; shape (n,)."""

    fold: Index
    festival: Bools
    role: Index
    actual: Floats
    base: Floats


@dataclass(frozen=True, slots=True)
class Scale:
    """phi, tau2 by role, shape (roles + 1,); low, high quantiles by week type and role, shape (2, roles + 1).

    achieved : share of event placebos inside the interval that the other rounds' placebos give; NaN if too few.
    """

    phi: Floats
    tau2: Floats
    low: Floats
    high: Floats
    achieved: float
    placebos: int

    def width(self, base: Floats, role: Index) -> Floats:
        """Standard error of an imputed base [units], shape (n,)."""
        return spread(base, self.phi[role], self.tau2[role])


def place_placebos(
    rows: Treated, *, panel: Panel, clean: Bools, festivals: frozenset[int], rng: np.random.Generator
) -> Treated:
    """A placebo for each event where one fits: its stores and length, a week of its type, its product if possible."""
    check_shapes(panel=(panel.units, "stores products weeks"), clean=(clean, "stores products weeks"))
    busy = np.zeros(panel.units.shape[1:], dtype=np.bool_)
    kind = np.isin(np.arange(panel.weeks) + panel.first_week, list(festivals))
    parts = []
    for event in range(len(rows.ids)):
        mine = np.flatnonzero(rows.event == event)
        first, last = int(rows.first[mine].min()), int(rows.last[mine].max())
        stores, length = np.unique(rows.store[mine]), last - first
        want = bool(kind[first : last + 1].any())
        starts = [w for w in range(1, panel.weeks - length) if bool(kind[w : w + length + 1].any()) == want]
        spot = _spot(int(rows.product[mine[0]]), starts, length, stores, panel=panel, clean=clean, busy=busy, rng=rng)
        if spot is not None:
            product, week = spot
            parts.append((event, stores, product, week, week + length))
    return _as_rows(rows, parts)


def _spot(
    product: int,
    starts: list[int],
    length: int,
    stores: Index,
    *,
    panel: Panel,
    clean: Bools,
    busy: Bools,
    rng: np.random.Generator,
) -> tuple[int, int] | None:
    """Product and first week of a placebo that hits neither a real event's footprint nor another placebo's."""
    if not starts:
        return None
    for attempt in range(TRIES):
        good = product if attempt < TRIES // 2 else int(rng.integers(panel.units.shape[1]))
        week = int(rng.choice(starts))
        span = slice(week - 1, min(week + length + int(panel.dip_weeks[good]) + 1, panel.weeks))
        mates = (panel.group == panel.group[good]) & (panel.group[good] >= 0)
        mates[good] = True
        if busy[mates, span].any() or clean[stores, good, span].mean() < MIN_CLEAN_SHARE:
            continue
        busy[mates, span] = True
        return good, week
    return None


def _as_rows(rows: Treated, parts: list[tuple[int, Index, int, int, int]]) -> Treated:
    sizes = [stores.size for _, stores, *_ in parts]

    def column(at: int) -> Index:
        return np.repeat(np.array([p[at] for p in parts], dtype=np.int64), sizes)

    stores = np.concatenate([p[1] for p in parts]) if parts else np.zeros(0, dtype=np.int64)
    return Treated(rows.ids, column(0), stores, column(2), column(3), column(4))


def placebo_errors(
    touched: Footprint, *, units: Floats, base: Floats, clean: Bools, festival_cells: Bools, fold: int, events: int
) -> PlaceboErrors:
    """Sums over each placebo's cells that really were clean, by role and in total.

    Parameters
    ----------
    touched : footprint of the placebos. base : imputed without them, shape (s, p, w).
    clean : cells no real event touches. festival_cells : whether a week is a festival's, shape (w,).
    """
    axes = "stores products weeks"
    check_shapes(units=(units, axes), base=(base, axes), clean=(clean, axes), festival_cells=(festival_cells, "weeks"))
    ok = clean.reshape(-1)[touched.cell] & np.isfinite(base.reshape(-1)[touched.cell])
    cell, event, role = touched.cell[ok], touched.event[ok], touched.role[ok]
    key = event * (NET + 1) + role
    size = events * (NET + 1)
    shape = (events, NET + 1)
    actual: Floats = np.bincount(key, weights=units.reshape(-1)[cell], minlength=size).astype(np.float64).reshape(shape)
    fitted: Floats = np.bincount(key, weights=base.reshape(-1)[cell], minlength=size).astype(np.float64).reshape(shape)
    actual[:, NET], fitted[:, NET] = actual[:, :NET].sum(axis=1), fitted[:, :NET].sum(axis=1)
    at_festival = np.zeros(events, dtype=np.bool_)
    core = role == EVENT
    np.logical_or.at(at_festival, event[core], festival_cells[cell[core] % festival_cells.size])
    used = fitted > 0
    number, roles = np.nonzero(used)
    return PlaceboErrors(
        fold=np.full(number.size, fold, dtype=np.int64),
        festival=at_festival[number],
        role=roles.astype(np.int64),
        actual=actual[used],
        base=fitted[used],
    )


def join(parts: list[PlaceboErrors]) -> PlaceboErrors:
    """Errors of all rounds; of none where there are none."""
    none = np.zeros(0)
    whole = none.astype(np.int64)
    every = [PlaceboErrors(whole, none.astype(np.bool_), whole, none, none), *parts]
    return PlaceboErrors(
        fold=np.concatenate([p.fold for p in every]),
        festival=np.concatenate([p.festival for p in every]),
        role=np.concatenate([p.role for p in every]),
        actual=np.concatenate([p.actual for p in every]),
        base=np.concatenate([p.base for p in every]),
    )


def calibrate(errors: PlaceboErrors, *, coverage: float) -> Scale:
    """Scale and quantiles of every role; NaN where placebos are too few."""
    shape = (2, NET + 1)
    phi, tau2 = np.full(NET + 1, np.nan), np.full(NET + 1, np.nan)
    low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    for role in range(NET + 1):
        mine = errors.role == role
        if mine.sum() < MIN_PLACEBOS:
            continue
        error, base = errors.actual[mine] - errors.base[mine], errors.base[mine]
        phi[role], tau2[role] = variance_model(error, base)
        z = error / spread(base, phi[role], tau2[role])
        for kind in (0, 1):
            own = errors.festival[mine] == bool(kind)
            low[kind, role], high[kind, role] = quantiles(z[own] if own.sum() >= MIN_STRATUM else z, coverage)
    core = int((errors.role == EVENT).sum())
    return Scale(phi, tau2, low, high, _achieved(errors, coverage), core)


def variance_model(error: Floats, base: Floats) -> tuple[float, float]:
    """Parameters phi and tau² of variance = phi · base + tau² · base², by Gaussian likelihood.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> base = rng.uniform(100, 10_000, 4000)
    >>> phi, tau2 = variance_model(rng.normal(0, np.sqrt(2 * base + (0.03 * base) ** 2)), base)
    >>> round(phi, 1), round(tau2**0.5, 2)
    (2.2, 0.03)
    """
    check_shapes(error=(error, "n"), base=(base, "n"))

    def loss(log: Floats) -> float:
        variance = np.exp(log[0]) * base + np.exp(log[1]) * base**2
        return float(0.5 * (np.log(variance) + error**2 / variance).sum())

    start = [0.0, np.log(max(float(np.mean((error / base) ** 2)), 1e-6) / 2)]
    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-12, 12), (-20, 5)])
    return float(np.exp(found.x[0])), float(np.exp(found.x[1]))


def spread(base: Floats, phi: Floats | float, tau2: Floats | float) -> Floats:
    """Square root of phi · base + tau² · base²; base below one unit counts as one."""
    at_least = np.maximum(base, 1.0)
    return np.asarray(np.sqrt(phi * at_least + tau2 * at_least**2))


def quantiles(z: Floats, coverage: float) -> tuple[float, float]:
    """Conformal quantiles: the outer order statistics that leave (1 − coverage) / 2 on either side of n + 1 draws."""
    check_shapes(z=(z, "n"))
    ordered = np.sort(z)
    out = (1 - coverage) / 2 * (z.size + 1)
    k = max(int(np.floor(out)), 1)
    return float(ordered[k - 1]), float(ordered[-k])


def _achieved(errors: PlaceboErrors, coverage: float) -> float:
    """Coverage on each round's event placebos of the intervals made from the other rounds."""
    core = errors.role == EVENT
    fold, base, festival = errors.fold[core], errors.base[core], errors.festival[core]
    error = errors.actual[core] - base
    inside: list[Floats] = []
    for held in np.unique(fold):
        rest, mine = fold != held, fold == held
        if rest.sum() < MIN_PLACEBOS:
            return float("nan")
        phi, tau2 = variance_model(error[rest], base[rest])
        z = error / spread(base, phi, tau2)
        for kind in (False, True):  # the week types of the intervals that are given
            own, judged = rest & (festival == kind), z[mine & (festival == kind)]
            low, high = quantiles(z[own] if own.sum() >= MIN_STRATUM else z[rest], coverage)
            inside.append(((judged >= low) & (judged <= high)).astype(np.float64))
    return float(np.concatenate(inside).mean()) if inside else float("nan")


def frame(errors: PlaceboErrors) -> pl.DataFrame:
    """Placebo errors as a table: round, festival, role, actual, base [units]."""
    names = [*ROLES, "net"]
    return pl.DataFrame(
        {
            "round": errors.fold,
            "festival": errors.festival,
            "role": [names[r] for r in errors.role],
            "actual": errors.actual,
            "base": errors.base,
        }
    )
