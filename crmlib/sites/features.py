"""What a site developer counts on the map: people, income, rivals and own stores within reach."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.coordinates import distance_km
from crmlib.sites.market import Array, Market, Stores

RINGS_KM = (1.0, 3.0)
ANALOGS = {"site_id": pl.String, "analog_id": pl.String, "distance": pl.Float64, "revenue": pl.Float64}


def catchment(market: Market, stores: Stores, *, own_included: bool = True) -> pl.DataFrame:
    """site_id, people_1km, people_3km, income_3km, rivals_1km, rivals_3km, own_3km, area_m2 and further attributes.

    Parameters
    ----------
    stores : places to describe.
    own_included : False where `stores` are the own stores themselves, so that none counts itself.
    """
    income = np.exp(market.log_income)
    columns: dict[str, Array] = {}
    for ring in RINGS_KM:
        near = stores.km <= ring
        columns[f"people_{ring:.0f}km"] = market.population @ near
        columns[f"rivals_{ring:.0f}km"] = within(stores, market.rivals, ring).sum(axis=1).astype(float)
    wide = stores.km <= RINGS_KM[1]
    columns["income_3km"] = (market.population * income) @ wide / np.maximum(market.population @ wide, 1)
    columns["own_3km"] = within(stores, market.own, RINGS_KM[1]).sum(axis=1) - float(not own_included)
    columns["area_m2"] = 100 * np.exp(stores.attributes[:, 0])
    for i, name in enumerate(market.attributes[1:], start=1):
        columns[name] = stores.attributes[:, i]
    return pl.DataFrame({"site_id": list(stores.ids), **columns})


def experience_rank(features: pl.DataFrame) -> Array:
    """Rank by the rule of thumb: people within 1 km × income, fewer rivals; 0 is best, shape (n,)."""
    score = (
        features["people_1km"].to_numpy() * features["income_3km"].to_numpy() / (1 + features["rivals_1km"].to_numpy())
    )
    return np.asarray(np.argsort(np.argsort(-score, kind="stable"), kind="stable").astype(float))


def analogs(own: pl.DataFrame, revenue: Array, site: pl.DataFrame, *, n: int = 3) -> pl.DataFrame:
    """The own stores most like each site: site_id, analog_id, distance, revenue [yuan a year], nearest first.

    Features are standardised over own stores; distance is Euclidean in them.
    """
    names = [c for c in own.columns if c != "site_id"]
    logs = {c for c in names if c.startswith(("people", "income", "area"))}

    def matrix(frame: pl.DataFrame) -> Array:
        return np.column_stack([np.log1p(frame[c].to_numpy()) if c in logs else frame[c].to_numpy() for c in names])

    base = matrix(own)
    spread = base.std(axis=0)
    spread[spread == 0] = 1
    apart = np.linalg.norm((matrix(site)[:, None, :] - base[None, :, :]) / spread, axis=2)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :n]
    rows = [
        (site["site_id"][i], own["site_id"][int(j)], float(apart[i, j]), float(revenue[j]))
        for i in range(site.height)
        for j in nearest[i]
    ]
    return pl.DataFrame(rows, schema=ANALOGS, orient="row")


def within(stores: Stores, others: Stores, km: float) -> NDArray[np.bool_]:
    """Which of the others lie within `km` of each store, shape (stores, others)."""
    apart = distance_km(stores.lat[:, None], stores.lon[:, None], others.lat[None, :], others.lon[None, :])
    return np.asarray(apart <= km)
