"""The book of goods of the last month: openings by lot, deliveries, sales, losses, transfers; it closes as counted.

Goods that keep a month or less come every week and are sold before the next lot. Others lie in the lot they opened
with, behind it one that was delivered. Some lots are planted so that they end before their store can sell them, some
goods lie where nobody has asked for them for eight weeks, and some transfers are still on their way.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Ints
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

WEEK_ENDS = (7, 14, 21, 31)
"""Days of the month on which sales are posted."""
SHORT = 31
"""Goods that keep this many days or less come every week."""
QUICK = 60
"""Of goods that keep so long or less, what was delivered is most of what lies."""
LATE_SHARE, WASTE_SHARE, DIFF_SHARE, GIFT_SHARE = 0.02, 0.03, 0.04, 0.02
DEAD, TRANSFERS, ON_THEIR_WAY = 50, 24, 3
EMPTY, EMPTY_DAYS = 30, 6
"""Most shelves that ran empty, and the days without a sale that such a shelf has at least."""
MOVES = pl.Schema(
    {"store": pl.Int64(), "product": pl.Int64(), "lot": pl.Int64(), "day": pl.Int64(), "kind": pl.String(),
     "milli": pl.Int64(), "transfer": pl.Int64()}
)  # fmt: skip
"""`lot` is the day on which it was made."""


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write lots.csv.gz, stock_moves.csv.gz and the truth: what lies where, and what was planted."""
    pairs = _pairs(world, told, folder, rng)
    first = month_start(world.last_day)
    kept = pairs.filter(pl.col("life").is_not_null() & ~pl.col("service"))
    sold = _sold(told, first)
    out = _ran_out(kept, sold, first, world.last_day)
    usual = kept.join(out, on=["store", "product"], how="anti", maintain_order="left")
    moves = pl.concat([_fresh(usual, first, rng), _long(usual, first, world.last_day, rng), _empty(out, sold, first)])
    moves = pl.concat([moves, _transfers(moves, world, rng)])
    moves = moves.with_columns(pl.col("day").clip(upper_bound=world.last_day))
    moves = moves.filter(pl.col("milli") != 0).sort("day", "store", "product", "lot", "kind", "milli")
    moves = moves.group_by("store", "product", "lot", "day", "kind", "transfer", maintain_order=True).agg(
        pl.col("milli").sum()
    )
    codes = {
        "store_id": pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        "product_id": pl.lit(world.goods.frame["product_id"]).gather(pl.col("product")),
    }
    named = moves.with_columns(**codes).with_columns(lot_id=_lot_id())
    _write_moves(named, world, folder)
    _write_lots(named, world, folder)
    closing = named.group_by("store_id", "product_id", "lot_id").agg(pl.col("milli").sum())
    planted = kept.join(out.select("store", "product", "gone", "back"), on=["store", "product"], how="left")
    planted = planted.filter(pl.col("late") | pl.col("dead") | pl.col("gone").is_not_null()).with_columns(**codes)
    planted = planted.select(
        "store_id", "product_id", "late", "dead", empty_from=_date("gone"), empty_to=_date(pl.col("back") - 1)
    )
    truth = closing.join(planted, on=["store_id", "product_id"]).sort("store_id", "product_id", "lot_id")
    truth.write_parquet(folder / "truth" / "stock.parquet", compression="zstd")


def month_start(last_day: int) -> int:
    """First day of the month of `last_day`; of the last 31 days where the month is younger than a week."""
    day = EPOCH + timedelta(days=int(last_day))
    return int(last_day) - (day.day - 1 if day.day >= WEEK_ENDS[0] else 30)


def _pairs(world: World, told: Telling, folder: Path, rng: np.random.Generator) -> pl.DataFrame:
    """One row per store and product that has stock: closing, sales of each week, life, what is planted."""
    first = month_start(world.last_day)
    counted = pl.read_csv(folder / "stock.csv.gz", infer_schema=False)
    h = exports.headers("stock")
    last = str(EPOCH + timedelta(days=int(world.last_day)))
    counted = counted.filter(pl.col(h["counted_on"]) == last).select(
        store_id=h["store_id"], product_id=h["product_id"], closing=pl.col(h["on_hand"]).cast(pl.Int64) * 1000
    )
    goods = world.goods.frame.select("product_id", "life", service="is_service").with_columns(
        product=pl.int_range(pl.len(), dtype=pl.Int64),
        seasonal=pl.Series(np.array(world.goods.seasons) != "daily").gather(pl.Series(world.goods.category)),
    )
    shops = world.shops.frame.select("store_id").with_columns(store=pl.int_range(pl.len(), dtype=pl.Int64))
    pairs = counted.join(goods, on="product_id").join(shops, on="store_id").with_columns(dead=pl.lit(value=False))
    pairs = pl.concat([pairs, _dead(pairs, goods, shops, rng)]).sort("store", "product")
    sold = _sold(told, first)
    week = pl.lit(pl.Series([0, *WEEK_ENDS])).search_sorted(pl.col("day") - first + 1) - 1
    weekly = sold.with_columns(week=week).group_by("store", "product", "week").agg(pl.col("milli").sum())
    for number in range(len(WEEK_ENDS)):
        mine = weekly.filter(pl.col("week") == number).select(
            "store", "product", pl.col("milli").alias(f"week_{number}")
        )
        pairs = pairs.join(mine, on=["store", "product"], how="left", maintain_order="left")
    late = pl.Series(rng.random(pairs.height) < LATE_SHARE) & (pl.col("life") > SHORT) & (pl.col("closing") > 0)
    return pairs.with_columns(
        pl.col("^week_.*$").fill_null(0).clip(0), late=late.fill_null(value=False) & ~pl.col("dead")
    )


def _dead(pairs: pl.DataFrame, goods: pl.DataFrame, shops: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Goods that lie where nobody has bought them for eight weeks; nobody counts them either."""
    usual = goods.filter(~pl.col("service"), ~pl.col("seasonal"), pl.col("life") > SHORT)
    open_now = shops.join(pairs.select("store").unique(), on="store", how="semi")
    free = open_now.join(usual, how="cross").join(pairs, on=["store", "product"], how="anti").sort("store", "product")
    chosen = free[np.sort(rng.choice(free.height, min(DEAD, free.height), replace=False))]
    lying = rng.integers(6, 30, chosen.height) * 1000
    return chosen.with_columns(closing=pl.Series(lying, dtype=pl.Int64), dead=pl.lit(value=True)).select(pairs.columns)


def _rows(pairs: pl.DataFrame, kind: str, *, day: int | pl.Expr, milli: pl.Expr, lot: int | pl.Expr) -> pl.DataFrame:
    as_expr = {k: v if isinstance(v, pl.Expr) else pl.lit(v) for k, v in (("day", day), ("lot", lot))}
    return pairs.select(
        "store", "product", as_expr["lot"].cast(pl.Int64).alias("lot"), as_expr["day"].cast(pl.Int64).alias("day"),
        pl.lit(kind).alias("kind"), milli.cast(pl.Int64).alias("milli"), pl.lit(None, dtype=pl.Int64).alias("transfer"),
    ).select(MOVES.names())  # fmt: skip


def _fresh(pairs: pl.DataFrame, first: int, rng: np.random.Generator) -> pl.DataFrame:
    """Goods that keep a month at most: a lot a week, made the day before, what is not sold of it thrown away."""
    mine = pairs.filter(pl.col("life") <= SHORT)
    parts = [pl.DataFrame(schema=MOVES)]
    starts = (0, *WEEK_ENDS[:-1])
    for number, begin in enumerate(starts):
        day, made, posted = first + max(begin - 1, 0), first + begin - 2, first + WEEK_ENDS[number] - 1
        last = number == len(starts) - 1
        unsold = mine[f"week_{number}"].to_numpy() == 0
        thrown = pl.Series(np.where(unsold | (rng.random(mine.height) < 5 * WASTE_SHARE), 1000, 0))
        left = pl.col("closing") if last else thrown
        kind = "open" if number == 0 else "purchase"
        sold = pl.col(f"week_{number}")
        parts.append(_rows(mine, kind, day=day, milli=sold + left, lot=made))
        parts.append(_rows(mine, "sale", day=posted, milli=-sold, lot=made))
        if not last:
            parts.append(_rows(mine, "expired", day=posted, milli=-pl.lit(thrown), lot=made))
    return pl.concat(parts)


def _long(pairs: pl.DataFrame, first: int, last_day: int, rng: np.random.Generator) -> pl.DataFrame:
    """Goods that keep longer: the opening lot is sold first, then the one delivered, if there was a delivery."""
    mine = pairs.filter(pl.col("life") > SHORT)
    n, sold = mine.height, mine.select(pl.sum_horizontal("^week_.*$")).to_series().to_numpy()
    closing, life = mine["closing"].to_numpy(), mine["life"].to_numpy()
    waste = np.where(rng.random(n) < WASTE_SHARE, 1000, 0)
    gifts = np.where(rng.random(n) < GIFT_SHARE, 1000, 0)
    diff = np.where(rng.random(n) < DIFF_SHARE, rng.choice([-1000, 1000], n), 0)
    fixed = mine["dead"].to_numpy() | mine["late"].to_numpy()
    buys = (rng.random(n) < 0.6) & ~fixed
    bought = np.where(buys, np.ceil(sold * rng.uniform(0.3, 1.2, n) / 1000) * 1000, 0).astype(np.int64)
    bought = np.where(buys & (life <= QUICK), closing + sold // 2000 * 1000, bought)
    bought = np.clip(bought, 0, np.maximum(closing + sold - 1000, 0))
    opening = closing + sold + waste + gifts - diff - bought
    bought, opening = np.maximum(bought + np.minimum(opening, 0), 0), np.maximum(opening, 0)
    age = np.minimum(rng.integers(5, 40, n), (life - 45) // 3).clip(2)
    ends = np.where(mine["late"].to_numpy(), rng.integers(4, 16, n), 0)
    old = np.where(ends > 0, last_day + ends - life + 1, first - age)
    old = np.where(ends > 0, old, old - (old - first) % -5)
    needed = np.cumsum(mine.select("^week_.*$").to_numpy(), axis=1) >= opening[:, None]
    week = np.where(needed.any(axis=1), needed.argmax(axis=1), len(WEEK_ENDS) - 1)
    week = np.minimum(rng.integers(1, len(WEEK_ENDS), n), week)
    delivered = first + np.array((0, *WEEK_ENDS[:-1]))[week]
    new = delivered - 3
    parts, left = (
        [_rows(mine, "open", day=first, milli=pl.lit(pl.Series(opening)), lot=pl.lit(pl.Series(old)))],
        opening,
    )
    parts.append(
        _rows(
            mine,
            "purchase",
            day=pl.lit(pl.Series(delivered)),
            milli=pl.lit(pl.Series(bought)),
            lot=pl.lit(pl.Series(new)),
        )
    )
    middle = first + WEEK_ENDS[1] - 1
    outs = [("sale", first + end - 1, mine[f"week_{k}"].to_numpy()) for k, end in enumerate(WEEK_ENDS)]
    outs += [("waste", middle, waste), ("gift_out", middle, gifts), ("count_diff", middle, -diff)]
    for kind, day, amount in outs:
        early = np.minimum(left, amount) if kind != "count_diff" else amount
        left = left - early
        for part, lot in ((early, old), (amount - early, new)):
            parts.append(_rows(mine, kind, day=day, milli=pl.lit(pl.Series(-part)), lot=pl.lit(pl.Series(lot))))
    return pl.concat(parts)


def _sold(told: Telling, first: int) -> pl.DataFrame:
    """What the till sold of each product in each store and day of the month, in events or not."""
    sold = pl.concat(told.sold).filter(pl.col("day") >= first)
    return sold.group_by("store", "product", "day").agg(pl.col("milli").sum()).sort("store", "product", "day")


def _ran_out(pairs: pl.DataFrame, sold: pl.DataFrame, first: int, last_day: int) -> pl.DataFrame:
    """Shelves that ran empty: those that sell most of the ones with a long gap between two sales of the month.

    `gone` is the first day without stock, `back` the day on which it came again, with a sale.
    """
    gaps = sold.with_columns(back=pl.col("day").shift(-1).over("store", "product"), gone=pl.col("day") + 1)
    gaps = gaps.filter(pl.col("back") - pl.col("gone") >= EMPTY_DAYS, pl.col("back") <= last_day)
    longest = gaps.sort("store", "product", pl.col("gone") - pl.col("back")).group_by(
        "store", "product", maintain_order=True
    )
    gaps = longest.first().select("store", "product", "gone", "back")
    mine = pairs.filter(pl.col("life") > SHORT, ~pl.col("late"), ~pl.col("dead")).join(gaps, on=["store", "product"])
    busy = pl.sum_horizontal("^week_.*$")
    return mine.sort(busy, "store", "product", descending=[True, False, False]).head(EMPTY)


def _empty(out: pl.DataFrame, sold: pl.DataFrame, first: int) -> pl.DataFrame:
    """Their book, day by day: what was sold until the shelf was empty, what came, what was sold of that."""
    day_by_day = sold.join(out.select("store", "product", "gone", "back"), on=["store", "product"])
    before, after = pl.col("day") < pl.col("gone"), pl.col("day") >= pl.col("back")
    sums = day_by_day.group_by("store", "product").agg(
        early=pl.col("milli").filter(before).sum(), late_milli=pl.col("milli").filter(after).sum()
    )
    rows = out.join(sums, on=["store", "product"], maintain_order="left")
    old, new = pl.lit(first - 5), pl.col("back") - 3
    lot = pl.when(before).then(old).otherwise(new)
    return pl.concat(
        [
            _rows(rows, "open", day=first, milli=pl.col("early"), lot=old),
            _rows(rows, "purchase", day=pl.col("back"), milli=pl.col("late_milli") + pl.col("closing"), lot=new),
            _rows(day_by_day, "sale", day=pl.col("day"), milli=-pl.col("milli"), lot=lot),
        ]
    )


def _transfers(moves: pl.DataFrame, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """A few pieces moved between two shops: both got and gave back the same, so that each closes as counted.

    The last ones are on their way: they left, and the shop that asked for them had got as many from elsewhere.
    """
    first = month_start(world.last_day)
    lots = moves.filter(pl.col("lot") < first).group_by("store", "product", "lot").agg(pl.col("milli").sum())
    lots = lots.filter(pl.col("milli") >= 4000).sort("store", "product", "lot")
    chosen = lots[np.sort(rng.choice(lots.height, min(TRANSFERS, lots.height), replace=False))]
    region = world.shops.frame["region"].to_list()
    shops = moves["store"].unique().sort().to_list()
    near = [[t for t in shops if t != s and region[t] == region[s]] or [s] for s in chosen["store"]]
    to: Ints = np.array([places[int(rng.integers(len(places)))] for places in near], dtype=np.int64)
    going = np.arange(chosen.height) >= chosen.height - ON_THEIR_WAY
    day = np.where(going, world.last_day, first + 15)
    amount = rng.integers(1, 4, chosen.height) * 1000
    rows = chosen.with_columns(
        day=pl.Series(day), amount=pl.Series(amount), to=pl.Series(to), going=pl.Series(going),
        transfer=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    )  # fmt: skip
    out = rows.select(
        "store", "product", "lot", "day", kind=pl.lit("transfer_out"), milli=-pl.col("amount"), transfer="transfer"
    )
    gave = rows.select(
        "store",
        "product",
        "lot",
        day=pl.lit(first),
        kind=pl.lit("open"),
        milli="amount",
        transfer=pl.lit(None, dtype=pl.Int64),
    )
    came = rows.filter(~pl.col("going"))
    into = came.select(
        pl.col("to").alias("store"),
        "product",
        "lot",
        pl.col("day") + 1,
        kind=pl.lit("transfer_in"),
        milli="amount",
        transfer="transfer",
    )
    used = came.select(
        pl.col("to").alias("store"),
        "product",
        "lot",
        day=pl.col("day") + 10,
        kind=pl.lit("spare_out"),
        milli=-pl.col("amount"),
        transfer=pl.lit(None, dtype=pl.Int64),
    )
    return pl.concat([part.select(MOVES.names()).cast(MOVES) for part in (out, gave, into, used)])


def _date(day: str | pl.Expr) -> pl.Expr:
    return (pl.col(day) if isinstance(day, str) else day).cast(pl.Int32).cast(pl.Date)


def _lot_id() -> pl.Expr:
    made = _date("lot").dt.strftime("%y%m%d")
    return pl.format("{}-{}", pl.col("product_id"), made)


def _write_moves(named: pl.DataFrame, world: World, folder: Path) -> None:
    words, unit = toml("words")["stock_kind"], world.goods.frame["unit"]
    rows = named.with_row_index("number", offset=1).select(
        move_id=pl.format("K{}", "number"),
        at=pl.format("{} 21:00", _date("day")),
        store_id="store_id",
        product_id="product_id",
        lot_id="lot_id",
        unit=pl.lit(unit).gather(pl.col("product")),
        kind=pl.col("kind").replace_strict(words, return_dtype=pl.String),
        quantity=(pl.col("milli") / 1000).round(3),
        transfer_id=pl.when(pl.col("transfer").is_not_null()).then(pl.format("T{}", "transfer")),
    )
    exports.write_csv(rows, folder / "stock_moves.csv.gz", table="stock_moves")


def _write_lots(named: pl.DataFrame, world: World, folder: Path) -> None:
    goods = world.goods.frame.select("product_id", "life", "cost")
    lots = named.select("lot_id", "product_id", "lot").unique().join(goods, on="product_id").sort("lot_id")
    made = _date("lot")
    rows = lots.select(
        "lot_id", "product_id", produced_on=made, expires_on=made + pl.duration(days=pl.col("life") - 1),
        cost=(pl.col("cost") / 100).round(2),
    )  # fmt: skip
    exports.write_csv(rows, folder / "lots.csv.gz", table="lots")
