"""The offer calendar: which offers meet on the same goods, stores and days, and what happens there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.offers.basket import Codes
from crmlib.promotion.offers.offer import Offer, stacks

_SCHEMA = pl.Schema(
    {
        "one": pl.String(),
        "other": pl.String(),
        "starts_at": pl.Datetime("us"),
        "ends_at": pl.Datetime("us"),
        "products": pl.Int64(),
        "stores": pl.Int64(),
        "outcome": pl.String(),
    }
)


def clashes(offers: Sequence[Offer], *, products: AnyFrame, stores: AnyFrame) -> pl.DataFrame:
    """Pairs of offers that meet: one, other, starts_at, ends_at, products, stores (how many of each), outcome.

    outcome: ``both`` (they stack), ``best`` (one group and stage: best for the customer), ``first`` (the earlier in
    order keeps the goods, `one` is that offer).
    """
    goods = to_polars(products, needs=["product_id"], name="products")
    places = to_polars(stores, needs=["store_id"], name="stores")["store_id"]
    codes = Codes(goods, places, pl.Series("grade", [], dtype=pl.String))
    masks = {o.offer_id: codes.product_mask(o) for o in offers}
    shops = {o.offer_id: set(o.stores) or set(places.to_list()) for o in offers}
    rows = []
    for one, other in combinations(sorted(offers, key=lambda o: (o.stage, o.order)), 2):
        start, end = max(one.starts_at, other.starts_at), min(one.ends_at, other.ends_at)
        shared = int((masks[one.offer_id] & masks[other.offer_id]).sum())
        common = len(shops[one.offer_id] & shops[other.offer_id])
        if start < end and shared and common:
            rows.append((one.offer_id, other.offer_id, start, end, shared, common, _outcome(one, other)))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("starts_at", "one", "other")


def _outcome(one: Offer, other: Offer) -> str:
    if stacks(one, other):
        return "both"
    return "best" if one.stack_group and one.stack_group == other.stack_group and one.stage == other.stage else "first"
