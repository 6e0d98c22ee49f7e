"""Other files of the kinds that once failed, each with its right value."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.errors import SourceError
from crmlib.data import ingest
from crmlib.data.lake.last_day import before_sales, last_ordinary_day
from tests.data.conftest import NOW, Desk


def stored(desk: Desk, name: str, text: str) -> pl.DataFrame:
    """The rows of the one table that a source fills."""
    desk.describe(text)
    result = ingest(name, sources=desk.sources, lake=desk.lake, now=NOW)
    assert result.sum_holds
    return desk.lake.table(result.table).sort(pl.first()).collect()


def test_a_date_cell_beside_a_text_of_the_afternoon_is_one_time(desk: Desk) -> None:
    book = xlsxwriter.Workbook(str(desk.folder / "till.xlsx"))
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_row(0, 0, ["no", "day", "clock", "net"])
    for n, clock in enumerate(["9:01 AM", "12:30 PM", "11:59 PM", "12:05 AM"]):
        sheet.write_row(n + 1, 0, [f"R{n}", None, clock, 5])
        sheet.write_datetime(n + 1, 1, datetime(2025, 9, 1), day)  # noqa: DTZ001 (a cell has no zone)
    book.close()
    rows = stored(desk, "t", "t:\n  table: receipt_lines\n  files: till.xlsx\n  columns: {receipt_id: no, "
                  "sold_at: {from: [day, clock]}, quantity_milli: {constant: 1000}, net_minor: {from: net, "
                  "times: 100}}\n")  # fmt: skip
    assert [f"{t:%d %H:%M}" for t in rows["sold_at"]] == ["01 09:01", "01 12:30", "01 23:59", "01 00:05"]


@pytest.mark.parametrize("names", [["Müller", "Jäger", "Größe", "Bäcker"], ["Lefèvre", "Garçon", "Noël", "Hôtel"]])
def test_names_of_other_countries_are_whole_or_refused_with_the_readings_side_by_side(
    desk: Desk, names: list[str]
) -> None:
    desk.write("people.csv", ("id;name\n" + "".join(f"{n};{name}\n" for n, name in enumerate(names))).encode("cp1252"))
    text = "p:\n  table: people\n  files: people.csv\n  delimiter: ';'\n  columns: {customer_id: id, name: name}\n"
    try:
        found = stored(desk, "p", text)["name"].to_list()
    except SourceError as refused:
        assert refused.code == "ingest.unclear_encoding" and names[0] in str(refused)
        found = stored(desk, "p", text.replace("  delimiter", "  encoding: cp1252\n  delimiter"))["name"].to_list()
    assert found == names


def test_members_without_a_sex_with_a_day_of_birth_and_with_two_phones(desk: Desk) -> None:
    desk.csv("m.csv", "M1,N/A,1990-02-29,1", "M2,女,1988/11/03,2", "M2,女,1988/11/03,3", "M3,其他,,4",
             header="卡,性别,生日,电话")  # fmt: skip
    rows = stored(desk, "m", "m:\n  table: customers\n  files: m.csv\n  empty: [N/A]\n"
                  "  quarantine_limit: 100%\n  columns:\n"
                  "    customer_id: 卡\n    gender: {from: 性别, map: {女: female}, other: null}\n"
                  "    birth_month: {month_of: 生日, other: null}\n    birth_day: {day_of: 生日, other: null}\n"
                  "    education: 电话\n")  # fmt: skip
    assert rows["customer_id"].to_list() == ["M1", "M2", "M3"]
    assert rows["gender"].to_list() == [None, "female", None]
    assert rows["birth_month"].to_list()[1:] == [11, None] and rows["birth_day"].to_list()[1:] == [3, None]
    assert desk.lake.ingests()["conflict"].to_list() == [1]


def test_merged_cells_of_an_order_under_a_title_with_a_total_below(desk: Desk) -> None:
    book = xlsxwriter.Workbook(str(desk.folder / "pos.xlsx"))
    sheet = book.add_worksheet("十月")
    sheet.write(0, 0, "销售明细（十月）")
    sheet.write_row(1, 0, ["单号", "时间", "商品", "金额"])
    sheet.merge_range(2, 0, 4, 0, "A1")
    sheet.merge_range(2, 1, 4, 1, "2025-10-01 10:00")
    for n, paid in enumerate((5, 7, 11)):
        sheet.write_row(2 + n, 2, [f"P{n}", paid])
    sheet.write_row(5, 0, ["A2", "2025-10-01 11:00", "P0", 13])
    sheet.write_row(6, 0, ["合计：", None, None, 36])
    book.close()
    text = ("t:\n  table: receipt_lines\n  files: pos.xlsx\n{head}  fill_down: [单号, 时间]\n"
            "  exclude: {{total: {{单号: {{starts_with: 合计}}}}}}\n  columns: {{receipt_id: 单号, sold_at: 时间, "
            "product_id: 商品, quantity_milli: {{constant: 1000}}, "
            "net_minor: {{from: 金额, times: 100}}}}\n")  # fmt: skip
    with pytest.raises(SourceError, match="header: 2"):
        stored(desk, "t", text.format(head=""))
    rows = stored(desk, "t", text.format(head="  header: 2\n"))
    assert (rows.height, rows["net_minor"].sum(), rows["receipt_id"].n_unique()) == (4, 3600, 2)


@pytest.mark.parametrize("ahead", [40, 365, 3650])
@pytest.mark.parametrize("behind", [date(1970, 1, 1), date(2009, 5, 3)])
def test_lines_dated_long_ago_and_to_come_are_both_named_and_move_neither_end(ahead: int, behind: date) -> None:
    days = pl.date_range(date(2025, 1, 1), date(2025, 6, 30), eager=True)
    odd = [(behind, 2), (days[-1] + timedelta(days=ahead), 1)]
    counts = pl.DataFrame(
        {"day": [*days, *(d for d, _ in odd)], "lines": [20 + n % 7 for n in range(len(days))] + [n for _, n in odd]}
    )
    assert last_ordinary_day(counts).day == days[-1]
    assert last_ordinary_day(counts).stray["lines"].to_list() == [1]
    assert before_sales(counts).rows() == [(behind, 2)]


def test_a_company_that_began_in_a_small_way_and_one_that_paused_have_no_stray_days() -> None:
    days = pl.date_range(date(2025, 1, 1), date(2025, 6, 30), eager=True)
    slow = pl.DataFrame({"day": days, "lines": [1 + n // 10 for n in range(len(days))]})
    assert before_sales(slow).is_empty()
    paused = slow.filter(~pl.col("day").is_between(date(2025, 2, 1), date(2025, 3, 15)))
    assert before_sales(paused).is_empty()
