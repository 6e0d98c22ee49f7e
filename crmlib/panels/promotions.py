"""What promotions did, reduced from lines: bulk receipts, prices and costs, takers, prices at the till, last sales."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals as nw
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, reduced
from crmlib.panels.handle import among

NOBODY = pl.Series("receipt_id", [], dtype=pl.String)
MONEY = (
    *("list_minor", "usual_list_minor", "usual_net_minor", "usual_milli", "costed_minor", "costed_milli"),
    *("discount_minor", "bulk_discount_minor", "net_minor", "uncosted"),
)
RECEIPT = {
    "receipt_id": pl.String,
    "customer_id": pl.String,
    "day_n": pl.Int32,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "discount_minor": pl.Int64,
}
OFFER_DAY = {"customer_id": pl.String, "day_n": pl.Int32, "any_offer": pl.Boolean, "all_offer": pl.Boolean}
CELL = {
    "store_id": pl.String,
    "product_id": pl.String,
    "day_n": pl.Int32,
    "promotion_id": pl.String,
    "lines": pl.Int64,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "list_minor": pl.Int64,
    "cost_minor": pl.Int64,
}
BASKET = {
    **dict.fromkeys(("receipt_id", "store_id", "product_id", "promotion_id"), pl.String),
    **dict.fromkeys(("quantity_milli", "list_minor", "cost_minor"), pl.Int64),
}
_KINDS = ("sold", "listed", "costed")
_OFF = nw.when(~nw.col("list_minor").is_null()).then(nw.col("list_minor") - nw.col("net_minor")).otherwise(0)


def bulk_receipts(
    lines: AnyFrame, *, least_milli: int, customers: pl.Series | None = None, returns: bool = True
) -> pl.Series:
    """Receipts with a line of at least so many thousandths, or on a card of `customers`: receipt_id, sorted.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, customer_id, quantity_milli.
    returns : whether lines of goods that came back count.
    """
    stored = from_cells.receipts(lines) if returns else None
    if stored is None:
        read = lines_of(lines, needs=("receipt_id", "customer_id", "quantity_milli"), name="receipt_lines")
    else:
        read = stored.with_columns(quantity_milli=nw.col("most_milli"))
    read = read.select("receipt_id", "customer_id", "quantity_milli")
    if not returns:
        read = read.filter(nw.col("quantity_milli") > 0)
    schema = {"receipt_id": pl.String}
    large = read.filter((nw.col("quantity_milli") >= least_milli) | (nw.col("quantity_milli") <= -least_milli))
    found = [reduced(large.select("receipt_id").unique(), schema=schema, sort=())]
    if customers is not None and len(customers):
        theirs = among(read, "customer_id", customers)
        found.append(reduced(theirs.select("receipt_id").unique(), schema=schema, sort=()))
    return pl.concat(found)["receipt_id"].unique().sort()


def promotion_money(lines: AnyFrame, *, bulk: pl.Series | None = None) -> pl.DataFrame:
    """Sums of each promotion's own lines with a list price: what a unit costs and what was given away.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, promotion_id, quantity_milli, list_minor, net_minor, cost_minor.
    bulk : receipts that are bulk orders; the others are the usual ones.

    Returns
    -------
    promotion_id; list_minor and net_minor of all; usual_list_minor, usual_net_minor, usual_milli; costed_minor (cost),
    costed_milli and uncosted (lines) of the usual ones; discount_minor, of which bulk_discount_minor.
    """
    needs = ("receipt_id", "promotion_id", "quantity_milli", "list_minor", "net_minor", "cost_minor")
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(
        ~nw.col("promotion_id").is_null(), nw.col("quantity_milli") > 0, ~nw.col("list_minor").is_null()
    )
    large = NOBODY if bulk is None else bulk
    goods = from_cells.goods(lines)
    every = _money(sold) if goods is None else _stored_money(goods)
    of_bulk = _money(among(sold, "receipt_id", large)) if len(large) else every.clear()
    joined = every.join(of_bulk, on="promotion_id", how="left", suffix="_bulk")
    part = {c: pl.col(f"{c}_bulk").fill_null(0) for c in every.columns[1:]}
    usual = {c: pl.col(c) - part[c] for c in every.columns[1:]}
    return joined.select(
        "promotion_id",
        "list_minor",
        usual["list_minor"].alias("usual_list_minor"),
        usual["net_minor"].alias("usual_net_minor"),
        usual["quantity_milli"].alias("usual_milli"),
        usual["cost_minor"].alias("costed_minor"),
        usual["costed_milli"].alias("costed_milli"),
        (pl.col("list_minor") - pl.col("net_minor")).alias("discount_minor"),
        (part["list_minor"] - part["net_minor"]).alias("bulk_discount_minor"),
        "net_minor",
        usual["uncosted"].alias("uncosted"),
    ).sort("promotion_id")


def taken_receipts(lines: AnyFrame, *, promotion_id: str | None = None) -> pl.DataFrame:
    """Receipts with sales under one promotion, those sales only; without an id, sales under none.

    Returns
    -------
    receipt_id, customer_id, day, quantity_milli, net_minor, discount_minor (list less net; 0 without a list price).
    """
    needs = ("receipt_id", "customer_id", "day_n", "quantity_milli", "list_minor", "net_minor", "promotion_id")
    offer = nw.col("promotion_id")
    made = (
        lines_of(lines, needs=needs, name="receipt_lines")
        .filter(nw.col("quantity_milli") > 0, offer.is_null() if promotion_id is None else offer == promotion_id)
        .with_columns(discount_minor=_OFF)
        .group_by("receipt_id", "customer_id", "day_n")
        .agg(nw.col("quantity_milli", "net_minor", "discount_minor").sum())
    )
    return _dated(reduced(made, schema=RECEIPT, sort=("receipt_id", "customer_id", "day_n")))


def whole_baskets(lines: AnyFrame, *, products: pl.Series | None = None) -> pl.DataFrame:
    """Sales of receipts that hold any of `products` (all receipts without it), by product and promotion.

    Lines without a list price are left out.

    Returns
    -------
    receipt_id, store_id, product_id, promotion_id, quantity_milli, list_minor, cost_minor (null where any line of it
    has none).
    """
    read = lines_of(lines, needs=tuple(BASKET), name="receipt_lines").select(*BASKET)
    sold = read.filter(nw.col("quantity_milli") > 0, ~nw.col("list_minor").is_null())
    if products is not None:
        held = among(sold, "product_id", products).select("receipt_id").unique()
        chosen = reduced(held, schema={"receipt_id": pl.String}, sort=("receipt_id",))["receipt_id"]
        sold = among(sold, "receipt_id", chosen)
    key = ("receipt_id", "store_id", "product_id", "promotion_id")
    made = (
        sold.with_columns(unknown=nw.when(nw.col("cost_minor").is_null()).then(1).otherwise(0))
        .group_by(*key)
        .agg(nw.col("quantity_milli", "list_minor", "cost_minor", "unknown").sum())
        .with_columns(cost_minor=nw.when(nw.col("unknown") == 0).then(nw.col("cost_minor")))
        .select(*BASKET)
    )
    return reduced(made, schema=BASKET, sort=key)


def promotion_goods(lines: AnyFrame, *, promotion_id: str) -> pl.Series:
    """Products sold under a promotion: product_id, sorted."""
    needs = ("product_id", "promotion_id", "quantity_milli")
    made = lines_of(lines, needs=needs, name="receipt_lines").filter(
        nw.col("promotion_id") == promotion_id, nw.col("quantity_milli") > 0
    )
    return reduced(made.select("product_id").unique(), schema={"product_id": pl.String}, sort=("product_id",))[
        "product_id"
    ]


def offer_days(lines: AnyFrame, customers: pl.Series | None = None) -> pl.DataFrame:
    """Purchase days of customers (all with a card, or these), and whether any or all of the day's sales were on offer.

    Returns
    -------
    customer_id, day, any_offer, all_offer; sorted by the first two.
    """
    stored = from_cells.offers(lines)
    days = _offer_days(lines) if stored is None else stored
    if customers is not None:
        days = among(days, "customer_id", customers)
    made = days.with_columns(any_offer=nw.col("most") == 1, all_offer=nw.col("least") == 1)
    return _dated(reduced(made, schema=OFFER_DAY, sort=("customer_id", "day_n")))


def _offer_days(lines: AnyFrame) -> Lines:
    needs = ("customer_id", "day_n", "quantity_milli", "promotion_id")
    return (
        lines_of(lines, needs=needs, name="receipt_lines")
        .filter(nw.col("quantity_milli") > 0, ~nw.col("customer_id").is_null())
        .with_columns(offer=nw.when(~nw.col("promotion_id").is_null()).then(1).otherwise(0))
        .group_by("customer_id", "day_n")
        .agg(most=nw.col("offer").max(), least=nw.col("offer").min())
    )


def sales_cells(lines: AnyFrame) -> pl.DataFrame:
    """Sums of lines by store, product, day and promotion.

    Sales and returns stand apart, and lines with and without a list price, with and without a cost: what is summed over
    any of these kinds is the sum of the lines.

    Returns
    -------
    store_id, product_id, day, promotion_id; lines, quantity_milli, net_minor; list_minor, cost_minor (null where the
    kind has none).
    """
    keys = ("store_id", "product_id", "day_n", "promotion_id")
    stored = from_cells.goods(lines)
    parts = _goods_lines(lines) if stored is None else nw.from_native(stored)
    made = (
        parts.group_by(*keys, *_KINDS)
        .agg(nw.col("lines", "quantity_milli", "net_minor", "list_minor", "cost_minor").sum())
        .filter(nw.col("lines") > 0)
        .with_columns(
            list_minor=nw.when(nw.col("listed")).then(nw.col("list_minor")),
            cost_minor=nw.when(nw.col("costed")).then(nw.col("cost_minor")),
        )
    )
    schema = {**CELL, "sold": pl.Int8, "listed": pl.Boolean, "costed": pl.Boolean}
    return _dated(reduced(made, schema=schema, sort=(*keys, *_KINDS)).drop(_KINDS))


def _goods_lines(lines: AnyFrame) -> Lines:
    keys = ("store_id", "product_id", "day_n", "promotion_id")
    needs = (*keys, "quantity_milli", "net_minor", "list_minor", "cost_minor")
    quantity = nw.col("quantity_milli")
    return lines_of(lines, needs=needs, name="receipt_lines").with_columns(
        sold=nw.when(quantity > 0).then(1).when(quantity < 0).then(-1).otherwise(0),
        listed=~nw.col("list_minor").is_null(),
        costed=~nw.col("cost_minor").is_null(),
        lines=nw.lit(1),
    )


def product_day(lines: AnyFrame) -> pl.DataFrame:
    """Net sales of each product by day and promotion: product_id, day, promotion_id, net_minor."""
    keys = ("product_id", "day_n", "promotion_id")
    stored = from_cells.goods(lines)
    if stored is None:
        parts = lines_of(lines, needs=(*keys, "net_minor"), name="receipt_lines").with_columns(lines=nw.lit(1))
    else:
        parts = nw.from_native(stored)
    made = parts.group_by(*keys).agg(nw.col("lines", "net_minor").sum()).filter(nw.col("lines") > 0)
    schema = {"product_id": pl.String, "day_n": pl.Int32, "promotion_id": pl.String, "net_minor": pl.Int64}
    return _dated(reduced(made, schema=schema, sort=keys))


def price_points(lines: AnyFrame) -> pl.DataFrame:
    """How often each price was taken at the till: store_id, promotion_id, sale, list_minor, net_minor, lines.

    `sale` is whether the line sold (quantity > 0); list_minor and net_minor are those of a line.
    """
    keys = ("store_id", "promotion_id", "sale", "list_minor", "net_minor")
    needs = ("store_id", "promotion_id", "list_minor", "net_minor", "quantity_milli")
    made = (
        lines_of(lines, needs=needs, name="receipt_lines")
        .with_columns(sale=nw.col("quantity_milli") > 0)
        .group_by(*keys)
        .agg(lines=nw.len())
    )
    schema = {
        "store_id": pl.String, "promotion_id": pl.String, "sale": pl.Boolean, "list_minor": pl.Int64,
        "net_minor": pl.Int64, "lines": pl.Int64,
    }  # fmt: skip
    return reduced(made, schema=schema, sort=keys)


def last_sales(lines: AnyFrame, until: pl.DataFrame) -> pl.DataFrame:
    """When each product was last sold in a store, up to a day: store_id, product_id, sold_at.

    Parameters
    ----------
    lines : receipt lines; needs store_id, product_id, day_n, sold_at, quantity_milli.
    until : store_id, product_id, day_out [date]; other shelves are left out.
    """
    needs = ("store_id", "product_id", "day_n", "sold_at", "quantity_milli")
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(nw.col("quantity_milli") > 0)
    for column in ("store_id", "product_id"):
        sold = among(sold, column, until[column].unique())
    by_day = sold.group_by("store_id", "product_id", "day_n").agg(nw.col("sold_at").max())
    found = to_polars(by_day.to_native(), name="last_sales")
    before = found.join(until, on=["store_id", "product_id"]).filter(
        pl.col("day_n") <= pl.col("day_out").cast(pl.Int32)
    )
    return before.group_by("store_id", "product_id").agg(pl.col("sold_at").max()).sort("store_id", "product_id")


def goods_sold(lines: AnyFrame) -> pl.DataFrame:
    """Sales by unit and product, returns left out: unit, product_id, net_minor, quantity_milli."""
    needs = ("unit", "product_id", "quantity_milli", "net_minor")
    made = (
        lines_of(lines, needs=needs, name="receipt_lines")
        .filter(nw.col("quantity_milli") > 0)
        .with_columns(nw.col("unit").cast(nw.String))
        .group_by("unit", "product_id")
        .agg(nw.col("net_minor", "quantity_milli").sum())
    )
    schema = {"unit": pl.String, "product_id": pl.String, "net_minor": pl.Int64, "quantity_milli": pl.Int64}
    return reduced(made, schema=schema, sort=("unit", "product_id"))


def traffic(lines: AnyFrame) -> dict[str, int]:
    """Stores, store-days and receipts with a sale: counts of each."""
    needs = ("store_id", "day_n", "receipt_id", "quantity_milli")
    sold = lines_of(lines, needs=needs, name="receipt_lines").filter(nw.col("quantity_milli") > 0)
    days = reduced(
        sold.select("store_id", "day_n").unique(), schema={"store_id": pl.String, "day_n": pl.Int32}, sort=()
    )
    receipts = reduced(sold.select(nw.col("receipt_id").n_unique()), schema={"receipt_id": pl.Int64}, sort=())
    return {"stores": days["store_id"].n_unique(), "store_days": days.height, "receipts": receipts.item()}


def stores_of(lines: AnyFrame) -> pl.Series:
    """Stores with any line: store_id, sorted."""
    made = lines_of(lines, needs=("store_id",), name="receipt_lines").select("store_id").unique()
    return reduced(made, schema={"store_id": pl.String}, sort=("store_id",))["store_id"].drop_nulls()


def _money(sold: Lines) -> pl.DataFrame:
    costed = ~nw.col("cost_minor").is_null()
    names = ("list_minor", "net_minor", "quantity_milli", "cost_minor", "costed_milli", "uncosted")
    made = (
        sold.with_columns(
            costed_milli=nw.when(costed).then(nw.col("quantity_milli")).otherwise(0),
            uncosted=nw.when(costed).then(0).otherwise(1),
        )
        .group_by("promotion_id")
        .agg(nw.col(*names).sum())
    )
    return reduced(made, schema={"promotion_id": pl.String, **dict.fromkeys(names, pl.Int64)}, sort=("promotion_id",))


def _stored_money(goods: pl.LazyFrame) -> pl.DataFrame:
    """`_money` from stored cells."""
    sold = goods.filter(pl.col("promotion_id").is_not_null(), pl.col("sold") > 0, pl.col("listed"))
    costed = pl.col("costed")
    sums = sold.group_by("promotion_id").agg(
        pl.col("list_minor", "net_minor", "quantity_milli", "cost_minor").sum(),
        costed_milli=pl.when(costed).then("quantity_milli").otherwise(0).sum(),
        uncosted=pl.when(costed).then(0).otherwise("lines").sum(),
        lines=pl.col("lines").sum(),
    )
    names = ("list_minor", "net_minor", "quantity_milli", "cost_minor", "costed_milli", "uncosted")
    schema = {"promotion_id": pl.String, **dict.fromkeys(names, pl.Int64)}
    return reduced(nw.from_native(sums.filter(pl.col("lines") > 0)), schema=schema, sort=("promotion_id",))


def _dated(frame: pl.DataFrame) -> pl.DataFrame:
    names: Sequence[str] = ["day" if c == "day_n" else c for c in frame.columns]
    return frame.with_columns(day=pl.col("day_n").cast(pl.Date)).select(names)
