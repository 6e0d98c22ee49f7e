"""What the shop floor records: orders of the app with their times, and the stock left at closing.

Stock is counted for the goods of an event on its days, and once for everything on the last day. It agrees with the
sales: what is left tonight is what will still be sold, and the rest; a shelf that ran empty holds 0 from that day on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.events import STOCK_DAYS, Event, last_stocked
from crmlib.simulate.marketing import clock
from crmlib.simulate.story import Telling, World

ORDERS_PER_STORE_DAY = 0.16
"""Mean app orders of an event's goods in a store and day."""
MINUTES, SPREAD = 14.0, 0.6
"""Median minutes from order to checkout in a store of average quality, and their spread (of the logarithm)."""
OPEN_SHARE = 0.01
"""Share of orders that nobody has checked out."""
COVER_DAYS = (4.0, 24.0)
"""Days of sales that a shelf holds at the end, from and to; in an event, shares of what it sells."""
COVER_SHARE = (0.08, 0.6)


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write orders.csv.gz and stock.csv.gz."""
    exports.write_csv(orders(world, rng), folder / "orders.csv.gz", table="orders")
    sold = pl.concat(told.sold)
    counts = [_event_stock(world, place, event, sold, rng) for place, event in enumerate(world.events)]
    running = pl.concat([_EMPTY, *counts])
    rest = _last_day(world, sold, rng).join(running, on=["store", "product", "day"], how="anti")
    table = pl.concat([running, rest]).sort("day", "store", "product")
    named = table.select(
        store_id=pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        product_id=pl.lit(world.goods.frame["product_id"]).gather(pl.col("product")),
        counted_on=pl.col("day").cast(pl.Int32).cast(pl.Date),
        on_hand=pl.col("milli") // 1000,
    )
    exports.write_csv(named, folder / "stock.csv.gz", table="stock")


_EMPTY = pl.DataFrame(schema={"store": pl.Int64, "product": pl.Int64, "day": pl.Int64, "milli": pl.Int64})


def orders(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Orders of every event that has begun: order_id, promotion_id, store_id, ordered_at, checked_out_at."""
    rows = []
    ids = world.shops.frame["store_id"]
    for event in world.events:
        days = min(event.last, world.last_day) - event.first + 1
        stores = np.flatnonzero(event.stores)
        count = rng.poisson(ORDERS_PER_STORE_DAY * max(days, 0), stores.size)
        store = np.repeat(stores, count)
        slow: Floats = np.exp(0.5 * (1 - world.shops.quality[store]))
        minutes = np.ceil(MINUTES * slow * rng.lognormal(0, SPREAD, store.size)).astype(np.int64)
        day = event.first + rng.integers(0, max(days, 1), store.size)
        at = 9 * 60 + rng.integers(0, 10 * 60, store.size)
        still = rng.random(store.size) < OPEN_SHARE
        rows += [
            (event.promotion_id, ids[int(s)], _time(d, m), None if o else _time(d, m + w))
            for s, d, m, w, o in zip(store, day, at, minutes, still, strict=True)
        ]
    columns = ["promotion_id", "store_id", "ordered_at", "checked_out_at"]
    table = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row").sort("ordered_at", "store_id")
    number = pl.int_range(1, table.height + 1).cast(pl.String).str.zfill(5)
    return table.with_columns(order_id=pl.format("O{}", number))


def _time(day: int, minute: int) -> str:
    """Day and minute of the day as text."""
    return f"{clock(int(day))[:10]} {minute // 60:02d}:{minute % 60:02d}"


def _event_stock(world: World, place: int, event: Event, sold: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Stock at the closing of every day of an event, for the store-products that sold in it."""
    last = min(event.last, world.last_day)
    if event.first <= world.last_day - STOCK_DAYS or event.first > last:
        return _EMPTY
    days = np.arange(event.first, last + 1)
    mine = sold.filter(pl.col("event") == place).sort("store", "product", "day")
    pairs = mine.select("store", "product").unique(maintain_order=True)
    units = np.zeros((pairs.height, days.size), dtype=np.int64)
    at = mine.join(pairs.with_row_index("row"), on=["store", "product"], maintain_order="left")
    np.add.at(units, (at["row"].to_numpy(), at["day"].to_numpy() - event.first), at["milli"].to_numpy())
    store, product = (pairs[c].to_numpy() for c in ("store", "product"))
    until: Ints = last_stocked(event, store, product)
    rest = np.ceil(units.sum(axis=1) * rng.uniform(*COVER_SHARE, pairs.height) / 1000).astype(np.int64) * 1000 + 1000
    rest = np.where(until < event.last, 0, rest)
    ahead = units[:, ::-1].cumsum(axis=1)[:, ::-1] - units
    left = -(-(ahead + rest[:, None]) // 1000) * 1000
    rows, column = (axis.ravel() for axis in np.indices(units.shape))
    return pl.DataFrame(
        {"store": store[rows], "product": product[rows], "day": days[column], "milli": left.ravel()},
        schema=_EMPTY.schema,
    )


def _last_day(world: World, sold: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Stock of everything that sold lately, at the closing of the last day."""
    recent = sold.filter(pl.col("day") > world.last_day - 56)
    usual = recent.group_by("store", "product").agg(pl.col("milli").sum() / 56).sort("store", "product")
    cover = rng.uniform(*COVER_DAYS, usual.height)
    left = np.ceil(usual["milli"].to_numpy() * cover / 1000).astype(np.int64) * 1000
    return usual.select("store", "product", day=pl.lit(world.last_day, dtype=pl.Int64), milli=pl.Series(left))
