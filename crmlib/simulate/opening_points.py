"""What members had on their points account before the first day: as much as later returns take back of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.season import EPOCH
from crmlib.simulate.vocabulary import toml


def write(folder: Path, *, first_day: int) -> None:
    """Write opening_points.csv.gz: one entry for every member whose account would fall below zero without it."""
    h = exports.headers("points")
    rows = pl.read_csv(folder / "points.csv.gz", infer_schema=False).rename({v: k for k, v in h.items()})
    rows = rows.with_columns(pl.col("points").cast(pl.Int64)).sort("customer_id", "at", pl.col("points") < 0)
    lowest = rows.with_columns(run=pl.col("points").cum_sum().over("customer_id")).group_by("customer_id")
    need = lowest.agg(points=-pl.col("run").min()).filter(pl.col("points") > 0).sort("customer_id")
    opened = EPOCH + timedelta(days=first_day)
    entries = need.with_row_index("number", offset=1).with_columns(
        entry_id=pl.format("OP{}", "number"),
        at=pl.lit(f"{opened} 00:00"),
        kind=pl.lit(toml("words")["points_open"]["open"]),
        cost=pl.lit(None, dtype=pl.Float64),
    )
    exports.write_csv(entries, folder / "opening_points.csv.gz", table="points")
