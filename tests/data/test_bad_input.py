"""What people get wrong: each ends in three plain sentences, never in a stack trace or a half-written table."""

from __future__ import annotations

import errno
import gzip
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from crmlib import panels
from crmlib.core.contracts import LARGEST
from crmlib.core.errors import ContractError, CrmError, LakeError, SourceError
from crmlib.data import Lake, check_lake, ingest
from crmlib.data.judge import resolve
from crmlib.data.lake import delta
from crmlib.data.read import bounds, files
from crmlib.kit.words import Words
from crmlib.kit.words.rules import rule_in_words
from tests.waiting import HANG

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HEADER = "小票号,门店,会员,商品,时间,数量,金额"
LINES = (
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R2,S1,,P2,2024/1/3 10:01,0.328,8.27",
    "R3,S2,0008,P3,2024/2/28 20:15,-1,-3.00",
)


def refused(desk, kind: type[CrmError], code: str, source: str = "sales") -> CrmError:
    """The error of an ingest that must not change the lake; its Chinese and English sentences can be filled in."""
    before = desk.lake.versions()
    with pytest.raises(kind) as caught:
        desk.ingest(source)
    error = caught.value
    assert error.code == code
    assert str(error).startswith("given: ")
    assert "\nexpected: " in str(error)
    assert "\nmend: " in str(error)
    domain, rest = code.split(".", 1)
    for language in ("zh", "en"):
        for part in ("given", "expected", "mend"):
            assert Words(language)(f"{domain}.error.{rest}.{part}", **error.values)
    assert desk.lake.versions() == before
    return error


def test_no_file(desk):
    assert "none found" in str(refused(desk, SourceError, "ingest.no_files"))


def test_an_unreadable_file(desk):
    desk.write("book.xlsx", b"not a workbook at all")
    desk.sales("book.xlsx")
    assert "book.xlsx" in str(refused(desk, SourceError, "ingest.is_text"))


def test_a_truncated_parquet_file(desk):
    pl.DataFrame({"a": range(1000)}).write_parquet(desk.folder / "a.parquet")
    path = desk.folder / "a.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    desk.sales("a.parquet")
    refused(desk, SourceError, "ingest.unreadable")


def test_a_file_without_rights(desk):
    path = desk.csv("a.csv", *LINES)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("rights do not bind this user")
    refused(desk, SourceError, "ingest.unreadable")


def test_a_missing_column_is_named_with_the_nearest_one(desk):
    desk.csv("a.csv", *LINES, header=HEADER.replace("金额", "实收金额"))
    error = refused(desk, SourceError, "ingest.missing_column")
    assert "expected: also 金额 (nearest: 实收金额)" in str(error)


def test_a_column_name_that_stands_twice(desk):
    desk.csv("a.csv", *(f"{line},1" for line in LINES), header=f"{HEADER},金额")
    assert "(nearest: 金额#" in str(refused(desk, SourceError, "ingest.missing_column"))
    desk.sources.write_text(desk.sources.read_text("utf-8").replace("from: 金额", 'from: "金额#7"'), "utf-8")
    assert desk.ingest().kept == 3


def test_the_wrong_encoding(desk):
    desk.csv("a.csv", *LINES, encoding="gb18030")
    desk.sales(extra="  encoding: utf-8")
    error = refused(desk, SourceError, "ingest.wrong_encoding")
    assert "line 1" in str(error)


def test_one_damaged_byte_costs_one_line(desk):
    data = "\n".join([HEADER, *LINES, *(f"R{n},南京店,,P1,2024/1/3 9:56,1,5" for n in range(10, 40)), ""]).encode()
    at = data.index("南".encode(), 600)
    desk.write("a.csv", data[:at] + b"\xff" + data[at + 1 :])
    result = desk.ingest()
    assert (result.read, result.quarantined) == (33, 1)
    assert desk.lake.quarantine().collect()["rule"].to_list() == ["encoding"]


@pytest.mark.parametrize("content", ["", "\n\n", f"{HEADER}\n"])
def test_an_empty_file(desk, content):
    desk.write("a.csv", content)
    refused(desk, SourceError, "ingest.empty")


def test_a_file_of_which_no_row_is_good(desk):
    desk.csv("a.csv", *(line.replace("2024/", "3/") for line in LINES))
    error = refused(desk, ContractError, "ingest.nothing_valid")
    assert "time:sold_at 3" in str(error)
    assert len(error.examples) == 3
    assert "a.csv:2" in error.examples[0]
    assert "3/1/3 9:56" not in str(error)  # values are masked


def test_sales_of_the_future_are_set_apart(desk):
    desk.csv("a.csv", *LINES, "R9,S2,0008,P3,2027/1/1 20:15,1,3.00")
    result = desk.ingest()
    assert result.rules.rows() == [("quarantined", "future:sold_at", 1, 300)]


def test_mixed_currencies_in_one_file(desk):
    desk.sales(extra="  currency_column: 币种")
    desk.csv(
        "a.csv", *(f"{line},CNY" for line in LINES), "R9,S2,,P3,2024/1/1 20:15,1,3.00,USD", header=f"{HEADER},币种"
    )
    assert desk.ingest().rules.rows() == [("quarantined", "currency:币种", 1, 300)]


def test_another_currency_than_the_lake_s(desk):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    desk.sales(extra="  currency: GBP")
    assert "one currency per lake: CNY" in str(refused(desk, LakeError, "lake.mixed_currency"))


def test_receipt_numbers_that_start_anew_every_day(desk):
    desk.csv("a.csv", *(f"{n},S1,,P1,2024/1/3 9:56,1,5" for n in range(20)))
    desk.ingest()
    desk.csv("b.csv", *(f"{n},S1,,P1,2024/1/4 9:56,1,7" for n in range(20)))
    assert "20 of 20 receipt ids" in str(refused(desk, ContractError, "ingest.receipt_reused"))
    desk.sales(extra="  receipts_may_move: true")
    assert desk.ingest().replaced == 20


def test_what_no_check_foresaw_still_ends_in_three_sentences(desk, monkeypatch):
    def odd(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError("something odd")

    desk.csv("a.csv", *LINES)
    monkeypatch.setattr(resolve, "first_verdicts", odd)
    assert "something odd" in str(refused(desk, SourceError, "ingest.failed"))


def test_a_second_writer(desk):
    desk.csv("a.csv", *LINES)
    with desk.lake.writing():
        refused(desk, LakeError, "lake.locked")
    assert desk.ingest().kept == 3


@pytest.mark.parametrize("step", ["append", "overwrite"])
def test_a_full_disk_leaves_the_old_version(desk, monkeypatch, step):
    desk.csv("a.csv", *LINES)
    desk.ingest()
    desk.csv("b.csv", "R1,S1,0007,P1,2024/1/3 9:56,2,25" if step == "overwrite" else "R7,S1,,P1,2024/1/3 9:56,2,25")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(delta, "write_deltalake", full)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    refused(desk, LakeError, "lake.disk_full")
    monkeypatch.undo()
    assert desk.lake.table("receipt_lines").collect().height == 3
    assert desk.ingest().sum_holds


def test_a_disk_with_too_little_room_is_not_begun_on(desk, monkeypatch):
    desk.csv("a.csv", *LINES)
    monkeypatch.setattr(delta, "disk_usage", lambda folder: shutil.disk_usage(folder)._replace(free=10))
    refused(desk, LakeError, "lake.disk_full")
    assert not desk.lake.has("receipt_lines")


def test_a_lake_that_cannot_be_made(desk):
    (desk.folder / "file").write_text("x")
    desk.lake = Lake(desk.folder / "file" / "lake")
    desk.csv("a.csv", *LINES)
    refused(desk, LakeError, "lake.damaged")


def test_a_table_that_was_never_ingested(desk):
    with pytest.raises(LakeError, match="table 'stores' is not in the lake\n"):
        desk.lake.table("stores")


def test_no_lake_to_check(tmp_path):
    with pytest.raises(LakeError, match="no such folder"):
        check_lake(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "code", "expected"),
    [
        ("table: receipt_lines", "table: reciept_lines", "no_table", "did you mean 'receipt_lines'"),
        ("  files:", "  fils: a.csv\n  files:", "unknown_key", "did you mean 'files'"),
        ("  columns:", "  colums:", "unknown_key", "did you mean 'columns'"),
        ("    store_id:", "    stor_id:", "no_column", "did you mean 'store_id'"),
        ("    receipt_id: 小票号\n", "", "not_mapped", "receipt_id not mapped"),
        ("  table: receipt_lines\n", "", "missing_key", "add `table:`"),
        ("times: 1000", "times: viele", "number", "a number"),
        ("times: 1000", "tims: 1000", "unknown_key", "did you mean 'times'"),
        ("{from: 数量, times", "{from: 数量, product: [数量], times", "origin", "exactly one of from"),
        ("{from: 数量, times: 1000}", "{quotient: [数量]}", "quotient", "two: what is divided"),
        ("{from: 数量, times: 1000}", "{from: 数量, other: x}", "other", "`other: null`"),
        ("{from: 数量, times: 1000}", "{from: 数量, lookup: {source: x, key: a}}", "missing_key", "add `value:`"),
        ("{from: 数量, times: 1000}", "{from: 数量, lookup: {source: x, key: a, value: b}}", "lookup_source", "sales"),
        ("{from: 数量, times: 1000}", "{constant: 1, lookup: {source: x, key: a, value: b}}", "lookup", "from:"),
        ("{from: 数量, times: 1000}", "{from: [数量, 金额], duration: days}", "duration", "one column"),
        ("{from: 数量, times: 1000}", "{from: 数量, after: {from: 金额}}", "after", "after: {from: minutes to answer"),
        (
            "{from: 数量, times: 1000}",
            "{from: 数量, map: {a: b}, after: {from: 金额, duration: days}}",
            "after",
            "opened",
        ),
        ("{from: 数量, times: 1000}", "{from: 数量, extract: '('}", "pattern", "regular expression"),
        ("{from: 数量, times: 1000}", "{from: 数量, extract: 'a'}", "groups", "exactly one group"),
        ("{lag_days: 0}", "{lag_days: -1}", "lag", "must not be negative"),
        ("{lag_days: 0}", "{lag_days: 1, on: 2024-01-01}", "known_at", "exactly one of column"),
        ("{lag_days: 0}", "{on: yesterday}", "date", "2024-01-31"),
        ("  files:", "  table: points\n  files:", "twice", "table stands twice"),
        ("  files:", "  currency: RMB\n  files:", "currency", "unknown currency RMB"),
        ("  files:", "  time_zone: Asia/Shangai\n  files:", "zone", "did you mean 'Asia/Shanghai'"),
        ("  files:", "  delimiter: ', '\n  files:", "delimiter", "one character"),
        ("  files:", "  encoding: utf-7\n  files:", "choice", "gb18030"),
        ("  files:", "  quarantine_limit: 500%\n  files:", "number", "within its bounds"),
        ("  files:", "  exclude: [a]\n  files:", "entry", "indented"),
        ("  files:", "  query: select 1\n  files:", "query_alone", "belong together"),
        ("sales:", "sales: [", "yaml", "expected: YAML"),
    ],
)
def test_a_mistake_in_the_sources_file_is_named(desk, old, new, code, expected):
    desk.csv("a.csv", *LINES)
    desk.sources.write_text(desk.sources.read_text("utf-8").replace(old, new), "utf-8")
    error = refused(desk, SourceError, f"sources.{code}")
    assert expected in str(error)
    parts = ("given", "expected", "mend")
    chinese = " ".join(Words("zh")(f"sources.error.{code}.{part}", **error.values) for part in parts)
    assert re.search("[\u4e00-\u9fff]{3}", chinese)


def test_an_unknown_source_and_a_missing_sources_file(desk):
    assert "(nearest: sales)" in str(refused(desk, SourceError, "sources.unknown_source", "sale"))
    desk.sources.unlink()
    refused(desk, SourceError, "sources.unreadable")


def mutated(data: bytes, seed: int) -> bytes:
    """One file, damaged: bytes, lines, columns, quotes, delimiters, encodings."""
    rng = np.random.default_rng(seed)
    kind = seed % 10
    if kind in {0, 1}:
        body = bytearray(data)
        for at in rng.integers(0, len(body), size=1 + seed % 7):
            body[at] = rng.integers(0, 256)
        return bytes(body)
    lines = data.decode("utf-8").split("\n")
    at = int(rng.integers(1, len(lines) - 1))
    if kind == 2:
        lines[at] = lines[at][: len(lines[at]) // 2] + lines[at + 1]
    elif kind == 3:
        lines.insert(at, ",".join(["?"] * int(rng.integers(1, 12))))
    elif kind == 4:
        lines = [",".join(random.Random(seed).sample(line.split(","), len(line.split(",")))) for line in lines]
    elif kind == 5:
        lines[at] = lines[at].replace(",", ',"', 1)
    elif kind == 6:
        return "\n".join(lines).encode(["gb18030", "utf-16", "utf-16-le", "utf-8-sig"][seed // 10 % 4])
    elif kind == 7:
        return data[: int(rng.integers(0, len(data)))]
    elif kind == 8:
        lines[0] = lines[0].replace("金额", ["金 额", "", "小票号", "net"][seed // 10 % 4])
    else:
        column = int(rng.integers(0, 7))
        junk = ["", "NaN", "1e400", "-", "٣", "\x00", "2024-02-30", "9" * 40, "=1+1", "null"][seed // 10 % 10]
        cells = lines[at].split(",")
        cells[column % len(cells)] = junk
        lines[at] = ",".join(cells)
    return "\n".join(lines).encode()


@pytest.mark.parametrize("tens", [0, *(pytest.param(t, marks=pytest.mark.long) for t in range(1, 10))])
def test_the_sum_adds_up_for_200_damaged_files(desk, tens):
    rows = [
        f"R{n // 3},S{n // 3 % 4},,P{n % 7},2024/{1 + n // 3 % 12}/{1 + n // 3} 9:{n:02d},{n % 5 - 1},{n}.5"
        for n in range(60)
    ]
    whole = "\n".join([HEADER, *rows, ""]).encode()
    refusals = []
    for seed in range(20 * tens, 20 * tens + 20):
        desk.write("a.csv", mutated(whole, seed))
        try:
            desk.ingest()  # asserts the sum
        except CrmError as error:
            refusals.append(error.code)
    assert len(refusals) <= 8
    assert set(refusals) <= {
        "ingest.missing_column",
        "ingest.wrong_encoding",
        "ingest.nothing_valid",
        "ingest.empty",
        "ingest.receipt_reused",
        "ingest.unclear_encoding",  # a file that ends in the middle of its header
    }
    report = check_lake(desk.lake.path)
    assert report.ok, report.describe()


CHILD = """
import sys
from datetime import datetime, UTC
from crmlib.data import Lake, ingest
print("ready", flush=True)
sys.stdin.readline()
ingest("sales", sources=sys.argv[1], lake=Lake(sys.argv[2]), now=datetime(2026, 11, 22, tzinfo=UTC))
print("done", flush=True)
"""


def test_a_killed_ingest_leaves_the_old_or_the_new_version(desk):
    first = [f"R{n},S1,,P1,2024/{1 + n % 12}/3 9:56,1,5" for n in range(2000)]
    second = [line.replace(",1,5", ",2,9") for line in first[:1500]] + ["R9999,S1,,P1,2024/1/3 9:56,1,5"]
    desk.csv("a.csv", *first)
    desk.ingest()
    old = desk.lake.table("receipt_lines").select(pl.col("net_minor").sum()).collect().item()
    desk.csv("a.csv", *second)
    new = old + 1500 * 400 + 500
    seen = []
    for delay in (0.02, 0.07, 0.12, 0.17, 0.25):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(desk.sources), str(desk.lake.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        with child.stdin, child.stdout:
            child.stdout.readline()
            child.stdin.write("go\n")
            child.stdin.flush()
            time.sleep(delay)
            child.send_signal(signal.SIGKILL)
            child.wait(timeout=HANG)
        found = desk.lake.table("receipt_lines").select(pl.col("net_minor").sum()).collect().item()
        assert found in {old, new}
        assert check_lake(desk.lake.path).ok
        seen.append(found)
        if found == new:
            break
    desk.ingest()
    assert desk.lake.table("receipt_lines").select(pl.col("net_minor").sum()).collect().item() == new
    assert desk.lake.ingests().height == 2
    assert check_lake(desk.lake.path).ok


def test_rows_of_an_ingest_that_did_not_finish_are_not_shown(desk, monkeypatch):
    desk.csv("a.csv", *LINES, "torn")
    real = delta.append

    def dies_before_the_table(path: Path, *args: object, **values: object) -> None:
        if path.name == "receipt_lines":
            raise KeyboardInterrupt
        real(path, *args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(delta, "append", dies_before_the_table)
    with pytest.raises(KeyboardInterrupt):
        ingest("sales", sources=desk.sources, lake=desk.lake, now=NOW)
    assert desk.lake.quarantine().collect().is_empty()
    monkeypatch.undo()
    assert desk.ingest().quarantined == 1
    assert desk.lake.quarantine().collect().height == 1


def quarantined(desk) -> dict[tuple[str, str], int]:
    rows = desk.lake.quarantine().group_by("rule", "value").len().collect()
    return {(rule, value): n for rule, value, n in rows.iter_rows()}


@pytest.mark.parametrize("column", ["quantity", "amount"])
@pytest.mark.parametrize("text", ["6901234567892", "-6901234567892", "92233720368547758.07", "5497558138.88"])
def test_a_barcode_typed_as_an_amount_is_set_apart_where_panels_would_refuse_it(desk, column: str, text: str):
    """Kept, it would make every page refuse later, without a word about file and line."""
    text = text if column == "amount" else text.replace("5497558138.88", "549755813.888")
    cells = "R9,S2,0008,P3,2024/2/28 20:15,{},{}".format(*((text, "1") if column == "quantity" else ("1", text)))
    desk.csv("a.csv", *LINES, cells)
    assert desk.ingest().quarantined == 1
    name = "quantity_milli" if column == "quantity" else "net_minor"
    wraps = column == "quantity" and text.startswith("9223")  # not even an Int64
    rule = f"number:{name}" if wraps else f"{name}|reasonable"
    assert quarantined(desk) == {(rule, text): 1}
    assert panels.customer_day(desk.lake.table("receipt_lines").collect(), period_end=date(2024, 3, 1)).height
    for language in ("zh", "en"):
        said = rule_in_words(rule, Words(language))
        assert "reasonable" not in said and "_" not in said


def test_what_panels_take_ingest_keeps_to_the_last_unit(desk):
    largest = f"{(LARGEST - 1) // 100}.{(LARGEST - 1) % 100:02}"
    desk.csv("a.csv", f"R9,S2,0008,P3,2024/2/28 20:15,1,{largest}")
    assert desk.ingest().quarantined == 0
    lines = desk.lake.table("receipt_lines").collect()
    assert lines["net_minor"].to_list() == [LARGEST - 1]
    assert panels.customer_day(lines, period_end=date(2024, 3, 1))["net_minor"].to_list() == [LARGEST - 1]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_bare_carriage_return_inside_a_field_spoils_nothing(desk, newline: str):
    lines = ['R8,"S1, first",0007,P\r1,2024/1/3 9:56,1,12.50', "R9,S\r2,0007,P1,2024/1/3 9:56,1,12.50", *LINES]
    desk.write("a.csv", newline.join([HEADER, *lines, ""]))
    result = desk.ingest()
    assert (result.read, result.kept) == (5, 5)
    found = desk.lake.table("receipt_lines").sort("receipt_id").collect()
    assert found["product_id"].to_list()[3] == "P 1" and found["store_id"].to_list()[3:] == ["S1, first", "S 2"]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ("R9,S2,0008,P3,0000/1/1 0:00,1,1", "time:sold_at"),
        ("R9,S2,0008,P3,9999/12/31 23:59:59,1,1", "time:sold_at"),
        ("R9,S2,0008,P3,2199/12/31 23:59:59,1,1", "future:sold_at"),
        ("R9,S2,0008,P3,2024/2/28 20:15,1,1e309", "number:net_minor"),
        ("R9,S2,0008,P3,2024/2/28 20:15,1,-1e309", "number:net_minor"),
        ("R9,S2,0008,P3,2024/2/28 20:15,1," + "9" * 200_000, "number:net_minor"),
        ("R9,S2,0008,P3,2024/2/28 20:15,1,NaN", "number:net_minor"),
        ("R9,S2,0008,P3,2024/2/28 20:15,inf,1", "number:quantity_milli"),
        ('R9,S2,0008,"P' + "x" * 200_000 + '"",2024/2/28 20:15,1,1', "too_few_fields"),
    ],
    ids=lambda text: text[-20:],
)
def test_numbers_years_and_lines_without_end_are_set_apart(desk, cells: str, rule: str):
    desk.csv("a.csv", *LINES, cells)
    result = desk.ingest()
    assert (result.kept, result.quarantined) == (3, 1)
    assert [name for name, _ in quarantined(desk)] == [rule]


@pytest.mark.parametrize("mark", ["\x00", "\ufeff", "\u200b", "\u202e"])
def test_marks_that_nobody_sees_are_kept_as_they_are_and_end_nothing(desk, mark: str):
    desk.csv("a.csv", *LINES, f"R9,S2,00{mark}08,P3,2024/2/28 20:15,1,1")
    assert desk.ingest().kept == 4


def test_two_byte_order_marks_and_one_in_the_middle_do_not_hide_the_header(desk):
    desk.write("a.csv", b"\xef\xbb\xbf" + "\n".join([HEADER, *LINES]).encode())
    desk.write("b.csv", b"\xef\xbb\xbf\xef\xbb\xbf" + "\n".join([HEADER, LINES[0].replace("R1", "R7")]).encode())
    assert desk.ingest().kept == 4


def far_cell(path: Path, cell: str, *, rows: int = 2) -> None:
    """A small workbook with one blank cell far away."""
    body = "".join(f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(1, rows + 1))
    number = int("".join(c for c in cell if c.isdigit()))
    body += f'<row r="{number}"><c r="{cell}" t="inlineStr"><is><t> </t></is></c></row>'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType='
        '"application/xml"/><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Target="xl/workbook.xml"'
        f' Type="{office}/officeDocument"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Target="worksheets/sheet1.xml" Type="{office}/worksheet"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in parts.items():
            book.writestr(name, text)


@pytest.mark.parametrize("cell", ["XFD5000", "XFD1048576", "ZZ1000000"])
def test_a_small_workbook_that_reaches_far_is_refused_before_it_takes_gigabytes(desk, cell: str):
    far_cell(desk.folder / "book.xlsx", cell)
    desk.sales("book.xlsx")
    error = refused(desk, SourceError, "ingest.too_wide")
    assert "Ctrl+End" in error.mend


def test_a_blank_cell_within_reason_is_read(desk):
    far_cell(desk.folder / "book.xlsx", "XFD100")
    desk.sales("book.xlsx")
    refused(desk, SourceError, "ingest.missing_column")


def test_a_workbook_or_an_archive_that_unpacks_to_too_much_is_refused(desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounds, "MOST_PACKED", 1_000_000)
    with zipfile.ZipFile(desk.folder / "book.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_000)
    desk.sales("book.xlsx")
    refused(desk, SourceError, "ingest.too_large")
    monkeypatch.setattr(bounds, "MOST_WHOLE", 1_000_000)
    desk.write("a.csv.gz", gzip.compress("\n".join([HEADER, *LINES, "x" * 2_000_000]).encode()))
    desk.sales("a.csv.gz")
    refused(desk, SourceError, "ingest.too_large")


def test_an_archive_is_as_large_as_it_unpacks_to_and_read_in_pieces_beyond_memory(
    desk, monkeypatch: pytest.MonkeyPatch
):
    many = [LINES[0].replace("R1", f"R{n}") for n in range(20_000)]
    text = "\n".join([HEADER, *many]).encode()
    path = desk.write("a.csv.gz", gzip.compress(text[:1000]) + gzip.compress(text[1000:]))
    assert files.text_size(path) == len(text) > 20 * path.stat().st_size / 2
    monkeypatch.setattr(files, "BATCH_BYTES", 200_000)
    monkeypatch.setattr(bounds, "MOST_WHOLE", 300_000)
    desk.sales("a.csv.gz")
    assert desk.ingest().kept == 20_000


def test_a_torn_archive_is_unreadable_in_three_sentences(desk):
    whole = gzip.compress("\n".join([HEADER, *LINES]).encode())
    desk.write("a.csv.gz", whole[: len(whole) // 2])
    desk.sales("a.csv.gz")
    refused(desk, SourceError, "ingest.unreadable")
