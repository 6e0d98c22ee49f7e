"""The channel: what distributors, key accounts and their terminals order, get, sell on, count; where codes turn up.

Orders are as large as what the partner is invoiced. Known: what people really bought, who was loaded at quarter ends,
who stopped reporting, whose goods leak to another region, whose counts lack goods, when late lines will come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import channel_files as files
from crmlib.simulate import exports
from crmlib.simulate.draws import Floats, stream
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

RANGE, EACH = 6, 3
"""Products sold through the channel, and by one partner."""
LIFE, PRICE = 120, 0.62
"""Fewest days that they keep; wholesale price by list price."""
TERMINALS, UNDER, DIRECT = 16, 2, 0.55
"""Terminals, how many under one distributor, what such a distributor sells to others."""
TREND, NOISE, BOX = -0.03, 0.05, 6_000
"""Growth of consumption a year; its noise by month; thousandths in a box."""
COVER = {"distributor": 1.1, "key_account": 0.8, "terminal": 0.7}
"""Months of stock that a partner aims at."""
LOADED, HIDES, LEAKS = (1, 4, 6, 9), (4, 9), (3, 11)
"""Numbers of the distributors loaded at quarter ends of the last year, silent since five months, leaking."""
LOAD, SILENT_MONTHS, LEAK, CARRIED = 0.40, 5, 0.20, 0.03
SHRINKS, SHRINK_MONTHS, SHRINK = 16, 8, 0.06
"""The key account whose counts lack goods: its number, since how many months, which share of what came."""
TERM, ON_TIME, SLOW_DAYS, SLOW = 5, 0.90, 100, 0.55
SENT = ("sent", "sent_unseen")
"""Goods sent to a terminal, reported by the distributor or not."""
SHORT, REST_COMES, CANCELLED, STUCK, BACK = 0.05, 0.7, 0.03, 0.006, 0.02


@dataclass(frozen=True, slots=True)
class Partner:
    """A buyer: code, kind, region, whose customer, who looks after it, pieces a month of each product [thousandths]."""

    code: str
    kind: str
    region: str
    parent: str | None
    owner: str
    goods: tuple[str, ...]
    monthly: Floats
    number: int


@dataclass(slots=True)
class Books:
    """Rows as they come to be, days as numbers since 1970."""

    orders: list[tuple[str, str, str, int, int, int | None, str]] = field(default_factory=list)
    lines: list[tuple[str, int, str, int, int]] = field(default_factory=list)
    deliveries: list[tuple[str, int, str, str, int, int, bool]] = field(default_factory=list)
    moves: list[tuple[str, str, int, str, int, str | None]] = field(default_factory=list)
    counts: list[tuple[str, str, int, int]] = field(default_factory=list)
    truth: list[tuple[str, int, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all partners live in: first and last day of every month, its season, wholesale prices [fen], the books."""

    seed: int
    last_day: int
    months: list[tuple[int, int]]
    season: Floats
    prices: dict[str, int]
    partners: dict[str, Partner]
    books: Books


@dataclass(frozen=True, slots=True)
class Life:
    """A partner with its own chance, and what is on its way by the day it comes."""

    partner: Partner
    rng: np.random.Generator
    arriving: dict[int, Floats]


def write(world: World, folder: Path, *, rng: np.random.Generator) -> None:
    """Write terminals, wholesale orders with lines, steps and deliveries, sales and counts, scans, checks, truth."""
    prices = _range(world)
    partners = _partners(folder, prices, world, rng)
    months = _months(world)
    named = {p.code: p for p in partners}
    scene = Scene(world.seed, int(world.last_day), months, _season(world, months), prices, named, Books())
    for partner in partners:
        _live(scene, Life(partner, stream(world.seed, 1810, partner.number), {}))
    files.terminals([p for p in partners if p.kind == "terminal"], folder)
    files.books(scene.books, folder, last_day=scene.last_day, rng=rng)
    files.scans(world, partners, folder, leaks=LEAKS, shares=(LEAK, CARRIED), rng=rng)
    files.checks(world, list(prices), folder, rng=rng)
    _truth(scene.books, partners, folder)


def _range(world: World) -> dict[str, int]:
    """Product and wholesale price [fen] of the best sellers that keep, are sold by the piece and have no season."""
    goods = world.goods
    daily = np.array([goods.seasons[c] == "daily" for c in goods.category])
    keeps = (goods.frame["life"].fill_null(0) >= LIFE).to_numpy() & (goods.by_weight == 0) & daily
    keeps &= ~goods.frame["is_service"].to_numpy()
    best = np.flatnonzero(keeps)[np.argsort(-goods.popularity[keeps])][:RANGE]
    return {goods.frame["product_id"][int(i)]: round(goods.price[i] * PRICE) for i in best}


def _partners(folder: Path, prices: dict[str, int], world: World, rng: np.random.Generator) -> list[Partner]:
    """Distributors and key accounts of the partners' list, sized by their invoices, and terminals under some."""
    of, owed = exports.headers("partners"), exports.headers("invoices")
    listed = pl.read_csv(folder / "partners.csv.gz", infer_schema=False).rename({v: k for k, v in of.items()})
    invoices = pl.read_csv(folder / "invoices.csv.gz").rename({v: k for k, v in owed.items()})
    total = dict(invoices.group_by("partner_id").agg(pl.col("amount").sum()).iter_rows())
    kinds = files.kinds()
    span = max(world.last_day - world.first_day + 1, 30) / 30.4
    made: list[Partner] = []
    for row in listed.iter_rows(named=True):
        kind = kinds[row["kind"]]
        if kind not in COVER:
            continue
        goods = tuple(sorted(rng.choice(list(prices), min(EACH, len(prices)), replace=False).tolist()))
        monthly = float(total.get(row["partner_id"], 20_000)) * 100 / span
        share = rng.dirichlet(np.full(len(goods), 4.0))
        pieces = monthly * share / np.array([prices[g] for g in goods]) * 1000
        made.append(Partner(row["partner_id"], kind, row["region"], None, row["owner_staff"], goods, pieces, len(made)))
    above = [p for p in made if p.kind == "distributor"]
    under = [
        Partner(
            f"T{k + 1:03d}", "terminal", p.region, p.code, p.owner, p.goods,
            p.monthly * (1 - DIRECT) / UNDER * float(rng.lognormal(0, 0.2)), 100 + k,
        )
        for k in range(TERMINALS) for p in [above[k // UNDER % len(above)]]
    ]  # fmt: skip
    return [*under, *made]


def _months(world: World) -> list[tuple[int, int]]:
    """First and last day of every month seen."""
    found, day = [], world.first_day
    while day <= world.last_day:
        here = EPOCH + timedelta(days=int(day))
        following = (date(here.year + here.month // 12, here.month % 12 + 1, 1) - EPOCH).days
        found.append((int(day), min(following - 1, int(world.last_day))))
        day = following
    return found


def _season(world: World, months: list[tuple[int, int]]) -> Floats:
    """What people want of a month by the usual one; short months want less."""
    rhythm = world.rhythm.mean(axis=0) / world.rhythm.mean()
    return np.array([rhythm[a - world.first_day : b - world.first_day + 1].sum() ** 0.5 for a, b in months]) / 5.5


def _wants(partner: Partner, scene: Scene, rng: np.random.Generator) -> Floats:
    """Thousandths that people want, shape (months, products)."""
    shape = (len(scene.months), len(partner.goods))
    drift = (1 + TREND) ** (np.arange(len(scene.months)) / 12)
    return partner.monthly * (scene.season * drift)[:, None] * rng.lognormal(0, NOISE, shape)


def _live(scene: Scene, life: Life) -> None:
    """A partner's months: order, receive, sell to terminals and others, count."""
    partner, books, months = life.partner, scene.books, len(scene.months)
    below = any(p.parent == partner.code for p in scene.partners.values())
    wants = _wants(partner, scene, life.rng) * (DIRECT if below else 1.0)
    usual, extra = partner.monthly, np.zeros(len(partner.goods))
    stock = _boxes(usual * COVER[partner.kind])
    _count(partner, scene.months[0][0] - 1, stock, books)
    for m, (_, last) in enumerate(scene.months):
        left = months - m
        extra = extra + _loading(partner, last, left) * usual
        sent = _restock(partner, books, last)
        under_way = sum(life.arriving.values(), np.zeros(len(stock)))
        need = np.maximum(usual * (COVER[partner.kind] + scene.season[m]) + extra - stock - under_way, 0)
        came = _boxes(need) if partner.parent else _ordered(scene, life, m, need)
        sold = np.minimum(np.round(wants[m] / 1000) * 1000, np.maximum(stock + came - sent, 0))
        back = _back(scene, life, m, stock)
        stock = stock + came - sent - sold - back
        books.truth.append((partner.code, m, int(sold.sum()), int(extra.sum())))
        if partner.parent:
            _sent(partner, last, came, books, seen=not _silent(scene.partners[partner.parent], left))
        if _silent(partner, left):
            continue
        _sold(partner, last, sold, books)
        if partner.number == SHRINKS and left <= SHRINK_MONTHS:
            stock = np.maximum(stock - np.round(came * SHRINK / 1000) * 1000, 0)
        _count(partner, last, stock, books)


def _silent(partner: Partner, left: int) -> bool:
    """Whether nothing is reported with so many months to go, the month itself counted."""
    return partner.parent is None and partner.number in HIDES and left <= SILENT_MONTHS


def _boxes(amount: Floats) -> Floats:
    return np.round(amount / BOX) * BOX


def _loading(partner: Partner, last: int, left: int) -> float:
    """Months of goods pushed on a loaded partner at a quarter's end of the last year."""
    month = (EPOCH + timedelta(days=last)).month
    quarter_end = month % 3 == 0 and left <= 12
    return LOAD if partner.parent is None and partner.number in LOADED and quarter_end else 0.0


def _restock(partner: Partner, books: Books, last: int) -> Floats:
    """Thousandths that the partner's terminals took this month; they lived before it."""
    taken = np.zeros(len(partner.goods))
    place = {g: k for k, g in enumerate(partner.goods)}
    for code, product, day, kind, amount, to in books.moves:
        if kind in SENT and code == partner.code and day == last and to is not None:
            taken[place[product]] += amount
    return taken


def _sent(terminal: Partner, day: int, came: Floats, books: Books, *, seen: bool) -> None:
    """What a distributor sent to its terminal, reported or not."""
    books.moves += [
        (str(terminal.parent), g, day, SENT[0 if seen else 1], int(n), terminal.code)
        for g, n in zip(terminal.goods, came, strict=True) if n > 0
    ]  # fmt: skip


def _sold(partner: Partner, day: int, sold: Floats, books: Books) -> None:
    books.moves += [
        (partner.code, g, day, "sell_out", int(n), None) for g, n in zip(partner.goods, sold, strict=True) if n > 0
    ]


def _back(scene: Scene, life: Life, m: int, stock: Floats) -> Floats:
    """Now and then a box goes back to the house."""
    partner, (first, last) = life.partner, scene.months[m]
    back = np.where((life.rng.random(len(stock)) < BACK) & (stock > 4 * BOX), float(BOX), 0.0)
    if partner.parent is not None:
        return np.zeros(len(stock))
    day = int(life.rng.integers(first, last + 1))
    scene.books.moves += [
        (partner.code, g, day, "return_up", int(n), None) for g, n in zip(partner.goods, back, strict=True) if n > 0
    ]
    return back


def _count(partner: Partner, day: int, stock: Floats, books: Books) -> None:
    books.counts += [(partner.code, g, day, int(n)) for g, n in zip(partner.goods, stock, strict=True)]


def _ordered(scene: Scene, life: Life, m: int, need: Floats) -> Floats:
    """What comes this month: one order, two of a key account; lines come in time, late, short, or not at all."""
    partner, rng, books = life.partner, life.rng, scene.books
    first, last = scene.months[m]
    times = 2 if partner.kind == "key_account" else 1
    for k in range(times):
        wanted = _boxes(need / times)
        day = first + int(rng.integers(1, 8)) + 13 * k
        if wanted.sum() <= 0 or day > last:
            continue
        code = f"SO{len(books.orders) + 1:05d}"
        gone = day + int(rng.integers(1, 4)) if rng.random() < CANCELLED else None
        slow = partner.region == toml("channel")["words"]["slow_region"] and day > scene.last_day - SLOW_DAYS
        comes = day + TERM - int(rng.integers(0, 3))
        if rng.random() > (SLOW if slow else ON_TIME):
            comes = day + TERM + int(rng.geometric(0.22))
        stuck = gone is None and rng.random() < STUCK
        books.orders.append((code, partner.code, partner.owner, day, day + TERM, gone, "stuck" if stuck else ""))
        for n, (product, amount) in enumerate(zip(partner.goods, wanted, strict=True), start=1):
            if amount <= 0:
                continue
            books.lines.append((code, n, product, int(amount), scene.prices[product]))
            if gone is None and not stuck:
                _deliver(scene, life, (code, n, product), comes, int(amount))
    due = [day for day in sorted(life.arriving) if day <= last]
    return sum((life.arriving.pop(day) for day in due), np.zeros(len(need)))


def _deliver(scene: Scene, life: Life, line: tuple[str, int, str], day: int, amount: int) -> None:
    """A line at once, or a part now and mostly the rest later."""
    rng, (code, n, product) = life.rng, line
    short = rng.random() < SHORT and amount > 2 * BOX
    now = int(_boxes(np.array(amount * rng.uniform(0.5, 0.85)))) if short else amount
    parts = [(day, now)]
    if short and rng.random() < REST_COMES:
        parts.append((day + int(rng.integers(8, 20)), amount - now))
    for when, much in parts:
        row = (code, n, life.partner.code, product, when, much, short and when == day)
        scene.books.deliveries.append(row)
        life.arriving.setdefault(when, np.zeros(len(life.partner.goods)))[n - 1] += much


def _truth(books: Books, partners: list[Partner], folder: Path) -> None:
    """By partner and month what people really bought and what was loaded so far; by partner what was planted."""
    schema = ["partner_id", "month", "sold_milli", "loaded_milli"]
    pl.DataFrame(books.truth, schema=schema, orient="row").write_parquet(
        folder / "truth" / "channel_months.parquet", compression="zstd"
    )
    top = [p for p in partners if p.parent is None]
    pl.DataFrame(
        {
            "partner_id": [p.code for p in top], "loaded": [p.number in LOADED for p in top],
            "silent": [p.number in HIDES for p in top], "leaks": [p.number in LEAKS for p in top],
            "shrinks": [p.number == SHRINKS for p in top],
        }
    ).write_parquet(folder / "truth" / "channel.parquet", compression="zstd")  # fmt: skip
    pl.DataFrame(
        [(code, n, day, much) for code, n, _, _, day, much, _ in books.deliveries],
        schema=["order_id", "line_no", "delivered_on", "delivered_milli"], orient="row",
    ).with_columns(pl.col("delivered_on").cast(pl.Int32).cast(pl.Date)).write_parquet(
        folder / "truth" / "wholesale.parquet", compression="zstd"
    )  # fmt: skip
