"""Lots that will not be sold in time: what is left of them, which shop could sell it, what is the best way out."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.balances.stock import advice, expiry
from crmlib.balances.stock.shelf import Shelf

PAIR = ("store_id", "product_id")


def ends(
    lots: pl.DataFrame,
    made: Shelf,
    response: pl.DataFrame,
    *,
    transport_minor: int,
    within: int,
    gift_share: float = 0.0,
) -> pl.DataFrame:
    """Lots that end within `within` days and of which something will be left, with the best way out, dearest first.

    Parameters
    ----------
    lots : from `books.by_lot`. response : depth_bp, multiplier; no rows where no response is known.
    transport_minor : cost of moving one unit. gift_share : what a unit given to customers is worth, of its price.

    Returns
    -------
    As `expiry.batches`, with price_minor, cost_minor, loss_minor (expected left-over at cost), to_store (which shop
    sells what is left before its end; null: none), the worth of each way and `advice` as `advice.advise`.
    """
    rows = expiry.batches(lots, made.demand, items=made.items, as_of=made.as_of)
    each = made.items.select(*PAIR, "category", "price_minor", "cost_minor")
    rows = rows.join(each, on=list(PAIR), how="left", maintain_order="left")
    rows = rows.filter(pl.col("days") <= within, pl.col("left_milli") > 0)
    rows = rows.with_columns(
        pl.col("price_minor", "cost_minor").fill_null(0),
        loss_minor=(pl.col("left_milli") * pl.col("cost_minor").fill_null(0) / 1000).round().cast(pl.Int64),
    ).sort("loss_minor", *PAIR, "lot_id", descending=[True, False, False, False])
    rows = _room(rows, made)
    steps = response if response.height else pl.DataFrame({"depth_bp": [0], "multiplier": [1.0]})
    rows = rows.with_columns(gift_minor=(pl.col("price_minor") * gift_share).round().cast(pl.Int64))
    return advice.advise(rows, steps, transport_minor=transport_minor)


def _room(rows: pl.DataFrame, made: Shelf) -> pl.DataFrame:
    """Per lot, in order of loss, the other shop that will sell most of what is left; what is promised is taken off."""
    spare: dict[str, list[tuple[str, int]]] = {}
    for number, (store, product) in enumerate(made.items.select(PAIR).iter_rows()):
        spare.setdefault(product, []).append((store, number))
    held = made.items["on_hand_milli"].to_numpy() / 1000
    ahead = np.cumsum(made.demand.mean, axis=1)
    promised = np.zeros(held.size)
    to: list[str | None] = []
    room: list[int] = []
    for store, product, days, left in rows.select(*PAIR, "days", "left_milli").iter_rows():
        best, where, at = 0.0, None, -1
        for other, item in spare.get(product, []) if days > 1 else []:
            free = ahead[item, min(days - 1, ahead.shape[1]) - 1] - held[item] - promised[item]  # a day on the road
            if other != store and free > best:
                best, where, at = free, other, item
        units = min(float(np.floor(best)), left / 1000)
        if units > 0:
            promised[at] += units
        to.append(where if units > 0 else None)
        room.append(round(units * 1000))
    return rows.with_columns(to_store=pl.Series(to, dtype=pl.String), room_milli=pl.Series(room, dtype=pl.Int64))
