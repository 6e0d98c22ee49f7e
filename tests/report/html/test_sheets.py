"""Downloads: numbers as numbers, text as text, the same bytes for the same table."""

from __future__ import annotations

import re
import zipfile
from datetime import date
from io import BytesIO

import fastexcel
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.kit.words import Words
from crmlib.report.html import sheets
from tests.report.payloads import FORMULAS

DAY = date(2026, 6, 30)


def book(table: pl.DataFrame, language: str = "zh") -> bytes:
    return sheets.xlsx([sheets.Sheet("t", table)], words=Words(language), day=DAY)  # type: ignore[arg-type]


def part(content: bytes, name: str = "xl/worksheets/sheet1.xml") -> str:
    return zipfile.ZipFile(BytesIO(content)).read(name).decode()


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_becomes_a_formula_or_a_link(text: str) -> None:
    content = book(pl.DataFrame({"name": [text]}))
    assert "<f>" not in part(content) and "<hyperlink" not in part(content)
    assert 'quotePrefix="1"' in part(content, "xl/styles.xml")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_text_is_written_as_a_string(texts: list[str]) -> None:
    xml = part(book(pl.DataFrame({"name": texts})))
    assert "<f>" not in xml and not re.search(r"<c (?![^>]*t=\"s\")[^>]*>\s*<v>", xml)


def test_money_is_in_currency_units_shares_are_percent_and_days_are_days() -> None:
    table = pl.DataFrame({"net_minor": [123_456], "share_net": [0.25], "day": [DAY], "n": [None]})
    read = fastexcel.read_excel(book(table)).load_sheet(0).to_polars()
    assert read.row(0)[:2] == (1234.56, 0.25)
    assert str(read.row(0)[2]).startswith("2026-06-30")
    assert "元" in read.columns[0]


def test_the_same_table_gives_the_same_bytes() -> None:
    table = pl.DataFrame({"a": ["x", "=1"], "b_minor": [1, None]})
    assert book(table) == book(table)
    assert sheets.parquet(table) == sheets.parquet(table)


def test_two_tables_of_one_title_get_two_sheets() -> None:
    two = [sheets.Sheet("a:b", pl.DataFrame({"x": [1]}))] * 2
    names = fastexcel.read_excel(sheets.xlsx(two, words=Words("en"), day=DAY)).sheet_names
    assert names == ["a b", "a b 2"]


def test_a_column_to_fill_in_takes_only_the_list_of_its_row() -> None:
    table = pl.DataFrame({"customer": ["A1", "B2", "C3"]})
    ask = pl.DataFrame({"loss_reason": [["price", "=1+1"], ["moved"], ["price", "=1+1"]]})
    content = sheets.xlsx([sheets.Sheet("t", table, ask)], words=Words("en"), day=DAY)
    page, choices = part(content), part(content, "xl/worksheets/sheet2.xml")
    rules = re.findall(r'<dataValidation type="list"[^>]*sqref="(\w+)"><formula1>(.*?)</formula1>', page)
    assert rules == [("B2", "'choices'!$A$1:$A$2"), ("B3", "'choices'!$B$1"), ("B4", "'choices'!$A$1:$A$2")]
    assert 'state="hidden"' in part(content, "xl/workbook.xml")
    assert "<f>" not in choices
    read = fastexcel.read_excel(content).load_sheet(0).to_polars()
    assert read.columns == [Words("en").column("customer"), Words("en").column("loss_reason")]
    assert read[:, 1].null_count() == 3
