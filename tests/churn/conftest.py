"""Shared worlds: CDNOW from the files that ship with lifetimes, and a small simulated shop."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import polars as pl
import pytest

from crmlib.churn.features import visits as visits_module
from crmlib.churn.features.visits import Visits

HERE = Path(__file__).parent


def _world():
    spec = importlib.util.spec_from_file_location("churn_world", HERE / "world.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["churn_world"] = module
    spec.loader.exec_module(module)
    return module


world = _world()


@pytest.fixture(scope="session")
def cdnow_lines() -> pl.DataFrame:
    """All 23,570 customers of CDNOW, January 1997 to June 1998; known 12,426 one-timers up to 1998-03-31."""
    folder = Path(
        importlib.util.find_spec("lifetimes").submodule_search_locations[0]
    )  # its import needs what pandas 3 lost
    text = (folder / "datasets" / "CDNOW_master.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    frame = pl.DataFrame(rows, schema=["customer_id", "day", "cds", "value"], orient="row")
    return frame.select(
        "customer_id",
        pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32).alias("day_n"),
        (pl.col("cds").cast(pl.Int64) * 1000).alias("quantity_milli"),
        (pl.col("value").cast(pl.Float64) * 100).round().cast(pl.Int64).alias("net_minor"),
    )


@pytest.fixture(scope="session")
def cdnow(cdnow_lines: pl.DataFrame) -> Visits:
    return visits_module.visits(cdnow_lines)


@pytest.fixture(scope="session")
def online_year(real_data: Path) -> pl.DataFrame:
    """Online Retail as first published: the second sheet, December 2010 to December 2011."""
    return online(real_data, pl.col("sheet") == "Year 2010-2011")


@pytest.fixture(scope="session")
def online_lines(real_data: Path, online_year: pl.DataFrame) -> pl.DataFrame:
    """Online Retail II: both years, the days that stand in both sheets once."""
    before = pl.col("InvoiceDate") < pl.datetime(2010, 12, 1)
    return pl.concat([online(real_data, before), online_year])


def online(folder: Path, rows: pl.Expr) -> pl.DataFrame:
    raw = pl.scan_parquet(folder / "online_retail" / "online_retail_II_combined.parquet")
    return (
        raw.filter(rows & pl.col("CustomerID").is_not_null())
        .select(
            pl.col("CustomerID").alias("customer_id"),
            pl.col("InvoiceDate").dt.date().cast(pl.Int32).alias("day_n"),
            (pl.col("Quantity") * 1000).alias("quantity_milli"),
            (pl.col("Quantity") * pl.col("Price") * 100).round().cast(pl.Int64).alias("net_minor"),
        )
        .collect()
    )


@pytest.fixture(scope="session")
def shop_lines() -> pl.DataFrame:
    return world.lines()


@pytest.fixture(scope="session")
def shop(shop_lines: pl.DataFrame) -> Visits:
    return visits_module.visits(shop_lines)


@pytest.fixture(scope="session")
def shop_last():
    return world.LAST
