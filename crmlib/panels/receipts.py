"""Receipts as baskets: which goods stand on the same receipt, and what a good is sold and bought for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import narwhals as nw
import numpy as np
import polars as pl

from crmlib.core.codes import coded
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels import from_cells
from crmlib.panels.engine import Lines, lines_of, ordered, reduced
from crmlib.panels.handle import part
from crmlib.panels.monthly import monthly, months

_MONTH_GOODS = {
    "receipt_id": pl.String,
    "customer_id": pl.String,
    "store_id": pl.String,
    "product_id": pl.String,
    "day_n": pl.Int32,
    "offered": pl.Boolean,
}
GOODS_PRICE = {
    "product_id": pl.String,
    "unit": pl.String,
    "receipts": pl.Int64,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "costed_milli": pl.Int64,
    "cost_minor": pl.Int64,
}
GOODS_MONEY = {name: kind for name, kind in GOODS_PRICE.items() if name != "receipts"}
_SOLD = ("day_n", "quantity_milli", "product_id")
_HASHES = 1 << 64
BASKET_GOODS = {"product_id": pl.String, "baskets": pl.Int64, "last_day_n": pl.Int32}
BASKET_PAIRS = {"left": pl.String, "right": pl.String, "baskets": pl.Int64}


@dataclass(frozen=True, slots=True)
class BasketCounts:
    """All baskets of a period, counted.

    Parameters
    ----------
    goods : product_id, baskets (that hold it), last_day_n; by product.
    pairs : left < right (products), baskets that hold both; by left and right.
    baskets, carded : receipts with a sale, and those on the card of a member.
    """

    goods: pl.DataFrame
    pairs: pl.DataFrame
    baskets: int
    carded: int


def basket_counts(lines: AnyFrame, *, start: date, end: date, nobody: pl.Series | None = None) -> BasketCounts:
    """Receipts from `start` to `end`, both included, by the goods and pairs of goods that they hold; returns left out.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, customer_id, product_id, day_n, quantity_milli.
    nobody : cards that are no member's.
    """
    made = [_month_counts(part(lines, start=a, end=b), nobody) for a, b in months(start, end)]
    goods = pl.concat([one.goods for one in made]).group_by("product_id")
    pairs = pl.concat([one.pairs for one in made]).group_by("left", "right").agg(pl.col("baskets").sum())
    return BasketCounts(
        goods.agg(pl.col("baskets").sum(), pl.col("last_day_n").max()).sort("product_id"),
        pairs.sort("left", "right"),
        sum(one.baskets for one in made),
        sum(one.carded for one in made),
    )


def _month_counts(lines: AnyFrame, nobody: pl.Series | None) -> BasketCounts:
    sold = _sold(lines, (*_SOLD, "receipt_id", "customer_id")).select(
        "receipt_id", "product_id", "day_n", "customer_id"
    )
    native, receipt = sold.to_native(), "receipt_id"
    if isinstance(native, pl.LazyFrame):  # receipts are only told apart: numbers do that (see `sales.product_period`)
        sold = nw.from_native(native.with_columns(pl.col(receipt).hash()))
    member = ~nw.col("customer_id").is_null()
    if nobody is not None and nobody.len():
        member = member & ~nw.col("customer_id").is_in(nobody.to_list())
    rows = (
        sold.with_columns(carded=nw.when(member).then(1).otherwise(0))
        .group_by(receipt, "product_id")
        .agg(nw.col("day_n").max(), nw.col("carded").max())
    )
    kind = pl.UInt64 if isinstance(native, pl.LazyFrame) else pl.String
    schema = {receipt: kind, "product_id": pl.String, "day_n": pl.Int32, "carded": pl.Int8}
    held = reduced(rows, schema=schema, sort=()).sort(receipt)
    known = held.drop_nulls("product_id")
    goods = known.group_by("product_id").agg(baskets=pl.len().cast(pl.Int64), last_day_n=pl.col("day_n").max())
    carded = held.filter(pl.col("carded") > 0)[receipt].n_unique()
    return BasketCounts(goods.select(*BASKET_GOODS), _held_together(known), held[receipt].n_unique(), carded)


def _held_together(held: pl.DataFrame) -> pl.DataFrame:
    """`BASKET_PAIRS` of goods (receipt_id, product_id, each once), receipt by receipt."""
    place, names = coded(held["product_id"])
    basket = held["receipt_id"].rle_id().to_numpy()
    found, first = [np.zeros(0, dtype=np.int64)], np.arange(basket.size)
    for further in range(1, basket.size):
        first = first[first + further < basket.size]
        first = first[basket[first] == basket[first + further]]
        if not first.size:
            break
        one, other = place[first], place[first + further]
        found.append(np.minimum(one, other) * names.len() + np.maximum(one, other))
    counted = pl.Series("pair", np.concatenate(found)).value_counts(name="baskets")
    left, right = np.divmod(counted["pair"].to_numpy(), max(names.len(), 1))
    return pl.DataFrame(
        {"left": names.gather(left), "right": names.gather(right), "baskets": counted["baskets"].cast(pl.Int64)},
        schema=BASKET_PAIRS,
    )


def basket_goods(
    lines: AnyFrame,
    *,
    start: date,
    end: date,
    share: float = 1.0,
    of: Literal["customer_id", "receipt_id"] = "receipt_id",
) -> pl.DataFrame:
    """One row per receipt and good sold from `start` to `end`, both included; returns left out.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, customer_id, store_id, product_id, day_n, quantity_milli, promotion_id.
    share, of : below 1 so many of the receipts, or of the members with all their receipts, drawn by a hash of the id:
        the same in every run. Lines on another engine than Polars are not drawn.

    Returns
    -------
    basket_id (number of the receipt), customer_id (null without card), store_id, product_id (Enums), day_n [days since
    1970], offered (a line of it was sold under a promotion); basket by basket, by good.
    """
    baskets = 0

    def month(lines: AnyFrame) -> pl.DataFrame:
        nonlocal baskets
        made = _month_goods(lines, share, of)
        place, _ = coded(made["receipt_id"])
        numbered = made.drop("receipt_id").with_columns(pl.Series("basket_id", place + baskets, dtype=pl.UInt32))
        baskets += int(place.max(initial=-1)) + 1
        return numbered

    return monthly(lines, month, start=start, end=end, ids=("customer_id", "store_id", "product_id"))


def _month_goods(lines: AnyFrame, share: float, of: str) -> pl.DataFrame:
    needs = (*_SOLD, "receipt_id", "customer_id", "store_id", "promotion_id")
    sold = _sold(lines, needs)
    native = sold.to_native()
    if share < 1 and isinstance(native, pl.LazyFrame):
        drawn = pl.col(of).hash() < int(share * _HASHES)
        sold = nw.from_native(native.filter(pl.col(of).is_not_null(), drawn))
    rows = sold.with_columns(offer=nw.when(~nw.col("promotion_id").is_null()).then(1).otherwise(0))
    panel = (
        rows.group_by("receipt_id", "product_id")
        .agg(
            customer_id=nw.col("customer_id").max(),
            store_id=nw.col("store_id").max(),
            day_n=nw.col("day_n").max(),
            offer=nw.col("offer").max(),
        )
        .with_columns(offered=nw.col("offer") > 0)
    )
    return reduced(panel, schema=_MONTH_GOODS, sort=("receipt_id", "product_id"))


def goods_price(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """What each good was sold and bought for from `start` to `end`, both included, at full price; returns left out.

    Parameters
    ----------
    lines : receipt lines; needs product_id, unit, day_n, receipt_id, quantity_milli, net_minor, cost_minor,
        promotion_id.

    Returns
    -------
    product_id, unit, receipts, quantity_milli and net_minor of lines without a promotion; costed_milli and cost_minor
    of those of them with a cost; sorted by good and unit. Receipts are counted month by month: a number that comes
    again in another month is another receipt, and those of a month are all that is held.
    """
    kept = [_month_prices(part(lines, start=first, end=last), first, last) for first, last in months(start, end)]
    return ordered(pl.concat(kept).group_by("product_id", "unit").sum(), ("product_id", "unit"))


def _month_prices(lines: AnyFrame, start: date, end: date) -> pl.DataFrame:
    panel = (
        _full_price(lines, start, end, "receipt_id")
        .group_by("product_id", "unit")
        .agg(
            receipts=nw.col("receipt_id").n_unique(),
            quantity_milli=nw.col("quantity_milli").sum(),
            net_minor=nw.col("net_minor").sum(),
            costed_milli=nw.col("costed_milli").sum(),
            cost_minor=nw.col("cost").sum(),
        )
    )
    return reduced(panel, schema=GOODS_PRICE, sort=("product_id", "unit"))


def goods_money(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """`goods_price` without its receipts: what stored cells tell."""
    stored = from_cells.goods(lines)
    if stored is None:
        rows = _full_price(lines, start, end).with_columns(lines=nw.lit(1))
    else:
        kept: Lines = nw.from_native(stored)
        costed = nw.when(nw.col("costed"))
        rows = kept.filter(nw.col("sold") > 0, *_at_full_price(start, end)).with_columns(
            costed_milli=costed.then(nw.col("quantity_milli")).otherwise(0),
            cost=costed.then(nw.col("cost_minor")).otherwise(0),
        )
    sums = rows.group_by("product_id", "unit").agg(
        nw.col("lines", "quantity_milli", "net_minor", "costed_milli").sum(), cost_minor=nw.col("cost").sum()
    )
    return reduced(sums.filter(nw.col("lines") > 0), schema=GOODS_MONEY, sort=("product_id", "unit"))


def _full_price(lines: AnyFrame, start: date, end: date, *more: str) -> Lines:
    needs = (*_SOLD, *more, "unit", "net_minor", "cost_minor", "promotion_id")
    costed = nw.when(~nw.col("cost_minor").is_null())
    return (
        _sold(lines, needs)
        .filter(*_at_full_price(start, end))
        .with_columns(
            nw.col("unit").cast(nw.String),
            costed_milli=costed.then(nw.col("quantity_milli")).otherwise(0),
            cost=costed.then(nw.col("cost_minor")).otherwise(0),
        )
    )


def _at_full_price(start: date, end: date) -> tuple[nw.Expr, ...]:
    day = nw.col("day_n")
    return nw.col("promotion_id").is_null(), day >= day_number(start), day <= day_number(end)


def _sold(lines: AnyFrame, needs: tuple[str, ...]) -> Lines:
    return lines_of(lines, needs=needs, name="receipt_lines").filter(nw.col("quantity_milli") > 0)
