"""Order days and what an order earns, from wholesale orders and from receipts of those who buy to sell again.

A buyer is a partner or a customer; cancelled orders are none, and those of a meeting are the meeting's. Lines without a
known cost earn nothing that is known, and are never taken as profit.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars

YEAR = 365
ORDERS = {"customer_id": pl.String, "day_n": pl.Int32}
WORTH = {
    "customer_id": pl.String, "orders": pl.Int64, "net_minor": pl.Int64, "margin_minor": pl.Int64
}  # fmt: skip


def order_days(orders: AnyFrame) -> pl.DataFrame:
    """customer_id (the partner's or customer's id) and day_n of every order that was not cancelled, once a day.

    Parameters
    ----------
    orders : sale_orders: partner_id, customer_id, entered_at, state.
    """
    table = _taken(orders)
    return table.select("customer_id", day_n=pl.col("day").cast(pl.Int32)).unique().sort("customer_id", "day_n")


def worth(orders: AnyFrame, lines: AnyFrame, products: AnyFrame | None, *, as_of: date) -> pl.DataFrame:
    """What an order of each buyer brought in the last 365 days, on average.

    Parameters
    ----------
    orders : sale_orders, with order_id. lines : order_id, product_id, ordered_milli, price_minor (a unit).
    products : product_id, cost_minor; none: no margin is known.

    Returns
    -------
    customer_id, orders, net_minor and margin_minor by order [minor units]; margin over lines whose cost is known, null
    where none is.
    """
    since = day_number(as_of) - YEAR + 1
    taken = _taken(orders).filter(pl.col("day").cast(pl.Int32).is_between(since, day_number(as_of)))
    sold = to_polars(lines, needs=("order_id", "product_id", "ordered_milli", "price_minor"), name="sale_order_lines")
    none = pl.lit(None, dtype=pl.Int64)
    if products is None:
        priced = sold.with_columns(cost_minor=none)
    else:
        costs = to_polars(products, needs=("cost_minor",), name="products", key="product_id")
        priced = sold.join(costs.select("product_id", "cost_minor"), on="product_id", how="left")
    net = pl.col("ordered_milli") * pl.col("price_minor") // 1000
    margin = net - pl.col("ordered_milli") * pl.col("cost_minor") // 1000
    rows = taken.join(priced.select("order_id", net=net, margin=margin), on="order_id")
    known = pl.col("margin").is_not_null().any()
    return (
        rows.group_by("customer_id")
        .agg(
            orders=pl.col("order_id").n_unique().cast(pl.Int64),
            net_minor=pl.col("net").sum() // pl.col("order_id").n_unique(),
            margin_minor=pl.when(known).then(pl.col("margin").sum() // pl.col("order_id").n_unique()),
        )
        .cast(WORTH)  # type: ignore[arg-type]
        .sort("customer_id")
    )


def amounts(orders: AnyFrame, lines: AnyFrame) -> pl.DataFrame:
    """`orders` with amount_minor, the sum of its lines; 0 where it has none."""
    sold = to_polars(lines, needs=("order_id", "ordered_milli", "price_minor"), name="sale_order_lines")
    by = sold.group_by("order_id").agg(amount_minor=(pl.col("ordered_milli") * pl.col("price_minor") // 1000).sum())
    table = to_polars(orders, needs=(), name="sale_orders", key="order_id")
    return table.join(by, on="order_id", how="left", maintain_order="left").with_columns(
        pl.col("amount_minor").fill_null(0)
    )


def _taken(orders: AnyFrame) -> pl.DataFrame:
    table = to_polars(orders, needs=("partner_id", "customer_id", "entered_at", "state"), name="sale_orders")
    kept = table.filter(pl.col("state").cast(pl.String) != "cancelled")
    if "meeting_id" in kept.columns:
        kept = kept.filter(pl.col("meeting_id").is_null())
    return kept.with_columns(
        customer_id=pl.coalesce("partner_id", "customer_id"), day=pl.col("entered_at").dt.date()
    ).filter(pl.col("customer_id").is_not_null())


def of_cards(spent: AnyFrame, cards: pl.Series) -> pl.DataFrame:
    """`worth` of cards that buy to sell again.

    Parameters
    ----------
    spent : customer_id, paid_days, net_minor, margin_minor, lines, uncosted_lines of the last 365 days.
    """
    needs = ("paid_days", "net_minor", "margin_minor", "lines", "uncosted_lines")
    table = to_polars(spent, needs=needs, name="customer_period", key="customer_id")
    mine = table.filter(pl.col("customer_id").is_in(cards.implode()), pl.col("paid_days") > 0)
    known = pl.col("uncosted_lines") < pl.col("lines")
    return mine.select(
        "customer_id",
        orders=pl.col("paid_days").cast(pl.Int64),
        net_minor=pl.col("net_minor") // pl.col("paid_days"),
        margin_minor=pl.when(known).then(pl.col("margin_minor") // pl.col("paid_days")),
    ).cast(WORTH)  # type: ignore[arg-type]
