"""Verbs of the sources file that real files needed: lookups, quotients, clocks in words, durations, file and sheet."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.errors import ContractError, SourceError
from crmlib.data.read import clocks, values
from tests.data.conftest import Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEADER = "单号,商品,时间,数量,金额"
POS = """
pos:
  table: receipt_lines
  files: {files}
  quarantine_limit: 100%
{extra}
  columns:
    receipt_id: 单号
    product_id: 商品
    sold_at: 时间
    quantity_milli: {{from: 数量, times: 1000}}
    net_minor: {{from: 金额, times: 100}}
    {column}
prices:
  table: products
  files: prices.csv
  {price_extra}
  columns: {{product_id: 编码}}
"""
LINES = ("R1,P1,2024-01-03 9:56,2,12.50", "R2,P2,2024-01-03 9:57,1,8.00", "R3,P9,2024-01-03 9:58,1,1.00")


def rows(
    desk: Desk, column: str, *, prices: str = "", files: str = "a.csv", extra: str = "", more: str = ""
) -> pl.DataFrame:
    desk.write("prices.csv", prices)
    desk.describe(POS.format(files=files, column=column, extra=extra, price_extra=more))
    desk.ingest("pos")
    return desk.lake.table("receipt_lines").collect().sort("receipt_id")


LOOKED_UP = "{{from: 商品, lookup: {{source: prices, key: {key}, value: 进价}}, {other}}}"
COST = f"cost_minor: {{{{product: [{LOOKED_UP}, 数量], times: 100}}}}"


def test_a_cost_is_looked_up_by_key_in_the_files_of_another_source(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    cost = COST.format(key="编码", other="other: null")
    found = rows(desk, cost, prices="编码,品名,进价\nP1,茶,3.205\nP2,酒,5\nP3,糖,1\n")
    assert found["cost_minor"].to_list() == [641, 500, None]


def test_a_key_that_the_other_source_does_not_know_is_set_apart_by_name(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    cost = COST.format(key="编码", other="join: '-'")
    found = rows(desk, cost, prices="编码,进价\nP1,3.2\nP2,\nP3,1\n")
    assert found["cost_minor"].to_list() == [640, None]  # known to have no cost
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["lookup:cost_minor"]


def test_the_other_source_is_read_as_its_own_entry_says(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    desk.write("prices.csv", "")
    price = "价格表\n编码;进价\nP1;1.003,25\nP2;5\nP9;1\n".encode("gb18030")
    cost = COST.format(key="编码", other="other: null")
    desk.describe(POS.format(files="a.csv", column=cost, extra="", price_extra="header: 2\n  decimal: ','"))
    desk.write("prices.csv", price)
    desk.ingest("pos")
    assert desk.lake.table("receipt_lines").collect().sort("receipt_id")["cost_minor"].to_list() == [200650, 500, 100]


def test_a_key_of_two_columns_and_a_value_that_is_a_text(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    lookup = "lookup: {source: prices, key: [编码, 数], value: 档}, other: null"
    found = rows(
        desk,
        f"promotion_id: {{from: [商品, 数量], join: '/', {lookup}}}",
        prices="编码,数,档\nP1,2,A\nP1,1,B\nP2,1,C\n",
    )
    assert found["promotion_id"].to_list() == ["A", "C", None]


def test_a_price_list_that_contradicts_itself_is_refused_and_a_changed_one_brings_the_new_cost(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    cost = COST.format(key="编码", other="other: null")
    with pytest.raises(SourceError, match="1 key of 编码 with several values of 进价"):
        rows(desk, cost, prices="编码,进价\nP1,3\nP1,4\nP2,5\n")
    assert desk.lake.versions() == {}
    assert rows(desk, cost, prices="编码,进价\nP1,3\nP1,3\n")["cost_minor"].to_list() == [600, None, None]
    assert rows(desk, cost, prices="编码,进价\nP1,4\n")["cost_minor"].to_list() == [800, None, None]


def test_a_lookup_names_the_column_that_its_file_does_not_have(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    with pytest.raises(SourceError, match="nearest: 进货价"):
        rows(desk, COST.format(key="编码", other="other: null"), prices="编码,进货价\nP1,3\n")


def test_one_column_is_divided_by_another_and_nothing_by_zero(desk):
    desk.csv("a.csv", *LINES, "R4,P1,2024-01-03 9:59,1,0", header=HEADER)
    found = rows(desk, "list_minor: {quotient: [数量, 金额], times: 1000}")
    assert found["list_minor"].to_list() == [160, 125, 1000]
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["number:list_minor"]
    forgiving = rows(desk, "list_minor: {quotient: [数量, 金额], times: 1000, other: null}")
    assert forgiving["list_minor"].to_list() == [160, 125, 1000, None]


@pytest.mark.parametrize(
    ("text", "hour", "minute", "second"),
    [
        ("2025-03-02 3:05 PM", 15, 5, 0),
        ("2025/3/2 03:05:07 p.m.", 15, 5, 7),
        ("2025-03-02 12:05 AM", 0, 5, 0),
        ("2025-03-02 12:05PM", 12, 5, 0),
        ("2025-03-02 下午3:05", 15, 5, 0),
        ("2025/3/2 上午 9:05:07", 9, 5, 7),
        ("2025/3/2 下午 15:05", 15, 5, 0),
        ("2025年3月2日 9时5分", 9, 5, 0),
        ("2025年3月2日 21时05分07秒", 21, 5, 7),
        ("2025年3月2日 晚上9点", 21, 0, 0),
        ("2025-03-02 9点5分", 9, 5, 0),
        ("2025-03-02 中午12：30", 12, 30, 0),
        ("2025-03-02 00:00:00 下午3:05", 15, 5, 0),
        ("20250302 3:05 PM", 15, 5, 0),
    ],
)
def test_clocks_in_words_are_understood(text, hour, minute, second):
    found = values.times(pl.Series([text, "2025-03-02 08:00"]), zone="Asia/Shanghai").to_list()
    assert found == [datetime(2025, 3, 2, hour, minute, second), datetime(2025, 3, 2, 8)]  # noqa: DTZ001


@pytest.mark.parametrize("text", ["2025-03-02 上午 15:05", "2025-03-02 下午", "下午3:05", "2025-03-02 25点"])
def test_a_clock_that_contradicts_itself_is_none(text):
    assert values.times(pl.Series([text]), zone="Asia/Shanghai").to_list() == [None]


def test_a_format_may_hold_the_half_of_the_day_in_chinese():
    found = values.times(
        pl.Series(["2/3/2025 下午3:05", "2/3/2025 9:05 AM"]), zone="UTC", formats=["%d/%m/%Y %I:%M %p"]
    )
    assert found.to_list() == [None, datetime(2025, 3, 2, 9, 5)]  # noqa: DTZ001 (the sign stands where the format says)
    found = values.times(pl.Series(["2/3/2025 下午3:05"]), zone="UTC", formats=["%d/%m/%Y %p %I:%M"])
    assert found.to_list() == [datetime(2025, 3, 2, 15, 5)]  # noqa: DTZ001


def test_the_zone_of_a_clock_in_words_is_the_sources_own(desk):
    desk.csv("a.csv", "R1,P1,2024-01-03 下午5:30,1,1", header=HEADER)
    found = rows(desk, "channel: {constant: store}", extra="  clock: UTC\n  days_in: Asia/Shanghai")
    assert found["sold_at"].to_list() == [datetime(2024, 1, 4, 1, 30, tzinfo=SHANGHAI)]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("180", 180), ("180天", 180), ("12个月", 360), ("2年6个月", 910), ("18 months", 540), ("3 weeks", 21),
        ("36小时", 1.5), ("P30D", 30), ("P1Y", 365), ("1 day 12 hours", 1.5), ("24:00", 1), ("1:30:00", 0.0625),
        ("长期", None), ("12 moons", None), ("-3天", None), ("P", None),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text, days):
    found = clocks.durations(pl.Series([text, None]), unit="days").to_list()
    assert [None if v is None else float(v) for v in found] == [days, None]


def test_a_shelf_life_in_words_becomes_days_and_a_time_of_day_minutes(desk):
    desk.csv("p.csv", "P1,12个月", "P2,45", "P3,长期", header="编码,保质期")
    desk.describe(
        "goods:\n  table: products\n  files: p.csv\n  columns:\n    product_id: 编码\n"
        "    shelf_life_days: {from: 保质期, duration: days}\n"
    )
    desk.ingest("goods")
    assert desk.lake.table("products").collect().sort("product_id")["shelf_life_days"].to_list() == [360, 45]
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["duration:shelf_life_days"]
    desk.csv("o.csv", "O1,2024-01-01,2024-02-01,9:30,下午9点30分", header="编号,起,止,从,到")
    desk.describe(
        "offers:\n  table: offers\n  files: o.csv\n  columns:\n    offer_id: 编号\n    mechanic: {constant: rate}\n"
        "    starts_at: 起\n    ends_at: 止\n    from_minute: {minute_of: 从}\n    to_minute: {minute_of: 到}\n"
    )
    desk.ingest("offers")
    assert desk.lake.table("offers").collect().select("from_minute", "to_minute").row(0) == (570, 1290)


def test_a_time_so_long_after_another_keeps_its_length_when_clocks_change(desk):
    desk.csv(
        "o.csv",
        "O1,2024-03-30 12:00,1天12小时", "O2,2024-03-01 12:00,90", "O3,2024-03-02,", "O4,2024-03-02,soon",
        header="编号,起,时长",
    )  # fmt: skip
    desk.describe(
        "offers:\n  table: offers\n  files: o.csv\n  time_zone: Europe/Berlin\n  columns:\n    offer_id: 编号\n"
        "    mechanic: {constant: rate}\n    starts_at: 起\n"
        "    ends_at: {from: 起, after: {from: 时长, duration: minutes}}\n"
    )
    desk.ingest("offers")
    kept = desk.lake.table("offers").collect().sort("offer_id")
    ends = [at and at.astimezone(UTC) for at in kept["ends_at"]]
    assert ends[:2] == [datetime(2024, 3, 31, 23, tzinfo=UTC), datetime(2024, 3, 1, 12, 30, tzinfo=UTC)]
    assert "time:ends_at" in desk.lake.quarantine().collect()["rule"].to_list()


def test_the_file_name_and_the_sheet_are_columns(desk):
    for store in ("S1", "S2"):
        desk.csv(f"raw/{store}_2024-01.csv", f"R{store},P1,2024-01-03 9:56,1,1", header=HEADER)
    column = "store_id: {from: _file, extract: '/(S[0-9])_'}"
    assert rows(desk, column, files="raw/*.csv")["store_id"].to_list() == ["S1", "S2"]
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    for store in ("一店", "二店"):
        sheet = book.add_worksheet(store)
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write_row(1, 0, [f"X{store}", "P1", "2024-01-03 9:56", "1", "1"])
    book.close()
    desk.write("till.xlsx", out.getvalue())
    found = rows(desk, "store_id: _sheet", files="till.xlsx").filter(pl.col("receipt_id").str.starts_with("X"))
    assert found["store_id"].to_list() == ["一店", "二店"]


def test_a_receipt_number_that_needs_the_file_name_survives_a_file_in_pieces(desk, monkeypatch):
    monkeypatch.setattr("crmlib.data.read.files.BATCH_BYTES", 400)
    lines = [f"{n % 9},P{n},2024-01-03 9:56,1,1" for n in range(60)]
    for store in ("S1", "S2"):
        desk.csv(f"raw/{store}.csv", *lines, header=HEADER)
    text = POS.format(
        files="raw/*.csv", extra="", column="store_id: {from: _file, extract: '(S[0-9])'}", price_extra=""
    )
    desk.describe(text.replace("receipt_id: 单号", "receipt_id: {from: [_file, 单号]}"))
    assert desk.ingest("pos").kept == 120


@pytest.mark.parametrize(("currency", "text"), [("KRW", "12500"), ("KWD", "12.505"), ("CHF", "12.50")])
def test_any_currency_of_iso_4217_is_accepted(desk, currency, text):
    desk.csv("a.csv", f"R1,P1,2024-01-03 9:56,1,{text}", header=HEADER)
    assert rows(desk, "channel: {constant: store}", extra=f"  currency: {currency}").height == 1
    assert desk.lake.settled_currency == currency


def test_a_batch_of_which_no_key_is_found_is_refused(desk):
    desk.csv("a.csv", *LINES, header=HEADER)
    with pytest.raises(ContractError, match="lookup:cost_minor 3"):
        rows(desk, COST.format(key="编码", other="join: ' '"), prices="编码,进价\n1,3\n")
