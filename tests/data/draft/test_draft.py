"""A draft of a sources file from a stranger's file: it runs, its money and dates are right, what is open is said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import xlsxwriter

from crmlib.core.errors import ParameterError, SourceError
from crmlib.data import ingest, sourcefile
from crmlib.data.draft import draft, lacking
from crmlib.kit.words import Words
from crmlib.run import draft as drafting
from tests.data.conftest import NOW, Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")


def drafted(desk: Desk, *files: Path, language: str = "zh", table: str | None = None) -> str:
    text = drafting.text(draft(files, table=table), folder=desk.folder, words=Words(language))  # type: ignore[arg-type]
    desk.sources.write_text(text, encoding="utf-8")
    return text


def columns(file: Path) -> dict[str, object]:
    return {line.column: line.made for line in draft([file])[0].mapped.lines}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_till_export_in_gb18030_is_drafted_and_runs_as_it_is(desk, language):
    lines = [f"{3000 + n},一店,R{n},{n % 3 + 1}.5,2,2024/1/{n % 28 + 1} 9:56" for n in range(60)]
    file = desk.csv("till.csv", *lines, header="商品ID,门店,订单ID,单价,销量,成交时间", encoding="gb18030")
    text = drafted(desk, file, language=language)
    assert "encoding: gb18030" in text
    result = ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    assert (result.kept, result.quarantined) == (60, 0)
    rows = desk.lake.table("receipt_lines").collect()
    assert rows["net_minor"].sum() == sum((n % 3 + 1.5) * 200 for n in range(60))
    assert lacking(draft([file]))["customer_value"] == ("customer_id", "cost_minor")


def test_titles_above_the_names_and_cells_of_date_and_time_are_found(desk):
    book = xlsxwriter.Workbook(str(desk.folder / "till.xlsx"))
    day, clock = (book.add_format({"num_format": form}) for form in ("yyyy-mm-dd", "hh:mm:ss"))
    book.add_worksheet("说明").write(0, 0, "导出说明")
    sheet = book.add_worksheet("明细")
    sheet.write(0, 0, "某某超市销售明细表")
    sheet.write_row(2, 0, ["小票号", "日期", "时间", "货号", "数量", "实收金额（元）"])
    for n in range(30):
        sheet.write_row(3 + n, 0, [f"R{n}", None, None, f"P{n}", 1, 9.9])
        sheet.write_datetime(3 + n, 1, datetime(2025, 3, n % 28 + 1), day)  # noqa: DTZ001 (a cell has no zone)
        sheet.write_datetime(3 + n, 2, datetime(1899, 12, 31, 9, n, 27), clock)  # noqa: DTZ001
    book.close()
    text = drafted(desk, desk.folder / "till.xlsx")
    assert "header: 3" in text
    assert "sheets: [明细]" in text
    assert ingest("till", sources=desk.sources, lake=desk.lake, now=NOW).kept == 30
    first = desk.lake.table("receipt_lines").collect().sort("src_line").row(0, named=True)
    assert (first["sold_at"], first["net_minor"]) == (datetime(2025, 3, 1, 9, 0, 27, tzinfo=SHANGHAI), 990)


HEAD = "order_id;date;sku;qty;amount"


def test_day_before_month_and_a_decimal_comma_are_read_from_all_values(desk):
    lines = [f"{n};{n % 28 + 1}/{n % 12 + 1}/2024 10:00;P{n};1;1.234,50" for n in range(60)]
    text = drafted(desk, desk.csv("a.csv", *lines, header=HEAD))
    assert 'decimal: ","' in text
    assert "%d/%m/%Y %H:%M" in text
    assert ingest("a", sources=desk.sources, lake=desk.lake, now=NOW).kept == 60
    assert desk.lake.table("receipt_lines").collect()["net_minor"].unique().to_list() == [123450]


def test_where_both_orders_fit_the_one_in_which_the_lines_lie_in_order_is_taken(desk):
    days = [f"{day}/{month}/2024" for month in (1, 2, 3) for day in range(1, 13)]  # day first, in order
    file = desk.csv("a.csv", *(f"{n};{day};P;1;5" for n, day in enumerate(days)), header=HEAD)
    assert columns(file)["sold_at"] == {"from": "date", "date": "%d/%m/%Y"}


def test_where_nothing_tells_day_from_month_a_person_is_asked_and_nothing_guessed(desk):
    file = desk.csv("a.csv", *(f"{n};{day};P;1;5" for n, day in enumerate(["3/4/2024", "4/3/2024"] * 20)), header=HEAD)
    text = drafted(desk, file, language="en")
    assert "day or month first?" in text
    assert not draft([file])[0].ready
    with pytest.raises(SourceError):
        sourcefile.load(desk.sources)


@pytest.mark.parametrize(
    ("head", "made"),
    [
        ("amount", {"from": "amount", "times": 100}),
        ("金额(分)", {"from": "金额(分)", "times": 1}),
        ("Net Amount (cents)", {"from": "Net Amount (cents)", "times": 1}),
        ("unit price", {"product": ["unit price", "qty"], "times": 100}),
        ("balance", None),
    ],
)
def test_money_is_the_amount_of_the_line_in_its_unit_or_price_times_quantity(desk, head, made):
    lines = [f"{n};2024-01-{n % 28 + 1:02d};P;2;500" for n in range(30)]
    assert columns(desk.csv("a.csv", *lines, header=HEAD.replace("amount", head))).get("net_minor") == made


def test_a_column_of_words_is_no_money_whatever_its_head_says(desk):
    lines = [f"{n};2024-01-{n % 28 + 1:02d};P;2;很多" for n in range(30)]
    assert "net_minor" not in columns(desk.csv("a.csv", *lines, header=HEAD))


def test_members_are_told_from_receipts_by_their_columns(desk):
    lines = [f"M{n},女,1990-05-{n % 28 + 1:02d},2023/1/3,一店" for n in range(30)]
    file = desk.csv("m.csv", *lines, header="会员卡号,性别,生日,开卡日期,归属门店")
    found = draft([file])[0]
    assert found.mapped.table == "customers"
    assert columns(file)["birth_month"] == {"month_of": "生日"}
    drafted(desk, file)
    assert ingest("m", sources=desk.sources, lake=desk.lake, now=NOW).kept == 30
    assert desk.lake.table("customers").collect()["gender"].unique().to_list() == ["female"]


def test_a_large_file_is_judged_by_head_middle_and_tail(desk, monkeypatch):
    monkeypatch.setattr(sys.modules["crmlib.data.draft.look"], "STRETCH", 4_000)
    lines = [f"R{n};2024-01-{n % 28 + 1:02d};P{n};1;{n}.50" for n in range(2_000)]
    seen = draft([desk.csv("a.csv", *lines, header=HEAD)])[0].seen
    assert not seen.whole
    ids = seen.rows["order_id"].str.slice(1).cast(pl.Int64)
    assert (ids.min(), ids.max()) == (0, 1_999)
    assert ids.is_between(900, 1_100).any()
    assert seen.rows.height < 600


def test_the_command_writes_nothing_over_a_file_and_asks_before_it_writes(desk):
    file = desk.csv("a.csv", *(f"{n};2024-01-{n % 28 + 1:02d};P;1;5" for n in range(30)), header=HEAD)
    said: list[str] = []

    def write(*, yes: bool, out: Path, table: str | None = None) -> bool:
        words = Words("en")

        def ask(_: str, choices: Sequence[str]) -> str | None:
            return choices[0 if yes else 1]

        return drafting.write([file], table=table, out=out, ask=ask, say=said.append, words=words)

    assert write(yes=False, out=desk.folder / "new.yml")
    assert not (desk.folder / "new.yml").exists()
    assert write(yes=True, out=desk.folder / "new.yml")
    assert "by the head sku" in (desk.folder / "new.yml").read_text("utf-8")
    with pytest.raises(SourceError, match="exists"):
        write(yes=True, out=desk.folder / "new.yml")
    with pytest.raises(ParameterError, match="receipt_lines"):
        write(yes=True, out=desk.folder / "other.yml", table="receipts")


@pytest.mark.parametrize("content", [b"", b"just a letter\nto somebody\n", b"a\n1\n2\n"])
def test_a_file_that_is_no_table_is_refused(desk, content):
    with pytest.raises(SourceError, match="two columns"):
        draft([desk.write("a.csv", content)])
