"""Worlds in which something is missing: one small company, and what is left of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dataframely as dy
import numpy as np
import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake

LAST = date(2026, 6, 28)
"""A Sunday."""
CLOCK = datetime(2026, 6, 29, 6, 0, tzinfo=UTC)
DAYS = 730
STORES, PRODUCTS, MEMBERS = 6, 9, 90
BROUGHT_BACK = ("quantity_milli", "net_minor", "list_minor", "cost_minor")
Tables = dict[str, pl.DataFrame]


def company(*, seed: int = 3) -> Tables:
    """Two years of six shops, nine goods in three categories, ninety members and eight promotions."""
    rng = np.random.default_rng(seed)
    first = LAST - timedelta(days=DAYS - 1)
    stores = pl.DataFrame(
        {
            "store_id": [f"S{i}" for i in range(STORES)],
            "name": [f"{i}号店" for i in range(STORES)],
            "kind": ["own"] * STORES,
            "region": ["华东", "华南"] * (STORES // 2),
            "city": ["杭州", "广州"] * (STORES // 2),
            "lon": [120.1 + i / 50 for i in range(STORES)],
            "lat": [30.2 + i / 90 for i in range(STORES)],
            "crs": ["GCJ02"] * STORES,
        }
    )
    products = pl.DataFrame(
        {
            "product_id": [f"P{i}" for i in range(PRODUCTS)],
            "name": [f"{name}{i}" for i, name in enumerate(["坚果", "茶", "饼"] * (PRODUCTS // 3))],
            "category_1": ["坚果", "茶", "饼"] * (PRODUCTS // 3),
            "category_2": ["坚果", "茶", "饼"] * (PRODUCTS // 3),
            "category_3": ["坚果", "茶", "饼"] * (PRODUCTS // 3),
            "list_minor": [1000 + 500 * i for i in range(PRODUCTS)],
            "cost_minor": [600 + 300 * i for i in range(PRODUCTS)],
        }
    )
    customers = pl.DataFrame(
        {
            "customer_id": [f"C{i:03d}" for i in range(MEMBERS)],
            "joined_on": [first + timedelta(days=int(d)) for d in rng.integers(0, DAYS - 200, MEMBERS)],
            "region": ["华东", "华南"] * (MEMBERS // 2),
            "gender": ["female", "male", None] * (MEMBERS // 3),
            "home_store": [f"S{i % STORES}" for i in range(MEMBERS)],
            "owner_staff": [f"E{i % 4}" for i in range(MEMBERS)],
            "may_sms": [True] * MEMBERS,
        }
    )
    starts = [60, 150, 260, 350, 425, 520, 610, 700]
    promotions = pl.DataFrame(
        {
            "promotion_id": [f"A{i}" for i in range(len(starts))],
            "name": [f"第{i}档" for i in range(len(starts))],
            "mechanic": ["rate"] * len(starts),
            "starts_at": [_noon(first + timedelta(days=d), hour=0) for d in starts],
            "ends_at": [_noon(first + timedelta(days=d + 13), hour=23) for d in starts],
            "stores": [[f"S{j}" for j in range(STORES) if (i + j) % 3] for i in range(len(starts))],
            "products": [[f"P{(2 * i + j) % PRODUCTS}" for j in range(2)] for i in range(len(starts))],
            "depth_bp": [1000 + 300 * (i % 4) for i in range(len(starts))],
        }
    )
    tables = {"stores": stores, "products": products, "customers": customers, "promotions": promotions}
    return tables | {"receipt_lines": sales(tables, rng=rng)}


def sales(tables: Mapping[str, pl.DataFrame], *, rng: np.random.Generator, per_day: int = 12) -> pl.DataFrame:
    """Receipt lines: three in five on a member's card; cut prices and half as much again where a promotion holds."""
    goods, offers = tables["products"], tables["promotions"]
    rate = rng.gamma(0.8, 1.0, MEMBERS)
    n = DAYS * per_day
    day = rng.integers(0, DAYS, n)
    store, product = rng.integers(0, STORES, n), rng.integers(0, PRODUCTS, n)
    member = rng.choice(MEMBERS, n, p=rate / rate.sum())
    leaves = rng.integers(200, 3 * DAYS, MEMBERS)
    carded = (rng.random(n) < 0.6) & (day < leaves[member])
    first = LAST - timedelta(days=DAYS - 1)
    lines = pl.DataFrame(
        {
            "day": [first + timedelta(days=int(d)) for d in day],
            "store_id": [f"S{i}" for i in store],
            "product_id": [f"P{i}" for i in product],
            "customer_id": [f"C{m:03d}" if c else None for m, c in zip(member, carded, strict=True)],
            "pieces": rng.integers(1, 4, n),
        }
    )
    held = (
        offers.with_row_index("at").explode("stores").explode("products")
        .select("promotion_id", "depth_bp", "at", store_id="stores", product_id="products",
                starts=pl.col("starts_at").dt.date(), ends=pl.col("ends_at").dt.date())
    )  # fmt: skip
    number = pl.int_range(pl.len())
    lines = lines.with_columns(row=number).join(goods.select("product_id", "list_minor", "cost_minor"), on="product_id")
    found = (
        lines.join(held, on=["store_id", "product_id"])
        .filter(pl.col("day").is_between("starts", "ends"))
        .unique("row", keep="first", maintain_order=True)
        .select("row", "promotion_id", "depth_bp")
    )
    extra = pl.when(pl.col("promotion_id").is_not_null()).then(pl.col("pieces") * 2).otherwise("pieces")
    lines = lines.join(found, on="row", how="left").sort("day", "row").with_columns(pieces=extra)
    listed = pl.col("list_minor") * pl.col("pieces")
    return lines.select(
        line_id=pl.format("L{}", number),
        receipt_id=pl.format("R{}", number),
        store_id="store_id",
        customer_id="customer_id",
        product_id="product_id",
        sold_at=pl.col("day").cast(pl.Datetime("us", "Asia/Shanghai")) + pl.duration(hours=10),
        day="day",
        day_n=pl.col("day").cast(pl.Int32),
        quantity_milli=pl.col("pieces") * 1000,
        list_minor=listed,
        net_minor=(listed * (10_000 - pl.col("depth_bp").fill_null(0)) // 10_000).cast(pl.Int64),
        cost_minor=pl.col("cost_minor") * pl.col("pieces"),
        promotion_id="promotion_id",
    )


def _noon(day: date, *, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def keep(tables: Tables, rows: pl.Expr) -> Tables:
    """Receipt lines of `rows` only."""
    return tables | {"receipt_lines": tables["receipt_lines"].filter(rows)}


def without(tables: Tables, *names: str) -> Tables:
    """`names` are not connected."""
    return {name: table for name, table in tables.items() if name not in names}


def empty(tables: Tables, **columns: tuple[str, ...]) -> Tables:
    """Columns that nobody mapped."""
    return tables | {
        name: tables[name].with_columns(pl.lit(None).cast(tables[name].schema[c]).alias(c) for c in gone)
        for name, gone in columns.items()
    }


def last(days: int) -> pl.Expr:
    """The last `days` of the history."""
    return pl.col("day") > LAST - timedelta(days=days)


def always(tables: Tables) -> Tables:
    """Every second week begins a promotion on all goods in all shops; its depth changes from one to the next."""
    first = LAST - timedelta(days=DAYS - 1)
    n = DAYS // 14
    offers = pl.DataFrame(
        {
            "promotion_id": [f"A{i}" for i in range(n)],
            "name": [f"第{i}档" for i in range(n)],
            "mechanic": ["rate"] * n,
            "starts_at": [_noon(first + timedelta(days=14 * i), hour=0) for i in range(n)],
            "ends_at": [_noon(first + timedelta(days=14 * i + 13), hour=15) for i in range(n)],
            "depth_bp": [(500, 1000, 2000, 1500)[i % 4] for i in range(n)],
        }
    )
    day_n = (pl.col("day") - pl.lit(first)).dt.total_days() // 14
    lines = (
        tables["receipt_lines"].with_columns(promotion_id=pl.format("A{}", day_n.clip(0, n - 1)))
        .drop("depth_bp", strict=False).join(offers.select("promotion_id", "depth_bp"), on="promotion_id")
    )  # fmt: skip
    grown = 1 + pl.col("depth_bp") / 4000
    lines = lines.with_columns(
        quantity_milli=(pl.col("quantity_milli") * grown / 1000).round().cast(pl.Int64) * 1000,
        cost_minor=(pl.col("cost_minor") * grown).round().cast(pl.Int64),
        list_minor=(pl.col("list_minor") * grown).round().cast(pl.Int64),
    ).with_columns(net_minor=pl.col("list_minor") * (10_000 - pl.col("depth_bp")) // 10_000)
    return tables | {"promotions": offers, "receipt_lines": lines.drop("depth_bp")}


WORLDS: dict[str, Callable[[Tables], Tables]] = {
    "whole": lambda t: t,
    "no_costs": lambda t: empty(t, receipt_lines=("cost_minor",), products=("cost_minor",)),
    "no_members_table": lambda t: without(t, "customers"),
    "no_cards": lambda t: without(empty(t, receipt_lines=("customer_id",)), "customers"),
    "thirty_members": lambda t: keep(t, pl.col("customer_id").is_null() | (pl.col("customer_id") < "C030")),
    "one_month": lambda t: keep(t, last(30)),
    "three_months": lambda t: keep(t, last(91)),
    "ten_months": lambda t: keep(t, last(304)),
    "one_store": lambda t: keep(t, pl.col("store_id") == "S1") | {"stores": t["stores"].filter(store_id="S1")},
    "no_stores_table": lambda t: without(t, "stores"),
    "no_products": lambda t: without(empty(t, receipt_lines=("product_id",)), "products"),
    "one_category": lambda t: t
    | {"products": t["products"].with_columns(pl.lit("茶").alias(f"category_{n}") for n in (1, 2, 3))},
    "no_promotions": lambda t: without(empty(t, receipt_lines=("promotion_id",)), "promotions"),
    "promotions_always": always,
    "returns_only": lambda t: t | {"receipt_lines": t["receipt_lines"].with_columns(-pl.col(BROUGHT_BACK))},
    "lines_only": lambda t: {"receipt_lines": t["receipt_lines"]},
    "one_receipt": lambda t: {
        "receipt_lines": empty(
            {"receipt_lines": t["receipt_lines"].tail(1)},
            receipt_lines=("customer_id", "product_id", "cost_minor", "list_minor", "promotion_id"),
        )["receipt_lines"]
    },
}  # fmt: skip


def lake(path: Path, tables: Tables, *, remembered: Path) -> Lake:
    """A lake of `tables`; what is computed once is remembered for all of these lakes together."""
    made = Lake(path)
    path.mkdir(parents=True)
    remembered.mkdir(exist_ok=True)
    (path / "remembered").symlink_to(remembered)
    facts = json.dumps({"currency": "CNY", "time_zone": "Asia/Shanghai"})
    for name, frame in tables.items():
        whole = _contracted(name, frame)
        record = dict.fromkeys(("replaced", "duplicate", "excluded", "withdrawn", "quarantined"), 0) | {
            "source": name, "table": name, "at": CLOCK.isoformat(), "currency": "CNY", "files": [],
            "read": whole.height, "kept": whole.height, "rules": [],
        }  # fmt: skip
        delta.append(
            made.table_path(name), whole, batch=delta.Batch(f"b-{name}", record), partition=None, description=facts
        )
    return made


def _contracted(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with all columns of its contract, as ingest stores it."""
    contract = CONTRACTS[name]
    source = {
        "src_name": pl.lit("till"),
        "src_file": pl.lit(f"{name}.csv"),
        "src_line": pl.int_range(1, pl.len() + 1),
        "known_at": pl.col("sold_at") if "sold_at" in frame.columns else pl.lit(CLOCK),
    }
    frame = frame.with_columns(**source)
    missing = {c: contract.unmapped(c) for c in contract.columns if c not in frame.columns}
    return frame.with_columns(**missing).select(contract.columns).cast(_types(contract.schema))


def _types(schema: type[dy.Schema]) -> dict[str, pl.DataType]:
    plain = {name: column.dtype for name, column in schema.columns().items()}
    return {name: pl.String() if isinstance(kind, pl.Enum) else kind for name, kind in plain.items()}
