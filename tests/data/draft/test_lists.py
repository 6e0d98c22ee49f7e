"""Files without heads: lists of members, goods and stores by what stands in them, and a till with cards."""

from __future__ import annotations

import random

import pytest
import xlsxwriter

from crmlib.data.draft import Mapped, draft
from tests.data.conftest import NOW, Desk
from tests.data.draft.test_draft import drafted

FAMILY, TOWNS = "王李张刘陈杨赵黄周吴", ("杭州市", "上海市", "苏州市")
MEMBERS = [
    (f"M{n:04}", FAMILY[n % 10] + "芳", ("女", "男", "未知")[n % 3], f"1380013{n:04}",
     f"{1950 + n % 55}-{n % 12 + 1:02}-05", f"2023-{n % 12 + 1:02}-1{n % 9}", f"S{n % 3}")
    for n in range(60)
]  # fmt: skip
GOODS = [(f"69{n:05}", f"绿茶{n}号", ("茶叶", "坚果")[n % 2], ("散装", "袋装", "礼盒", "罐装")[n % 4], f"{9 + n}.90")
         for n in range(40)]  # fmt: skip
STORES = [(f"S{n:02}", f"第{n}分店", TOWNS[n % 3], "华东", f"20{10 + n}-05-01") for n in range(9)]


def found(desk: Desk, name: str, rows: list[tuple[str, ...]], delimiter: str = ",", encoding: str = "utf-8") -> Mapped:
    return draft([desk.write(name, "\n".join(map(delimiter.join, rows)).encode(encoding))])[0].mapped


@pytest.mark.parametrize(("delimiter", "encoding"), [("|", "gb18030"), ("\t", "utf-8-sig"), (";", "utf-16")])
def test_members_are_told_by_sexes_and_telephones(desk: Desk, delimiter: str, encoding: str) -> None:
    one = found(desk, "list.txt", MEMBERS, delimiter, encoding)
    assert one.table == "customers"
    assert one.columns == {
        "customer_id": "1", "gender": {"from": "3", "map": {"女": "female", "男": "male"}, "other": "null"},
        "birth_month": {"month_of": "5"}, "joined_on": "6",
    }  # fmt: skip
    drafted(desk, desk.folder / "list.txt")
    assert desk.ingest("list", now=NOW).kept == 60


def test_members_are_told_by_addresses(desk: Desk) -> None:
    rows = [(f"u{n}@example.com", f"Ann {n}", str(100 + n)) for n in range(30)]
    assert found(desk, "people.csv", rows).columns == {"customer_id": "3"}


@pytest.mark.parametrize("encoding", ["gb18030", "big5"])
def test_goods_are_told_by_names_and_kinds_and_their_price_stays_open(desk: Desk, encoding: str) -> None:
    rows = [tuple(cell.replace("号", "").replace("绿", "綠") if encoding == "big5" else cell for cell in row)
            for row in GOODS]  # fmt: skip
    rows = [tuple(c.replace("叶", "葉").replace("坚", "堅").replace("装", "裝").replace("礼", "禮") for c in row)
            if encoding == "big5" else row for row in rows]  # fmt: skip
    one = found(desk, "goods.csv", rows, ";", encoding)
    assert one.table == "products"
    assert one.columns == {"product_id": "1", "name": "2", "category_1": "3", "category_2": "4"}


def test_stores_of_a_sheet_are_told_by_their_names(desk: Desk) -> None:
    book = xlsxwriter.Workbook(str(desk.folder / "stores.xlsx"))
    sheet = book.add_worksheet()
    for n, row in enumerate(STORES):
        sheet.write_row(n, 0, row)
    book.close()
    one = draft([desk.folder / "stores.xlsx"])[0].mapped
    assert one.table == "stores"
    assert one.columns == {"store_id": "1", "name": "2", "city": "3", "region": "4", "opened_on": "5"}


def test_a_till_with_cards_is_a_till_and_neither_stores_nor_cashiers_are_members(desk: Desk) -> None:
    rng, rows = random.Random(6), []
    for n in range(300):
        at = f"2024-{n // 28 + 1:02}-{n % 28 + 1:02},{9 + n % 9}:{rng.randrange(10, 60)}"
        card, cashier = f"C{rng.randrange(40):05}", f"K{n % 3:06}"
        for _ in range(rng.randint(1, 3)):
            goods, count = rng.randrange(9), rng.randint(1, 3)
            price = 300 + 170 * goods
            money = f"{price / 100:.2f},{price * count / 100:.2f}"
            rows.append((f"{5000 + n}", at, f"P{goods}", str(count), money, card, cashier))
    one = found(desk, "till.csv", rows).columns
    assert (one["receipt_id"], one["product_id"], one["customer_id"]) == ("1", "4", "8")
    assert (one["net_minor"], one["sold_at"]) == ({"from": "7", "times": 100}, {"from": ["2", "3"]})
    assert "store_id" not in one and "staff_id" not in one


def test_a_list_that_nothing_tells_stays_open(desk: Desk) -> None:
    rows = [(f"K{n:03}", str(n * 7), f"{n}.5") for n in range(30)]
    path = desk.write("list.csv", "\n".join(map(",".join, rows)))
    assert not draft([path])[0].ready
