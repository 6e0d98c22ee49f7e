"""Cells as polygons for an offline map: clockwise rings, at most 2,000 of them.

Vega (d3-geo) reads a ring as the edge of what lies to its right: a counter-clockwise hexagon is the whole earth without
it, and paints the page one colour.
"""

from __future__ import annotations

from itertools import pairwise

import h3
import numpy as np
import polars as pl

from crmlib.core.coordinates import EARTH_RADIUS_KM
from crmlib.sites.market import Market

MOST_POLYGONS = 2000
DIGITS = 5  # a metre

Ring = list[list[float]]


def polygons(market: Market, *, most: int = MOST_POLYGONS) -> pl.DataFrame:
    """cell_id, ring ([[lon, lat], …], closed, clockwise), people, demand (yuan a year a km²); coarser if too many."""
    frame = pl.DataFrame(
        {
            "cell_id": list(market.cell_ids), "lat": market.cell_lat, "lon": market.cell_lon,
            "people": market.population, "demand": market.demand, "side": market.within_km / 0.511,
        }
    )  # fmt: skip
    if all(h3.is_valid_cell(c) for c in market.cell_ids):
        return _hexagons(frame, most)
    return _squares(frame, most)


def clockwise(ring: Ring) -> Ring:
    """The ring, turned if it runs against the clock (positive shoelace area in lon, lat).

    Examples
    --------
    >>> clockwise([[0, 0], [1, 0], [1, 1], [0, 0]])
    [[0, 0], [1, 1], [1, 0], [0, 0]]
    """
    area = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    return ring[::-1] if area > 0 else ring


def _hexagons(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    while frame.height > most:
        up = [h3.cell_to_parent(c, h3.get_resolution(c) - 1) for c in frame["cell_id"]]
        frame = frame.with_columns(cell_id=pl.Series(up)).group_by("cell_id").agg(pl.col("people", "demand").sum())
        frame = frame.sort("cell_id")
    rings = []
    for cell in frame["cell_id"]:
        edge = [[round(lon, DIGITS), round(lat, DIGITS)] for lat, lon in h3.cell_to_boundary(cell)]
        rings.append(clockwise([*edge, edge[0]]))
    area = pl.Series([h3.cell_area(c, unit="km^2") for c in frame["cell_id"]])
    return frame.select("cell_id", "people", demand=pl.col("demand") / area).with_columns(
        ring=pl.Series(rings, dtype=pl.List(pl.List(pl.Float64)))
    )


def _squares(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Squares of each cell's own area; every second row and column merged while there are too many."""
    side = float(frame["side"].median() or 1.0)  # type: ignore[arg-type]
    while frame.height > most:
        side *= 2
        up = np.degrees(side / EARTH_RADIUS_KM)
        east = up / np.cos(np.radians(float(frame["lat"].mean())))  # type: ignore[arg-type]
        frame = (
            frame.group_by((pl.col("lat") / up).round().alias("r"), (pl.col("lon") / east).round().alias("q"))
            .agg(pl.col("lat", "lon").mean(), pl.col("people", "demand").sum(), pl.col("cell_id").min())
            .sort("cell_id")
            .with_columns(side=pl.lit(side))
        )
    rings = []
    for lat, lon, width in frame.select("lat", "lon", "side").rows():
        dy = np.degrees(width / EARTH_RADIUS_KM) / 2
        dx = dy / np.cos(np.radians(lat))
        corners = [(-1, -1), (-1, 1), (1, 1), (1, -1), (-1, -1)]
        ring = [[round(lon + float(x * dx), DIGITS), round(lat + float(y * dy), DIGITS)] for x, y in corners]
        rings.append(clockwise(ring))
    return frame.select("cell_id", "people", demand=pl.col("demand") / pl.col("side") ** 2).with_columns(
        ring=pl.Series(rings, dtype=pl.List(pl.List(pl.Float64)))
    )
