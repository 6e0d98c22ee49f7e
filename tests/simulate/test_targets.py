"""Targets of the simulated company: parents are the sums of their children in both versions, one is in force a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.sales import targets


@pytest.fixture(scope="module")
def rows(root: Path) -> pl.DataFrame:
    table = pl.read_csv(root / "data_samples" / "targets.csv.gz", try_parse_dates=True)
    level = {"公司": "company", "大区": "region", "门店": "store", "员工": "staff"}
    return table.select(
        level=pl.col("层级").replace_strict(level), unit_id="单位编码", month="月份", year="年度", version="版本",
        amount_minor=pl.col("目标金额") * 100, valid_from="生效日", valid_to="失效日", measure=pl.lit("net"),
    )  # fmt: skip


@pytest.mark.parametrize("day", [date(2026, 3, 31), date(2026, 10, 31)])
def test_every_level_adds_up_to_the_company_in_the_version_in_force(rows: pl.DataFrame, day: date) -> None:
    held = targets.in_force(rows, on=day)
    sums = held.group_by("month", "level").agg(pl.col("amount_minor").sum()).group_by("month")
    assert sums.agg(pl.col("amount_minor").n_unique())["amount_minor"].unique().to_list() == [1]


def test_the_second_half_was_lowered_and_closed_stores_lost_theirs(rows: pl.DataFrame) -> None:
    july = rows.filter((pl.col("month") == date(2026, 7, 1)) & (pl.col("level") == "company")).sort("version")
    assert july["amount_minor"][1] < july["amount_minor"][0]
    before, after = (
        set(targets.of_month(rows, month=date(2026, 7, 1), on=day).filter(pl.col("level") == "store")["unit_id"])
        for day in (date(2026, 6, 30), date(2026, 7, 1))
    )
    assert "S002" not in after and after < before | after


def test_targets_lie_a_seventh_above_what_was_expected(rows: pl.DataFrame, root: Path) -> None:
    expected = pl.read_parquet(root / "data_samples" / "truth" / "targets.parquet")["expected_minor"].sum()
    first = rows.filter((pl.col("version") == 1) & (pl.col("level") == "company"))["amount_minor"].sum()
    assert first == pytest.approx(1.15 * expected, rel=0.002)
