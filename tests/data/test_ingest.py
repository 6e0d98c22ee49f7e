"""From a file to the lake, the ordinary way and the ways people really export."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ContractError
from crmlib.data import Lake, check_lake, ingest, ingest_all, sourcefile
from crmlib.data.lake import pseudonyms
from crmlib.data.read import files

HEADER = "小票号,门店,会员,商品,时间,数量,金额"
LINES = (
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R2,S1,,P2,2024/1/3 10:01,0.328,8.27",
    "R3,S2,0008,P3,2024/2/28 20:15,-1,-3.00",
)
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def stored(lake: Lake, table: str = "receipt_lines") -> pl.DataFrame:
    return lake.table(table).collect().sort("src_file", "src_line")


def test_a_csv_becomes_a_table_of_its_contract(desk):
    desk.csv("a.csv", *LINES)
    result = desk.ingest()
    assert (result.read, result.kept, result.version) == (4, 4, 0)
    rows = stored(desk.lake)
    CONTRACTS["receipt_lines"].schema.validate(rows.select(CONTRACTS["receipt_lines"].columns))
    assert rows["net_minor"].to_list() == [1250, 1250, 827, -300]
    assert rows["quantity_milli"].to_list() == [1000, 1000, 328, -1000]
    assert rows["customer_id"].to_list() == ["0007", "0007", None, "0008"]
    assert rows["day"].to_list() == [date(2024, 1, 3)] * 3 + [date(2024, 2, 28)]
    assert rows["day_n"][0] == (date(2024, 1, 3) - date(1970, 1, 1)).days
    assert rows["sold_at"][0] == datetime(2024, 1, 3, 9, 56, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert rows["src_line"].to_list() == [2, 3, 4, 5]
    assert desk.lake.currency == "CNY"


def test_equal_lines_inside_one_receipt_are_two_goods(desk):
    desk.csv("a.csv", *LINES)
    assert desk.ingest().kept == 4
    assert stored(desk.lake)["line_id"].to_list() == ["sales/R1/1", "sales/R1/2", "sales/R2/1", "sales/R3/1"]


def test_a_whole_receipt_that_returns_in_another_file_is_a_duplicate(desk):
    desk.csv("a.csv", *LINES)
    desk.csv("b.csv", *LINES[:2], "R4,S1,,P1,2024/1/4 9:00,1,5")
    result = desk.ingest()
    assert (result.read, result.kept, result.duplicate) == (7, 5, 2)
    apart = desk.lake.set_apart().collect()
    assert apart.select("kind", "src_file", "src_line", "like").rows() == [
        ("duplicate", "b.csv", 2, "a.csv:2"),
        ("duplicate", "b.csv", 3, "a.csv:3"),
    ]


def test_one_large_ingest_and_many_small_ones_leave_the_same_lake(desk, new_desk):
    other = new_desk()
    files = [LINES, ("R1,S1,0007,P1,2024/1/3 9:56,2,25",), (LINES[3], "R5,S1,,P1,2024/3/3 9:00,1,5"), LINES[:2]]
    for number, lines in enumerate(files):
        desk.csv(f"{number}.csv", *lines)
        other.csv(f"{number}.csv", *lines)
        other.ingest()
    one = desk.ingest()
    many = other.lake.ingests()
    assert stored(desk.lake).drop("src_name").equals(stored(other.lake).drop("src_name"))
    for term in ("read", "kept", "replaced", "duplicate", "withdrawn"):
        assert getattr(one, term) == many[term].sum(), term


def test_a_large_folder_is_stored_in_several_batches_with_one_result(desk, monkeypatch):
    monkeypatch.setattr(files.batches, "__kwdefaults__", {"limit": 300})
    for number in range(4):
        desk.csv(f"{number}.csv", f"R{10 + number},S1,,P1,2024/1/3 9:56,1,5", LINES[2], "torn")
    result = desk.ingest()
    assert (result.read, result.kept, result.duplicate, result.quarantined) == (12, 5, 3, 4)
    assert len(result.files) == 4
    assert desk.lake.ingests()["read"].to_list() == [6, 6]
    assert check_lake(desk.lake.path).ok
    assert not desk.ingest().changed


def test_the_template_of_the_sources_file_is_valid_and_cdnow_needs_no_entry(root, desk):
    assert set(sourcefile.load(root / "params" / "sources.yml")) >= {"pos", "members", "people", "products", "stores"}
    assert ingest("cdnow", sources=root / "params" / "sources.yml", lake=desk.lake, now=NOW).kept == 69_659


def test_the_same_file_again_changes_nothing(desk):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    before = desk.lake.versions()
    again = desk.ingest()
    assert (again.read, again.changed, again.known_files) == (0, False, ("a.csv",))
    assert desk.lake.versions() == before


def test_only_new_files_of_a_folder_are_read(desk):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    desk.csv("b.csv", "R4,S1,,P1,2024/1/4 9:00,1,5")
    result = desk.ingest()
    assert (result.read, result.kept, result.files) == (1, 1, ("b.csv",))


def test_the_sum_is_kept_with_the_batch(desk):
    desk.csv("a.csv", *LINES, "torn line", "R9,S1,,P1,not a time,1,5")
    result = desk.ingest()
    row = desk.lake.ingests().row(0, named=True)
    assert row["read"] == row["kept"] + row["replaced"] + row["duplicate"] + row["quarantined"] + row["excluded"] == 6
    assert row["batch"] == result.batch
    assert {r["rule"]: r["rows"] for r in json.loads(row["rules"])} == {"time:sold_at": 1, "too_few_fields": 1}


def test_bad_rows_are_quarantined_with_rule_value_file_line_and_text(desk):
    desk.csv(
        "a.csv",
        *LINES,
        "R5,S1,,P1,2024/1/4 9:00",
        "R5,S1,,P1,2024/13/4 9:00,1,5",
        "R6,S1,,P1,2024/1/4 9:00,1,12元5",
        "R7,S1,,P1,2028/1/4 9:00,1,5",
        ",S1,,P1,2024/1/4 9:00,1,5",
        "R8,S1,,P1,2024/1/4 9:00,1,5,1,1,1",
    )
    result = desk.ingest()
    assert (result.kept, result.quarantined) == (4, 6)
    found = desk.lake.quarantine().sort("src_line").collect().select("src_line", "rule", "value", "raw").rows()
    assert found == [
        (6, "too_few_fields", None, "R5,S1,,P1,2024/1/4 9:00"),
        (7, "time:sold_at", "2024/13/4 9:00", "R5,S1,,P1,2024/13/4 9:00,1,5"),
        (8, "number:net_minor", "12元5", "R6,S1,,P1,2024/1/4 9:00,1,12元5"),
        (9, "future:sold_at", "2028-01-04 09:00:00", "R7,S1,,P1,2028/1/4 9:00,1,5"),
        (10, "line_id|nullability", None, ",S1,,P1,2024/1/4 9:00,1,5"),
        (11, "too_many_fields", None, "R8,S1,,P1,2024/1/4 9:00,1,5,1,1,1"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encoding_newlines_and_delimiter_are_found(desk, encoding, newline, delimiter):
    lines = [HEADER, *LINES, "R4,南京东路𠀀店,,P1,2024/1/4 9:00,1,5"]  # a four-byte character in GB18030
    text = newline.join([line.replace(",", delimiter) for line in lines]) + newline
    desk.write("a.csv", text.encode(encoding))
    assert desk.ingest().kept == 5
    assert stored(desk.lake)["store_id"][-1] == "南京东路𠀀店"


def test_quoted_fields_may_hold_delimiters_quotes_and_new_lines(desk):
    desk.csv("a.csv", 'R1,"S,1",,"5"" 饼",2024/1/3 9:56,1,"1,234.50"', 'R2,"S\n2",,P1,2024/1/3 9:56,1,5', *LINES[3:])
    assert desk.ingest().kept == 3
    rows = stored(desk.lake)
    assert rows["store_id"].to_list() == ["S,1", "S\n2", "S2"]
    assert rows["product_id"][0] == '5" 饼'
    assert rows["net_minor"][0] == 123_450
    assert rows["src_line"].to_list() == [2, 3, 5]


def test_a_stray_quote_spoils_its_own_line_only(desk):
    desk.csv("a.csv", 'R1,"S1,,P1,2024/1/3 9:56,1,5', *(f'R{n},5" S,,P1,2024/1/3 9:56,1,5' for n in range(2, 60)))
    result = desk.ingest()
    assert (result.kept, result.quarantined) == (58, 1)
    assert stored(desk.lake)["store_id"][0] == '5" S'


def test_trailing_commas_and_blank_lines_are_no_tear(desk):
    desk.write("a.csv", f"\n{HEADER},\n\n{LINES[0]},\n{LINES[2]},,,\n  \n,,,,,,\n")
    result = desk.ingest()
    assert (result.read, result.kept) == (2, 2)
    assert stored(desk.lake)["src_line"].to_list() == [4, 5]


def test_a_decimal_comma_is_said_not_guessed(desk):
    text = "\n".join([HEADER, *LINES[:2], "R2,S1,,P2,2024/1/3 10:01,1,8.27"]).replace(",", ";").replace(".", ",")
    desk.write("a.csv", text.replace("12,50", "1.012,50"))
    with pytest.raises(ContractError, match="number:net_minor 3"):
        desk.ingest()
    desk.sales(extra='  decimal: ","')
    assert desk.ingest().kept == 3
    assert stored(desk.lake)["net_minor"].to_list() == [101_250, 101_250, 827]


def test_a_file_without_header_is_mapped_by_positions(desk):
    desk.describe("""
sales:
  table: receipt_lines
  files: a.csv
  header: none
  columns:
    receipt_id: {from: ["1", "2"], join: "-"}
    sold_at: {from: ["2", "3"]}
    quantity_milli: {product: ["4", {from: "6", map: {销售: 1, 退货: -1}}], times: 1000}
    net_minor: {product: ["4", "5", {from: "6", map: {销售: 1, 退货: -1}}], times: 100}
""")
    desk.write(
        "a.csv", "00123,2024-01-03,9:56:01,2,1.005,销售\n00124,2024-01-03,9:57,1,3,退货\n00125,2024-01-03,9:57,1,3,赠\n"
    )
    result = desk.ingest()
    assert (result.kept, result.quarantined) == (2, 1)
    rows = stored(desk.lake)
    assert rows["receipt_id"].to_list() == ["00123-2024-01-03", "00124-2024-01-03"]
    assert rows["net_minor"].to_list() == [201, -300]
    assert rows["quantity_milli"].to_list() == [2000, -1000]


def test_excluded_rows_are_listed_by_rule_with_their_sum(desk):
    desk.sales(
        extra="  exclude:\n    bags: {商品: {starts_with: 袋}, 数量: {above: 0}}\n"
        "    totals: {_line: {starts_with: 合计}}"
    )
    desk.csv("a.csv", *LINES, "R4,S1,,袋1,2024/1/3 9:56,1,0.30", "合计: 4 笔", "R5,S1,,袋1,2024/1/3 9:56,-1,-0.30")
    result = desk.ingest()
    assert (result.kept, result.excluded, result.quarantined) == (5, 2, 0)
    rules = result.rules.select("kind", "rule", "rows", "net_minor").rows()
    assert rules == [("excluded", "bags", 1, 30), ("excluded", "totals", 1, 0)]


def test_a_workbook_gives_a_part_per_sheet_and_reads_dates_and_serials(desk):
    book = xlsxwriter.Workbook(str(desk.folder / "book.xlsx"))
    day = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for name, receipts in (("一月", ["R1", "R2"]), ("二月", ["R2", "R3"])):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, HEADER.split(","))
        for at, receipt in enumerate(receipts, 1):
            sheet.write_row(at, 0, [receipt, "S1", "0007", 30006206])
            sheet.write_datetime(at, 4, datetime(2024, 1, 3, 9, 56), day)  # noqa: DTZ001
            sheet.write_row(at, 5, [2, 12.5])
    serial = book.add_worksheet("三月")
    serial.write_row(0, 0, HEADER.split(","))
    serial.write_row(1, 0, ["R4", "S1", "0007", "0042", 45294.5, 1, 3])
    book.add_worksheet("empty")
    book.close()
    desk.sales("book.xlsx")
    result = desk.ingest()
    assert (result.kept, result.duplicate) == (4, 1)
    rows = stored(desk.lake)
    assert sorted(rows["product_id"]) == ["0042", "30006206", "30006206", "30006206"]
    assert set(rows["src_file"]) == {"book.xlsx#一月", "book.xlsx#二月", "book.xlsx#三月"}
    assert sorted(rows["sold_at"].dt.hour().to_list()) == [9, 9, 9, 12]


def test_an_old_workbook_is_read_too(desk):
    xlwt = pytest.importorskip("xlwt")
    book = xlwt.Workbook()
    sheet = book.add_sheet("POS")
    for row, line in enumerate([HEADER, *LINES]):
        for column, cell in enumerate(line.split(",")):
            sheet.write(row, column, cell)
    book.save(str(desk.folder / "old.xls"))
    desk.sales("old.xls")
    assert desk.ingest().kept == 4


def test_files_of_several_kinds_that_are_named_are_one_source(desk):
    folder = desk.folder / "in"
    desk.csv("in/a.csv", LINES[0])
    desk.csv("in/b.txt", LINES[2], encoding="gb18030")
    frame = pl.DataFrame(
        {
            "小票号": ["R3"],
            "门店": ["S2"],
            "会员": ["0008"],
            "商品": [17],
            "时间": [datetime(2024, 2, 28, 20, 15)],  # noqa: DTZ001
            "数量": [-1.0],
            "金额": [-3.005],
        }
    )
    frame.write_parquet(folder / "c.parquet")
    desk.write("in/readme.md", "not data")
    desk.sales('", "'.join(f"in/*.{kind}" for kind in ("csv", "txt", "parquet")))
    desk.describe(desk.sources.read_text("utf-8").replace('files: "', 'files: ["').replace('parquet"', 'parquet"]'))
    assert desk.ingest().kept == 3
    assert stored(desk.lake)["net_minor"].to_list() == [1250, 827, -301]
    assert stored(desk.lake)["product_id"].to_list() == ["P1", "P2", "17"]


def test_known_at_is_a_lag_a_column_a_day_or_the_time_of_ingest(desk, new_desk):
    header = f"{HEADER},上传"
    line = "R1,S1,,P1,2024/1/3 9:56,1,5,2024/1/5 1:00"
    shanghai = ZoneInfo("Asia/Shanghai")
    ways = {
        "known_at: {lag_days: 2}": datetime(2024, 1, 5, 9, 56, tzinfo=shanghai),
        "known_at: {column: 上传}": datetime(2024, 1, 5, 1, 0, tzinfo=shanghai),
        "known_at: {on: 2024-01-31}": datetime(2024, 1, 31, tzinfo=shanghai),
        "known_at: ingest": NOW.astimezone(shanghai),
    }
    for way, expected in ways.items():
        other = new_desk()
        other.csv("a.csv", line, header=header)
        other.sources.write_text(other.sources.read_text("utf-8").replace("known_at: {lag_days: 0}", way), "utf-8")
        other.ingest()
        assert stored(other.lake)["known_at"].to_list() == [expected], way


def test_other_tables_take_defaults_lists_and_flags(desk):
    desk.describe("""
members:
  table: customers
  files: m.csv
  known_at: {lag_days: 0}
  columns:
    customer_id: 卡号
    joined_on: 入会
    tags: {from: 标签, split: "|"}
    may_sms: 短信
    birth_month: 月
    gender: {from: 性别, map: {女: female, 男: male}, other: male}
people:
  table: people
  files: m.csv
  columns: {customer_id: 卡号, phone: 电话}
""")
    desk.csv(
        "m.csv",
        "0001,2024.1.3,团购| 送礼,是,3,女,138",
        "0002,20240105,,,12,男,139",
        "0003,2024年1月9日,,否,13,女,",
        header="卡号,入会,标签,短信,月,性别,电话",
    )
    members, people = ingest_all(desk.sources, lake=desk.lake, now=NOW)
    assert (members.kept, members.quarantined, people.kept) == (2, 1, 3)
    rows = stored(desk.lake, "customers")
    assert rows["tags"].to_list() == [["团购", "送礼"], []]
    assert rows["may_sms"].to_list() == [True, False]
    assert rows["may_call"].to_list() == [False, False]
    assert rows["joined_on"].to_list() == [date(2024, 1, 3), date(2024, 1, 5)]
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["birth_month|max"]
    assert desk.lake.tables() == ["customers", "people"]


def test_a_pseudonym_is_stable_short_unique_and_keyed(desk, new_desk):
    ids = pl.Series([f"{n:05d}" for n in range(20_000)])
    first = desk.lake.pseudonyms(ids)
    assert first.equals(desk.lake.pseudonyms(ids))
    assert first.n_unique() == ids.len()
    assert set(first.str.len_chars()) == {8}
    assert not first.equals(new_desk().lake.pseudonyms(ids))


def test_pseudonyms_that_would_look_the_same_are_shown_longer(monkeypatch):
    monkeypatch.setattr(pseudonyms, "LENGTH", 2)  # 1,024 places for 300 ids: collisions are certain
    ids = pl.Series([str(n) for n in range(300)])
    shown = pseudonyms.of(ids, key=b"key")
    assert shown.n_unique() == 300
    assert shown.str.len_chars().min() == 2
    assert shown.str.len_chars().max() > 2


def test_an_optional_column_that_a_contract_gained_since_is_empty(desk):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    path = desk.lake.table_path("receipt_lines")
    older = pl.scan_delta(path).drop("promotion_id", "staff_id").collect()
    shutil.rmtree(path)
    older.write_delta(path, delta_write_options={"partition_by": ["month"]})
    rows = stored(desk.lake)
    assert rows["promotion_id"].null_count() == rows.height == 4
    assert rows.schema["staff_id"] == pl.String


def test_a_state_table_is_kept_in_versions(desk):
    cuts = pl.DataFrame({"report": ["pyramid"], "value": [1.5]})
    assert desk.lake.state("score_state") is None
    desk.lake.write_state("score_state", cuts)
    desk.lake.write_state("score_state", cuts.with_columns(value=pl.lit(2.5)))
    state = desk.lake.state("score_state")
    assert state is not None
    assert state["value"].to_list() == [2.5]
    old = desk.lake.state("score_state", version=0)
    assert old is not None
    assert old["value"].to_list() == [1.5]


def test_progress_is_told_step_by_step(desk):
    desk.csv("a.csv", *LINES)
    seen: list[str] = []
    ingest("sales", sources=desk.sources, lake=desk.lake, now=NOW, progress=lambda step, done, total: seen.append(step))
    assert list(dict.fromkeys(seen)) == ["read", "check", "store"]


def test_vacuum_forgets_old_quarantine_and_keeps_versions(desk):
    desk.csv("a.csv", *LINES, "torn")
    desk.ingest()
    desk.lake.vacuum(now=NOW + timedelta(days=10))
    assert desk.lake.quarantine().collect().height == 1
    desk.lake.vacuum(now=NOW + timedelta(days=100))
    assert desk.lake.quarantine().collect().height == 0
    assert desk.lake.table("receipt_lines", version=0).collect().height == 4
