"""A contract that gained columns: older tables take new rows and corrections all the same."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.data import check_lake
from crmlib.data.lake import delta, store
from tests.data.conftest import Desk

MEMBERS = """
members:
  table: customers
  files: "*.csv"
  known_at: {on: 2024-01-01}
  columns: {customer_id: id, region: region, education: edu}
"""


BUDGETS = """
budgets:
  table: budgets
  files: "*.csv"
  currency: CNY
  known_at: {on: 2026-01-01}
  columns: {year: year, region: region, activity: activity, store_id: store, budget_minor: {from: money, times: 100}}
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


def test_a_new_part_of_the_key_has_its_default_in_older_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.describe(BUDGETS)
    desk.write("a.csv", "year,region,activity,store,money\n2026,N,daily,S1,500\n2026,N,daily,S2,300\n")
    storable = store.storable
    with monkeypatch.context() as past:
        past.setattr(
            store, "storable", lambda rows, c: storable(rows, c).drop("month", "version", "kind", "variable_bp")
        )
        desk.ingest("budgets")
    named = BUDGETS.replace("store_id: store", "store_id: store, month: month, kind: kind")
    desk.describe(named.replace("*.csv", "b.csv"))
    head = "year,region,activity,store,money,month,kind"
    desk.write("b.csv", f"{head}\n2026,N,daily,S1,450,0,selling\n2026,N,daily,S1,40,1,\n")
    assert desk.ingest("budgets").replaced == 1
    rows = desk.lake.table("budgets").sort("store_id", "month").collect()
    found = rows.select("store_id", "month", "version", "budget_minor", "kind").rows()
    assert found == [("S1", 0, 1, 45_000, "selling"), ("S1", 1, 1, 4_000, None), ("S2", 0, 1, 30_000, None)]


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


COUNTS = """
counts:
  table: stock
  files: "*.csv"
  known_at: {on: 2024-01-01}
  columns: {store_id: shop, product_id: item, counted_on: day, on_hand_milli: left}
"""


def test_a_key_that_gained_a_column_finds_its_older_rows_by_the_default(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.describe(COUNTS)
    desk.write("a.csv", "shop,item,day,left\nA,p,2024-01-01,5000\nA,q,2024-01-01,7000\n")
    storable = store.storable
    with monkeypatch.context() as past:
        past.setattr(store, "storable", lambda rows, contract: storable(rows, contract).drop("lot_id", "unit"))
        desk.ingest("counts")
    assert desk.lake.table("stock").collect()["lot_id"].to_list() == ["", ""]
    desk.write("b.csv", "shop,item,day,left\nA,r,2024-01-02,1000\n")
    assert desk.ingest("counts").kept == 1
    desk.write("c.csv", "shop,item,day,left\nA,p,2024-01-01,4000\nA,q,2024-01-01,7000\n")
    done = desk.ingest("counts")
    assert (done.replaced, done.duplicate) == (1, 1)
    rows = desk.lake.table("stock").sort("product_id").collect()
    assert rows.select("product_id", "lot_id", "on_hand_milli").rows() == [
        ("p", "", 4000),
        ("q", "", 7000),
        ("r", "", 1000),
    ]
    assert check_lake(desk.lake.path).ok
