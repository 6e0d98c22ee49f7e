"""What goods were bought for: orders by region and supplier every quarter, and the lowest price they may be sold at.

A purchase costs what the tills book as cost, within a hundredth. Planted: one supplier asks a twelfth more since half
a year. A price floor holds in every region for goods that partners resell.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.baskets import unit_costs
from crmlib.simulate.draws import Ints
from crmlib.simulate.events import STOCK_DAYS
from crmlib.simulate.shops import NEVER
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

EVERY = 91
"""Days between two orders of a region at a supplier."""
TERMS = (30, 45, 60)
DEARER, DEARER_DAYS = 1.08, 182
FLOOR_SHARE = 0.88
"""Of the list price: below it nobody may sell."""


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> pl.DataFrame:
    """Write suppliers, purchases, price_floors and the truth; the orders come back: order_id, received, due, fen."""
    suppliers = _suppliers(world, rng)
    lines = _lines(world, told, suppliers, rng)
    exports.write_csv(suppliers, folder / "suppliers.csv.gz", table="suppliers")
    exports.write_csv(_shown(lines, world), folder / "purchases.csv.gz", table="purchases")
    exports.write_csv(_floors(world), folder / "price_floors.csv.gz", table="price_floors")
    dear = lines.filter("dear").select("supplier_id").unique()
    truth = dear.with_columns(since=_date(pl.lit(world.last_day - DEARER_DAYS)), times=pl.lit(DEARER))
    truth.write_parquet(folder / "truth" / "purchases.parquet", compression="zstd")
    due = lines.join(suppliers.select("supplier_id", "terms"), on="supplier_id").with_columns(
        due=pl.col("received") + pl.col("terms")
    )
    return due.group_by("order_id", "received", "due").agg(pl.col("fen").sum()).sort("due", "order_id")


def _suppliers(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """One supplier per two categories of goods."""
    count = (len(world.goods.categories) + 1) // 2
    words = toml("words")["supplier"]
    return pl.DataFrame(
        {
            "supplier_id": [f"G{n + 1:02d}" for n in range(count)],
            "name": [words["names"][n % len(words["names"])] + words["kind"] for n in range(count)],
            "terms": rng.choice(TERMS, count),
        }
    )


def _lines(world: World, told: Telling, suppliers: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One row per order and product: what a region sells in a quarter, as the last months say it."""
    goods, shops = world.goods, world.shops
    sold = pl.concat(told.sold).with_columns(
        region=pl.Series(shops.region).gather(pl.concat(told.sold)["store"])
    ).group_by("region", "product").agg(pl.col("milli").sum()).sort("region", "product")  # fmt: skip
    service = goods.frame["is_service"].to_numpy()
    sold = sold.filter(~pl.Series(service).gather(sold["product"]))
    days = min(STOCK_DAYS, world.last_day - world.first_day + 1)
    place = _receiving(world)
    dear = int(rng.integers(suppliers.height))
    parts = []
    for number, start in enumerate(range(world.first_day, world.last_day + 1, EVERY)):
        region, product = sold["region"].to_numpy(), sold["product"].to_numpy()
        supplier = goods.category[product] // 2
        ordered = start + (supplier * 7 + region * 3) % EVERY
        wanted = sold["milli"].to_numpy() / days * EVERY * rng.lognormal(0, 0.15, sold.height)
        milli = np.maximum(np.round(wanted / 1000), 1).astype(np.int64) * 1000
        each = unit_costs(goods, product, ordered, rise_day=(world.first_day + world.last_day) // 2)
        rise = np.where((supplier == dear) & (ordered > world.last_day - DEARER_DAYS), DEARER, 1.0)
        fen = np.round(each * rise * rng.normal(1, 0.005, sold.height) * milli / 1000).astype(np.int64)
        parts.append(pl.DataFrame({
            "order": number * 1000 + supplier * 10 + region, "supplier": supplier, "product": product,
            "store": place[region], "ordered": ordered, "received": ordered + 2 + supplier % 4, "milli": milli,
            "fen": fen, "dear": supplier == dear,
        }))  # fmt: skip
    lines = pl.concat(parts).filter(pl.col("received") <= world.last_day).sort("ordered", "order", "product")
    return lines.with_columns(
        order_id=pl.format("CG{}", pl.col("order").cast(pl.String).str.zfill(5)),
        supplier_id=suppliers["supplier_id"].gather(lines["supplier"]),
    )


def _receiving(world: World) -> Ints:
    """The shop of each region that takes deliveries in: the first that never closes, else the first."""
    shops = world.shops
    regions = int(shops.region.max()) + 1
    open_ = shops.closed >= NEVER
    found = np.zeros(regions, dtype=np.int64)
    for region in range(regions):
        mine = np.flatnonzero(shops.region == region)
        still = mine[open_[mine]]
        found[region] = (still if still.size else mine if mine.size else np.zeros(1, dtype=np.int64))[0]
    return found


def _date(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Int32).cast(pl.Date)


def _shown(lines: pl.DataFrame, world: World) -> pl.DataFrame:
    return lines.with_row_index("n", offset=1).select(
        pl.format("L{}", "n").alias("purchase_line_id"),
        "order_id",
        "supplier_id",
        store_id=pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        product_id=pl.lit(world.goods.frame["product_id"]).gather(pl.col("product")),
        ordered_on=_date(pl.col("ordered")),
        received_on=_date(pl.col("received")),
        quantity=pl.col("milli") // 1000,
        unit=pl.lit(world.goods.frame["unit"]).gather(pl.col("product")),
        price=(pl.col("fen") / 100).round(2),
    )


def _floors(world: World) -> pl.DataFrame:
    """The lowest price of every good that is no service, region by region, since the first day."""
    goods = world.goods.frame.filter(~pl.col("is_service"))
    regions = pl.DataFrame({"region": sorted(set(world.shops.frame["region"].to_list()))})
    floor = (pl.col("price") * FLOOR_SHARE / 100).floor()
    return regions.join(goods.select("product_id", floor=floor), how="cross").select(
        "region", "product_id", valid_from=_date(pl.lit(world.first_day)), floor="floor"
    )
