"""A promotion tried on real baskets before it is approved: what the till would ask, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from crmlib import panels
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.pricing import price

DAYS = 28
WHOLE_BP = 10_000
DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Tried:
    """One promotion on the baskets of the last weeks that held its goods without an offer.

    baskets, touched : how many, and how many of them it would make cheaper. list_minor, discount_minor, margin_minor :
    of its goods in the touched ones: at list price, the discount, the margin at list price (of lines with a cost).
    basket : the touched receipt whose discount is the middle one, whole: product_id, quantity_milli, list_minor,
    discount_minor, net_minor.
    """

    promotion_id: str
    baskets: int
    touched: int
    list_minor: int
    discount_minor: int
    margin_minor: int
    basket: pl.DataFrame

    @property
    def needed(self) -> float | None:
        """Share by which sales must grow to earn the same margin as before; None where every unit would lose."""
        left = self.margin_minor - self.discount_minor
        return self.discount_minor / left if left > 0 else None

    def short_of(self, lift: float, days: int) -> int:
        """Margin missed in `days` days that sell as the last weeks did, where sales grow by `lift` [minor units].

        Examples
        --------
        >>> tried = Tried("X", 9, 9, 5_000, 600, 1_000, pl.DataFrame())
        >>> tried.short_of(0.5, DAYS), tried.short_of(tried.needed, DAYS)
        (400, 0)
        """
        return round((self.discount_minor - lift * (self.margin_minor - self.discount_minor)) * days / DAYS)


def as_offer(promotion: dict[str, Any]) -> Offer | None:
    """The rule of a promotion, from its row of `promotions`; None where the row does not say it all (gifts, tiers).

    A special price is told by its depth: every product at its list price less the same share.

    Examples
    --------
    >>> from datetime import datetime
    >>> row = {"promotion_id": "X", "mechanic": "nth_unit", "depth_bp": 5000, "stores": [], "products": ["a"],
    ...        "first_day": date(2026, 1, 1), "last_day": date(2026, 1, 7)}
    >>> offer = as_offer(row)
    >>> offer.min_units, offer.rate_bp, as_offer(row | {"mechanic": "gift"})
    (2, 5000, None)
    """
    depth = promotion["depth_bp"]
    if not depth or promotion["mechanic"] not in {"rate", "price", "nth_unit"}:
        return None
    return Offer(
        offer_id=promotion["promotion_id"],
        mechanic="nth_unit" if promotion["mechanic"] == "nth_unit" else "rate",
        starts_at=datetime.combine(promotion["first_day"], time()),
        ends_at=datetime.combine(promotion["last_day"], time()) + timedelta(days=1),
        promotion_id=promotion["promotion_id"],
        stores=tuple(promotion["stores"]),
        products=tuple(promotion["products"]),
        rate_bp=WHOLE_BP - int(depth),
        min_units=2 if promotion["mechanic"] == "nth_unit" else None,
    )


def _middle(offer: Offer) -> int:
    """The middle of the hours of its day [minutes]: noon where it holds all day."""
    start, end = offer.from_minute or 0, offer.to_minute or DAY
    return ((start + end + (DAY if end <= start else 0)) // 2) % DAY


def try_offer(
    offer: Offer, lines: AnyFrame, *, products: AnyFrame, stores: AnyFrame, as_of: date, days: int = DAYS
) -> Tried | None:
    """Price the baskets of the last weeks with an offer, as if they came in the middle of the hours of its first day.

    Parameters
    ----------
    offer : its goods named in `products` (empty: all). lines : receipt lines (or a handle on them) without bulk orders.

    Returns
    -------
    None where no such basket was sold.

    Raises
    ------
    ContractError
        `promotion.offer_…`: the offer cannot be meant.
    """
    span = panels.part(lines, start=as_of - timedelta(days=days - 1), end=as_of)
    products_of = pl.Series(offer.products, dtype=pl.String) if offer.products else None
    table = panels.whole_baskets(span, products=products_of)
    mine = pl.lit(value=True) if not offer.products else pl.col("product_id").is_in(offer.products)
    here = pl.lit(value=True) if not offer.stores else pl.col("store_id").is_in(offer.stores)
    table = table.with_columns(mine=mine & here)
    usual = table.group_by("receipt_id").agg(
        has=pl.col("mine").any(), offered=(pl.col("mine") & pl.col("promotion_id").is_not_null()).any()
    )
    chosen = usual.filter("has", ~pl.col("offered")).select("receipt_id")
    whole = table.join(chosen, on="receipt_id", how="semi", maintain_order="left").sort("receipt_id", "product_id")
    goods = to_polars(products, needs=["product_id"], name="products")
    whole = whole.join(goods.select("product_id"), on="product_id", how="semi", maintain_order="left")
    if whole.is_empty():
        return None
    noon = offer.starts_at + timedelta(minutes=_middle(offer))
    priced = price(
        whole.drop("promotion_id").with_columns(sold_at=pl.lit(noon, dtype=pl.Datetime("us"))),
        offers=[offer], products=goods, stores=stores,
    ).lines  # fmt: skip
    by = priced.group_by("receipt_id").agg(pl.col("discount_minor").sum()).filter(pl.col("discount_minor") > 0)
    by = by.sort("discount_minor", "receipt_id")
    hit = priced.join(by.select("receipt_id"), on="receipt_id", how="semi", maintain_order="left").filter("mine")
    costed = hit.drop_nulls("cost_minor")
    middle = by["receipt_id"][by.height // 2] if by.height else ""
    return Tried(
        promotion_id=offer.promotion_id,
        baskets=chosen.height,
        touched=by.height,
        list_minor=int(hit["list_minor"].sum()),
        discount_minor=int(by["discount_minor"].sum()),
        margin_minor=int((costed["list_minor"] - costed["cost_minor"]).sum()),
        basket=priced.filter(pl.col("receipt_id") == middle).select(
            "product_id", "quantity_milli", "list_minor", "discount_minor", "net_minor"
        ),
    )
