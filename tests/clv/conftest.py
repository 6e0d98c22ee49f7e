"""CDNOW, read from the files that ship with lifetimes: real input on any machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

CALIBRATION_END = pl.date(1997, 9, 30)


def packaged(name: str) -> Path:
    """A data file inside lifetimes, found without importing it (it warns under pandas 3)."""
    spec = find_spec("lifetimes")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets" / name


def cdnow_lines() -> pl.DataFrame:
    """The 1/10 sample: one row per transaction (customer_id, day, day_n, spend)."""
    text = packaged("CDNOW_sample.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line.strip()]
    frame = pl.DataFrame(rows, schema=["master_id", "customer_id", "day", "cds", "spend"], orient="row")
    return frame.select(
        "customer_id",
        pl.col("day").str.to_date("%Y%m%d"),
        pl.col("spend").cast(pl.Float64),
    ).with_columns(day_n=pl.col("day").to_physical().cast(pl.Int32))


def history_of(lines: pl.DataFrame, end: pl.Expr, *, per: int = 7) -> pl.DataFrame:
    """x, t_x, T in units of `per` days at day resolution, and the mean value of repeat purchase days."""
    days = lines.filter(pl.col("day") <= end).group_by("customer_id", "day_n").agg(pl.col("spend").sum())
    days = days.with_columns(first=pl.col("day_n").min().over("customer_id"))
    repeat = pl.col("day_n") > pl.col("first")
    end_n = end.to_physical() if isinstance(end, pl.Expr) else end
    return (
        days.group_by("customer_id")
        .agg(
            x=(pl.len() - 1).cast(pl.Int64),
            t_x=(pl.col("day_n").max() - pl.col("day_n").min()) / per,
            T=(end_n.first() - pl.col("day_n").min()) / per,
            spend=pl.col("spend").filter(repeat).mean(),
            first_day_n=pl.col("day_n").min(),
        )
        .sort("customer_id")
    )


@pytest.fixture(scope="session")
def summary():
    """Reads one of the summaries that ship with lifetimes."""
    return lambda name: pl.read_csv(packaged(name).read_bytes())


@pytest.fixture(scope="session")
def cdnow_sample() -> pl.DataFrame:
    return cdnow_lines()


@pytest.fixture(scope="session")
def cdnow(cdnow_sample: pl.DataFrame) -> pl.DataFrame:
    """Calibration history to 1997-09-30, weeks."""
    return history_of(cdnow_sample, CALIBRATION_END)
