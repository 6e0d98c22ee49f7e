"""Sales by store, day, channel, seller and category, and by product: what `crmlib.sales` reads instead of lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, reduced
from crmlib.panels.handle import ReceiptLines, part

UNITS = ("piece", "kg", "l")
CUBE = {
    "store_id": pl.String,
    "day_n": pl.Int32,
    "channel": pl.String,
    "staff_id": pl.String,
    "category": pl.String,
    "lines": pl.Int64,
    "receipts": pl.Int64,
    "net_minor": pl.Int64,
    "card_net_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "uncosted_minor": pl.Int64,
    "piece_milli": pl.Int64,
    "kg_milli": pl.Int64,
    "l_milli": pl.Int64,
}
PERIOD = {
    "product_id": pl.String,
    "unit": pl.String,
    "half": pl.Int8,
    "lines": pl.Int64,
    "receipts": pl.Int64,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "uncosted_minor": pl.Int64,
    "last_day_n": pl.Int32,
}
WEEKS = {"product_id": pl.String, "week": pl.Int32, "quantity_milli": pl.Int64}
DAY_MONEY = {
    "store_id": pl.String,
    "day_n": pl.Int32,
    "net_minor": pl.Int64,
    "cost_minor": pl.Int64,
    "uncosted_minor": pl.Int64,
}


def store_day_cube(
    lines: AnyFrame, products: AnyFrame | None = None, *, start: date, end: date, category: str = "category_1"
) -> pl.DataFrame:
    """Sales of each store, day, channel, seller and category, quantities by class of units; `start` to `end` included.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, store_id, customer_id, product_id, day_n, channel, staff_id, unit,
        quantity_milli, net_minor, cost_minor.
    products : product_id, is_service and the column `category`, on the engine of the lines. Services (sales of cards,
        vouchers, bags, delivery) are no sales and left out. Without products all lines count and category is null.

    Returns
    -------
    The five keys (null where the source has none); lines; receipts of the cell (a receipt with two categories counts in
    both: take `store_day` for traffic); net_minor, card_net_minor (sold on a card of a member); cost_minor of costed
    lines, uncosted_minor, the net of the others; piece_milli, kg_milli, l_milli.
    """
    keys = ("store_id", "day_n", "channel", "staff_id", "category")
    needs = (*keys[:4], "receipt_id", "customer_id", "product_id", "unit", "quantity_milli", "net_minor", "cost_minor")
    sold = _within(lines, needs, start, end)
    if products is None:
        sold = sold.with_columns(category=nw.lit(None, dtype=nw.String))
    else:
        sold = _classed(sold, products, category)
    unit = nw.col("unit").cast(nw.String)
    cells = (
        sold.with_columns(
            *(
                nw.when(unit == name).then(nw.col("quantity_milli")).otherwise(0).alias(f"{name}_milli")
                for name in UNITS
            ),
            nw.col("channel").cast(nw.String),
            uncosted=nw.when(nw.col("cost_minor").is_null()).then(nw.col("net_minor")).otherwise(0),
            card=nw.when(~nw.col("customer_id").is_null()).then(nw.col("net_minor")).otherwise(0),
        )
        .group_by(*keys)
        .agg(
            *(nw.col(f"{name}_milli").sum() for name in UNITS),
            nw.col("net_minor", "cost_minor").sum(),
            lines=nw.len(),
            receipts=nw.col("receipt_id").n_unique(),
            card_net_minor=nw.col("card").sum(),
            uncosted_minor=nw.col("uncosted").sum(),
        )
    )
    return reduced(cells, schema=CUBE, sort=keys)


def product_period(lines: AnyFrame, *, start: date, end: date, by: Sequence[str] = ()) -> pl.DataFrame:
    """Sales of each product within a period, apart for odd and even days (`half` 1, 0).

    Parameters
    ----------
    lines : receipt lines; needs product_id, receipt_id, day_n, unit, quantity_milli, net_minor, cost_minor and the
        columns of `by` (store_id, channel).

    Returns
    -------
    The columns of `by`, product_id, unit, half; lines, receipts, quantity_milli, net_minor, cost_minor of costed lines,
    uncosted_minor (net of the others), last_day_n (of a line with quantity above 0; null where only returned).
    """
    keys = (*by, "product_id", "unit", "half")
    needs = (*by, "product_id", "receipt_id", "day_n", "unit", "quantity_milli", "net_minor", "cost_minor")
    cells = (
        _within(lines, needs, start, end)
        .with_columns(
            nw.col("unit").cast(nw.String),
            half=nw.col("day_n") % 2,
            sold_on=nw.when(nw.col("quantity_milli") > 0).then(nw.col("day_n")),
            uncosted=nw.when(nw.col("cost_minor").is_null()).then(nw.col("net_minor")).otherwise(0),
        )
        .group_by(*keys)
        .agg(
            nw.col("quantity_milli", "net_minor", "cost_minor").sum(),
            lines=nw.len(),
            receipts=nw.col("receipt_id").n_unique(),
            uncosted_minor=nw.col("uncosted").sum(),
            last_day_n=nw.col("sold_on").max(),
        )
    )
    return reduced(cells, schema={**dict.fromkeys(by, pl.String), **PERIOD}, sort=keys)


def product_weeks(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Quantity of each product in the seven-day weeks from `start` on: product_id, week (0, 1, …), quantity_milli."""
    stored = from_cells.goods(lines)
    if stored is None:
        rows = lines_of(lines, needs=("product_id", "day_n", "quantity_milli"), name="receipt_lines")
        rows = rows.with_columns(lines=nw.lit(1))
    else:
        rows = nw.from_native(stored)
    cells = (
        rows.filter(nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end))
        .with_columns(week=(nw.col("day_n") - day_number(start)) // 7)
        .group_by("product_id", "week")
        .agg(nw.col("lines", "quantity_milli").sum())
        .filter(nw.col("lines") > 0)
    )
    return reduced(cells, schema=WEEKS, sort=("product_id", "week"))


def store_day_money(lines: AnyFrame) -> pl.DataFrame:
    """Net sales of each store and day, and what they cost.

    Parameters
    ----------
    lines : receipt lines; needs store_id, day_n, net_minor, cost_minor.

    Returns
    -------
    store_id (null where the source has none), day_n; net_minor; cost_minor of costed lines, uncosted_minor, the net of
    the others.
    """
    stored = from_cells.goods(lines)
    if stored is None:
        rows = lines_of(lines, needs=("store_id", "day_n", "net_minor", "cost_minor"), name="receipt_lines")
        rows = rows.with_columns(lines=nw.lit(1), costed=~nw.col("cost_minor").is_null())
    else:
        rows = nw.from_native(stored)
    cells = (
        rows.with_columns(uncosted_minor=nw.when(~nw.col("costed")).then(nw.col("net_minor")).otherwise(0))
        .group_by("store_id", "day_n")
        .agg(nw.col("lines", "net_minor", "cost_minor", "uncosted_minor").sum())
        .filter(nw.col("lines") > 0)
    )
    return reduced(cells, schema=DAY_MONEY, sort=("store_id", "day_n"))


def only_goods(lines: AnyFrame, products: AnyFrame) -> ReceiptLines:
    """The lines that sell goods: those of services (cards, vouchers, bags, delivery) are no sales and left out.

    products : product_id, is_service; of any engine. Lines of unknown products are goods.
    """
    named = lines_of(products, needs=("product_id", "is_service"), name="products")
    services = named.filter(nw.col("is_service")).select("product_id").unique()
    found = reduced(services, schema={"product_id": pl.String}, sort=("product_id",))["product_id"]
    return part(lines, leaving=found.drop_nulls())


def _within(lines: AnyFrame, needs: Sequence[str], start: date, end: date) -> Lines:
    inside = lines_of(lines, needs=needs, name="receipt_lines").filter(
        nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end)
    )
    native = inside.to_native()
    if not isinstance(native, pl.LazyFrame):
        return inside
    # receipts are only told apart within a cell: 64 bits do that at two thirds of the CPU (2 in 1,000 receipts of one
    # cell meet once in 10^13 cells)
    short: Lines = nw.from_native(native.with_columns(pl.col("receipt_id").hash()))
    return short


def _classed(sold: Lines, products: AnyFrame, category: str) -> Lines:
    """Lines of goods with their category; a product that stands twice would count its sales twice."""
    goods = lines_of(products, needs=("product_id", "is_service", category), name="products")
    native = goods.to_native()
    if isinstance(native, pl.LazyFrame):
        to_polars(native.select("product_id"), name="products", key="product_id")
    named = goods.select("product_id", "is_service", category=nw.col(category).cast(nw.String))
    joined = sold.join(named, on="product_id", how="left")
    return joined.filter(nw.col("is_service").is_null() | ~nw.col("is_service"))
