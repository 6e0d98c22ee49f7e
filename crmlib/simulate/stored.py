"""What customers have paid for and not drawn: stored-value cards, goods vouchers by festival, goods held for them.

Vouchers are drawn by days to their festival, most in its last two weeks; one in fourteen is never drawn. They reach
back three years, further than the tills, so that a festival can be compared with many.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar import festival_day
from crmlib.simulate import exports
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

FESTIVALS = {"spring_festival": "gift_spring", "dragon_boat": "gift_rice", "mid_autumn": "gift_moon"}
"""Festival and the kind of goods that its vouchers stand for."""
BACK_DAYS, BATCH, DRAWN, AFTER = 1150, 90, 0.93, 60
CARDS, NAMED, ORDERS = 180, 0.6, 90
FACES = (200, 500, 1000)


def write(
    world: World, folder: Path, *, first: int, takings: dict[tuple[str, int], int], rng: np.random.Generator
) -> None:
    """Write cards, card_moves, vouchers, voucher_moves, held_moves and the truth of the vouchers.

    Parameters
    ----------
    takings : what each store's receipts came to that a card can have paid, by store and day from `first` on [fen].
    """
    _cards(world, folder, rng, first, takings)
    _vouchers(world, folder, rng)
    _held(world, folder, rng)


def _date(day: str | pl.Expr) -> pl.Expr:
    return (pl.col(day) if isinstance(day, str) else day).cast(pl.Int32).cast(pl.Date)


def _shops(world: World, rng: np.random.Generator, count: int) -> list[str]:
    """Shops that are still open, at random."""
    still = world.shops.frame["store_id"].gather(np.flatnonzero(world.shops.closed > world.last_day))
    return still.gather(rng.integers(0, still.len(), count)).to_list()


def _life(rng: np.random.Generator, *, day: int, last: int, named: bool) -> list[tuple[int, str, int, int | None]]:
    """Moves of one card from the day it is sold: day, kind, fen, fen paid for it; drawn until it is empty or lost."""
    face = int(rng.choice(FACES)) * 100
    balance = face
    moves: list[tuple[int, str, int, int | None]] = [(day, "issue", face, face)]
    if face >= 100_000:
        moves.append((day, "bonus", 5_000, 0))
        balance += 5_000
    while day < last and balance > 0:
        day += int(rng.exponential(28)) + 1
        if day > last:
            break
        if balance < 3_000 and named and rng.random() < 0.5:
            moves.append((day, "top_up", 30_000, 30_000))
            balance += 30_000
        spent = min(balance, int(rng.gamma(2.0, 30)) * 100 + 500)
        moves.append((day, "redeem", -spent, None))
        balance -= spent
        if rng.random() < 0.12:
            break  # the card lies in a drawer
    return moves


def _cards(
    world: World, folder: Path, rng: np.random.Generator, first: int, takings: dict[tuple[str, int], int]
) -> None:
    """Cards sold all the time; each is drawn in steps, named ones are topped up; paid and bonus apart."""
    words, still = toml("words"), dict(takings)
    named = rng.random(CARDS) < NAMED
    issued = np.sort(rng.integers(world.first_day, world.last_day - 5, CARDS))
    member = card_numbers(pl.Series(rng.integers(0, len(world.members.rate), CARDS)))
    shops = _shops(world, rng, CARDS)
    rows: list[tuple[str, int, str | None, str, int, int | None]] = []
    for card in range(CARDS):
        code, start = f"V{card + 1:04d}", int(issued[card])
        life = _life(rng, day=start, last=world.last_day, named=bool(named[card]))
        for day, kind, amount, paid in life:
            fen = amount
            if kind == "redeem" and day >= first:
                fen = -min(-amount, still.get((shops[card], day), 0))
                still[shops[card], day] = still.get((shops[card], day), 0) + fen
            if fen:
                rows.append((code, day, shops[card], kind, fen, paid))
    made = pl.DataFrame(
        rows, schema=["card_id", "day", "store_id", "kind", "amount", "paid"], orient="row", infer_schema_length=None
    )
    made = made.sort("day", maintain_order=True).with_row_index("number", offset=1)
    exports.write_csv(
        made.select(
            move_id=pl.format("VM{}", "number"),
            card_id="card_id",
            at=pl.format("{} 12:00", _date("day")),
            store_id="store_id",
            kind=pl.col("kind").replace_strict(words["card_kind"]),
            amount=pl.col("amount") / 100,
            paid=pl.col("paid") / 100,
        ),
        folder / "card_moves.csv.gz",
        table="card_moves",
    )
    held = pl.DataFrame({"issued": issued, "named": named, "member": member, "store_id": shops})
    _holders(held.with_row_index("n", offset=1), folder)


def _holders(cards: pl.DataFrame, folder: Path) -> None:
    """The cards themselves: named ones have a member, the others end after three years."""
    owner = toml("words")["card_owner"]
    exports.write_csv(
        cards.select(
            card_id=pl.format("V{}", pl.col("n").cast(pl.String).str.zfill(4)),
            kind=pl.when("named").then(pl.lit(owner["named"])).otherwise(pl.lit(owner["bearer"])),
            customer_id=pl.when("named").then("member"),
            issued_on=_date("issued"),
            expires_on=pl.when(~pl.col("named")).then(_date(pl.col("issued") + 3 * 366)),
            store_id="store_id",
        ),
        folder / "cards.csv.gz",
        table="cards",
    )


def _cycles(world: World) -> list[tuple[str, int, int]]:
    """Festivals whose vouchers are on sale or were in the last three years: name, year, day."""
    found = []
    year = (EPOCH + timedelta(days=int(world.last_day))).year
    for festival in FESTIVALS:
        for place in range(year - 4, year + 2):
            day = (festival_day(festival, place) - EPOCH).days
            if world.last_day - BACK_DAYS < day and day - 130 < world.last_day:
                found.append((festival, place, day))
    return sorted(found, key=lambda one: one[2])


def _vouchers(world: World, folder: Path, rng: np.random.Generator) -> None:
    """A batch per festival: sold in the four months before it, drawn by days to it, the rest expires."""
    parts = []
    ids = world.goods.frame["product_id"]
    for festival, year, day in _cycles(world):
        category = world.goods.categories.index(FESTIVALS[festival])
        goods = np.flatnonzero(world.goods.category == category)
        product = goods[rng.integers(0, goods.size, BATCH)]
        sold = day - np.maximum(5, np.round(rng.triangular(5, 30, 130, BATCH))).astype(np.int64)
        drawn = np.maximum(
            day - np.round(rng.gamma(1.6, 7.0, BATCH)).astype(np.int64) + rng.integers(0, 5, BATCH), sold + 1
        )
        drawn = np.where(rng.random(BATCH) < DRAWN, drawn, day + 10_000)
        parts.append(
            pl.DataFrame(
                {
                    "festival": festival,
                    "year": year,
                    "day": day,
                    "product": ids.gather(product),
                    "price": world.goods.price[product],
                    "sold": sold,
                    "drawn": drawn,
                    "store_id": _shops(world, rng, BATCH),
                }
            )
        )
    rows = pl.concat(parts).sort("sold", maintain_order=True).filter(pl.col("sold") <= world.last_day)
    rows = rows.with_row_index("n", offset=1).with_columns(
        voucher_id=pl.format("Q{}", pl.col("n").cast(pl.String).str.zfill(5)),
        batch_id=pl.format("{}-{}", "festival", "year"),
        end=pl.col("day") + AFTER,
    )
    _write_vouchers(rows, world, folder)
    truth = rows.group_by("batch_id", maintain_order=True).agg(
        sold=pl.len(),
        drawn=(pl.col("drawn") <= pl.col("day")).sum(),
        drawn_later=((pl.col("drawn") > world.last_day) & (pl.col("drawn") <= pl.col("day"))).sum(),
    )
    truth.write_parquet(folder / "truth" / "vouchers.parquet", compression="zstd")


def _write_vouchers(rows: pl.DataFrame, world: World, folder: Path) -> None:
    words = toml("words")
    face = pl.col("price") / 100
    exports.write_csv(
        rows.select(
            "voucher_id",
            "batch_id",
            product_id="product",
            quantity=pl.lit(1),
            face=face,
            sold=(face * 0.9).round(2),
            festival=pl.col("festival").replace_strict(words["slot"]),
            festival_year="year",
            sold_at=pl.format("{} 10:00", _date("sold")),
            sold_store="store_id",
            expires_on=_date("end"),
        ),
        folder / "vouchers.csv.gz",
        table="vouchers",
    )
    last = world.last_day
    events = [
        rows.select("voucher_id", "store_id", day="sold", kind=pl.lit("sell")),
        rows.filter(pl.col("drawn") <= last).select("voucher_id", "store_id", day="drawn", kind=pl.lit("redeem")),
        rows.filter(pl.col("drawn") > pl.col("end"), pl.col("end") < last).select(
            "voucher_id", "store_id", day=pl.col("end") + 1, kind=pl.lit("expire")
        ),
    ]
    moves = pl.concat([e.with_columns(pl.col("day").cast(pl.Int64)) for e in events]).sort("day", "voucher_id")
    moves = moves.with_row_index("n", offset=1)
    exports.write_csv(
        moves.select(
            move_id=pl.format("QM{}", "n"),
            voucher_id="voucher_id",
            at=pl.format("{} 11:00", _date("day")),
            store_id="store_id",
            kind=pl.col("kind").replace_strict(words["voucher_kind"]),
        ),
        folder / "voucher_moves.csv.gz",
        table="voucher_moves",
    )


def _held(world: World, folder: Path, rng: np.random.Generator) -> None:
    """Orders paid at once and collected in parts, most by the promised day."""
    words = toml("words")["held_kind"]
    usual = np.flatnonzero((world.goods.frame["life"].fill_null(0).to_numpy() > 60) & (world.goods.by_weight == 0))
    product = usual[rng.integers(0, usual.size, ORDERS)]
    paid = np.sort(rng.integers(world.last_day - 120, world.last_day + 1, ORDERS))
    pieces = rng.integers(2, 13, ORDERS)
    member = card_numbers(pl.Series(rng.integers(0, len(world.members.rate), ORDERS))).to_list()
    shops = _shops(world, rng, ORDERS)
    rows: list[tuple[object, ...]] = []
    for order in range(ORDERS):
        price, left, day = int(world.goods.price[product[order]]), int(pieces[order]), int(paid[order])
        promised = day + 30
        code, goods = f"H{order + 1:04d}", world.goods.frame["product_id"][int(product[order])]
        rows.append((member[order], code, goods, shops[order], day, "paid", left, left * price, promised))
        while left and rng.random() < 0.85:
            day += int(rng.exponential(9)) + 1
            if day > world.last_day:
                break
            taken = int(rng.integers(1, left + 1))
            left -= taken
            rows.append((member[order], code, goods, shops[order], day, "collected", -taken, -taken * price, None))
    columns = ["customer_id", "order_id", "product_id", "store_id", "day", "kind", "pieces", "value", "promised"]
    made = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None).sort("day", maintain_order=True)
    made = made.with_row_index("n", offset=1)
    exports.write_csv(
        made.select(
            pl.format("HM{}", "n").alias("move_id"),
            "customer_id",
            "order_id",
            "product_id",
            "store_id",
            pl.format("{} 16:00", _date("day")).alias("at"),
            pl.col("kind").replace_strict(words),
            pl.col("pieces").alias("quantity"),
            (pl.col("value") / 100).alias("value"),
            _date("promised").alias("promised_on"),
        ),
        folder / "held_moves.csv.gz",
        table="held_moves",
    )
