"""Forecast of each candidate: what it earns, what it takes from our own stores, and how sure that is.

Point forecasts are means over the new store's unknown effect (Gauss-Hermite inside the share). Intervals come from
draws of all parameters and of the new store's effect, evaluated through the same shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.core.coordinates import distance_km
from crmlib.core.errors import ModelError
from crmlib.core.money import minor_per_unit
from crmlib.sites import huff, market, shares
from crmlib.sites.huff import HuffFit
from crmlib.sites.market import Array, Market, Stores

INTERVAL = (0.1, 0.9)
EXTRAPOLATED_SIZE = (0.5, 2.0)  # times the smallest and the largest own store
BESIDE_KM = 0.05  # the same building: such doors were never seen apart, so the model cannot know what they share


@dataclass(frozen=True, slots=True)
class Draws:
    """Yuan a year, shape (draws, candidates): gross, net; `shares` of each own store lost is in `cannibal`."""

    gross: Array
    net: Array


def candidate_attractions(market_: Market, fitted: HuffFit, candidates: Stores) -> tuple[shares.Stage, Array]:
    """The stage at the optimum, and the candidates' attractions that give mean shares, shape (cells, n)."""
    at = huff.stage_at(market_, fitted)
    median = shares.attraction(at, huff.utility_of(market_, fitted, candidates))
    return at, shares.mean_attraction(at, median)


def simulate(market_: Market, fitted: HuffFit, candidates: Stores, *, draws: int, rng: np.random.Generator) -> Draws:
    """Gross and net of each candidate, opened alone, under `draws` draws of the parameters and its own effect.

    Raises
    ------
    ModelError
        `sites.draws` for less than two draws: there would be no interval.
    """
    if draws < 2:
        raise ModelError("sites.draws", values={"draws": draws})
    vectors = huff.draw(fitted, draws=draws, rng=rng)
    gross, net = np.empty((draws, len(candidates.ids))), np.empty((draws, len(candidates.ids)))
    for i, vector in enumerate(vectors):
        at = huff.stage_at(market_, fitted, vector=vector)
        effect = rng.normal(0, fitted.sigma, len(candidates.ids))
        utility = huff.utility_of(market_, fitted, candidates, vector=vector) + effect
        opened = shares.open_each(at, shares.attraction(at, utility))
        gross[i], net[i] = opened.gross, opened.net
    return Draws(gross, net)


def simulate_sets(
    market_: Market,
    fitted: HuffFit,
    candidates: Stores,
    sets: list[tuple[int, ...]],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Array:
    """Net revenue of the chain for each set of candidates that opens together [yuan a year], shape (draws, sets).

    All sets see the same draws, so their differences are sharper than each of them.
    """
    out = np.empty((draws, len(sets)))
    for i, vector in enumerate(huff.draw(fitted, draws=draws, rng=rng)):
        at = huff.stage_at(market_, fitted, vector=vector)
        effect = rng.normal(0, fitted.sigma, len(candidates.ids))
        new = shares.attraction(at, huff.utility_of(market_, fitted, candidates, vector=vector) + effect)
        out[i] = [shares.open_together(at, new[:, list(chosen)]) for chosen in sets]
    return out


def table(
    market_: Market, fitted: HuffFit, candidates: Stores, *, simulated: Draws, currency: str = "CNY"
) -> pl.DataFrame:
    """One row per candidate: gross, taken from own stores, net gain, their 80 % intervals, extrapolation marks.

    gross_minor = cannibalised_minor + rivals_minor + outside_minor, exact to the minor unit.
    """
    at, new = candidate_attractions(market_, fitted, candidates)
    opened = shares.open_each(at, new)
    per_unit = minor_per_unit(currency)
    parts = whole_parts(np.column_stack([opened.own, opened.rivals, opened.outside]) * per_unit)
    low, high = (np.quantile(simulated.gross, q, axis=0) for q in INTERVAL)
    net_low, net_high = (np.quantile(simulated.net, q, axis=0) for q in INTERVAL)

    def minor(yuan: Array) -> Array:
        return np.asarray(np.rint(yuan * per_unit).astype(np.int64))

    return pl.DataFrame(
        {
            "site_id": list(candidates.ids),
            "gross_minor": parts.sum(axis=1),
            "gross_low_minor": minor(low),
            "gross_high_minor": minor(high),
            "cannibalised_minor": parts[:, 0],
            "rivals_minor": parts[:, 1],
            "outside_minor": parts[:, 2],
            "gain_minor": parts[:, 1] + parts[:, 2],
            "gain_low_minor": minor(net_low),
            "gain_high_minor": minor(net_high),
            "extrapolated": extrapolated(market_, candidates),
        }
    )


def whole_parts(parts: Array, *, totals: market.Ints | None = None) -> market.Ints:
    """Rows of parts as integers that sum to `totals` (or the rounded row totals): largest remainders get the odd units.

    Examples
    --------
    >>> whole_parts(np.array([[0.5, 0.5, 1.0]])).sum()
    np.int64(2)
    """
    floor = np.floor(parts)
    short = (np.rint(parts.sum(axis=1)) if totals is None else totals) - floor.sum(axis=1)
    rank = np.argsort(np.argsort(-(parts - floor), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray((floor + (rank < short[:, None])).astype(np.int64))


def extrapolated(market_: Market, candidates: Stores) -> list[str]:
    """Per candidate the marks ``size``, ``place``, ``beside``, joined by ", ": outside what own stores have taught."""
    area, own_area = np.exp(candidates.attributes[:, 0]), np.exp(market_.own.attributes[:, 0])
    size = (area < EXTRAPOLATED_SIZE[0] * own_area.min()) | (area > EXTRAPOLATED_SIZE[1] * own_area.max())
    place = ~_inside_hull(market_.own.lat, market_.own.lon, candidates.lat, candidates.lon)
    apart = distance_km(candidates.lat[:, None], candidates.lon[:, None], market_.own.lat, market_.own.lon)
    marks = {"size": size, "place": place, "beside": apart.min(axis=1, initial=np.inf) < BESIDE_KM}
    return [", ".join(w for w, on in marks.items() if on[i]) for i in range(len(candidates.ids))]


def _inside_hull(lat: Array, lon: Array, at_lat: Array, at_lon: Array) -> huff.Bools:
    """Whether points lie in the convex hull of the own stores (Andrew's monotone chain)."""
    points = sorted({(float(x), float(y)) for x, y in zip(lon, lat, strict=True)})

    def half(order: list[tuple[float, float]]) -> list[tuple[float, float]]:
        chain: list[tuple[float, float]] = []
        for p in order:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    hull = half(points) + half(points[::-1])
    inside = np.ones(len(at_lat), dtype=bool)
    for (x1, y1), (x2, y2) in zip(hull, [*hull[1:], hull[0]], strict=True):
        inside &= (x2 - x1) * (at_lat - y1) - (y2 - y1) * (at_lon - x1) >= 0
    return inside


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
