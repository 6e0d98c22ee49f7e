"""The market as arrays: cells with demand, own stores with card flows, rivals by chain.

Frames are checked in `crmlib.sites.checks` and turned into these arrays once; every model reads them from here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.coordinates import distance_km
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.money import to_units
from crmlib.sites.checks import (
    check_distances,
    check_places,
    check_tables,
    competitors_given,
    complete_matrix,
    known_numbers,
)

Array: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

DISC_MEAN = 0.511  # mean distance between two points of a disc of area 1: 128 / (45 π^1.5)
ATTRIBUTES = ("log_area",)
YEAR_DAYS = 365.0


@dataclass(frozen=True, slots=True)
class Stores:
    """Places with the same columns: own stores, rivals or candidates.

    ids : n names; lat, lon : WGS-84 [deg], shape (n,); attributes : shape (n, a), log of area first; km : distance or
    minutes from each cell, shape (cells, n).
    """

    ids: tuple[str, ...]
    lat: Array
    lon: Array
    attributes: Array
    km: Array


@dataclass(frozen=True, slots=True)
class Market:
    """What the model reads.

    Parameters
    ----------
    cell_ids, cell_lat, cell_lon, population : one value per cell.
    demand : spending on the category [yuan a year], shape (cells,), before the income elasticity.
    log_income : ln(income / mean income), shape (cells,).
    within_km : mean distance inside a cell [km], shape (cells,).
    own : own stores; rivals : competitors, with `rival_chain` their chain's index and `chains` the names.
    visits : card visits from cell to own store, shape (cells, own).
    revenue : revenue of each own store [yuan a year], shape (own,).
    attributes : names of the attribute columns.
    """

    cell_ids: tuple[str, ...]
    cell_lat: Array
    cell_lon: Array
    population: Array
    demand: Array
    log_income: Array
    within_km: Array
    own: Stores
    rivals: Stores
    rival_chain: Ints
    chains: tuple[str, ...]
    visits: Array
    revenue: Array
    attributes: tuple[str, ...]


def build(
    *,
    cells: AnyFrame,
    sites: AnyFrame,
    flows: AnyFrame,
    competitors: AnyFrame | Literal["none-known"],
    per_head_minor: int,
    attributes: tuple[str, ...] = (),
    distances: AnyFrame | None = None,
    currency: str = "CNY",
    few_allowed: bool = False,
) -> Market:
    """Check the tables and turn them into arrays; candidates are added by `candidates`.

    Parameters
    ----------
    cells : cell_id, lat, lon, crs, population, income_minor_month, area_km2.
    sites : site_id, kind, lat, lon, crs, area_m2, revenue_minor, revenue_days and the columns of `attributes`; rows
        of kind ``own`` are the network.
    flows : cell_id, site_id, visits: card visits by home cell of the member.
    competitors : competitor_id, chain, lat, lon, crs, area_m2; or ``"none-known"``, which is said on the page.
    per_head_minor : what a head spends on the category in a year, all sellers together [minor units].
    attributes : further columns of `sites` (and of `competitors`, where absent there 0) in the utility.
    distances : cell_id, site_id (or competitor_id), km: street distances or minutes instead of the straight line.
    few_allowed : build it although there is too little for the model: enough for the weighted score.
    """
    cells_, sites_ = to_polars(cells, name="cells"), to_polars(sites, name="sites")
    flows_ = to_polars(flows, name="flows")
    rivals_ = no_rivals() if isinstance(competitors, str) else to_polars(competitors, name="competitors")
    competitors_given(competitors)
    if per_head_minor <= 0:
        raise ModelError("sites.per_head", values={"given": per_head_minor})
    check_tables(cells=cells_, sites=sites_, flows=flows_, competitors=rivals_, few_allowed=few_allowed)
    known_numbers(sites_, attributes, key="site_id", name="sites")
    known_numbers(rivals_, attributes, key="competitor_id", name="competitors")
    own_ = sites_.filter(pl.col("kind") == "own").sort("site_id")
    cells_, rivals_ = cells_.sort("cell_id"), rivals_.sort("competitor_id")
    lat, lon = column(cells_, "lat"), column(cells_, "lon")
    income = column(cells_, "income_minor_month")
    chains = tuple(rivals_["chain"].unique().sort().to_list())
    matrix = None if distances is None else check_distances(to_polars(distances, name="distances"))
    place = _Placer(tuple(cells_["cell_id"]), lat, lon, attributes, matrix)
    return Market(
        cell_ids=place.cell_ids,
        cell_lat=lat,
        cell_lon=lon,
        population=column(cells_, "population"),
        demand=column(cells_, "population") * to_units(per_head_minor, currency=currency),
        log_income=_log_income(income, column(cells_, "population")),
        within_km=DISC_MEAN * np.sqrt(column(cells_, "area_km2")),
        own=_stores(own_, "site_id", place),
        rivals=_stores(rivals_, "competitor_id", place),
        rival_chain=np.array([chains.index(c) for c in rivals_["chain"]], dtype=np.int64),
        chains=chains,
        visits=_visits(flows_, place.cell_ids, tuple(own_["site_id"])),
        revenue=_yearly_revenue(own_, currency=currency),
        attributes=(*ATTRIBUTES, *attributes),
    )


def _log_income(income: Array, population: Array) -> Array:
    """ln(income / mean income); 0 where nobody lives and earns."""
    mean = np.average(income, weights=population + 1e-9)
    return np.asarray(np.log(np.where(income > 0, income, mean) / mean)) if mean > 0 else np.zeros(len(income))


def candidates(market: Market, sites: AnyFrame, *, distances: AnyFrame | None = None) -> Stores:
    """Rows of kind ``candidate`` as stores of this market."""
    table = to_polars(sites, needs=("site_id", "kind"), name="sites").filter(pl.col("kind") == "candidate")
    check_places(table, name="sites", kind="candidate")
    known_numbers(table, market.attributes[1:], key="site_id", name="sites")
    matrix = None if distances is None else check_distances(to_polars(distances, name="distances"))
    place = _Placer(market.cell_ids, market.cell_lat, market.cell_lon, market.attributes[1:], matrix)
    return _stores(table.sort("site_id"), "site_id", place)


def without_own(market: Market, drop: NDArray[np.bool_]) -> Market:
    """The market before some own stores existed (or after they closed)."""
    keep = ~drop
    return replace(market, own=subset(market.own, keep), visits=market.visits[:, keep], revenue=market.revenue[keep])


def without_rivals(market: Market, drop: NDArray[np.bool_]) -> Market:
    """The market as seen by one who does not know some competitors."""
    return replace(market, rivals=subset(market.rivals, ~drop), rival_chain=market.rival_chain[~drop])


def subset(stores: Stores, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Stores:
    """Some of the stores, by mask or by index."""
    ids = tuple(np.asarray(stores.ids, dtype=object)[keep].tolist())
    return Stores(ids, stores.lat[keep], stores.lon[keep], stores.attributes[keep], stores.km[:, keep])


def no_rivals() -> pl.DataFrame:
    """An empty competitor layer."""
    text, real = pl.String(), pl.Float64()
    return pl.DataFrame(
        schema={"competitor_id": text, "chain": text, "lat": real, "lon": real, "crs": text, "area_m2": real}
    )


def column(frame: pl.DataFrame, name: str) -> Array:
    """A column as float64."""
    return frame[name].cast(pl.Float64).to_numpy().copy()


@dataclass(frozen=True, slots=True)
class _Placer:
    """What is needed to place stores among the cells."""

    cell_ids: tuple[str, ...]
    lat: Array
    lon: Array
    attributes: tuple[str, ...]
    matrix: pl.DataFrame | None


def _stores(table: pl.DataFrame, key: str, place: _Placer) -> Stores:
    lat, lon = column(table, "lat"), column(table, "lon")
    extra = [column(table, a) if a in table.columns else np.zeros(table.height) for a in place.attributes]
    attributes = np.column_stack([np.log(column(table, "area_m2") / 100), *extra])
    if place.matrix is None:
        km = distance_km(place.lat[:, None], place.lon[:, None], lat[None, :], lon[None, :])
    else:
        km = _matrix(place.matrix, place.cell_ids, tuple(table[key]))
    return Stores(tuple(table[key]), lat, lon, attributes, km)


def _matrix(distances: pl.DataFrame, cell_ids: tuple[str, ...], ids: tuple[str, ...]) -> Array:
    """The user's distances as a matrix; a missing pair was refused before."""
    wide = np.full((len(cell_ids), len(ids)), np.nan)
    row, col = {c: i for i, c in enumerate(cell_ids)}, {s: j for j, s in enumerate(ids)}
    known = distances.filter(pl.col("cell_id").is_in(cell_ids) & pl.col("site_id").is_in(ids))
    rows = known["cell_id"].replace_strict(row, return_dtype=pl.Int64).to_numpy()
    cols = known["site_id"].replace_strict(col, return_dtype=pl.Int64).to_numpy()
    wide[rows, cols] = known["km"].to_numpy()
    complete_matrix(wide, ids)
    return wide


def _visits(flows: pl.DataFrame, cell_ids: tuple[str, ...], ids: tuple[str, ...]) -> Array:
    total = flows.group_by("cell_id", "site_id").agg(pl.col("visits").sum()).filter(pl.col("site_id").is_in(ids))
    wide = np.zeros((len(cell_ids), len(ids)))
    rows = total["cell_id"].replace_strict({c: i for i, c in enumerate(cell_ids)}, return_dtype=pl.Int64).to_numpy()
    cols = total["site_id"].replace_strict({s: j for j, s in enumerate(ids)}, return_dtype=pl.Int64).to_numpy()
    wide[rows, cols] = total["visits"].to_numpy()
    return wide


def _yearly_revenue(own: pl.DataFrame, *, currency: str) -> Array:
    """Revenue brought to a full year by the days it covers."""
    return column(own, "revenue_minor") * to_units(1, currency=currency) * YEAR_DAYS / column(own, "revenue_days")
