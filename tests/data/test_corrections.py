"""Late and corrected rows, versions, and the lake's health."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import LakeError
from crmlib.data import check_lake
from crmlib.data.lake import delta, store

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIRST = (
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R1,S1,0007,P2,2024/1/3 9:56,1,4.50",
    "R2,S1,,P2,2024/1/3 10:01,2,8.27",
    "R3,S2,0008,P3,2024/2/28 20:15,1,3.00",
)
CORRECTED = ("R1,S1,0007,P1,2024/1/3 9:56,1,12.50", "R1,S1,0007,P2,2024/1/3 9:56,3,13.50")


def lines(lake, version=None):
    columns = ["receipt_id", "product_id", "quantity_milli", "net_minor"]
    rows = lake.table("receipt_lines", version=version).sort("line_id").select(columns).collect()
    return [tuple(row) for row in rows.rows()]


def test_a_corrected_receipt_replaces_its_lines_and_leaves_the_rest(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    desk.csv("b.csv", *CORRECTED)
    result = desk.ingest()
    assert (result.read, result.duplicate, result.replaced, result.kept) == (2, 1, 1, 0)
    assert lines(desk.lake) == [
        ("R1", "P1", 1000, 1250),
        ("R1", "P2", 3000, 1350),
        ("R2", "P2", 2000, 827),
        ("R3", "P3", 1000, 300),
    ]
    assert check_lake(desk.lake.path).ok


def test_the_version_before_a_correction_can_still_be_read(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    before, version = lines(desk.lake), desk.lake.versions()["receipt_lines"]
    desk.csv("b.csv", *CORRECTED)
    desk.ingest()
    assert lines(desk.lake) != before
    assert lines(desk.lake, version) == before
    with pytest.raises(LakeError, match="version 7 of table"):
        desk.lake.table("receipt_lines", version=7)


def test_a_reader_that_began_before_a_correction_sees_the_old_version(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    reader, before = desk.lake.table("receipt_lines"), lines(desk.lake)
    desk.csv("b.csv", *CORRECTED)
    desk.ingest()
    seen = reader.sort("line_id").select("receipt_id", "product_id", "quantity_milli", "net_minor").collect()
    assert seen.rows() == before


def test_a_receipt_that_lost_a_line_loses_it_in_the_lake(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    desk.csv("b.csv", "R1,S1,0007,P1,2024/1/3 9:56,1,12.50")
    result = desk.ingest()
    assert (result.read, result.duplicate, result.withdrawn) == (1, 1, 1)
    assert [row[0] for row in lines(desk.lake)] == ["R1", "R2", "R3"]
    assert check_lake(desk.lake.path).ok


def test_a_damaged_copy_of_a_receipt_withdraws_nothing(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    desk.csv("b.csv", "R1,S1,0007,P1,2024/1/3 9:56,1,12.50", "R1,S1,00")
    result = desk.ingest()
    assert (result.duplicate, result.quarantined, result.withdrawn) == (1, 1, 0)
    assert len(lines(desk.lake)) == 4


def test_a_line_that_moves_to_another_day_does_not_stay_on_the_old_one(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    desk.csv("b.csv", "R3,S2,0008,P3,2024/3/1 20:15,1,3.00")
    assert desk.ingest().replaced == 1
    rows = desk.lake.table("receipt_lines").filter(pl.col("receipt_id") == "R3").collect()
    assert rows["day"].to_list() == [date(2024, 3, 1)]


def test_late_lines_of_an_old_day_join_it(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    desk.csv("b.csv", "R9,S2,0008,P3,2024/1/3 21:15,1,3.00")
    assert desk.ingest().kept == 1
    assert len(lines(desk.lake)) == 5


def test_a_correction_of_most_days_rewrites_its_months_and_nothing_else(desk):
    days = [f"2024/{month}/{day}" for month in (1, 2) for day in range(1, 29)]
    desk.csv("a.csv", *(f"R{n},S1,,P1,{day} 9:00,1,{n + 1}.00" for n, day in enumerate(days)))
    desk.csv("b.csv", "Q,S1,,P1,2024/3/1 9:00,1,3.00")
    desk.ingest()
    path = desk.lake.table_path("receipt_lines")
    files = set(delta.opened(path).file_uris())
    desk.csv("c.csv", *(f"R{n},S1,,P1,{day} 9:00,1,{n + 2}.00" for n, day in enumerate(days) if n % 3))
    result = desk.ingest()
    fixed = sum(bool(n % 3) for n in range(len(days)))
    assert (result.read, result.replaced, result.kept) == (fixed, fixed, 0)
    found = {receipt: net for receipt, _, _, net in lines(desk.lake)}
    assert found == {"Q": 300} | {f"R{n}": 100 * (n + 1 + bool(n % 3)) for n in range(len(days))}
    now = set(delta.opened(path).file_uris())
    assert files & now == {f for f in files if "2024-03" in f}
    assert sorted(f.split("month=")[1][:7] for f in now) == ["2024-01", "2024-02", "2024-03"]
    assert "day" not in str(delta.opened(path).history(1)[0]["operationParameters"])
    assert check_lake(desk.lake.path).ok


def test_of_a_receipt_that_is_there_every_line_is_found_on_whatever_day(desk):
    desk.csv("a.csv", "R1,S1,,P1,2024/1/31 23:59,1,1.00", "R1,S1,,P2,2024/2/1 0:01,1,2.00", *FIRST[2:])
    desk.ingest()
    desk.csv("b.csv", "R1,S1,,P1,2024/1/31 23:59,1,1.00", "R9,S1,,P1,2024/1/31 23:59,1,1.00")
    result = desk.ingest()
    assert (result.duplicate, result.kept, result.replaced, result.withdrawn) == (1, 1, 0, 1)


def test_keys_are_looked_for_before_other_columns_are_read(desk, monkeypatch):
    """A batch of new keys reads no other column of the lines that are there."""
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    asked, collect = list[list[str]](), pl.LazyFrame.collect

    def noted(self, *args, **kwargs):
        found = collect(self, *args, **kwargs)
        asked.append(found.columns)
        return found

    rows = pl.DataFrame({"receipt_id": ["R7", "R8"]})
    monkeypatch.setattr(pl.LazyFrame, "collect", noted)
    found = store.known_rows(desk.lake, CONTRACTS["receipt_lines"], rows, by_receipt=True, name="sales")
    assert found.is_empty()
    assert asked[1:] == [["receipt_id"]]  # the first is the empty answer itself


def test_a_source_with_line_numbers_corrects_single_lines(desk):
    desk.sales()
    text = desk.sources.read_text("utf-8").replace("    receipt_id:", "    line_id: 行号\n    receipt_id:")
    desk.sources.write_text(text, "utf-8")
    header = "小票号,门店,会员,商品,时间,数量,金额,行号"
    desk.csv("a.csv", *(f"{line},{n}" for n, line in enumerate(FIRST)), header=header)
    desk.ingest()
    desk.csv("b.csv", f"{CORRECTED[1]},1", header=header)
    result = desk.ingest()
    assert (result.replaced, result.withdrawn) == (1, 0)
    assert lines(desk.lake)[1] == ("R1", "P2", 3000, 1350)
    assert len(lines(desk.lake)) == 4


def test_a_file_that_goes_back_to_its_first_content_is_read_again(desk):
    for content in (FIRST[:2], CORRECTED, FIRST[:2]):
        desk.csv("a.csv", *content)
        desk.ingest()
    assert lines(desk.lake) == [("R1", "P1", 1000, 1250), ("R1", "P2", 1000, 450)]
    assert desk.lake.ingests()["batch"].n_unique() == 3


def test_a_thing_known_by_its_key_is_replaced(desk):
    desk.describe("members:\n  table: customers\n  files: m*.csv\n  columns: {customer_id: 卡号, region: 区}\n")
    desk.csv("m1.csv", "1,东", "2,西", "3,南", header="卡号,区")
    desk.ingest("members")
    desk.csv("m2.csv", "2,北", "3,南", "4,东", "4,西", header="卡号,区")
    result = desk.ingest("members")
    assert (result.replaced, result.duplicate, result.conflict, result.kept) == (1, 1, 1, 1)
    rows = desk.lake.table("customers").sort("customer_id").collect()
    assert rows["region"].to_list() == ["东", "北", "南", "东"]


def test_the_report_of_a_whole_lake_is_good_and_of_a_damaged_one_says_where(desk):
    desk.csv("a.csv", *FIRST, "torn")
    desk.ingest()
    assert check_lake(desk.lake.path).ok
    victim = next((desk.lake.path / "tables" / "receipt_lines").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-10])
    report = check_lake(desk.lake.path)
    assert not report.ok
    assert report.describe().row(0, named=True)["table"] == "receipt_lines"
    victim.unlink()
    assert not check_lake(desk.lake.path).ok


def test_a_key_stored_twice_is_found(desk):
    desk.csv("a.csv", *FIRST)
    desk.ingest()
    path = desk.lake.table_path("receipt_lines")
    pl.scan_delta(str(path)).collect().head(1).write_delta(str(path), mode="append")
    failed = check_lake(desk.lake.path).checks.filter(~pl.col("ok"))["check"].to_list()
    assert failed == ["rows", "keys"]


receipts = st.lists(
    st.tuples(st.integers(1, 4), st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 3)),
    min_size=1,
    max_size=5,
    unique_by=lambda r: r[0],
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(receipts, min_size=1, max_size=4))
def test_the_lake_holds_the_last_version_of_every_receipt(new_desk, files):
    desk = new_desk()
    expected: dict[int, list[int]] = {}
    for number, receipts_of_file in enumerate(files):
        rows = [
            f"R{receipt},S1,,P{goods},2024/1/{day} 9:00,1,{goods}"
            for receipt, basket, day in receipts_of_file
            for goods in basket
        ]
        desk.csv(f"{number}.csv", *rows)
        expected |= {receipt: basket for receipt, basket, _ in receipts_of_file}
        desk.ingest(now=NOW + timedelta(days=number))
    found = desk.lake.table("receipt_lines").collect()
    assert sorted(zip(found["receipt_id"], found["net_minor"], strict=True)) == sorted(
        (f"R{receipt}", goods * 100) for receipt, basket in expected.items() for goods in basket
    )
    assert check_lake(desk.lake.path).ok
