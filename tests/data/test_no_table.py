"""Files that are no table, hold two, or are not what their name says: three parts with a mend, nothing stored."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.errors import CrmError, SourceError
from crmlib.data.draft import draft
from crmlib.kit.words import Words
from tests.data.conftest import HEADER, Desk

NAMES = HEADER.split(",")
ROWS = [f"R{n},S{n % 2},000{n % 9},P{n % 5},2024/1/{n % 28 + 1} 9:56,1,12.5{n % 9}" for n in range(40)]
CSV = "\n".join([HEADER, *ROWS, ""])
RECORDS = [dict(zip(NAMES, row.split(","), strict=True)) for row in ROWS]
NOISE = random.Random(7).randbytes(4_000)
LETTER = "Dear Sir,\nthank you for your letter, which we read.\nWe will look at it, and answer, soon.\nYours, truly\n"
NOTICE = "关于门店促销的通知\n各位店长，请于本周五前，将活动资料提交给市场部。\n谢谢，配合。\n"
PAGE = "<!DOCTYPE html>\n<html><body><form>login</form><table><tr><td>小票号</td></tr></table></body></html>"
SHEETS = '<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet/></Workbook>'
LOCKED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(4_000)


def table(rows: int = 40) -> list[list[object]]:
    return [[*NAMES], *([*row.split(",")[:5], 1, 12.5] for row in ROWS[:rows])]


EXTRA: list[list[object]] = [["备用", "备注", "复核"], *([None, *["x" if n % 4 == 0 else None] * 2] for n in range(40))]
SPARSE = [[*row, *extra] for row, extra in zip(table(), EXTRA, strict=True)]
MEMBERS: list[list[object]] = [["会员卡号", "姓名", "性别"], *([f"M{n}", "张三", "女"] for n in range(12))]


def book(*places: tuple[int, int, list[list[object]]], sheets: tuple[str, ...] = ("明细",)) -> bytes:
    """A workbook with tables at places (row, column) of its first sheet; the other sheets hold a note."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out)
    for number, name in enumerate(sheets):
        sheet = made.add_worksheet(name)
        blocks = places if number == len(sheets) - 1 else ((0, 0, [["导出人", "日期"], ["张三", "2024-01-01"]]),)
        for top, left, rows in blocks:
            for at, row in enumerate(rows):
                sheet.write_row(top + at, left, row)
    made.close()
    return out.getvalue()


def zipped(name: str, content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


def half_sheet() -> bytes:
    """A workbook of which the sheet ends in the middle."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book((0, 0, table())))) as whole, zipfile.ZipFile(out, "w") as cut:
        for part in whole.infolist():
            data = whole.read(part)
            cut.writestr(part, data[: len(data) // 2] if "sheet1" in part.filename else data)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame(RECORDS).write_parquet(out)
    return out.getvalue()


KINDS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "an array of JSON": ("a.csv", "is_json", lambda: json.dumps(RECORDS, indent=1).encode()),
    "an object of JSON": ("a.csv", "is_json", lambda: json.dumps({"data": RECORDS}).encode()),
    "an empty array": ("a.csv", "is_json", lambda: b"[]\n"),
    "JSON with a mark": ("a.txt", "is_json", lambda: b"\xef\xbb\xbf" + json.dumps({"a": 1}).encode()),
    "JSON in UTF-16": ("a.csv", "is_json", lambda: json.dumps(RECORDS, ensure_ascii=False).encode("utf-16")),
    "packed JSON": ("a.csv.gz", "is_json", lambda: gzip.compress(json.dumps(RECORDS).encode())),
    "lines of JSON": ("a.csv", "is_json", lambda: "\n".join(map(json.dumps, RECORDS)).encode()),
    "JSON as a workbook": ("a.xlsx", "is_json", lambda: json.dumps(RECORDS).encode()),
    "a web page": ("a.csv", "is_page", PAGE.encode),
    "a web page as a workbook": ("a.xls", "is_page", PAGE.encode),
    "a workbook of 2003 in XML": ("a.xls", "is_xml", SHEETS.encode),
    "an archive": ("a.csv", "is_packed", lambda: zipped("a.csv", CSV)),
    "an archive as a workbook": ("a.xlsx", "is_packed", lambda: zipped("a.csv", CSV)),
    "7z": ("a.csv", "is_packed", lambda: b"7z\xbc\xaf'\x1c" + NOISE),
    "a workbook as a text": ("a.csv", "is_workbook", lambda: book((0, 0, table()))),
    "Parquet as a text": ("a.csv", "is_parquet", parquet),
    "a text as a workbook": ("a.xlsx", "is_text", CSV.encode),
    "a text as an old workbook": ("a.xls", "is_text", lambda: CSV.encode("gb18030")),
    "a picture": ("a.csv", "is_other", lambda: b"\x89PNG\r\n\x1a\n" + NOISE),
    "a PDF": ("a.txt", "is_other", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + NOISE),
    "a database": ("a.csv", "is_other", lambda: b"SQLite format 3\x00" + NOISE),
    "noise": ("a.csv", "is_other", lambda: NOISE),
    "a dump of SQL": ("a.csv", "is_other", lambda: b"-- dump\nINSERT INTO sales VALUES ('R1', 'S1', 1, 12.5);\n" * 9),
    "a letter": ("a.csv", "no_table", (LETTER * 9).encode),
    "a notice": ("a.txt", "no_table", (NOTICE * 9).encode),
    "a workbook with a password": ("a.xlsx", "protected", lambda: LOCKED),
    "an old workbook with a password": ("a.xls", "protected", lambda: LOCKED),
    "half a workbook": ("a.xlsx", "broken_workbook", lambda: book((0, 0, table()))[:3_000]),
    "a workbook with half a sheet": ("a.xlsx", "broken_workbook", half_sheet),
    "a workbook of noise": ("a.xlsx", "broken_workbook", lambda: b"PK\x03\x04" + NOISE),
    "two tables side by side": ("a.xlsx", "two_beside", lambda: book((0, 0, table()), (0, 9, MEMBERS))),
    "a table lower down": ("a.xlsx", "two_beside", lambda: book((0, 0, table()), (5, 8, MEMBERS))),
    "two tables below one another": ("a.xlsx", "two_below", lambda: book((0, 0, table()), (44, 0, MEMBERS))),
    "a title between the two": (
        "a.xlsx",
        "two_below",
        lambda: book((0, 0, table()), (43, 0, [["会员名单"]]), (44, 0, MEMBERS)),
    ),
    "no line between the two": ("a.xlsx", "two_below", lambda: book((0, 0, table()), (41, 0, MEMBERS))),
    "two tables in a text": (
        "a.csv",
        "two_below",
        "\n".join([CSV, "会员卡号,姓名,性别", *(f"M{n},张三,女" for n in range(8))]).encode,
    ),
    "ten thousand columns": (
        "a.csv",
        "too_many_columns",
        lambda: "\n".join([f"{HEADER}," + ",".join(f"c{n}" for n in range(9_993)), *(f"{r}" for r in ROWS)]).encode(),
    ),
    "names on the third line": ("a.csv", "other_header", f"销售明细表\n期间,2024-01\n{CSV}".encode),
    "names lower on the sheet": (
        "a.xlsx",
        "other_header",
        lambda: book((0, 0, [["销售明细表"], ["期间", "一月"]]), (2, 0, table())),
    ),
    "names on another sheet": ("a.xlsx", "other_sheet", lambda: book((0, 0, table()), sheets=("说明", "明细"))),
}


@pytest.fixture
def stored(desk: Desk) -> Callable[[str, bytes], CrmError]:
    """Ingest a file that must be refused with nothing stored."""

    def refused(name: str, content: bytes) -> CrmError:
        desk.write(name, content)
        desk.sales(name)
        with pytest.raises(CrmError) as caught:
            desk.ingest()
        assert desk.lake.versions() == {}
        return caught.value

    return refused


@pytest.mark.parametrize("what", KINDS)
def test_what_is_no_table_is_told_with_its_mend_in_both_languages_and_nothing_is_stored(stored, what):
    name, code, content = KINDS[what]
    error = stored(name, content())
    assert error.code == f"ingest.{code}"
    for language in ("zh", "en"):
        words = Words(language)
        told = [words(f"ingest.error.{code}.{part}", **error.values) for part in ("given", "expected", "mend")]
        assert all(told)
        assert "{" not in "".join(told)
    assert "Dear Sir" not in str(error)


DRAFTABLE = {"names on the third line", "names lower on the sheet", "names on another sheet"}


@pytest.mark.parametrize("what", [w for w in KINDS if w not in DRAFTABLE])
def test_no_draft_is_made_of_what_is_no_table(desk, what):
    name, _, content = KINDS[what]
    with pytest.raises(SourceError):
        draft([desk.write(name, content())])


def test_the_line_and_the_sheet_of_the_names_are_proposed_as_they_are_written(stored, desk):
    third = f"销售明细表\n期间,2024-01\n{CSV}".encode()
    assert "mend: add `header: 3`" in str(stored("a.csv", third))
    other = book((0, 0, [["销售明细表"]]), (1, 0, table()), sheets=("说明", "明细"))
    assert "`sheets: [明细], header: 2`" in str(stored("b.xlsx", other))
    desk.sales("b.xlsx", extra="  sheets: [明细]\n  header: 2")
    assert desk.ingest().kept == 40
    desk.sales("a.csv", extra="  header: 5")
    with pytest.raises(SourceError, match="add `header: 3`"):
        desk.ingest()


def test_a_column_that_stands_nowhere_is_still_told_as_missing(stored):
    assert stored("a.csv", f"销售明细表\n{CSV}".replace("金额", "数额").encode()).code == "ingest.missing_column"


def sheet_is_read(desk: Desk, content: bytes) -> int:
    desk.write("a.xlsx", content)
    desk.sales("a.xlsx")
    return desk.ingest().kept


@pytest.mark.parametrize(
    "places",
    [
        ((0, 0, table()), (0, 9, [["备注"], *([f"n{n}"] for n in range(5))])),  # one column is a note
        ((0, 0, table()), (0, 9, [["备注", "复核"], *([f"n{n}", "ok"] for n in range(40))])),  # as long as the table
        ((0, 0, [[*row[:3], "", *row[3:]] for row in table()]),),  # an empty column within it
        ((0, 0, table()), (42, 0, [["制表人：张三", "", "审核：李四"]])),  # its foot
        ((0, 0, SPARSE),),  # columns with names, one of them empty and others hardly filled
    ],
)
def test_notes_gaps_and_feet_are_no_second_table(desk, places):
    assert sheet_is_read(desk, book(*places)) == 40


def mixed(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    contents = {".csv": CSV.encode(), ".xlsx": book((0, 0, table(3))), ".parquet": parquet()}
    for name in names:
        (folder / name).write_bytes(contents.get(Path(name).suffix, NOISE))


@pytest.mark.parametrize("names", [("a.csv", "b.xlsx"), ("a.csv", "b.parquet"), ("a.csv", "b.pdf"), ("a.jpg", "b.csv")])
def test_a_folder_of_mixed_kinds_is_refused_with_the_pattern_that_helps(desk, names):
    mixed(desk.folder / "raw", *names)
    desk.sales("raw")
    with pytest.raises(SourceError, match=r"files: raw/\*\.csv") as caught:
        desk.ingest()
    assert caught.value.code == "ingest.mixed_folder"
    assert desk.lake.versions() == {}
    desk.sales("raw/*.csv")
    assert desk.ingest().kept == 40


def test_settings_and_marks_of_transfers_may_lie_in_a_folder(desk):
    mixed(desk.folder / "raw", "a.csv", ".hidden.pdf", "~$b.xlsx", "c.csv.part", "a.csv.md5", "sources.yml")
    desk.sales("raw")
    assert desk.ingest().kept == 40


@pytest.mark.parametrize("first", ["<单号>", "[单号]", "{单号}", "BMnumber", "MZ"])
def test_odd_names_of_columns_are_no_other_kind_of_file(desk, first):
    desk.write("a.csv", CSV.replace("小票号", first, 1))
    desk.describe(desk.sources.read_text("utf-8").replace("receipt_id: 小票号", f'receipt_id: "{first}"'))
    assert desk.ingest().kept == 40


def test_names_in_angle_brackets_are_no_xml(desk):
    desk.write("a.csv", CSV.replace("小票号", "<TICKET>", 1))
    desk.describe(desk.sources.read_text("utf-8").replace("receipt_id: 小票号", 'receipt_id: "<TICKET>"'))
    assert desk.ingest().kept == 40
