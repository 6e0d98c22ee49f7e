"""Exports of shop systems and other usual files, made here: drafted, run as they are, with the counted sum."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from crmlib.data import Lake, ingest_all
from crmlib.data.draft import draft
from crmlib.kit.words import Words
from crmlib.run import draft as drafting
from tests.data.conftest import NOW, Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Sold:
    """One line of an order: number, time and member of the order; place, product, price in cents, quantity."""

    order: int
    at: datetime
    member: str
    place: int
    sku: str
    cents: int
    count: int

    @property
    def first(self) -> bool:
        return self.place == 0

    @property
    def price(self) -> str:
        return f"{self.cents / 100:.2f}"

    @property
    def paid(self) -> str:
        return f"{self.cents * self.count / 100:.2f}"

    @property
    def whole(self) -> float:
        return WHOLE[self.order]

    @property
    def day(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def half(self) -> str:
        return "上午" if self.at.hour < 12 else "下午"


def sales(orders: int = 60) -> list[Sold]:
    rng = random.Random(5)
    made = []
    for order in range(orders):
        at = datetime(2024, 1, 3, 9) + timedelta(hours=13 * order, minutes=rng.randrange(60))  # noqa: DTZ001
        member = f"M{rng.randrange(20):03d}"
        for place in range(rng.randint(1, 4)):
            sku = rng.randrange(12)
            made.append(Sold(order + 1001, at, member, place, f"P{sku:03d}", 305 + 100 * sku, rng.randint(1, 4)))
    return made


SALES = sales()
TOTAL = sum(s.cents * s.count for s in SALES)
WHOLE = {s.order: sum(o.cents * o.count for o in SALES if o.order == s.order) / 100 for s in SALES}
Row = Callable[[Sold], Sequence[object]]


def once(*fields: object, at: Sold) -> list[object]:
    """Fields of the order, on its first line only."""
    return list(fields) if at.first else [""] * len(fields)


SHOPS: dict[str, tuple[str, str, Row]] = {
    "shopify": (
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,"
        "Lineitem price,Lineitem sku,Lineitem discount",
        "utf-8",
        lambda s: [
            f"#{s.order}", f"{s.member}@x.org",
            *once("paid", f"{s.day} +0800", "USD", s.whole, s.whole, f"{s.day} +0800", at=s),
            s.count, "tea", s.price, s.sku, "0.00",
        ],
    ),
    "woocommerce": (
        "Order Number,Order Status,Order Date,Email (Billing),Order Total Amount,SKU,Item Name,Quantity,Item Cost",
        "utf-8",
        lambda s: [s.order, "Completed", s.day, f"{s.member}@x.org", s.whole, s.sku, "tea", s.count, s.price],
    ),
    "square": (
        "Date,Time,Item,Qty,Price Point Name,SKU,Gross Sales,Discounts,Net Sales,Transaction ID,Location,Customer ID",
        "utf-8",
        lambda s: [
            f"{s.at:%m/%d/%Y}", f"{s.at:%H:%M:%S}", "tea", f"{s.count}.0", "Regular", s.sku, f"${s.paid}", "$0.00",
            f"${s.paid}", f"T{s.order}", "Main St", s.member,
        ],
    ),
    "odoo": (
        "Order Reference,Order Date,Customer,Status,Order Lines/Product,Order Lines/Quantity,Order Lines/Unit Price,"
        "Order Lines/Total",
        "utf-8",
        lambda s: [*once(f"S{s.order}", s.day, s.member, "Sales Order", at=s), s.sku, s.count, s.price, s.paid],
    ),
    "youzan": (
        "订单号,订单状态,买家付款时间,归属店铺,商品名称,商品编码,商品单价,商品数量,商品优惠后金额,订单实付金额,买家手机号",
        "gb18030",
        lambda s: [
            f"E{s.order}\t", "交易完成", s.day, "旗舰店", "茶叶", s.sku, s.price, s.count, s.paid, s.whole, s.member,
        ],
    ),
    "weimob": (
        "订单编号,下单时间,支付时间,订单状态,下单门店,商品名称,规格编码,购买数量,商品实付金额,订单实付金额,会员卡号",
        "utf-8-sig",
        lambda s: [
            *once(s.order, s.day, s.day, "已完成", "一店", at=s), "茶叶", s.sku, s.count, s.paid,
            *once(s.whole, s.member, at=s),
        ],
    ),
    "meituan": (
        "订单编号,门店名称,下单时间,完成时间,订单状态,菜品名称,菜品数量,菜品单价,菜品金额,商家实收,就餐人数,会员号",
        "utf-8",
        lambda s: [
            f"8{s.order}", "朝阳店", s.day, s.day, "已完成", s.sku, s.count, s.price, s.paid, s.whole, 2, s.member,
        ],
    ),
    "kingdee": (
        "单据编号,日期,客户编码,物料编码,物料名称,单位,实发数量,含税单价,价税合计,总成本,仓库",
        "gb18030",
        lambda s: [
            *once(f"XS{s.order}", f"{s.at:%Y/%m/%d}", s.member, at=s), s.sku, "茶叶", "盒", s.count, s.price, s.paid,
            "1.00", *once("一号仓", at=s),
        ],
    ),
    "yonyou": (
        "单据号,单据日期,客户编码,仓库,存货编码,存货名称,数量,含税单价,无税金额,价税合计",
        "gb18030",
        lambda s: [f"0{s.order}", f"{s.at:%Y-%m-%d}", s.member, "一号仓", s.sku, "茶", s.count, s.price, 1, s.paid],
    ),
}  # fmt: skip
OTHERS: dict[str, tuple[str, str, Row]] = {
    "a workbook of a superstore": (
        "Row ID,Order ID,Order Date,Ship Date,Customer ID,Customer Name,Product ID,Category,Sales,Quantity,Profit",
        "cp1252",
        lambda s: [
            1, s.order, f"{s.at.month}/{s.at.day}/{s.at.year}", "1/1/2025", s.member, "José Muñoz",
            s.sku, "Tea", s.paid, s.count, "0.50",
        ],
    ),
    "a Chinese till with day, clock and price": (
        "日期,时间,门店,小票号,会员卡,商品编码,品名,数量,金额,成本",
        "gb18030",
        lambda s: [
            f"{s.at:%Y.%m.%d}", f"{s.at:%I:%M:%S} {s.half}", "一店", s.order, s.member, s.sku,
            "茶叶", s.count, s.price, f"{s.cents / 200:.2f}",
        ],
    ),
    "days with the month first and two digits of the year": (
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country",
        "utf-8",
        lambda s: [s.order, s.sku, "tea", s.count, f"{s.at:%m/%d/%y %H:%M}", s.price, s.member, "UK"],
    ),
    "codes beside names, and amounts with a comma in euros": (
        "Invoice;Store Name;Store Number;Purchase Date;Customer;Item Description;Item Number;Qty Sold;Line Amount (€)",
        "cp1252",
        lambda s: [
            s.order, "Süd", 7, f"{s.at:%d.%m.%Y %H:%M}", s.member, "tea", s.sku, s.count, s.paid.replace(".", ","),
        ],
    ),
    "a month by its name": (
        "Transaction ID,Date,Customer,SKU,Qty,Total",
        "utf-8",
        lambda s: [s.order, f"{s.at:%d-%b-%Y}", s.member, s.sku, s.count, s.paid],
    ),
}  # fmt: skip


def exported(desk: Desk, name: str, head: str, encoding: str, row: Row, *, top: Sequence[str] = ()) -> Path:
    out = io.StringIO()
    out.writelines(f"{line}\n" for line in top)
    delimiter = ";" if ";" in head else ","
    csv.writer(out, delimiter=delimiter).writerows([head.split(delimiter), *(row(s) for s in SALES)])
    return desk.write(f"{name}.csv", out.getvalue().encode(encoding))


def run(desk: Desk, *files: Path, language: str = "zh") -> Lake:
    """Ingest by the draft as it is."""
    text = drafting.text(draft(files), folder=desk.folder, words=Words(language))  # type: ignore[arg-type]
    desk.sources.write_text(text, encoding="utf-8")
    ingest_all(desk.sources, lake=desk.lake, now=NOW)
    return desk.lake


def counted(lake: Lake) -> tuple[int, int, int, int, int]:
    rows = lake.table("receipt_lines").collect()
    return (
        rows.height,
        rows["receipt_id"].n_unique(),
        rows["customer_id"].n_unique(),
        rows["product_id"].n_unique(),
        int(rows["net_minor"].sum()),
    )


RIGHT = (len(SALES), 60, len({s.member for s in SALES}), 12, TOTAL)


@pytest.mark.parametrize("name", SHOPS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_export_of_a_shop_system_is_known_and_runs_as_drafted(desk, name, language):
    file = exported(desk, name, *SHOPS[name])
    assert draft([file])[0].mapped.system == name
    lake = run(desk, file, language=language)
    assert counted(lake) == RIGHT
    days = {(s.at + timedelta(hours=8) if name == "odoo" else s.at).date() for s in SALES}
    assert set(lake.table("receipt_lines").collect()["day"]) == days


@pytest.mark.parametrize("name", OTHERS)
def test_other_usual_files_run_as_drafted(desk, name):
    lake = run(desk, exported(desk, "a", *OTHERS[name]))
    assert counted(lake) == RIGHT
    assert set(lake.table("receipt_lines").collect()["day"]) == {s.at.date() for s in SALES}


def test_a_cost_is_of_a_piece_where_it_does_not_follow_the_quantity_and_else_what_the_profit_leaves(desk, new_desk):
    till = run(desk, exported(desk, "a", *OTHERS["a Chinese till with day, clock and price"]))
    assert till.table("receipt_lines").collect()["cost_minor"].sum() == pytest.approx(TOTAL / 2, abs=len(SALES) * 4)
    other = new_desk()
    store = run(other, exported(other, "a", *OTHERS["a workbook of a superstore"]))
    assert store.table("receipt_lines").collect()["cost_minor"].sum() == TOTAL - 50 * len(SALES)


def test_orders_without_a_quantity_count_as_one_piece_and_the_price_is_then_the_amount(desk):
    head = "订单编号,总金额,买家实际支付金额,订单创建时间,买家会员名"
    file = exported(desk, "a", head, "gb18030", lambda s: [s.sku + str(s), "999.00", s.paid, s.day, s.member])
    rows = run(desk, file).table("receipt_lines").collect()
    assert (rows["net_minor"].sum(), rows["quantity_milli"].unique().to_list()) == (TOTAL, [1_000])
    file = exported(
        desk, "b", "order_id,product_id,price,order_date", "utf-8", lambda s: [s.order, s.sku, s.paid, s.day]
    )
    assert draft([file])[0].mapped.columns["net_minor"] == {"from": "price", "times": 100}


def test_titles_and_the_row_of_the_total_are_no_sales(desk):
    head, encoding, row = SHOPS["kingdee"]
    file = exported(desk, "k", head, encoding, row, top=("销售出库明细表", "期间：2024年1月"))
    with file.open("ab") as stream:
        stream.write("合计,,,,,,999,,9999.50,50,\r\n".encode("gb18030"))
    assert counted(run(desk, file)) == RIGHT


def test_cancelled_and_unpaid_orders_are_excluded_on_all_of_their_lines(desk):
    head, encoding, row = SHOPS["weimob"]

    def cancelled(sold: Sold) -> Sequence[object]:
        return ["已取消" if field == "已完成" and sold.order % 5 == 0 else field for field in row(sold)]

    lake = run(desk, exported(desk, "w", head, encoding, cancelled))
    assert counted(lake)[4] == sum(s.cents * s.count for s in SALES if s.order % 5)
    assert {r["rule"] for r in lake.set_apart().collect().to_dicts()} == {"cancelled"}


def test_the_currency_is_the_one_that_the_file_names(desk):
    assert run(desk, exported(desk, "s", *SHOPS["shopify"])).settled_currency == "USD"
    euros = draft([exported(desk, "e", *OTHERS["codes beside names, and amounts with a comma in euros"])])[0].mapped
    assert (euros.currency, euros.columns["store_id"], euros.columns["product_id"]) == (
        "EUR",
        "Store Number",
        "Item Number",
    )


def test_files_laid_out_alike_are_one_source_and_sheets_with_the_same_names_are_all_read(desk, new_desk):
    head, encoding, row = OTHERS["a month by its name"]
    files = [
        exported(desk, f"m{month}", head, encoding, lambda s, m=month: [f"{m}-{row(s)[0]}", *row(s)[1:]])
        for month in (1, 2)
    ]
    assert [one.files for one in draft(files)] == [tuple(files)]
    assert run(desk, *files).table("receipt_lines").collect().height == 2 * len(SALES)
    other = new_desk()
    book = xlsxwriter.Workbook(str(other.folder / "till.xlsx"))
    book.add_worksheet("说明").write_row(0, 0, ["导出人", "张三"])
    for number, name in enumerate(("一月", "二月")):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, head.split(","))
        for at, sold in enumerate(SALES, 1):
            sheet.write_row(at, 0, [f"{number}-{sold.order}", *row(sold)[1:]])
    book.close()
    lake = run(other, other.folder / "till.xlsx")
    assert "sheets: [一月, 二月]" in other.sources.read_text("utf-8")
    assert lake.table("receipt_lines").collect().height == 2 * len(SALES)


def test_an_amount_of_the_whole_order_is_never_taken_for_the_lines(desk):
    head = "order,date,member,sku,qty,total"
    file = exported(desk, "a", head, "utf-8", lambda s: [s.order, s.day, s.member, s.sku, s.count, s.whole])
    assert draft([file])[0].mapped.missing == ("net_minor",)
    file = exported(
        desk, "b", f"{head},price", "utf-8",
        lambda s: [s.order, s.day, s.member, s.sku, s.count, s.whole, s.price],
    )  # fmt: skip
    assert counted(run(desk, file)) == RIGHT


def test_amounts_in_ten_thousands_and_of_a_currency_without_cents_keep_their_unit(desk):
    head = "单号,日期,商品,数量,销售额（万元）"
    file = exported(desk, "a", head, "utf-8", lambda s: [s.order, s.day, s.sku, s.count, s.paid])
    assert run(desk, file).table("receipt_lines").collect()["net_minor"].sum() == TOTAL * 10_000
    yen = exported(desk, "b", "order,date,sku,qty,amount,currency", "utf-8",
                   lambda s: [s.order, s.day, s.sku, s.count, s.cents * s.count, "JPY"])  # fmt: skip
    assert draft([yen])[0].mapped.columns["net_minor"] == {"from": "amount", "times": 1}


def test_a_person_names_the_column_and_the_order_of_day_and_month_and_what_is_left_stays_open(desk):
    days = ["3/4/2024", "4/3/2024"] * 20
    file = desk.csv(
        "a.csv", *(f"{n};{d};P;1;5;x" for n, d in enumerate(days)), header="order_id;date;sku;Stück;amount;note"
    )
    asked: list[tuple[str, Sequence[str]]] = []
    said: list[str] = []

    def ask(question: str, choices: Sequence[str]) -> str | None:
        asked.append((question, choices))
        return next((c for c in choices if c in {"Stück", "%d/%m/%Y", "JPY", "yes"}), None)

    out = desk.folder / "new.yml"
    assert not drafting.write(
        [file], table=None, out=desk.folder / "silent.yml", ask=None, say=said.append, words=Words("en")
    )
    assert drafting.write([file], table=None, out=out, ask=ask, say=said.append, words=Words("en"))
    assert [c for _, choices in asked for c in choices if c.startswith("%")] == ["%d/%m/%Y", "%m/%d/%Y"]
    assert "currency: JPY" in out.read_text("utf-8")
    assert ingest_all(out, lake=desk.lake, now=NOW)[0].kept == 40
    first = desk.lake.table("receipt_lines").collect().sort("src_line").row(0, named=True)
    assert (first["sold_at"], first["quantity_milli"]) == (datetime(2024, 4, 3, tzinfo=SHANGHAI), 1_000)
    assert first["net_minor"] == 5  # a yen has no smaller unit

    def silent(_: str, choices: Sequence[str]) -> str | None:
        return choices[0] if choices[0] == "yes" else None

    assert not drafting.write(
        [file], table=None, out=desk.folder / "o.yml", ask=silent, say=said.append, words=Words("en")
    )
