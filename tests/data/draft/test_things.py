"""Goods, stores and members that stand on a till's own lines: a second source of the file, the latest name first."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.core.errors import SourceError
from crmlib.data import Lake, ingest_all, map_frame, sourcefile
from crmlib.data.draft import draft
from tests.data.conftest import NOW, Desk
from tests.data.draft.test_draft import drafted

HEAD = "小票号,门店编号,门店名称,会员卡号,性别,销售时间,商品编码,商品名称,商品分类,数量,收银员姓名,实收金额"


def till(*, days: int = 20) -> list[str]:
    """Six goods of two kinds in three stores; P1 is renamed on day 11, P4 is mistyped once on the last day."""
    rows, day = [], date(2025, 3, 1)
    for n in range(days * 12):
        at, good, store, member = day + timedelta(days=n // 12), n % 6, n % 3, n % 7
        name = f"货品{good}"
        name = "新茶" if good == 1 and n // 12 >= 10 else "坏了" if n == days * 12 - 8 else name
        told = "" if n % 5 == 0 else name
        rows.append(
            f"R{n // 2},S{store},{store}号店,M{member},{'男女'[member % 2]},{at} 10:{n % 60:02},P{good},{told},"
            f"{'茶饼'[good % 2]},1,员工{n % 4},{good + 1}.50"
        )
    return rows


def names(lake: Lake, table: str, *columns: str) -> dict[str, object]:
    return {str(key): rest[0] if len(rest) == 1 else tuple(rest) for key, *rest in
            lake.table(table).select(columns).collect().iter_rows()}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_and_kinds_of_one_file_come_with_the_first_draft(desk: Desk, encoding: str) -> None:
    drafted(desk, desk.csv("till.csv", *till(), header=HEAD, encoding=encoding))
    results = {one.source: one for one in ingest_all(desk.sources, lake=desk.lake, now=NOW)}
    assert {name: one.table for name, one in results.items()} == {
        "till": "receipt_lines", "till_products": "products", "till_stores": "stores", "till_customers": "customers",
    }  # fmt: skip
    assert all(one.sum_holds for one in results.values())
    assert names(desk.lake, "products", "product_id", "name", "category_1") == {
        f"P{n}": ("新茶" if n == 1 else f"货品{n}", "茶饼"[n % 2]) for n in range(6)
    }
    assert names(desk.lake, "stores", "store_id", "name") == {f"S{n}": f"{n}号店" for n in range(3)}
    assert set(names(desk.lake, "customers", "customer_id", "gender").values()) == {"male", "female"}
    goods = results["till_products"]
    assert (goods.read, goods.kept, goods.conflict) == (8, 6, 2), "the old name and the slip are told, line by line not"


def test_what_does_not_belong_to_the_code_is_no_name_of_it(desk: Desk) -> None:
    file = desk.csv("till.csv", *till(), header=HEAD.replace("收银员姓名", "名称").replace("商品名称", "备注"))
    goods = next(one for one in draft([file]) if one.mapped.table == "products")
    assert [line.column for line in goods.mapped.lines] == ["product_id", "category_1"]


def test_a_list_of_its_own_is_taken_before_the_names_on_lines(desk: Desk) -> None:
    lines = desk.csv("till.csv", *till(), header=HEAD)
    goods = desk.csv("goods.csv", *[f"P{n},货{n},茶" for n in range(6)], header="商品编码,商品名称,大类")
    assert [one.name for one in draft([lines, goods])] == ["till", "goods", "till_stores", "till_customers"]


def test_a_till_of_codes_only_has_one_source(desk: Desk) -> None:
    rows = [",".join(row.split(",")[i] for i in (0, 1, 5, 6, 9, 11)) for row in till()]
    file = desk.csv("till.csv", *rows, header="小票号,门店编号,销售时间,商品编码,数量,实收金额")
    assert [one.name for one in draft([file])] == ["till"]


def test_files_of_several_months_and_pieces_tell_the_latest_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = till()
    files = [desk.csv(f"till_{n}.csv", *part, header=HEAD) for n, part in enumerate((rows[:120], rows[120:]))]
    drafted(desk, *files)
    assert [len(one.files) for one in draft(files)] == [2, 2, 2, 2]
    monkeypatch.setattr("crmlib.data.read.files.BATCH_BYTES", 4_000)  # each file in several pieces
    ingest_all(desk.sources, lake=desk.lake, now=NOW)
    assert names(desk.lake, "products", "product_id", "name")["P1"] == "新茶"
    again = ingest_all(desk.sources, lake=desk.lake, now=NOW)
    assert [one.read for one in again] == [0, 0, 0, 0]


def test_lines_of_sales_are_never_made_one(desk: Desk) -> None:
    text = drafted(desk, desk.csv("till.csv", *till(), header=HEAD))
    desk.sources.write_text(text.replace("  table: products", "  table: receipt_lines"), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        sourcefile.load(desk.sources)
    assert caught.value.code in {"sources.latest_by", "sources.not_mapped", "sources.no_column"}
    desk.sales(extra="  latest_by: 时间")
    with pytest.raises(SourceError) as caught:
        sourcefile.load(desk.sources)
    assert caught.value.code == "sources.latest_by"


def test_a_frame_of_lines_gives_its_goods() -> None:
    frame = pl.DataFrame(
        {"sku": ["A", "A", "A", "B"], "name": ["x", "y", "y", "z"], "at": [f"2025-01-0{n}" for n in (1, 2, 3, 1)]}
    )
    made = map_frame(frame, table="products", columns={"product_id": "sku", "name": "name"}, latest_by="at")
    assert dict(made.rows.select("product_id", "name").iter_rows()) == {"A": "y", "B": "z"}
    assert (made.result.read, made.result.conflict) == (3, 1)


def test_goods_of_orders_whose_fields_stand_on_the_first_line_only(desk: Desk) -> None:
    """The order's number is called a name, too; a name that came on a later line of the last order is the latest."""
    rows = []
    for n in range(60):
        first = [f"#{n}", f"{date(2025, 1, 1) + timedelta(days=n)} 10:00:00", "paid"]
        last = "New roast" if n >= 50 else "Roast"
        rows += [[*first, "1", "Blend", "9.00", "S1", "Mill"], [f"#{n}", "", "", "2", last, "7.00", "S2", "Port"]]
    head = "Name,Created at,Financial Status,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Vendor"
    drafted(desk, desk.csv("orders.csv", *map(",".join, rows), header=head))
    results = ingest_all(desk.sources, lake=desk.lake, now=NOW)
    assert [(one.source, one.kept) for one in results] == [("orders", 120), ("orders_products", 2)]
    goods = {"S1": ("Blend", "Mill"), "S2": ("New roast", "Port")}
    assert names(desk.lake, "products", "product_id", "name", "brand") == goods
    assert (results[1].read, results[1].conflict) == (3, 1)
