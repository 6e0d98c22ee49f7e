"""Real sets as tables of the house."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

PACKS = "[(][\u4efd\u76d2\u888b\u5305\u7ec4][)]"


@pytest.fixture(scope="session")
def fresh(real_data):
    """The fresh counter line by line: product_id, day, unit, quantity_milli, net_minor, cost_minor. Grams first."""
    items = pl.read_parquet(real_data / "fresh_counter" / "daily_item_price_cost.parquet")
    items.columns = ["day", "product_id", "price", "cost", "kg"]
    grams = (pl.col("kg") * 1000).round().cast(pl.Int64)
    price, cost = ((pl.col(c) * 100).round().cast(pl.Int64) for c in ("price", "cost"))
    return items.select(
        "product_id", "day",
        unit=pl.when(pl.col("product_id").str.contains(PACKS)).then(pl.lit("piece")).otherwise(pl.lit("kg")),
        quantity_milli=grams,
        net_minor=(2 * grams * price + 1000) // 2000,
        cost_minor=(2 * grams * cost + 1000) // 2000,
    )  # fmt: skip


@pytest.fixture(scope="session")
def fresh_years(fresh):
    """Its second and third year."""
    return [fresh.filter(pl.col("day").is_between(date(y, 7, 1), date(y + 1, 6, 30))) for y in (2021, 2022)]


@pytest.fixture(scope="session")
def frat(real_data):
    """Breakfast at the Frat, store × product × week: store_id, product_id, category, week, net_minor."""
    folder = real_data / "breakfast_frat"
    category = pl.scan_parquet(folder / "product.parquet").select("upc_id", "category")
    return (
        pl.scan_parquet(folder / "transaction.parquet")
        .join(category, on="upc_id")
        .select(
            "store_id", "category", product_id="upc_id", week="week_end_date",
            net_minor=(pl.col("spend") * 100).round().cast(pl.Int64),
        )
        .collect()
    )  # fmt: skip
