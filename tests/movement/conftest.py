"""Real sets as the reference numbers define them."""

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
        customer_id="CustomerID", receipt_id="Invoice", product_id="StockCode", day=pl.col("InvoiceDate").dt.date(),
        units="Quantity", net_minor=(pl.col("Quantity") * (pl.col("Price") * 100)).round().cast(pl.Int64),
    )  # fmt: skip


@pytest.fixture(scope="session")
def journey(real_data: Path) -> pl.DataFrame:
    """Complete Journey (sample of lines): customer, store, day, cents."""
    raw = pl.read_parquet(real_data / "complete_journey" / "transactions_sample.parquet")
    return raw.select(
        "product_id", customer_id="household_id", store_id="store_id", receipt_id="basket_id",
        day=pl.col("transaction_timestamp").dt.date(),
        net_minor=(pl.col("sales_value") * 100).round().cast(pl.Int64),
    )  # fmt: skip
