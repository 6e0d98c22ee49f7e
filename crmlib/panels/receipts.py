"""Receipts as baskets: which goods stand on the same receipt, and what a good is sold and bought for."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.codes import coded
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels.engine import Lines, lines_of, reduced
from crmlib.panels.monthly import monthly

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
_SOLD = ("day_n", "quantity_milli", "product_id")


def basket_goods(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """One row per receipt and good sold from `start` to `end`, both included; returns left out.

    Parameters
    ----------
    lines : receipt lines; needs receipt_id, customer_id, store_id, product_id, day_n, quantity_milli, promotion_id.

    Returns
    -------
    basket_id (number of the receipt), customer_id (null without card), store_id, product_id (Enums), day_n [days since
    1970], offered (a line of it was sold under a promotion); basket by basket, by good.
    """
    baskets = 0

    def month(lines: AnyFrame) -> pl.DataFrame:
        nonlocal baskets
        made = _month_goods(lines)
        place, _ = coded(made["receipt_id"])
        numbered = made.drop("receipt_id").with_columns(pl.Series("basket_id", place + baskets, dtype=pl.UInt32))
        baskets += int(place.max(initial=-1)) + 1
        return numbered

    return monthly(lines, month, start=start, end=end, ids=("customer_id", "store_id", "product_id"))


def _month_goods(lines: AnyFrame) -> pl.DataFrame:
    needs = (*_SOLD, "receipt_id", "customer_id", "store_id", "promotion_id")
    rows = _sold(lines, needs).with_columns(offer=nw.when(~nw.col("promotion_id").is_null()).then(1).otherwise(0))
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
    of those of them with a cost; sorted by good and unit.
    """
    needs = (*_SOLD, "unit", "receipt_id", "net_minor", "cost_minor", "promotion_id")
    costed = ~nw.col("cost_minor").is_null()
    rows = (
        _sold(lines, needs)
        .filter(
            nw.col("promotion_id").is_null(), nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end)
        )
        .with_columns(
            costed_milli=nw.when(costed).then(nw.col("quantity_milli")).otherwise(0),
            cost=nw.when(costed).then(nw.col("cost_minor")).otherwise(0),
        )
    )
    panel = rows.group_by("product_id", "unit").agg(
        receipts=nw.col("receipt_id").n_unique(),
        quantity_milli=nw.col("quantity_milli").sum(),
        net_minor=nw.col("net_minor").sum(),
        costed_milli=nw.col("costed_milli").sum(),
        cost_minor=nw.col("cost").sum(),
    )
    return reduced(panel, schema=GOODS_PRICE, sort=("product_id", "unit"))


def _sold(lines: AnyFrame, needs: tuple[str, ...]) -> Lines:
    return lines_of(lines, needs=needs, name="receipt_lines").filter(nw.col("quantity_milli") > 0)
