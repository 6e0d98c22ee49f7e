"""Heads of several lines, counted and Japanese times: they run as drafted, or stay open with the line to write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import xlsxwriter

from crmlib.core.errors import SourceError
from crmlib.data.draft import draft
from crmlib.kit.words import Words
from crmlib.run import draft as drafting
from tests.data.conftest import NOW, Desk

FIRST, ROWS = datetime(2025, 1, 2, 9, 30, tzinfo=UTC), 40
LINES = [
    (f"R{n // 2}", FIRST + timedelta(hours=7 * (n // 2)), f"S{n // 2 % 3}", f"P{n % 7}", n % 3 + 1, 199 + 130 * (n % 7))
    for n in range(ROWS)
]
SUM = sum(quantity * price for *_, quantity, price in LINES)


def plain(*line: Any) -> list[str]:
    r, at, s, p, q, x = line
    return [r, f"{at:%Y-%m-%d %H:%M}", s, p, str(q), f"{q * x / 100:.2f}"]


def table(*heads: str, row: Callable[..., list[str]] = plain) -> str:
    return "\n".join([*heads, *(",".join(row(*line)) for line in LINES), ""])


def timed(say: Callable[[datetime], str]) -> str:
    return table(
        "売上番号,売上日時,店舗コード,商品コード,数量,売上金額",
        row=lambda r, at, *o: [r, say(at), *plain(r, at, *o)[2:]],
    )


def half(at: datetime) -> str:
    return f"{at:%Y/%m/%d} 午{'前' if at.hour < 12 else '後'}{at.hour % 12}:{at:%M}"


NAMES = "单号,时间,门店,货号,数量,金额"
FILES = {
    "Chinese over English": table(NAMES, "no,at,shop,code,count,sum"),
    "codes over Chinese": table("f_a,f_b,f_c,f_d,f_e,f_f", NAMES),
    "units": table(NAMES, ",,,,(件),(元)"),
    "groups over names": table("订单,,,商品,,", NAMES),
    "groups in every cell": table("订单,订单,订单,商品,商品,商品", NAMES),
    "names merged with groups": table("单号,时间,门店,商品,,", ",,,编码,数量,金额"),
    "groups that tell names apart": table("单号,时间,门店,货号,销售,,退货,", ",,,,数量,金额,数量,金额",
                                          row=lambda *o: [*plain(*o), "0", "0.00"]),
    "titles, groups, names, units": table("某超市明细,,,,,", "2025 年 1 月,,,,,", "订单,,,商品,,", NAMES, ",,,,件,元"),
    "seconds since 1970": timed(lambda at: f"{at.timestamp() - 8 * 3600:.0f}"),
    "milliseconds since 1970": timed(lambda at: f"{at.timestamp() * 1000 - 8 * 3600_000:.0f}"),
    "halves of the day": timed(half),
    "hours and minutes in words": timed(lambda at: f"{at:%Y}年{at:%m}月{at:%d}日 {at.hour}時{at:%M}分"),
    "years of an era": timed(lambda at: f"令和{at.year - 2018}年{at.month}月{at.day}日 {at:%H:%M}"),
    "an era's letter": timed(lambda at: f"R{at.year - 2018:02}/{at.month:02}/{at.day:02} {at:%H:%M}"),
    "weekdays": timed(lambda at: f"{at:%Y/%m/%d}({'月火水木金土日'[at.weekday()]}) {at:%H:%M}"),
}  # fmt: skip


def write(desk: Desk, language: str = "zh") -> tuple[bool, str]:
    file = next(f for f in desk.folder.iterdir() if f != desk.sources)
    desk.sources.unlink()
    said: list[str] = []
    ready = drafting.write([file], out=desk.sources, table=None, ask=None, say=said.append, words=Words(language))
    return ready, desk.sources.read_text("utf-8")


def counted(desk: Desk) -> None:
    desk.ingest("till", now=NOW)
    lines = desk.lake.table("receipt_lines").collect()
    assert (lines.height, lines["net_minor"].sum(), lines["quantity_milli"].sum()) == (
        ROWS, SUM, 1000 * sum(line[4] for line in LINES))  # fmt: skip
    sold = lines.sort("src_line")["sold_at"].dt.replace_time_zone("UTC").to_list()
    assert sold == [line[1] for line in LINES]
    assert lines["store_id"].n_unique() == 3 and lines["product_id"].n_unique() == 7


@pytest.mark.parametrize("kind", FILES)
def test_it_runs_as_drafted_to_the_counted_sum(desk: Desk, kind: str) -> None:
    desk.write("till.csv", FILES[kind])
    assert write(desk)[0]
    counted(desk)


def test_a_sheet_with_merged_heads_runs_as_drafted(desk: Desk) -> None:
    book = xlsxwriter.Workbook(str(desk.folder / "till.xlsx"))
    sheet = book.add_worksheet("明细")
    sheet.write(0, 0, "销售明细表")
    for column, name in enumerate(["单号", "时间", "门店"]):
        sheet.merge_range(1, column, 2, column, name)
    sheet.merge_range(1, 3, 1, 5, "商品")
    sheet.write_row(2, 3, ["编码", "数量", "金额"])
    for n, line in enumerate(LINES):
        sheet.write_row(3 + n, 0, plain(*line))
    book.close()
    assert write(desk)[0]
    counted(desk)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_names_that_stand_twice_stay_open_with_the_line_to_write(desk: Desk, language: str) -> None:
    desk.write("till.csv", table("单号,时间,门店,货号,本月,,上月,", ",,,,数量,金额,数量,金额",
                                 row=lambda *o: [*plain(*o), "9", "9.00"]))  # fmt: skip
    ready, text = write(desk, language)
    assert not ready
    with pytest.raises(SourceError):
        desk.ingest("till", now=NOW)
    for line in ('quantity_milli: {from: "数量#5", times: 1000}', 'net_minor: {from: "金额#6", times: 100}'):
        assert f"    # {line}\n" in text
        text = text.replace(f"    # {line}\n", f"    {line}\n")
    desk.sources.write_text(text, encoding="utf-8")
    counted(desk)


def test_day_or_month_stays_open_with_both_lines_clock_and_all(desk: Desk) -> None:
    rows = [f"R{n},{n * 5 % 9 + 1:02}/{n % 9 + 1:02}/2025,{n % 12:02}:15,P1,1,9.90" for n in range(20)]
    desk.csv("till.csv", *rows, header="单号,日期,时间,货号,数量,金额")
    ready, text = write(desk)
    assert not ready
    both = [f'    # sold_at: {{from: [日期, 时间], date: "{order}/%Y %H:%M"}}\n' for order in ("%d/%m", "%m/%d")]
    assert all(line in text for line in both)
    desk.sources.write_text(text.replace(both[1], both[1].replace("# ", "")), encoding="utf-8")
    desk.ingest("till", now=NOW)
    assert desk.lake.table("receipt_lines").collect()["sold_at"].dt.minute().unique().to_list() == [15]


@pytest.mark.parametrize("clock", ["{h:02}1500", "{h}15", "下午1:15"])
def test_a_clock_beside_a_day_whose_year_comes_last_is_read(desk: Desk, clock: str) -> None:
    rows = [f"R{n},{n % 27 + 1:02}/03/2025,{clock.format(h=n % 12)},P1,1,9.90" for n in range(40)]
    desk.csv("till.csv", *rows, header="单号,日期,时间,货号,数量,金额")
    assert write(desk)[0]
    desk.ingest("till", now=NOW)
    sold = desk.lake.table("receipt_lines").collect().sort("src_line")["sold_at"]
    assert sold.dt.minute().unique().to_list() == [15]
    assert sold.dt.hour().to_list() == [13 if "下午" in clock else n % 12 for n in range(40)]


def test_numbers_as_long_as_a_time_since_1970_are_none_without_a_head_that_says_so(desk: Desk) -> None:
    rows = [f"{1735781400 + n},2025-01-0{n % 9 + 1},138001380{n:02},P1,1,9.90" for n in range(40)]
    file = desk.csv("till.csv", *rows, header="单号,日期,会员手机号,货号,数量,金额")
    found = draft([file])[0].mapped.columns
    assert (found["sold_at"], found["receipt_id"], found["customer_id"]) == ("日期", "单号", "会员手机号")
