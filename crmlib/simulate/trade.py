"""Small shops that salespeople supply, each with a rhythm of its own; some stop for good.

Gaps between orders are gamma of shape `SHAPE`; after each order a shop stops with its own chance. One salesperson left
without handing over. The truth says when each shop really orders next, or that it never will.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar import festival_day
from crmlib.simulate import exports, offices
from crmlib.simulate.draws import Ints
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

TRADERS, SELLERS = 96, 2
"""Shops, and salespeople by region."""
SHAPE, GAP, SPREAD = 3.0, 21.0, 0.35
"""Shape of the gaps; median over shops [days] and spread of its logarithm."""
STOPS = (1.0, 24.0)
"""Beta of the chance to stop after an order."""
EAGER, BEFORE = 0.7, 40
"""Gaps in the days before Spring Festival are so much shorter."""
AGREED, CANCELLED, LATE, SHORT, OFF = 0.6, 0.015, 0.06, 0.03, 0.82
"""Shares of shops with an agreed rhythm, of orders cancelled, late, short; share of the list price that is paid."""
LEFT_AGO, LEAVER = 40, "Y22"
BEYOND = 400
"""Days after the last one in which the next order is looked for."""


def write(world: World, folder: Path, *, rng: np.random.Generator) -> pl.DataFrame:
    """Write trade_staff, traders, trade_orders and the truth; orders with staff_id, day and amount [fen] come back."""
    staff = _staff(world, rng)
    exports.write_csv(staff, folder / "trade_staff.csv.gz", table="trade_staff")
    shops = _shops(world, rng)
    days, truth = _days(world, shops, rng)
    exports.write_csv(
        shops.with_columns(kind=pl.lit(toml("people")["trader"]["type"])), folder / "traders.csv.gz", table="traders"
    )
    orders = _orders(world, shops, days, rng)
    exports.write_csv(_shown(orders, world), folder / "trade_orders.csv.gz", table="trade_orders")
    exports.truth(truth, folder, "trade")
    return orders.select("staff_id", "day", amount=pl.col("pieces") * pl.col("price"))


def regions(world: World) -> list[str]:
    """The regions in the order of managers' numbers."""
    return sorted(set(world.shops.frame["region"].to_list()))


def _staff(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A manager and two salespeople by region."""
    words, rows = toml("people")["role"], list[tuple[str, str, str, str | None]]()
    for number, region in enumerate(regions(world), start=1):
        rows.append((f"M{number + 10}", words["manager"], region, None))
        rows += [(f"Y{number}{k}", words["salesperson"], region, f"M{number + 10}") for k in range(1, SELLERS + 1)]
    n = len(rows)
    joined = _dates(world.first_day - rng.integers(30, 1500, n))
    gone = pl.when(pl.col("staff_id") == LEAVER).then(pl.lit(world.last_day - LEFT_AGO))
    return pl.DataFrame(rows, schema=["staff_id", "role", "region", "manager_staff"], orient="row").with_columns(
        name=pl.Series(offices.names(n, skip=200)), joined_on=joined, left_on=_date(gone)
    )


def _shops(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Shops with region, owner, rhythm and the chance to stop after an order."""
    words, names = toml("people")["trader"], regions(world)
    n = np.arange(TRADERS)
    region = n % len(names)
    gap = GAP * np.exp(rng.normal(0, SPREAD, TRADERS))
    agreed = np.where(rng.random(TRADERS) < AGREED, np.maximum(7, np.round(gap / 7) * 7), 0).astype(np.int64)
    old = rng.random(TRADERS) < 0.75
    first = world.first_day + np.where(
        old, rng.random(TRADERS) * 2 * gap, rng.random(TRADERS) * (world.last_day - world.first_day)
    ).astype(np.int64)
    return pl.DataFrame(
        {
            "partner_id": [f"X{i + 1:03d}" for i in n],
            "name": [words["first"][i % 24] + words["last"][(i // 24) % 4] for i in n],
            "region": [names[i] for i in region],
            "since": _dates(first - rng.integers(0, 5, TRADERS) - np.where(old, 400, 0)),
            "cycle_days": pl.select(pl.when(pl.Series(agreed) > 0).then(pl.Series(agreed))).to_series(),
            "owner_staff": [f"Y{r + 1}{i // len(names) % SELLERS + 1}" for i, r in zip(n, region, strict=True)],
            "gap": gap,
            "stops": rng.beta(*STOPS, TRADERS),
            "first": first,
        }
    )


def _days(world: World, shops: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every order day until the last one, and the truth by shop: k, gap, stopped_on, next_on."""
    year = (EPOCH + timedelta(days=int(world.first_day))).year
    feasts = [(festival_day("spring_festival", y) - EPOCH).days for y in range(year, year + 5)]
    rows, truth = [], []
    for row in shops.iter_rows(named=True):
        day, last, after, gone = float(row["first"]), None, None, None
        while day <= world.last_day + BEYOND:
            if int(day) > world.last_day:
                after = int(day)
                break
            last = int(day)
            rows.append((row["partner_id"], last))
            if rng.random() < row["stops"]:
                gone = last
                break
            step = rng.gamma(SHAPE, row["gap"] / SHAPE)
            eager = any(0 <= feast - day <= BEFORE for feast in feasts)
            day = max(day + step * (EAGER if eager else 1.0), last + 1)
        truth.append((row["partner_id"], SHAPE, row["gap"], gone, after))
    made = pl.DataFrame(rows, schema=["partner_id", "day"], orient="row").sort("day", "partner_id")
    days = dict.fromkeys(("stopped_on", "next_on"), pl.Int64)
    columns = {"partner_id": pl.String, "shape": pl.Float64, "gap_days": pl.Float64, **days}
    known = pl.DataFrame(truth, schema=columns, orient="row")
    return made, known.with_columns(_date("stopped_on"), _date("next_on"))


def _orders(world: World, shops: pl.DataFrame, days: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One line an order, cancelled, late and short ones among them [days, pieces, fen]."""
    n, goods = days.height, world.goods
    usual = np.flatnonzero((goods.frame["life"].fill_null(0).to_numpy() > 60) & (goods.by_weight == 0))
    product = usual[rng.integers(0, usual.size, n)]
    pieces = rng.integers(2, 13, n) * 6
    price = np.round(goods.price[product] * OFF / 10).astype(np.int64) * 10
    cancelled, late, short = (rng.random(n) < share for share in (CANCELLED, LATE, SHORT))
    arrives = days["day"].to_numpy() + np.where(late, rng.integers(3, 8, n), rng.integers(1, 3, n))
    came = ~cancelled & (arrives <= world.last_day)
    owner = days.join(shops.select("partner_id", "owner_staff"), on="partner_id", how="left", maintain_order="left")
    gone = (owner["owner_staff"] == LEAVER) & (days["day"] > world.last_day - LEFT_AGO)
    return days.with_row_index("number", offset=1).with_columns(
        staff_id=pl.select(pl.when(~gone).then(owner["owner_staff"])).to_series(),
        second=pl.Series(rng.integers(9 * 60, 17 * 60, n) * 60),
        product_id=goods.frame["product_id"].gather(product),
        pieces=pl.Series(pieces),
        price=pl.Series(price),
        cancelled=pl.Series(cancelled),
        came=pl.Series(came),
        arrives=pl.Series(arrives),
        brought=pl.Series(np.where(short, pieces // 2, pieces)),
    )


def _shown(orders: pl.DataFrame, world: World) -> pl.DataFrame:
    """Orders as the office's book has them."""
    words = toml("people")["order_state"]
    at = pl.format("{} {}", _date("day"), pl.col("second").cast(pl.Int64).mul(1_000_000_000).cast(pl.Time))
    state = pl.when("cancelled").then(pl.lit("cancelled")).when("came").then(pl.lit("closed"))
    return orders.select(
        pl.format("XD{}", pl.col("number").cast(pl.String).str.zfill(5)).alias("order_id"),
        "partner_id",
        "staff_id",
        at.str.slice(0, 16).alias("entered_at"),
        _date(pl.col("day") + 2).alias("promised_on"),
        state.otherwise(pl.lit("entered")).replace_strict(words).alias("state"),
        pl.when("cancelled").then(pl.format("{} 18:00", _date("day"))).alias("cancelled_at"),
        pl.lit(1).alias("line_no"),
        "product_id",
        pl.col("pieces").alias("ordered"),
        (pl.col("price") / 100).round(2).alias("price"),
        pl.when("came").then(_date("arrives")).alias("delivered_on"),
        pl.when("came").then("brought").alias("delivered"),
    )


def _date(day: str | pl.Expr) -> pl.Expr:
    column = pl.col(day) if isinstance(day, str) else day
    return column.cast(pl.Int32).cast(pl.Date)


def _dates(day: Ints) -> pl.Series:
    return pl.Series(day).cast(pl.Int32).cast(pl.Date)
