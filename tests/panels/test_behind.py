"""The lines behind a figure: all of them, of the keys asked for, on every engine."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib import panels
from tests.panels.lines import ENGINES

EPOCH = date(1970, 1, 1)
LINES = pl.DataFrame(
    {
        "receipt_id": ["r1", "r1", "r2", "r3", "r4"], "store_id": ["A", "A", "B", "A", None],
        "product_id": ["p", "q", "p", "p", "p"], "day_n": [18_000, 18_000, 18_001, 18_030, 18_001],
        "quantity_milli": [1000] * 5, "net_minor": [500, 300, 200, 900, 50], "cost_minor": [400, None, 100, 800, 20],
    },
    schema_overrides={"day_n": pl.Int32},
)  # fmt: skip
SPAN = {"start": EPOCH + timedelta(18_000), "end": EPOCH + timedelta(18_010)}


@pytest.mark.parametrize("name", list(ENGINES))
def test_lines_of_the_pairs_asked_for_and_no_others(name: str) -> None:
    keys = pl.DataFrame({"store_id": ["A", "B"], "product_id": ["p", "q"]})
    found = panels.lines_behind(ENGINES[name](LINES), keys, **SPAN)
    assert found["receipt_id"].to_list() == ["r1"]  # not B's p, though both stand among the keys
    assert found["day"].to_list() == [EPOCH + timedelta(18_000)] and "customer_id" not in found.columns


def test_lines_of_stores_sum_to_what_they_sold() -> None:
    found = panels.lines_behind(LINES, pl.DataFrame({"store_id": ["A"]}), **SPAN)
    assert found["net_minor"].sum() == 800
    assert panels.lines_behind(LINES, pl.DataFrame({"store_id": ["none"]}), **SPAN).is_empty()
