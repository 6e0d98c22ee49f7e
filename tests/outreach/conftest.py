"""The real set that the reference numbers use."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

SERVICES = ("POST", "M", "C2", "BANK CHARGES", "ADJUST", "PADS", "DOT", "D")


@pytest.fixture(scope="session")
def retail(real_data: Path) -> pl.DataFrame:
    """Online Retail: one copy of the overlap, quantity and price > 0, known customer, no service codes."""
    raw = pl.read_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet")
    twice = pl.col("sheet").str.contains("2009-2010") & (pl.col("InvoiceDate") >= pl.datetime(2010, 12, 1))
    clean = raw.filter(
        ~twice, pl.col("Quantity") > 0, pl.col("Price") > 0, pl.col("CustomerID").is_not_null(),
        ~pl.col("StockCode").is_in(SERVICES),
    )  # fmt: skip
    return clean.select(
        customer_id="CustomerID", product_id="StockCode", day=pl.col("InvoiceDate").dt.date(),
        net_minor=(pl.col("Quantity") * (pl.col("Price") * 100)).round().cast(pl.Int64),
    )  # fmt: skip
