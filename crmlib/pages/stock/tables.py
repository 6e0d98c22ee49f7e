"""Names beside ids: shops and goods as the planner calls them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl


def shop_of(rows: pl.DataFrame, stores: pl.DataFrame) -> pl.DataFrame:
    """`rows` with `store`, the shop's name, its id where it has none."""
    names = stores.select("store_id", store=pl.coalesce("name", "store_id"))
    found = rows.join(names, on="store_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("store").fill_null(pl.col("store_id")))


def goods_of(rows: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    """`rows` with `goods`, the product's name and pack, its id where it has none."""
    called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
    names = products.select("product_id", goods=called)
    found = rows.join(names, on="product_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("goods").fill_null(pl.col("product_id")))


def named(row: Mapping[str, object], stores: pl.DataFrame, products: pl.DataFrame) -> str:
    """Shop and goods of one row."""
    one = pl.DataFrame({"store_id": [str(row["store_id"])], "product_id": [str(row["product_id"])]})
    shown = goods_of(shop_of(one, stores), products)
    return f"{shown['store'][0]} {shown['goods'][0]}"
