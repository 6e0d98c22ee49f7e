"""Times of a column as instants: by one offset or hour by hour, the same."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import polars as pl
import pytest

from crmlib.data.read import cells, values

ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "UTC")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(8))
def test_a_column_of_times_is_what_each_of_them_is(zone: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zones that changed their clocks by an hour, by half of one, a minute after midnight, or (Shanghai) until 1991."""
    draw = random.Random(f"{zone}{seed}")
    first = datetime(draw.choice((1986, 1990, 2006, 2025)), draw.randint(1, 12), draw.randint(1, 28))  # noqa: DTZ001 (wall-clock times)
    within = draw.choice((3, 40, 400)) * 86_400
    times = [first + timedelta(seconds=draw.randint(0, within)) for _ in range(3_000)]
    at = pl.Series("at", [*times, None], dtype=pl.Datetime("us"))
    monkeypatch.setattr(cells, "FEW_HOURS", 0)
    expected = at.to_frame().select(cells.instant(pl.col("at"), zone)).to_series()
    assert cells._instants(at, zone).equals(expected, check_dtypes=True, null_equal=True)


def test_one_offset_is_found_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "FEW_HOURS", 0)
    year = pl.Series([datetime(2025, 1, 1), datetime(2025, 12, 31)], dtype=pl.Datetime("us"))  # noqa: DTZ001
    assert cells._only_offset(year, "Asia/Shanghai") == timedelta(hours=8)
    assert cells._only_offset(year, "Europe/Berlin") is None
    assert cells._only_offset(year[:0], "UTC") is None


@pytest.mark.parametrize("year", ["0000", "0001", "1899", "2201", "9999"])
def test_a_year_of_another_age_is_no_time_whatever_stands_beside_it(year: str) -> None:
    texts = ["2025-03-02 09:30:00"] * 60 + [f"{year}-03-02 09:30:00", "1900-01-01 00:00:00", "2200-12-31 23:59:59"]
    at = values.times(pl.Series(texts), zone="Asia/Shanghai")
    assert at.null_count() == 1 and at[60] is None
