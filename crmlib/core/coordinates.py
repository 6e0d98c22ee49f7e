"""Map coordinates in China: WGS-84 (GPS), GCJ-02 (AMap, Tencent) and BD-09 (Baidu), exact both ways.

Source: the GCJ-02 shift as published in open implementations since 2010 (Krasovsky 1940 ellipsoid, sums of sines of the
offset from 105° E, 35° N); BD-09 is a rotation of GCJ-02 by a hair. Mainland points are shifted by 100 to 700 m; Hong
Kong, Macau, Taiwan and abroad are not. Latitude comes first in every function here, as on paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from crmlib.core.errors import ContractError, ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars

Array: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[Array, Array]
Crs = Literal["WGS84", "GCJ02", "BD09"]
CRS: tuple[Crs, ...] = get_args(Crs)

SEMI_MAJOR_M = 6378245.0  # Krasovsky 1940
ECCENTRICITY_2 = 0.00669342162296594323
EARTH_RADIUS_KM = 6371.0088
INVERSE_STEPS = 4  # leaves less than 0.2 mm everywhere on the mainland (three leave up to 0.4)
BAIDU_TURN = np.pi * 3000 / 180
BAIDU_LON, BAIDU_LAT = 0.0065, 0.006
MAINLAND_LAT, MAINLAND_LON = (18.0, 54.0), (73.0, 135.5)  # disjoint, so swapped columns show

# Rough borders (lon, lat). The mainland's is drawn some 50 km outside the land border, so that no mainland shop falls
# out; Hong Kong's and Macau's follow the river and the channel to about half a kilometre.
MAINLAND = (
    (73.0, 39.5), (73.0, 40.5), (79.5, 42.5), (79.5, 45.5), (81.8, 45.8), (82.0, 47.6), (85.0, 47.6),
    (85.2, 49.4), (88.0, 49.8), (91.5, 47.3), (91.0, 45.6), (96.0, 43.3), (101.0, 43.2), (105.0, 42.1),
    (110.0, 43.3), (111.5, 45.4), (115.5, 46.0), (116.0, 46.8), (118.0, 47.6), (115.2, 48.0), (116.2, 50.3),
    (119.0, 50.4), (119.5, 53.0), (123.5, 54.0), (126.5, 53.2), (127.9, 50.5), (131.0, 49.4), (135.4, 48.9),
    (134.2, 46.8), (132.2, 44.9), (131.6, 43.4), (131.2, 42.3), (128.4, 41.8), (126.6, 41.3), (124.6, 39.7),
    (123.5, 37.5), (123.5, 30.0), (122.0, 26.5), (120.9, 25.6), (119.9, 24.6), (118.9, 23.0), (117.5, 20.5),
    (112.0, 17.5), (108.2, 17.8), (107.9, 21.3), (106.3, 22.4), (104.5, 22.4), (102.6, 22.2), (102.0, 20.9),
    (100.0, 21.0), (98.2, 23.5), (97.2, 24.5), (98.2, 27.6), (96.9, 27.2), (92.0, 26.6), (88.9, 27.0),
    (86.0, 27.5), (81.5, 29.7), (78.2, 31.8), (78.5, 34.0), (75.5, 36.0), (74.2, 37.5),
)  # fmt: skip
HONG_KONG = (
    (113.82, 22.13), (114.40, 22.13), (114.50, 22.30), (114.445, 22.44), (114.445, 22.553), (114.30, 22.560),
    (114.24, 22.555), (114.225, 22.548), (114.20, 22.557), (114.155, 22.556), (114.148, 22.540), (114.113, 22.531),
    (114.075, 22.517), (114.05, 22.503), (114.02, 22.500), (113.97, 22.485), (113.93, 22.455), (113.88, 22.43),
    (113.84, 22.41), (113.82, 22.30),
)  # fmt: skip
MACAU = (
    (113.528, 22.178), (113.533, 22.213), (113.548, 22.2165), (113.560, 22.213), (113.60, 22.20), (113.60, 22.105),
    (113.552, 22.105), (113.547, 22.13), (113.545, 22.155), (113.531, 22.175),
)  # fmt: skip
TAIWAN = ((119.2, 23.0), (120.0, 24.5), (121.0, 25.4), (122.2, 25.4), (122.2, 21.7), (120.5, 21.7))


def shifted(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.bool_]:
    """Whether maps shift a WGS-84 point: on the mainland, not in Hong Kong, Macau, Taiwan or abroad.

    Examples
    --------
    >>> shifted([31.2, 22.28, 22.54, 25.03, 37.57], [121.5, 114.16, 113.95, 121.56, 126.98]).tolist()
    [True, False, True, False, False]
    """
    y, x = _pair(lat, lon)
    apart = _inside(y, x, HONG_KONG) | _inside(y, x, MACAU) | _inside(y, x, TAIWAN)
    return _inside(y, x, MAINLAND) & ~apart


def wgs_to_gcj(lat: ArrayLike, lon: ArrayLike) -> Pair:
    """GCJ-02 latitude and longitude [deg] of WGS-84 points.

    Examples
    --------
    >>> lat, lon = wgs_to_gcj(31.1774276, 121.5272106)
    >>> float(lat), float(lon)
    (31.17530398364597, 121.531541859215)
    """
    y, x = _pair(lat, lon)
    d_lat, d_lon = _shift(y, x)
    on = shifted(y, x)
    return np.where(on, y + d_lat, y), np.where(on, x + d_lon, x)


def gcj_to_wgs(lat: ArrayLike, lon: ArrayLike) -> Pair:
    """WGS-84 latitude and longitude [deg] of GCJ-02 points: w ← w − (f(w) − g), within 0.2 mm."""
    return _inverse(wgs_to_gcj, *_pair(lat, lon))


def gcj_to_bd(lat: ArrayLike, lon: ArrayLike) -> Pair:
    """BD-09 latitude and longitude [deg] of GCJ-02 points; Baidu turns every point, abroad too."""
    y, x = _pair(lat, lon)
    radius = np.hypot(x, y) + 2e-5 * np.sin(y * BAIDU_TURN)
    angle = np.arctan2(y, x) + 3e-6 * np.cos(x * BAIDU_TURN)
    return radius * np.sin(angle) + BAIDU_LAT, radius * np.cos(angle) + BAIDU_LON


def bd_to_gcj(lat: ArrayLike, lon: ArrayLike) -> Pair:
    """GCJ-02 latitude and longitude [deg] of BD-09 points, by the iterated inverse."""
    return _inverse(gcj_to_bd, *_pair(lat, lon))


def to_wgs84(lat: ArrayLike, lon: ArrayLike, *, crs: Crs) -> Pair:
    """WGS-84 latitude and longitude [deg] of points given in `crs`.

    Examples
    --------
    >>> lat, lon = to_wgs84(31.17530398364597, 121.531541859215, crs="GCJ02")
    >>> round(float(lat), 7), round(float(lon), 7)
    (31.1774276, 121.5272106)
    """
    match crs:
        case "WGS84":
            return _pair(lat, lon)
        case "GCJ02":
            return gcj_to_wgs(lat, lon)
        case "BD09":
            return gcj_to_wgs(*bd_to_gcj(lat, lon))
        case _:
            raise _undeclared([str(crs)], "coordinates")


def from_wgs84(lat: ArrayLike, lon: ArrayLike, *, crs: Crs) -> Pair:
    """Points of WGS-84 as `crs` shows them."""
    if crs == "WGS84":
        return _pair(lat, lon)
    gcj = wgs_to_gcj(lat, lon)
    return gcj if crs == "GCJ02" else gcj_to_bd(*gcj)


def frame_to_wgs84(frame: AnyFrame, *, name: str = "table") -> pl.DataFrame:
    """Rows with `lat`, `lon`, `crs` in WGS-84, whatever each row declares; other columns and the order stay.

    Raises
    ------
    ContractError
        `coordinates.undeclared` for a null or unknown CRS; `coordinates.out_of_range` for swapped or impossible values.
    """
    table = to_polars(frame, needs=("lat", "lon", "crs"), name=name).with_columns(pl.col("crs").cast(pl.String))
    unknown = table.filter(pl.col("crs").is_null() | ~pl.col("crs").is_in(CRS))
    if unknown.height:
        raise _undeclared(unknown["crs"].to_list(), name)
    check_range(table["lat"], table["lon"], name=name)
    lat, lon = table["lat"].to_numpy().astype(float), table["lon"].to_numpy().astype(float)
    for crs in CRS:
        rows = (table["crs"] == crs).to_numpy()
        lat[rows], lon[rows] = to_wgs84(lat[rows], lon[rows], crs=crs)
    return table.with_columns(lat=pl.Series(lat), lon=pl.Series(lon), crs=pl.lit("WGS84"))


def check_range(lat: pl.Series, lon: pl.Series, *, name: str) -> None:
    """Refuse impossible coordinates, and swapped ones: mainland latitudes (18–54) are never longitudes (73–135)."""
    y, x = (values.cast(pl.Float64, strict=False).to_numpy() for values in (lat, lon))
    swapped = (y >= MAINLAND_LON[0]) & (y <= MAINLAND_LON[1]) & (x >= MAINLAND_LAT[0]) & (x <= MAINLAND_LAT[1])
    bad = ~(np.isfinite(y) & np.isfinite(x)) | (np.abs(y) > 90) | (np.abs(x) > 180) | swapped
    if bad.any():
        raise ContractError(
            "coordinates.out_of_range",
            values={"name": name, "bad": int(bad.sum()), "swapped": int(swapped.sum()), "rows": len(bad)},
            examples=[mask(f"{a}, {b}") for a, b in zip(y[bad][:5], x[bad][:5], strict=True)],
        )


@dataclass(frozen=True, slots=True)
class Detected:
    """Which CRS points are in: `crs`, median distance to the reference under it and under the runner-up [m]."""

    crs: Crs
    error_m: float
    next_crs: Crs
    next_error_m: float


def detect(lat: ArrayLike, lon: ArrayLike, *, known_lat: ArrayLike, known_lon: ArrayLike) -> Detected:
    """Find the CRS of points whose true place (WGS-84) is known, e.g. own stores that a file repeats.

    Each system's shift is applied to the known places; the system whose shift field explains the offsets best wins.

    Parameters
    ----------
    lat, lon : points as the file gives them [deg], shape (n,).
    known_lat, known_lon : the same places in WGS-84 [deg], shape (n,).

    Raises
    ------
    ModelError
        `coordinates.nothing_known` for empty lists or lists of unequal length; `coordinates.no_match` if no system
        comes within 200 m and half the runner-up's distance.

    Examples
    --------
    >>> y, x = gcj_to_bd(*wgs_to_gcj([31.2, 39.9], [121.5, 116.4]))
    >>> detect(y, x, known_lat=[31.2, 39.9], known_lon=[121.5, 116.4]).crs
    'BD09'
    """
    y, x = _pair(lat, lon)
    if not y.size or y.shape != np.shape(known_lat):
        raise ModelError("coordinates.nothing_known", values={"points": int(y.size), "known": int(np.size(known_lat))})
    errors: list[tuple[float, Crs]] = []
    for crs in CRS:
        there = from_wgs84(known_lat, known_lon, crs=crs)
        errors.append((float(np.median(1000 * distance_km(y, x, *there))), crs))
    (best, crs), (second, other), _ = sorted(errors)
    if best > 200 or best > second / 2:
        raise ModelError(
            "coordinates.no_match", values={"best": round(best), "crs": crs, "second": round(second), "other": other}
        )
    return Detected(crs, best, other, second)


def distance_km(lat: ArrayLike, lon: ArrayLike, to_lat: ArrayLike, to_lon: ArrayLike) -> Array:
    """Great-circle distance [km], haversine; arguments broadcast.

    Examples
    --------
    >>> round(float(distance_km(31.2304, 121.4737, 39.9042, 116.4074)))
    1067
    """
    y1, x1, y2, x2 = (np.radians(np.asarray(v, dtype=np.float64)) for v in (lat, lon, to_lat, to_lon))
    h = np.sin((y2 - y1) / 2) ** 2 + np.cos(y1) * np.cos(y2) * np.sin((x2 - x1) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def _pair(lat: ArrayLike, lon: ArrayLike) -> Pair:
    return np.asarray(lat, dtype=np.float64), np.asarray(lon, dtype=np.float64)


def _shift(lat: Array, lon: Array) -> Pair:
    """Degrees by which GCJ-02 moves a mainland point."""
    y, x = lat - 35.0, lon - 105.0
    root, pi = np.sqrt(np.abs(x)), np.pi
    fine = 20 * np.sin(6 * pi * x) + 20 * np.sin(2 * pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += (fine + 20 * np.sin(pi * y) + 40 * np.sin(pi / 3 * y)) * 2 / 3
    north += (160 * np.sin(pi / 12 * y) + 320 * np.sin(pi / 30 * y)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += (fine + 20 * np.sin(pi * x) + 40 * np.sin(pi / 3 * x)) * 2 / 3
    east += (150 * np.sin(pi / 12 * x) + 300 * np.sin(pi / 30 * x)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - ECCENTRICITY_2 * np.sin(phi) ** 2
    metres_lat = SEMI_MAJOR_M * (1 - ECCENTRICITY_2) / (magic * np.sqrt(magic)) * pi / 180
    metres_lon = SEMI_MAJOR_M / np.sqrt(magic) * np.cos(phi) * pi / 180
    return north / metres_lat, east / metres_lon


def _inverse(forward: Callable[[ArrayLike, ArrayLike], Pair], lat: Array, lon: Array) -> Pair:
    y, x = lat.copy(), lon.copy()
    for _ in range(INVERSE_STEPS):
        there_y, there_x = forward(y, x)
        y, x = y - (there_y - lat), x - (there_x - lon)
    return y, x


def _inside(lat: Array, lon: Array, ring: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """Even-odd rule over the ring's edges."""
    inside = np.zeros(np.broadcast(lat, lon).shape, dtype=bool)
    for (x1, y1), (x2, y2) in zip(ring, (*ring[1:], ring[0]), strict=True):
        if y1 != y2:
            crossing = (y1 > lat) != (y2 > lat)
            inside ^= crossing & (lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1)
    return inside


def _undeclared(given: list[str | None], name: str) -> ContractError:
    return ContractError("coordinates.undeclared", values={"name": name, "rows": len(given), "crs": given[0]})
