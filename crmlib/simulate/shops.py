"""Where the company sells: own stores and counters in hypermarkets, good and bad ones, some closing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.vocabulary import cities, toml

NEVER = 10**6
"""Day number later than any other: not closed, no competitor."""
OWN_SHARE = 0.6
CLOSING_SHARE = 0.10
COMPETITOR_SHARE = 0.15
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Shops:
    """The stores in a fixed order; arrays have shape (stores,), days are day numbers since 1970.

    Attributes
    ----------
    frame : the store list as exported.
    own : 1 for an own store, 0 for a counter.
    city, region : index of the city and of the region.
    quality : true service quality, mean 1.
    size : weight of the store in customers and passers-by, mean 1.
    opened, closed : first day open, first day closed for good.
    competitor, competitor_loss : day a competitor opens near it, share of visits lost from then on.
    shut_from, shut_to : first and last day of a temporary closure.
    neighbours : the nearest other stores, shape (stores, 3).
    """

    frame: pl.DataFrame
    own: Ints
    city: Ints
    region: Ints
    quality: Floats
    size: Floats
    opened: Ints
    closed: Ints
    competitor: Ints
    competitor_loss: Floats
    shut_from: Ints
    shut_to: Ints
    neighbours: Ints


def open_shops(n: int, *, first_day: int, last_day: int, rng: np.random.Generator) -> Shops:
    """Place `n` stores in cities, give each a size, a quality and a life."""
    towns = cities()
    weight = towns["weight"].to_numpy() / towns["weight"].sum()
    city = np.sort(rng.choice(len(towns), size=n, p=weight))
    regions = towns["region"].unique(maintain_order=True).to_list()
    region = np.array([regions.index(r) for r in towns["region"]])[city]
    own = (rng.random(n) < OWN_SHARE).astype(np.int64)
    own[0], own[-1] = 1, 0
    lon = towns["lon"].to_numpy()[city] + rng.normal(0, 0.06, n)
    lat = towns["lat"].to_numpy()[city] + rng.normal(0, 0.05, n)
    quality = np.clip(rng.normal(1.0, 0.18, n), 0.5, 1.5)
    size = rng.gamma(6.0, 1 / 6.0, n) * np.where(own == 1, 1.2, 0.8)
    opened, closed, shut_from, shut_to = _lives(n, quality=quality, first_day=first_day, last_day=last_day, rng=rng)
    near_competitor = rng.random(n) < COMPETITOR_SHARE
    competitor = np.where(near_competitor, rng.integers(first_day + 90, max(last_day, first_day + 92), n), NEVER)
    loss = np.where(near_competitor, rng.uniform(0.1, 0.3, n), 0.0)
    distance = np.hypot(lon[:, None] - lon[None, :], lat[:, None] - lat[None, :])
    np.fill_diagonal(distance, np.inf)
    frame = _store_list(own, city, lon, lat, opened, closed, size, rng)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
    return Shops(frame, own, city, region, quality, size, opened, closed, competitor, loss, shut_from, shut_to, nearest)


def _lives(
    n: int, *, quality: Floats, first_day: int, last_day: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints, Ints]:
    """Opening, closing and one temporary closure: mostly weak stores close; one in ten opens during the time seen."""
    span = last_day - first_day
    opened = first_day - rng.integers(200, 3000, n)
    fresh = rng.random(n) < 0.10
    opened[fresh] = first_day + rng.integers(span // 6, max(span // 2, span // 6 + 1), int(fresh.sum()))
    weakest = np.argsort(quality, kind="stable")[: max(1, round(CLOSING_SHARE * n))]
    closed = np.full(n, NEVER, dtype=np.int64)
    ends = first_day + rng.integers(span // 6, max(9 * span // 10, span // 6 + 1), len(weakest))
    closed[weakest] = np.maximum(ends, opened[weakest] + 120)
    closed[closed > last_day] = NEVER
    shut_from = np.full(n, NEVER, dtype=np.int64)
    shut_to = np.full(n, NEVER, dtype=np.int64)
    works = (rng.random(n) < 0.12) & (closed == NEVER) & ~fresh
    shut_from[works] = first_day + rng.integers(span // 8, max(7 * span // 8, span // 8 + 1), int(works.sum()))
    shut_to[works] = shut_from[works] + rng.integers(6, 25, int(works.sum()))
    return opened, closed, shut_from, shut_to


def _store_list(  # noqa: PLR0917
    own: Ints, city: Ints, lon: Floats, lat: Floats, opened: Ints, closed: Ints, size: Floats, rng: np.random.Generator
) -> pl.DataFrame:
    """The store list as a head office keeps it."""
    words, towns = toml("words")["store"], cities()
    n = len(own)
    places = [words["own_places"] if o else words["counter_places"] for o in own]
    named = [f"{towns['city'][int(c)]}{p[i % len(p)]}" for i, (c, p) in enumerate(zip(city, places, strict=True))]
    area = np.round(np.where(own == 1, 80, 18) * (0.5 + size / 2) * rng.uniform(0.8, 1.2, n), 0)
    return pl.DataFrame(
        {
            "store_id": [f"{'S' if o else 'C'}{i + 1:03d}" for i, o in enumerate(own)],
            "name": [
                f"{name}{words['own_suffix' if o else 'counter_suffix']}" for name, o in zip(named, own, strict=True)
            ],
            "kind": [words["own"] if o else words["counter"] for o in own],
            "region": [towns["region"][int(c)] for c in city],
            "city": [towns["city"][int(c)] for c in city],
            "lon": np.round(lon, 5),
            "lat": np.round(lat, 5),
            "opened_on": pl.Series(opened).cast(pl.Int32).cast(pl.Date),
            "closed_on": pl.Series([None if c == NEVER else int(c) for c in closed], dtype=pl.Int32).cast(pl.Date),
            "area_m2": area,
            "rent_yuan": np.round(area * np.where(own == 1, 40, 90), -2),
            "staff_count": np.where(own == 1, 4, 2) + (size > 1.3),
        }
    )
