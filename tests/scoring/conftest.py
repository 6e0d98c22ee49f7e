"""Published samples and small worlds for the scoring tests."""

from __future__ import annotations

from datetime import date
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

EPOCH = date(1970, 1, 1)
CDNOW_START = date(1997, 1, 1)


@pytest.fixture(scope="session")
def cdnow() -> pl.DataFrame:
    """CDNOW master: one row per transaction; day 0 is 1997-01-01. Quantity 0 counts as a purchase of value 0."""
    spec = find_spec("lifetimes")  # found, not imported: the import warns under pandas 3
    assert spec is not None
    assert spec.origin is not None
    raw = (Path(spec.origin).parent / "datasets" / "CDNOW_master.txt").read_text()
    rows = [line.split() for line in raw.splitlines()[1:] if line.strip()]
    day = [date(int(r[1][:4]), int(r[1][4:6]), int(r[1][6:])) for r in rows]
    return pl.DataFrame(
        {
            "customer_id": [r[0] for r in rows],
            "day_n": pl.Series([(d - EPOCH).days for d in day], dtype=pl.Int32),
            "quantity": [int(r[2]) for r in rows],
            "net_minor": [round(float(r[3]) * 100) for r in rows],
        }
    )


@pytest.fixture(scope="session")
def cdnow_customers(cdnow: pl.DataFrame) -> pl.DataFrame:
    """CDNOW up to day 454 after 1997-01-01 (1998-03-31): one row per customer."""
    until = (CDNOW_START - EPOCH).days + 454
    return (
        cdnow.filter(pl.col("day_n") <= until)
        .group_by("customer_id")
        .agg(
            first_day_n=pl.col("day_n").min(),
            last_day_n=pl.col("day_n").max(),
            purchase_days=pl.col("day_n").n_unique().cast(pl.Int64),
            net_minor=pl.col("net_minor").sum(),
        )
        .sort("customer_id")
    )
