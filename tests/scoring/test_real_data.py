"""Reference numbers of Online Retail II (second year), a set nobody here wrote."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.scoring.pyramid import pyramid

PRINTED = 5e-4  # the reference prints shares with three decimals


@pytest.fixture(scope="module")
def retail(real_data: Path) -> pl.DataFrame:
    """The sheet 2010-2011: 541,909 (541,910 with its one late line) rows of Online Retail."""
    path = real_data / "online_retail" / "online_retail_II_combined.parquet"
    sheet = pl.read_parquet(path).filter(pl.col("sheet").str.contains("2010-2011"))
    return sheet.with_columns(
        net_minor=(pl.col("Quantity") * (pl.col("Price") * 100).round()).cast(pl.Int64),
        day=pl.col("InvoiceDate").dt.date(),
    )


@pytest.mark.real_data
def test_online_retail_has_the_reference_counts_and_concentration(retail: pl.DataFrame) -> None:
    assert abs(retail.height - 541_909) <= 1
    assert retail["CustomerID"].null_count() == 135_080
    clean = retail.filter(pl.col("Quantity") > 0, pl.col("Price") > 0, pl.col("CustomerID").is_not_null())
    assert abs(clean.height - 397_884) <= 1
    customers = clean.group_by(customer_id=pl.col("CustomerID").cast(pl.String)).agg(
        pl.col("net_minor").sum(), days=pl.col("day").n_unique()
    )
    assert customers.height == 4_338
    assert customers.filter(pl.col("days") == 1).height == 1_548
    found = pyramid(customers, shares=(100, 2_000)).tiers
    assert found["share_net"][0] == pytest.approx(0.320, abs=PRINTED)
    assert found["share_net"][0] + found["share_net"][1] == pytest.approx(0.746, abs=PRINTED)
    assert int(customers["net_minor"].sum()) == pytest.approx(891_140_790, rel=1e-5)
    assert clean["day"].max() == date(2011, 12, 9)
