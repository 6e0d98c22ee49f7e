"""Sites: spopt's San Francisco, Huff and MCI as R prints them."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl

from crmlib.sites.classics import location, mci
from truth.row import REAL, Row


@cache
def san_francisco() -> tuple[np.ndarray, np.ndarray]:
    """Distances of 205 tracts × 16 stores [m], and people."""
    long = pl.read_parquet(REAL / "spopt_sf" / "network_distance.parquet")
    wide = long.pivot(on="name", index=["DestinationName", "demand"], values="distance")
    return wide.select(wide.columns[2:]).to_numpy(), wide["demand"].to_numpy().astype(float)


@cache
def freiburg() -> tuple[np.ndarray, np.ndarray]:
    """Observed and expected totals with the textbook exponents."""
    pairs, power, sales = (pl.read_parquet(REAL / "mci" / f"Freiburg{i}.parquet") for i in (1, 2, 3))
    order, district = sales["store"].to_list(), power["district"].to_list()

    def wide(values: str) -> np.ndarray:
        table = pairs.pivot(on="store", index="district", values=values)
        rows = pl.DataFrame({"district": district}).join(table, on="district", maintain_order="left")
        return rows.select(order).to_numpy()

    demand = power["ppower"].to_numpy()
    expected = mci.huff_totals(demand, wide("salesarea"), wide("distance"), gamma=1, lambda_=-2)
    return sales["annualsales"].to_numpy(), expected


SF, FREIBURG = "San Francisco, spopt", "Freiburg, R MCI"
ROWS = [
    Row(
        SF,
        "stores that cover all within 5 km",
        8,
        lambda: location.cover_all(san_francisco()[0], radius=5000).objective,
        0,
    ),
    Row(
        SF,
        "people that 4 stores cover",
        875_247,
        lambda: location.cover_most(*san_francisco(), p=4, radius=5000).objective,
        0,
    ),
    Row(
        SF,
        "p-median, 4 stores",
        2_848_268_129.7145,
        lambda: location.p_median(*san_francisco(), p=4).objective,
        1e-3,
    ),
    Row(SF, "p-center, 4 stores", 7403.0638, lambda: location.p_center(san_francisco()[0], p=4).objective, 5e-5),
    Row(FREIBURG, "first store's total", 4_057_591, lambda: round(freiburg()[1][0]), 0),
    Row(FREIBURG, "pseudo-R²", 0.5128422, lambda: mci.quality(*freiburg())[0], 5e-8),
    Row(FREIBURG, "MAPE", 0.6383766, lambda: mci.quality(*freiburg())[1], 5e-8),
]
