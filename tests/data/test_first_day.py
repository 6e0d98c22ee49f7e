"""What real exports hold on the first day: cells of Excel, words for nothing, parts of dates, orders on one line."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.errors import ContractError, SourceError
from crmlib.data import ingest_all
from crmlib.kit.words import Words
from crmlib.run import ingest as ingesting
from tests.data.conftest import NOW, Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")
POS = """
pos:
  table: receipt_lines
  files: {files}
{extra}
  columns:
    receipt_id: 单号
    product_id: 商品
    sold_at: {sold_at}
    quantity_milli: {{from: 数量, times: 1000}}
    net_minor: {{from: 金额, times: 100}}
"""
MEMBERS = """
members:
  table: customers
  files: members.csv
{extra}
  columns:
    customer_id: 卡号
{columns}
"""


def workbook(desk: Desk, rows: list[list[object]], *, merged: tuple[tuple[int, int, int, str], ...] = ()) -> None:
    book = xlsxwriter.Workbook(str(desk.folder / "till.xlsx"))
    sheet = book.add_worksheet()
    forms = {datetime: "yyyy-mm-dd hh:mm:ss", date: "yyyy-mm-dd", time: "hh:mm:ss"}
    made = {kind: book.add_format({"num_format": form}) for kind, form in forms.items()}
    for at, row in enumerate(rows):
        for column, cell in enumerate(row):
            if type(cell) in made:
                sheet.write_datetime(at, column, cell, made[type(cell)])
            elif cell is not None:
                sheet.write(at, column, cell)
    for first, last, column, text in merged:
        sheet.merge_range(first, column, last, column, text)
    book.close()


def rows_of(desk: Desk, table: str = "receipt_lines") -> pl.DataFrame:
    return desk.lake.table(table).collect().sort("src_file", "src_line")


def members(desk: Desk, columns: str, *lines: str, header: str, extra: str = "") -> pl.DataFrame:
    desk.csv("members.csv", *lines, header=header)
    desk.describe(MEMBERS.format(columns="\n".join(f"    {c}" for c in columns.split("\n")), extra=extra))
    desk.ingest("members")
    return rows_of(desk, "customers")


def test_a_date_cell_and_a_time_cell_are_one_time(desk):
    cells = [["单号", "日期", "时间", "商品", "数量", "金额"]]
    cells += [[f"R{n}", date(2025, 3, n), time(9, n, 27), "P1", 1, 9.9] for n in range(1, 4)]
    workbook(desk, cells)
    desk.describe(POS.format(files="till.xlsx", sold_at="{from: [日期, 时间]}", extra=""))
    assert desk.ingest("pos").kept == 3
    assert rows_of(desk)["sold_at"].to_list() == [datetime(2025, 3, n, 9, n, 27, tzinfo=SHANGHAI) for n in range(1, 4)]


def test_a_day_that_is_text_and_a_time_cell_are_one_time(desk):
    workbook(desk, [["单号", "日期", "时间", "商品", "数量", "金额"], ["R1", "2025/9/1", time(9, 1, 27), "P1", 1, 2.5]])
    desk.describe(POS.format(files="till.xlsx", extra="", sold_at="{from: [日期, 时间]}"))
    assert desk.ingest("pos").kept == 1
    assert rows_of(desk)["sold_at"].to_list() == [datetime(2025, 9, 1, 9, 1, 27, tzinfo=SHANGHAI)]


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("2025-03-02 00:00:00", "09:02:27"),
        ("2025/3/2", "9:02:27"),
        ("45718", "0.376701388888889"),
        ("20250302", "9:02:27"),
    ],
)
def test_date_and_time_in_two_columns_of_text(desk, day, clock):
    desk.csv("a.csv", f"R1,{day},{clock},P1,1,9.9", header="单号,日期,时间,商品,数量,金额")
    desk.describe(POS.format(files="a.csv", sold_at="{from: [日期, 时间]}", extra=""))
    assert desk.ingest("pos").kept == 1
    assert rows_of(desk)["sold_at"].to_list() == [datetime(2025, 3, 2, 9, 2, 27, tzinfo=SHANGHAI)]


def test_merged_cells_of_a_receipt_are_filled_down_and_no_card_goes_to_the_next_receipt(desk):
    at = datetime(2025, 1, 1, 9, 5)  # noqa: DTZ001 (a cell has no zone)
    cells: list[list[object]] = [
        ["某某超市销售明细表"],
        ["期间：2025-01-01至2025-01-31"],
        ["单号", "卡", "商品", "时间", "数量", "金额"],
        [None, None, "P1", at, 1, 12.5],
        [None, None, "P2", at, 2, 7],
        ["D2", None, "P3", at, 1.5, 3.3],
        ["合计", None, None, None, None, 22.8],
    ]
    workbook(desk, cells, merged=((3, 4, 0, "D1"), (3, 4, 1, "C1")))
    extra = "  header: 3\n  fill_down: [单号, 卡]\n  exclude: {totals: {单号: 合计}}"
    desk.describe(POS.format(files="till.xlsx", sold_at="时间\n    customer_id: 卡", extra=extra))
    result = desk.ingest("pos")
    assert (result.kept, result.excluded, result.quarantined) == (3, 1, 0)
    rows = rows_of(desk)
    assert rows["receipt_id"].to_list() == ["D1", "D1", "D2"]
    assert rows["customer_id"].to_list() == ["C1", "C1", None]
    assert rows["net_minor"].sum() == 2280


def test_order_fields_on_the_first_line_only_belong_to_all_lines_of_the_order(desk):
    lines = ("#1,2025-01-02 10:00,P1,1,5", "#1,,P2,1,6", "#2,2025-01-03 10:00,P1,1,5", "#2,,P3,2,8")
    desk.csv("a.csv", *lines, header="单号,时间,商品,数量,金额")
    desk.describe(POS.format(files="a.csv", sold_at="时间", extra="  fill_down: [单号, 时间]"))
    assert desk.ingest("pos").kept == 4
    assert rows_of(desk)["day"].to_list() == [date(2025, 1, 2)] * 2 + [date(2025, 1, 3)] * 2


def test_words_for_nothing_are_nulls_and_members_stay(desk):
    lines = ("M1,女,NA,1990-05-06", "M2,未知,,1985/12/1", "M3,保密,N/A,0000-00-00", "M4,1,\\N,农历八月十五", "M5,,x,")
    rows = members(
        desk,
        "gender: {from: 性别, map: {女: female, 男: male, 未知: null}, other: null}\n"
        "region: {from: 区, empty: [NA]}\n"
        "birth_month: {month_of: 生日, other: null}\n"
        "birth_day: {day_of: 生日, other: null}",
        *lines,
        header="卡号,性别,区,生日",
        extra="  empty: [N/A, \\N]",
    )
    assert rows["gender"].to_list() == ["female", None, None, None, None]
    assert rows["region"].to_list() == [None, None, None, None, "x"]
    assert rows["birth_month"].to_list() == [5, 12, None, None, None]
    assert rows["birth_day"].to_list() == [6, 1, None, None, None]


def test_a_value_that_the_table_does_not_name_is_still_set_apart_when_another_is_null(desk):
    columns = "gender: {from: 性别, map: {女: female, 未知: null}}"
    rows = members(desk, columns, "M1,女", "M2,未知", "M3,男", header="卡号,性别")
    assert rows["customer_id"].to_list() == ["M1", "M2"]
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["map:gender"]


def test_a_month_that_is_no_date_is_set_apart_unless_the_sources_file_forgives(desk):
    rows = members(desk, "birth_month: {month_of: 生日}", "M1,1990-05-06", "M2,八月", header="卡号,生日")
    assert rows["customer_id"].to_list() == ["M1"]
    assert desk.lake.quarantine().collect().select("rule", "value").row(0) == ("time:birth_month", "八月")


def test_a_part_of_a_text_by_a_pattern_with_one_group(desk):
    columns = "region: {from: 地址, extract: '^(..)市'}"
    rows = members(desk, columns, "M1,上海市徐汇区", "M2,北京市", "M3,某地", "M4,", header="卡号,地址")
    assert rows.select("customer_id", "region").rows() == [("M1", "上海"), ("M2", "北京"), ("M4", None)]
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["extract:region"]


@pytest.mark.parametrize("pattern", ["(a)(b)", "ab", "(a", "(?=a)(b)"])
def test_a_pattern_with_another_number_of_groups_is_refused(desk, pattern):
    desk.describe(MEMBERS.format(columns=f"    region: {{from: 地址, extract: '{pattern}'}}", extra=""))
    with pytest.raises(SourceError, match="extract"):
        desk.ingest("members")


def test_words_for_nothing_hold_for_numbers_too(desk):
    desk.csv("a.csv", "R1,2025-01-02 10:00,P1,1,5,NULL", header="单号,时间,商品,数量,金额,成本")
    sold_at = "时间\n    cost_minor: {from: 成本, times: 100, empty: ['NULL']}"
    desk.describe(POS.format(files="a.csv", sold_at=sold_at, extra=""))
    assert desk.ingest("pos").kept == 1
    assert rows_of(desk)["cost_minor"].to_list() == [None]


PEOPLE = "people:\n  table: people\n  files: people.csv\n  columns: {customer_id: id, name: name}\n"
NAMES = ("MUÑOZ", "andrés", "Müller", "Søren Ægir", "François", "Zoë O’Neill")


@pytest.mark.parametrize("few", [3, 6])
def test_western_names_are_read_as_such_although_their_bytes_are_valid_gb18030(desk, few):
    lines = [f"{n},Ann Plain{n}" for n in range(20)] + [f"{n + 20},{name}" for n, name in enumerate(NAMES[:few])]
    desk.csv("people.csv", *lines, header="id,name", encoding="cp1252")
    desk.describe(PEOPLE)
    result = desk.ingest("people")
    assert rows_of(desk, "people")["name"].to_list()[20:] == list(NAMES[:few])
    assert [(name, encoding) for name, encoding, _ in result.read_as] == [("people.csv", "cp1252")]


TRADITIONAL = ("陳大文,台北市信義區忠孝東路", "林淑芬,高雄市三民區建國路", "黃志明,臺中市西屯區")
JAPANESE = ("山田太郎,東京都千代田区", "さとうはなこ,大阪市北区", "スズキ イチロー,名古屋市")
SIMPLE = ("张伟,上海市徐汇区淮海路", "王秀英,北京市朝阳区", "李娜,广州市天河区")


@pytest.mark.parametrize(
    ("encoding", "lines"),
    [("cp950", TRADITIONAL), ("cp932", JAPANESE), ("gb18030", SIMPLE), ("utf-16-le", SIMPLE), ("utf-16-be", SIMPLE)],
)
@pytest.mark.parametrize("named", [True, False])
def test_east_asian_texts_are_told_apart_by_their_common_characters(desk, encoding, lines, named):
    desk.csv(
        "people.csv", *(f"{n},{line}" for n, line in enumerate(lines)), header="id,name,address", encoding=encoding
    )
    known = {"cp950": "Big5", "cp932": "Shift_JIS"}.get(encoding, encoding) if encoding != "utf-16-be" else "auto"
    desk.describe(PEOPLE + (f"  encoding: {known}\n" if named else ""))
    desk.ingest("people")
    assert rows_of(desk, "people")["name"].to_list() == [line.split(",")[0] for line in lines]


def test_a_reading_that_is_valid_by_chance_only_is_refused_with_the_candidates(desk):
    cyrillic = ("Иван Петров", "Мария Кузнецова", "Пётр Сидоров")
    desk.csv("people.csv", *(f"{n},{line}" for n, line in enumerate(cyrillic)), header="id,name", encoding="cp1251")
    desk.describe(PEOPLE)
    with pytest.raises(SourceError) as caught:
        desk.ingest("people")
    assert caught.value.code == "ingest.unclear_encoding"
    assert "gb18030" in str(caught.value)
    assert "cp1252" in str(caught.value)
    assert not desk.lake.has("people")


def till(bad: int, good: int) -> list[str]:
    made = [f"R{n},S1,,P1,2024/1/{n % 28 + 1} 9:56,1,12.50" for n in range(good)]
    return made + [f"X{n},S1,,P1,13/{n % 28 + 1}/2024 9:56,1,12.50" for n in range(bad)]


def test_a_batch_of_which_many_rows_fail_is_refused_with_the_counts_by_rule(desk):
    desk.csv("a.csv", *till(106, 94))
    with pytest.raises(ContractError) as caught:
        desk.ingest()
    assert caught.value.code == "ingest.over_limit"
    assert "106 of 200" in str(caught.value)
    assert "time:sold_at 106" in str(caught.value)
    assert "13/1/####" in str(caught.value)  # the shape tells a day before a month; nothing else of the value
    assert not desk.lake.has("receipt_lines")


@pytest.mark.parametrize(("bad", "good"), [(20, 5), (50, 950)])
def test_a_few_bad_rows_are_set_apart_and_the_others_stored(desk, bad, good):
    desk.csv("a.csv", *till(bad, good))
    result = desk.ingest()
    assert (result.kept, result.quarantined) == (good, bad)


@pytest.mark.parametrize(("limit", "stored"), [("60%", True), ("0.6", True), ("50 %", False), ("0", False)])
def test_the_limit_stands_in_the_sources_file(desk, limit, stored):
    desk.csv("a.csv", *till(106, 94))
    desk.sales(extra=f"  quarantine_limit: {limit}")
    if stored:
        assert desk.ingest().kept == 94
    else:
        with pytest.raises(ContractError):
            desk.ingest()


def test_the_same_key_with_other_content_in_one_file_is_a_conflict_and_no_duplicate(desk):
    lines = ("M1,一店", "M2,一店", "M1,二店", "M2,一店")
    desk.csv("members.csv", *lines, header="卡号,店")
    desk.describe(MEMBERS.format(columns="    home_store: 店", extra=""))
    result = desk.ingest("members")
    assert (result.read, result.kept, result.duplicate, result.conflict) == (4, 2, 1, 1)
    apart = desk.lake.set_apart().collect().sort("src_line").select("kind", "rule", "src_line", "like", "raw")
    assert apart.rows() == [
        ("conflict", "key", 4, "members.csv:2", "M1,二店"),
        ("duplicate", "key", 5, "members.csv:3", None),
    ]


def test_all_sources_are_tried_and_the_bad_ones_told_at_the_end(desk):
    desk.csv("members.csv", "M1,一店", header="卡号,店")
    good = MEMBERS.format(columns="    home_store: 店", extra="")
    desk.describe(POS.format(files="no.csv", sold_at="时间", extra="") + good + PEOPLE)
    told: dict[str, object] = {}
    with pytest.raises(SourceError) as caught:
        ingest_all(desk.sources, lake=desk.lake, now=NOW, tell=told.__setitem__)
    assert caught.value.code == "ingest.some_failed"
    assert caught.value.values["stored"] == "members"
    assert list(told) == ["pos", "members", "people"]
    assert desk.lake.has("customers")


def test_the_command_line_prints_every_source_and_ends_with_an_error(desk, capsys):
    desk.csv("members.csv", "M1,一店", header="卡号,店")
    desk.describe(
        POS.format(files="no.csv", sold_at="时间", extra="") + MEMBERS.format(columns="    home_store: 店", extra="")
    )
    said: list[str] = []
    with pytest.raises(SourceError):
        ingesting.run("all", sources=desk.sources, lake=desk.lake, now=NOW, say=said.append, words=Words("en"))
    assert said[0] == "pos: nothing stored"
    assert "none found" in said[1]
    assert said[2].startswith("members → customers: 1 read = 1 kept")


def zoned(desk: Desk, extra: str, *times: str) -> pl.DataFrame:
    desk.csv("a.csv", *(f"R{n},{at},P1,1,5" for n, at in enumerate(times)), header="单号,时间,商品,数量,金额")
    desk.describe(POS.format(files="a.csv", sold_at="时间", extra=extra))
    desk.ingest("pos")
    return rows_of(desk)


def test_an_evening_sale_of_a_clock_in_utc_falls_on_the_company_s_day(desk):
    rows = zoned(desk, "  clock: UTC\n  days_in: Asia/Shanghai", "2025-03-01 16:30", "2025-03-01 15:30", "2025-03-01")
    assert rows["day"].to_list() == [date(2025, 3, 2), date(2025, 3, 1), date(2025, 3, 1)]
    assert rows["sold_at"][0] == datetime(2025, 3, 2, 0, 30, tzinfo=SHANGHAI)


def test_a_day_without_a_clock_stays_the_day_it_is_in_every_zone(desk):
    rows = zoned(desk, "  clock: UTC\n  days_in: America/New_York", "2025-03-01", "2025-03-02 03:00")
    assert rows["day"].to_list() == [date(2025, 3, 1), date(2025, 3, 1)]


def test_typed_times_and_times_with_an_offset_follow_the_same_two_zones(desk):
    rows = zoned(desk, "  clock: UTC\n  days_in: Asia/Shanghai", "2025-03-01T23:30:00+08:00", "2025-03-01T16:30:00Z")
    assert rows["day"].to_list() == [date(2025, 3, 1), date(2025, 3, 2)]
    at = pl.Series([datetime(2025, 3, 1, 16, 30)])  # noqa: DTZ001 (the file has none)
    pl.DataFrame({"单号": ["T"], "时间": at, "商品": ["P"], "数量": [1], "金额": [5]}).write_parquet(
        desk.folder / "b.parquet"
    )
    desk.describe(POS.format(files="b.parquet", sold_at="时间", extra="  clock: UTC"))
    desk.ingest("pos")
    assert rows_of(desk).filter(pl.col("receipt_id") == "T")["day"].to_list() == [date(2025, 3, 2)]
