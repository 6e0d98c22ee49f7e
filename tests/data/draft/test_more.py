"""What a stranger's file says between its lines: numbers that begin anew, bare clocks, postage, whose money it is."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.errors import SourceError
from crmlib.data import ingest
from crmlib.data.draft import draft
from crmlib.kit.words import LANGUAGES
from tests.data.conftest import NOW, Desk
from tests.data.draft.test_draft import columns, drafted

HEAD = "门店编号,小票号,日期,时间,商品编码,数量,实收金额"


def till(*, clock: str = "{h:02}:{m:02}:00", days: int = 5, stores: int = 2, anew: str = "both") -> list[str]:
    """Receipts of two lines whose number begins anew every day, in every store, in both or never."""
    rng, rows, number = random.Random(1), [], 0
    for day in range(1, days + 1):
        for store in range(1, stores + 1):
            number = {"both": 0, "day": 100 * store, "store": 100 * day, "never": number}[anew]
            for receipt in range(20):
                number += 1
                at = clock.format(h=receipt % 13, m=rng.randrange(60))
                for line in range(2):
                    rows.append(f"S{store},{number},2025-03-{day:02},{at},P{line}{receipt % 7},1,{9 + 3 * line}.90")
    return rows


@pytest.mark.parametrize(
    ("anew", "joined"),
    [
        ("both", ["门店编号", "日期", "小票号"]),
        ("day", ["日期", "小票号"]),
        ("store", ["门店编号", "小票号"]),
        ("never", None),
    ],
)
def test_a_number_that_begins_anew_is_joined_with_what_makes_it_one_receipt(
    desk: Desk, anew: str, joined: list[str] | None
) -> None:
    file = desk.csv("till.csv", *till(anew=anew), header=HEAD)
    made = columns(file)["receipt_id"]
    assert made == ("小票号" if joined is None else {"from": joined, "join": "-"})
    drafted(desk, file)
    result = ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    assert (result.kept, result.conflict, result.quarantined) == (400, 0, 0)
    assert desk.lake.table("receipt_lines").select(pl.col("receipt_id").n_unique()).collect().item() == 200


@pytest.mark.parametrize(("clock", "seconds"), [("{h}{m:02}15", 15), ("{h:02}{m:02}15", 15), ("{h}{m:02}", 0)])
def test_a_clock_of_digits_only_is_one_time_with_its_day(desk: Desk, clock: str, seconds: int) -> None:
    rows = till(clock=clock, anew="never")
    file = desk.csv("till.csv", *rows, header=HEAD)
    assert columns(file)["sold_at"] == {"from": ["日期", "时间"]}
    drafted(desk, file)
    ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    sold = desk.lake.table("receipt_lines").collect()["sold_at"]
    hours = [int(row.split(",")[3][: -4 if seconds else -2] or 0) for row in rows]
    assert sorted(sold.dt.hour().to_list()) == sorted(hours) and set(sold.dt.second()) == {seconds}


def test_a_column_of_short_codes_is_no_clock(desk: Desk) -> None:
    rows = [f"R{n},2025-03-0{n % 9 + 1},{1000 + n},P{n},1,9.90" for n in range(40)]
    file = desk.csv("till.csv", *rows, header="小票号,日期,柜台,商品编码,数量,实收金额")
    assert columns(file)["sold_at"] == "日期"


@pytest.mark.parametrize("below", ["会员卡号,姓名,性别,电话,生日,城市,备注", "member,name,sex,phone,city,source,note"])
def test_a_second_table_of_as_many_columns_is_told_with_its_line(desk: Desk, below: str) -> None:
    file = desk.csv("till.csv", *till(days=1), below, *(f"M{n},张三,女,,,杭州,x" for n in range(9)), header=HEAD)
    with pytest.raises(SourceError) as caught:
        draft([file])
    assert (caught.value.code, caught.value.values["line"]) == ("ingest.two_below", 82)
    desk.describe("t:\n  table: receipt_lines\n  files: till.csv\n  columns: {receipt_id: 小票号, sold_at: 日期, "
                  "quantity_milli: {from: 数量, times: 1000}, net_minor: {from: 实收金额, times: 100}}\n")  # fmt: skip
    with pytest.raises(SourceError, match="line 82"):
        ingest("t", sources=desk.sources, lake=desk.lake, now=NOW)
    assert desk.lake.versions() == {}


def test_totals_and_remarks_without_a_digit_are_no_second_table(desk: Desk) -> None:
    rows = till(days=1)
    file = desk.csv("till.csv", *rows[:40], "合计,见附件,,,,,", *rows[40:], "制表,张三,,,,,", header=HEAD)
    assert draft([file])[0].mapped.table == "receipt_lines"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_that_becomes_the_member_is_said_to_be_one(desk: Desk, language: str) -> None:
    rows = [f"R{n},u{n % 9}@example.com,2025-03-0{n % 9 + 1},P{n},1,9.90" for n in range(40)]
    head = "order id,customer,date,sku,quantity,amount"
    text = drafted(desk, desk.csv("shop.csv", *rows, header=head), language=language)
    line = next(line for line in text.splitlines() if "customer_id:" in line)
    assert ("邮箱" if language == "zh" else "e-mail") in line


def retail(folder: Path) -> list[Path]:
    """Two files of a shop of the kind of Online Retail: codes for postage, and a country."""
    files = []
    for year in (1, 2):
        rows = [f"5{year}{n:04},8{n % 50:04}A,{n % 3 + 1},2010-0{year}-{n % 27 + 1:02} 10:0{n % 9},2.55,1{n % 70:04},"
                f"{'France' if n % 10 == 0 else 'United Kingdom'}" for n in range(300)]  # fmt: skip
        rows += [f"5{year}9{n:03},{code},1,2010-0{year}-05 11:00,18.00,10001,United Kingdom"
                 for n, code in enumerate(["POST", "D", "BANK CHARGES"])]  # fmt: skip
        files.append(folder / f"retail_{year}.csv")
        head = "Invoice,StockCode,Quantity,InvoiceDate,Price,Customer ID,Country"
        files[-1].write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return files


@pytest.mark.parametrize("language", LANGUAGES)
def test_whose_money_what_is_no_goods_and_what_may_be_double_is_proposed_with_what_speaks_for_it(
    desk: Desk, language: str
) -> None:
    text = drafted(desk, *retail(desk.folder), language=language)
    told = [line.strip().removeprefix("# ") for line in text.splitlines() if line.strip().startswith("# ")]
    money = next(line for line in told if line.startswith("currency: GBP"))
    goods = next(line for line in told if line.startswith("exclude:"))
    twice = next(line for line in told if line.startswith("repeat_of:"))
    assert "90%" in money and "United Kingdom" in money
    assert all(code in goods for code in ("POST", "BANK CHARGES", "D", "3")) and "8000" not in goods
    assert "Invoice" in twice and "StockCode" in twice
    first = ingest("retail_1", sources=desk.sources, lake=desk.lake, now=NOW)
    assert (first.kept, first.excluded) == (606, 0)  # nothing is taken out that nobody confirmed
    confirmed = text.replace("  # currency:", "  currency:").replace("  # exclude:", "  exclude:")
    desk.sources.write_text(confirmed.replace("  # repeat_of:", "  repeat_of:"), encoding="utf-8")
    other = type(desk.lake)(desk.folder / "other")
    second = ingest("retail_1", sources=desk.sources, lake=other, now=NOW)
    assert (second.kept, second.excluded, second.duplicate, other.currency) == (600, 6, 0, "GBP")


def test_goods_whose_codes_are_words_are_goods(desk: Desk) -> None:
    rows = [f"R{n},2025-03-0{n % 9 + 1},{('tea', 'nuts', 'P1')[n % 3]},1,9.90" for n in range(60)]
    one = draft([desk.csv("till.csv", *rows, header="小票号,日期,商品编码,数量,实收金额")])[0]
    assert one.mapped.no_goods == ("商品编码", ())


def bare(*, amount: bool, price: bool = True) -> list[str]:
    rng, rows = random.Random(3), []
    for n in range(200):
        goods, quantity = rng.randrange(12), rng.randrange(1, 900) / 1000
        cost = 5 + goods * 1.5
        at = f"2023-06-{n // 10 + 1:02},10:{n % 60:02}:11.28"
        told = [f"{cost:.2f}"] * price + [f"{cost * quantity:.2f}"] * amount
        rows.append(",".join([f"{70000 + n // 2}", at, f"10290001{goods:04}", f"{quantity:.3f}", *told, "销售", "否"]))
    return rows


@pytest.mark.parametrize("amount", [True, False])
def test_a_till_without_heads_is_told_by_its_cells_and_runs_to_the_counted_sum(desk: Desk, amount: bool) -> None:
    rows = bare(amount=amount)
    file = desk.csv("till.csv", *rows[1:], header=rows[0])
    found = columns(file)
    assert (found["receipt_id"], found["product_id"], found["sold_at"]) == ("1", "4", {"from": ["2", "3"]})
    assert "表头" in drafted(desk, file)
    result = ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    cells = [row.split(",") for row in rows]
    money = sum(round(100 * (float(c[6]) if amount else float(c[4]) * float(c[5]))) for c in cells)
    assert result.kept == 200
    assert abs(desk.lake.table("receipt_lines").collect()["net_minor"].sum() - money) <= (0 if amount else 100)


def test_money_that_nothing_proves_stays_open(desk: Desk) -> None:
    rng = random.Random(4)
    rows = [
        f"2023-06-{n // 10 + 1:02},10290001{n % 7:04},{n % 3 + 1},{rng.randrange(100, 9999) / 100:.2f}"
        for n in range(120)
    ]
    one = draft([desk.csv("till.csv", *rows[1:], header=rows[0])])[0]
    assert "net_minor" in one.mapped.missing and not one.ready


def test_what_is_weighed_is_not_added_to_what_is_counted(desk: Desk) -> None:
    units = ["公斤", "袋", "件", "KG", "升"]
    rows = [f"{row},{units[n % 5]}" for n, row in enumerate(till(anew="never"))]
    file = desk.csv("till.csv", *rows, header=f"{HEAD},计量单位")
    drafted(desk, file)
    ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    table = desk.lake.table("receipt_lines").group_by(pl.col("unit").cast(pl.String)).len().collect()
    assert dict(table.iter_rows()) == {"kg": 160, "l": 80, "piece": 160}


def test_a_column_of_units_without_weights_is_left_out(desk: Desk) -> None:
    rows = [f"{row},{'件袋'[n % 2]}" for n, row in enumerate(till(anew="never"))]
    assert "unit" not in columns(desk.csv("till.csv", *rows, header=f"{HEAD},单位"))
