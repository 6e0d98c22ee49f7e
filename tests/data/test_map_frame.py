"""A frame of one's own becomes a contract's table by the verbs of the sources file, with the checks of an ingest."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ContractError, CrmError, SourceError
from crmlib.data import map_frame
from tests.data.conftest import HEADER, LINES, NOW, Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")
COLUMNS = {
    "receipt_id": "小票号", "store_id": "门店", "customer_id": "会员", "product_id": "商品", "sold_at": "时间",
    "quantity_milli": {"from": "数量", "times": 1000}, "net_minor": {"from": "金额", "times": 100},
}  # fmt: skip
FRAME = pl.DataFrame([line.split(",") for line in LINES], schema=HEADER.split(","), orient="row")
UNDATED = FRAME.with_columns(pl.lit("x").alias("时间"))
PLACE = ("src_name", "src_file", "src_line", "line_id")


def test_a_frame_gives_the_rows_that_its_file_gives(desk: Desk):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    filed = desk.lake.table("receipt_lines").collect().sort("src_line")
    made = map_frame(FRAME, columns=COLUMNS, now=NOW)
    assert made.rows.drop(PLACE).equals(filed.drop(PLACE))
    assert made.rows.columns == list(CONTRACTS["receipt_lines"].columns)
    assert made.rows["src_line"].to_list() == [1, 2, 3, 4]
    assert made.result.sum_holds


def test_typed_columns_of_pandas_are_read_as_they_are():
    frame = pd.DataFrame(
        {
            "no": [1, 1, 2],
            "sku": [10, 11, 10],
            "at": pd.to_datetime(["2024-01-03 01:56", "2024-01-03 01:56", "2024-01-03 20:00"], utc=True),
            "qty": [1.0, 0.328, -1.0],
            "paid": [12.5, 8.27, -3.005],
        }
    )
    columns = {
        "receipt_id": "no", "product_id": "sku", "sold_at": "at", "quantity_milli": {"from": "qty", "times": 1000},
        "net_minor": {"from": "paid", "times": 100},
    }  # fmt: skip
    rows = map_frame(frame, columns=columns).rows
    assert rows["net_minor"].to_list() == [1250, 827, -301]
    assert rows["quantity_milli"].to_list() == [1000, 328, -1000]
    assert rows["receipt_id"].to_list() == ["1", "1", "2"]
    assert rows["sold_at"][0] == datetime(2024, 1, 3, 9, 56, tzinfo=SHANGHAI)
    assert rows["day"].to_list() == [date(2024, 1, 3), date(2024, 1, 3), date(2024, 1, 4)]
    assert rows["known_at"].to_list() == rows["sold_at"].to_list()


def test_what_breaks_a_rule_is_set_apart_with_its_line_and_settings_hold():
    lines = [*LINES, "R9,S2,0008,P3,yesterday,1,3", "合计,,,,,,99"]
    frame = pl.DataFrame([line.split(",") for line in lines], schema=HEADER.split(","), orient="row")
    made = map_frame(frame, columns=COLUMNS, exclude={"totals": {"小票号": "合计"}}, empty="0007")
    told = made.apart.filter(pl.col("kind") != "duplicate").sort("line").rows()
    assert told == [("quarantined", "time:sold_at", "yesterday", 5), ("excluded", "totals", None, 6)]
    assert made.rows["customer_id"].to_list() == [None, None, None, "0008"]
    assert str(made).startswith("frame → receipt_lines: 6 read = 4 kept")


def test_members_are_known_all_along_unless_something_else_is_said():
    frame = pl.DataFrame({"id": ["M1", "M2"], "sex": ["女", None], "since": [date(2024, 1, 2), None]})
    columns = {"customer_id": "id", "gender": {"from": "sex", "map": {"女": "female"}, "other": None}}
    assert map_frame(frame, columns=columns, table="customers").rows["known_at"].dt.year().to_list() == [1970, 1970]
    said = map_frame(frame, columns=columns, table="customers", known_at={"on": date(2024, 1, 1)})
    assert said.rows["known_at"].dt.year().to_list() == [2024, 2024]


def test_later_events_are_set_apart_only_against_a_clock():
    assert map_frame(FRAME, columns=COLUMNS).result.kept == 4
    early = map_frame(FRAME, columns=COLUMNS, now=datetime(2024, 2, 1, tzinfo=UTC))
    assert early.apart["rule"].to_list() == ["future:sold_at"]


@pytest.mark.parametrize(
    ("kind", "code", "frame", "options"),
    [
        (ContractError, "frame.not_a_frame", "a,b\n1,2", {}),
        (SourceError, "ingest.missing_column", FRAME.drop("金额"), {}),
        (SourceError, "ingest.empty", FRAME.clear(), {}),
        (SourceError, "sources.no_table", FRAME, {"table": "reciepts"}),
        (SourceError, "sources.no_column", FRAME, {"columns": {"net": "金额"}}),
        (SourceError, "sources.not_mapped", FRAME, {"columns": {"net_minor": "金额"}}),
        (SourceError, "sources.unknown_key", FRAME, {"decimals": ","}),
        (ContractError, "ingest.nothing_valid", UNDATED, {}),
        (ContractError, "ingest.over_limit", pl.concat([FRAME, *[UNDATED] * 9]), {}),
    ],
)  # fmt: skip
def test_what_cannot_be_mapped_is_refused_like_a_file(kind: type[CrmError], code, frame, options):
    with pytest.raises(kind) as caught:
        map_frame(frame, **{"columns": COLUMNS, **options})
    assert caught.value.code == code
