"""A food maker and retailer whose truth is known, written as the raw exports its systems would give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar.festivals import FIRST_YEAR, LAST_YEAR
from crmlib.core.errors import ParameterError
from crmlib.simulate import masters, receipts, season, sources, truth
from crmlib.simulate.baskets import Shelf, fill_baskets, stock_shelf
from crmlib.simulate.draws import Floats, stream
from crmlib.simulate.goods import Goods, list_goods
from crmlib.simulate.leaving import Departures, departures
from crmlib.simulate.members import Members, join_members, taste
from crmlib.simulate.shops import Shops, open_shops
from crmlib.simulate.trips import Trips, anonymous_trips, member_trips

CHUNK_TRIPS = 300_000
"""Visits held in memory at once; with the fixed list of cards it bounds the memory."""
ANONYMOUS_PER_MEMBER = 0.0105
"""Visits without card per day and member of the whole company."""
GOODS, SHOPS, MEMBERS, LEAVING, TRIPS = range(5)


@dataclass(frozen=True, slots=True)
class World:
    """Everything fixed before the first day is simulated."""

    seed: int
    first_day: int
    last_day: int
    goods: Goods
    shops: Shops
    members: Members
    leaving: Departures
    rhythm: Floats
    shelf: Shelf


def company(*, customers: int, stores: int, days: int, seed: int, out: str | Path, end: date) -> Path:
    """Write the exports of a simulated company to `out`, its truth beside them, and return the folder.

    Parameters
    ----------
    customers : number of member cards.
    stores : number of stores and counters.
    days : length of the time seen [days], the last being `end`.
    seed : any whole number; the same arguments always give the same bytes.
    out : folder to write to, made if absent.

    Examples
    --------
    >>> import tempfile
    >>> folder = company(customers=50, stores=2, days=60, seed=1, out=tempfile.mkdtemp(), end=date(2026, 3, 1))
    >>> sorted(p.name for p in folder.glob("*.xlsx"))
    ['products.xlsx', 'stores.xlsx']
    """
    _check(customers=customers, stores=stores, days=days, end=end)
    folder = Path(out)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for old in folder.glob("pos_*"):  # files are appended to while days pass
        old.unlink()
    world = found(customers=customers, stores=stores, days=days, seed=seed, end=end)
    masters.write(world.members, world.shops, world.goods, folder, seed=seed)
    book = receipts.Book(folder, world.shops, world.goods)
    for first, last in chunks(world):
        receipts.write(book, _lines(world, first, last), rise_day=(world.first_day + world.last_day) // 2)
    truth.write(world.members, world.leaving, world.shops, folder / "truth")
    sources.write(folder)
    return folder


def found(*, customers: int, stores: int, days: int, seed: int, end: date) -> World:
    """Draw goods, shops, members and their fate."""
    last_day = (end - season.EPOCH).days
    first_day = last_day - days + 1
    goods = list_goods(stream(seed, GOODS))
    shops = open_shops(stores, first_day=first_day, last_day=last_day, rng=stream(seed, SHOPS))
    span = {"first_day": first_day, "last_day": last_day}
    members = join_members(customers, shops=shops, **span, rng=stream(seed, MEMBERS))
    leaving = departures(members, shops, **span, rng=stream(seed, LEAVING))
    liking = taste(goods)
    shares = np.bincount(members.need, minlength=len(liking)) / customers
    shelf = stock_shelf(
        goods, taste=liking, demand=season.demand(goods, first_day, last_day), shares=shares, first_day=first_day
    )
    rhythm = season.rhythm(first_day, last_day)
    return World(seed, first_day, last_day, goods, shops, members, leaving, rhythm, shelf)


def chunks(world: World) -> Iterator[tuple[int, int]]:
    """First and last day of each piece: whole days, never across a quarter, about `CHUNK_TRIPS` visits."""
    expected = world.rhythm.max(axis=0) * (world.members.rate.sum() + ANONYMOUS_PER_MEMBER * len(world.members.rate))
    first, load = world.first_day, 0.0
    for day in range(world.first_day, world.last_day + 1):
        load += float(expected[day - world.first_day])
        if day == world.last_day or load > CHUNK_TRIPS or receipts.quarter(day) != receipts.quarter(day + 1):
            yield first, day
            first, load = day + 1, 0.0


def _lines(world: World, first: int, last: int) -> pl.DataFrame:
    """All receipt lines of the days `first` … `last`."""
    rng = stream(world.seed, TRIPS, first)
    weights = world.rhythm[:, first - world.first_day : last - world.first_day + 1]
    with_card = member_trips(
        world.members, world.leaving.day, shops=world.shops, weights=weights, first_day=first, rng=rng
    )
    per_store = ANONYMOUS_PER_MEMBER * len(world.members.rate) / len(world.shops.size)
    without = anonymous_trips(world.shops, per_day=per_store, weights=weights, first_day=first, rng=rng)
    both = Trips(*(np.concatenate(pair) for pair in zip(_parts(with_card), _parts(without), strict=True)))
    return fill_baskets(both, world.members, world.shelf, rng=rng)


def _parts(trips: Trips) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return trips.day, trips.member, trips.store


def _check(*, customers: int, stores: int, days: int, end: date) -> None:
    """Refuse sizes that make no company."""
    begin = end - timedelta(days=days) if days > 0 else end
    sizes = {"customers": (customers, 1, 20_000_000), "stores": (stores, 2, 5_000), "days": (days, 1, 4_000)}
    wrong = [f"{name} = {value}" for name, (value, low, high) in sizes.items() if not low <= value <= high]
    if not begin.year > FIRST_YEAR or not end.year < LAST_YEAR:
        wrong.append(f"end = {end}")
    if wrong:
        raise ParameterError(
            "simulate.size",
            given=", ".join(wrong),
            expected="1 to 20,000,000 customers, 2 to 5,000 stores, 1 to 4,000 days between 1902 and 2098",
            mend="choose sizes inside these bounds",
            values={"given": ", ".join(wrong)},
        )
