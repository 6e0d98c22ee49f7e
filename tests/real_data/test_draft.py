"""Drafts of the visible public sets: how many columns are right without a touch, and no money or date wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmlib.data import Lake, ingest
from crmlib.data.draft import draft
from crmlib.kit.words import Words
from crmlib.run import draft as drafting

pytestmark = pytest.mark.real_data

NOW = datetime(2026, 11, 22, tzinfo=UTC)
RETAIL = {
    "receipt_id": "Invoice", "product_id": "StockCode", "customer_id": "CustomerID", "sold_at": "InvoiceDate",
    "quantity_milli": {"from": "Quantity", "times": 1000},
    "net_minor": {"product": ["Price", "Quantity"], "times": 100},
}  # fmt: skip
TILL = {
    "receipt_id": "订单ID", "store_id": "门店编号", "product_id": "商品ID", "sold_at": "成交时间",
    "quantity_milli": {"from": "销量", "times": 1000}, "net_minor": {"product": ["单价", "销量"], "times": 100},
}  # fmt: skip
JOURNEY = {
    "receipt_id": "basket_id", "store_id": "store_id", "customer_id": "household_id", "product_id": "product_id",
    "sold_at": "transaction_timestamp", "quantity_milli": {"from": "quantity", "times": 1000},
    "net_minor": {"from": "sales_value", "times": 100},
}  # fmt: skip
RIGHT: dict[str, tuple[str, dict[str, object]]] = {
    "online_retail/online_retail_II_combined.parquet": ("receipt_lines", RETAIL),
    "pos_gb18030/order-14.3.csv": ("receipt_lines", TILL),
    "complete_journey/transactions_sample.parquet": ("receipt_lines", JOURNEY),
    "complete_journey/demographics.parquet": (
        "customers",
        {"customer_id": "household_id", "age_band": "age", "income_band": "income", "household": "household_size"},
    ),
    "fresh_counter/products.parquet": (
        "products",
        {"product_id": "单品编码", "name": "单品名称", "category_1": "分类名称"},
    ),
    "breakfast_frat/product.parquet": (
        "products",
        {"product_id": "upc_id", "name": "description", "brand": "manufacturer", "category_1": "category",
         "category_2": "sub_category", "pack": "product_size"},
    ),
    "breakfast_frat/store.parquet": (
        "stores",
        {"store_id": "store_id", "name": "store_name", "city": "address_city_name",
         "region": "address_state_prov_code"},
    ),
    "breakfast_frat/transaction.parquet": (
        "receipt_lines",
        {"receipt_id": "(made of week, store and product)", "store_id": "store_id", "product_id": "upc_id",
         "sold_at": "week_end_date", "quantity_milli": {"from": "units", "times": 1000},
         "net_minor": {"from": "spend", "times": 100}},
    ),
    "groceries/groceries_long.parquet": ("receipt_lines", {"receipt_id": "basket_id", "product_id": "item"}),
    "groceries/item_info.parquet": (
        "products",
        {"product_id": "labels", "category_1": "level1", "category_2": "level2"},
    ),
    "crm_pipeline/products.parquet": (
        "products",
        {"product_id": "product", "category_1": "series", "list_minor": {"from": "sales_price", "times": 100}},
    ),
    "fresh_counter/pos_lines_damaged.csv": (
        "receipt_lines",
        {"receipt_id": "(not in the file)", "product_id": "3", "sold_at": {"from": ["1", "2"]},
         "quantity_milli": {"from": "4", "times": 1000}, "net_minor": {"product": ["5", "4"], "times": 100}},
    ),
}  # fmt: skip
"""What a person maps, by file; only columns that the file has."""
EXACT = ("_minor", "sold_at", "_on")


def judged(root: Path) -> dict[str, tuple[int, int, list[str]]]:
    """File → columns right, columns there are, exact columns (money and dates) drafted wrong."""
    found: dict[str, tuple[int, int, list[str]]] = {}
    for file, (table, right) in RIGHT.items():
        one = draft([root / file])[0]
        made = {line.column: line.made for line in one.mapped.lines} if one.mapped.table == table else {}
        hits = sum(made.get(c) == expression for c, expression in right.items())
        wrong = [c for c, e in made.items() if c.endswith(EXACT) and right.get(c) != e]
        found[file] = (hits, len(right), wrong)
    return found


def test_drafts_of_the_visible_sets_are_mostly_right_and_never_wrong_in_money_or_dates(real_data):
    found = judged(real_data)
    for file, (hits, count, wrong) in found.items():
        print(f"{file}: {hits} of {count}", *wrong)
    assert not any(wrong for _, _, wrong in found.values())
    assert sum(hits for hits, _, _ in found.values()) / sum(count for _, count, _ in found.values()) >= 0.8


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_till_export_runs_by_its_draft_to_the_counted_sum(real_data, tmp_path, language):
    file = real_data / "pos_gb18030/order-14.3.csv"
    path = tmp_path / "sources.yml"
    path.write_text(drafting.text(draft([file]), folder=tmp_path, words=Words(language)), encoding="utf-8")
    lake = Lake(tmp_path / "lake")
    result = ingest("order_14", sources=path, lake=lake, now=NOW)
    rows = lake.table("receipt_lines").collect()
    assert (result.read, result.kept, rows["receipt_id"].n_unique()) == (3_478, 3_478, 918)
    assert rows["net_minor"].sum() == pytest.approx(2_895_007, abs=0.5 * 3_478)
