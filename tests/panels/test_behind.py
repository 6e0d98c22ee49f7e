"""The lines behind a figure: all of them, of the keys asked for, on every engine."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
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


@pytest.mark.parametrize("name", list(ENGINES))
def test_lines_sold_together_come_with_everybody_who_sold_them(name: str) -> None:
    rung = LINES.with_columns(
        line_id=pl.format("L{}", pl.int_range(LINES.height)), staff_id=pl.Series(["a", "a", None, "b", "b"])
    )
    shares = pl.DataFrame({"line_id": ["L0", "L0", "L2", "L3"], "staff_id": ["b", "a", "c", "a"], "share_bp": 5000})
    if name == "duckdb":  # a relation joins only relations of its own connection
        connection = duckdb.connect()
        connection.register("rung", rung.to_arrow())
        connection.register("shares", shares.to_arrow())
        found = panels.lines_shared(connection.table("rung"), connection.table("shares"), **SPAN)
    else:
        found = panels.lines_shared(ENGINES[name](rung), ENGINES[name](shares), **SPAN)
    assert found.select("line_id", "seller", "staff_id", "net_minor").rows() == [
        ("L0", "a", "a", 500), ("L0", "a", "b", 500), ("L2", None, "c", 200),
    ]  # fmt: skip  # L3 was sold after the span
    assert found["day"].to_list() == [EPOCH + timedelta(n) for n in (18_000, 18_000, 18_001)]
