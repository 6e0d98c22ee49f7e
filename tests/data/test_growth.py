"""A contract that gained optional columns: older tables take new rows and corrections all the same."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.data import check_lake, delta, store
from tests.data.conftest import Desk

MEMBERS = """
members:
  table: customers
  files: "*.csv"
  known_at: {on: 2024-01-01}
  columns: {customer_id: id, region: region, education: edu}
"""


@pytest.fixture
def older(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A lake whose customers were stored before there was a column for education."""
    desk.describe(MEMBERS)
    desk.write("a.csv", "id,region,edu\nA,N,\nB,S,\n")
    storable = store.storable

    def before(rows: pl.DataFrame, contract: object) -> pl.DataFrame:
        return storable(rows, contract).drop("education", "industry", "household")

    with monkeypatch.context() as past:
        past.setattr(store, "storable", before)
        desk.ingest("members")
    assert "education" not in delta.scan(desk.lake.table_path("customers")).collect_schema()
    return desk


def test_new_rows_bring_the_new_columns_into_an_older_table(older: Desk) -> None:
    older.write("b.csv", "id,region,edu\nC,N,college\n")
    assert older.ingest("members").kept == 1
    rows = older.lake.table("customers").sort("customer_id").collect()
    assert rows["education"].to_list() == [None, None, "college"]
    assert check_lake(older.lake.path).ok


def test_a_correction_of_an_older_row_brings_the_new_columns(older: Desk) -> None:
    older.write("b.csv", "id,region,edu\nA,W,school\n")
    assert older.ingest("members").replaced == 1
    rows = older.lake.table("customers").sort("customer_id").collect()
    assert rows.select("customer_id", "region", "education").rows() == [("A", "W", "school"), ("B", "S", None)]
