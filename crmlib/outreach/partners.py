"""What distributors did, in the form in which lists are read: a partner is one unit, an order is its visit.

Orders that were cancelled never were; what is ordered counts on the day it was entered, at the price agreed, whenever
it is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

COSTED = 0.5
"""With a cost on less than half of what was ordered no margin is told."""


@dataclass(frozen=True, slots=True)
class Partners:
    """Orders of partners, read as visits of members are.

    Parameters
    ----------
    days : customer_id (the partner), day_n, is_purchase, net_minor: one row per partner and day of orders.
    goods : customer_id, product_id, day_n: who ordered what on which day.
    margin : of a unit of what was ordered and has a cost [share]; None where too little has one.
    """

    days: pl.DataFrame
    goods: pl.DataFrame
    margin: float | None


def partners(orders: AnyFrame, lines: AnyFrame | None = None, products: AnyFrame | None = None) -> Partners:
    """Days, goods and margin of all partners' orders.

    Parameters
    ----------
    orders : partner_id, order_id, entered_at, cancelled_at. Orders of customers are left out.
    lines : order_id, product_id, ordered_milli, price_minor; without them money is unknown and counted as 0.
    products : product_id, cost_minor.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> orders = pl.DataFrame({"partner_id": ["A"], "order_id": ["1"], "entered_at": [datetime(2026, 9, 1, tzinfo=UTC)],
    ...                        "cancelled_at": pl.Series([None], dtype=pl.Datetime("us", "UTC"))})
    >>> lines = pl.DataFrame({"order_id": ["1"], "product_id": ["tea"], "ordered_milli": [3_000], "price_minor": [500]})
    >>> partners(orders, lines).days["net_minor"].to_list()
    [1500]
    """
    needs = ("partner_id", "order_id", "entered_at", "cancelled_at")
    table = to_polars(orders, needs=needs, name="sale_orders")
    kept = table.filter(pl.col("partner_id").is_not_null(), pl.col("cancelled_at").is_null())
    dated = kept.select("order_id", customer_id="partner_id", day_n=pl.col("entered_at").dt.date().cast(pl.Int32))
    sold = _sold(lines, products).join(dated, on="order_id")
    money = sold.group_by("order_id").agg(pl.col("net_minor").sum())
    days = (
        dated.join(money, on="order_id", how="left")
        .group_by("customer_id", "day_n")
        .agg(is_purchase=pl.lit(value=True), net_minor=pl.col("net_minor").sum())
        .sort("customer_id", "day_n")
    )
    goods = sold.select("customer_id", "product_id", "day_n").unique().sort("customer_id", "product_id", "day_n")
    known = sold.drop_nulls("cost_minor")
    net, costed = int(sold["net_minor"].sum()), int(known["net_minor"].sum())
    return Partners(
        days, goods, 1 - int(known["cost_minor"].sum()) / costed if costed > 0 and costed >= COSTED * net else None
    )


def _sold(lines: AnyFrame | None, products: AnyFrame | None) -> pl.DataFrame:
    """order_id, product_id, net_minor, cost_minor (null: unknown) of each line."""
    schema = {"order_id": pl.String, "product_id": pl.String, "ordered_milli": pl.Int64, "price_minor": pl.Int64}
    rows = pl.DataFrame(schema=schema) if lines is None else to_polars(lines, needs=schema, name="sale_order_lines")
    if products is None:
        priced = rows.with_columns(unit=pl.lit(None, dtype=pl.Int64))
    else:
        costs = to_polars(products, needs=("cost_minor",), key="product_id", name="products")
        priced = rows.join(costs.select("product_id", unit="cost_minor"), on="product_id", how="left")
    quantity = pl.col("ordered_milli")
    return priced.select(
        "order_id", "product_id", net_minor=quantity * pl.col("price_minor") // 1_000,
        cost_minor=quantity * pl.col("unit") // 1_000,
    )  # fmt: skip
