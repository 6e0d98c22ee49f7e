"""A food maker and retailer whose truth is known, written as the raw exports its systems would give."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar.festivals import FIRST_YEAR, LAST_YEAR
from crmlib.core.errors import ParameterError
from crmlib.simulate import (
    business,
    care_log,
    cash_book,
    channel,
    city_files,
    complaints,
    desk,
    festival_plans,
    house,
    lists,
    marketing,
    masters,
    meetings,
    network,
    offices,
    opening_points,
    pipeline,
    pool,
    purchases,
    receipts,
    receivables,
    rollout,
    season,
    service,
    shop_floor,
    sources,
    stock_book,
    stored,
    story,
    targets,
    trade,
    truth,
    work,
)
from crmlib.simulate.baskets import stock_shelf
from crmlib.simulate.draws import stream
from crmlib.simulate.events import PLANNED_AHEAD, plan_events
from crmlib.simulate.goods import list_goods
from crmlib.simulate.leaving import departures
from crmlib.simulate.members import GROUP_BUYER, WHOLESALER, join_members, taste
from crmlib.simulate.shops import NEVER, open_shops
from crmlib.simulate.vocabulary import toml

GOODS, SHOPS, MEMBERS, LEAVING, COMPLAINTS, EVENTS, SERVICE, OFFICES, CITY, MARKETING, FLOOR = range(11)
STOCK_BOOK, RECEIVABLES, STORED, HOUSE = 200, 201, 202, 203
DEALS, MEETINGS, POOL = 210, 211, 212
TRADE, CARE, WORK = 260, 261, 262
LISTS = 240
DESK, CHANNEL, ROLLOUT = 1800, 1801, 1802
PURCHASES, CASH = 230, 231
FESTIVAL_PLANS = 270


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
    >>> sorted(p.name for p in folder.glob("pos_*"))
    ['pos_counter_2026Q1.csv.gz', 'pos_store_2026Q1.csv.gz']
    """
    _check(customers=customers, stores=stores, days=days, end=end)
    folder = Path(out)
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for old in [
        *folder.glob("pos_*"),
        *folder.glob("points*"),
        *folder.glob("targets*"),
    ]:  # files are appended to while days pass
        old.unlink()
    world = found(customers=customers, stores=stores, days=days, seed=seed, end=end)
    masters.write(world, folder, year=end.year)
    book = receipts.Book(
        folder,
        world.shops,
        world.goods,
        rise_day=(world.first_day + world.last_day) // 2,
        promotion_ids=tuple(e.promotion_id for e in world.events),
        bulk=pl.Series(np.flatnonzero(np.isin(world.members.role, (GROUP_BUYER, WHOLESALER)))),
    )
    book.since = month = stock_book.month_start(world.last_day)
    told = story.tell(world, book, folder / "points.csv.gz")
    contacts = service.log(
        world.members, world.shops, world.leaving, world.complaints, told.lists,
        first_day=world.first_day, last_day=world.last_day, rng=stream(seed, SERVICE),
    )  # fmt: skip
    offices.write(world, contacts, folder, rng=stream(seed, OFFICES))
    marketing.write(world, told, folder, rng=stream(seed, MARKETING))
    shop_floor.write(world, told, folder, rng=stream(seed, FLOOR))
    stock_book.write(world, told, folder, rng=stream(seed, STOCK_BOOK))
    targets.write(world, told, folder)
    opening_points.write(folder, first_day=world.first_day)
    receivables.write(world, folder, rng=stream(seed, RECEIVABLES))
    business.write(world, folder)
    takings = cash_book.by_code(book, world.shops.frame["store_id"], month)
    stored.write(world, folder, first=month, takings=takings, rng=stream(seed, STORED))
    house.write(world, told, folder, rng=stream(seed, HOUSE))
    pipeline.write(world, folder, rng=stream(seed, DEALS))
    meetings.write(world, folder, rng=stream(seed, MEETINGS))
    pool.write(world, told, contacts, folder, rng=stream(seed, POOL))
    orders = trade.write(world, folder, rng=stream(seed, TRADE))
    records = care_log.write(world, folder, rng=stream(seed, CARE), year=end.year)
    work.write(world, contacts, records, orders, folder, rng=stream(seed, WORK))
    lists.write(world, told, folder, rng=stream(seed, LISTS))
    desk.write(world, contacts, folder, rng=stream(seed, DESK))
    channel.write(world, folder, rng=stream(seed, CHANNEL))
    rollout.write(world, told, folder, rng=stream(seed, ROLLOUT))
    bought = purchases.write(world, told, folder, rng=stream(seed, PURCHASES))
    cash_book.write(world, told, book, bought, folder, first=month, rng=stream(seed, CASH))
    festival_plans.write(world, told, folder, rng=stream(seed, FESTIVAL_PLANS))
    truth.write(world, told, contacts, book.dirt, folder / "truth")
    closed = city_files.last_month_end(end)
    known = network.of_company(world, told, city=toml("city")["city"], last=closed)
    city_files.write(folder, known, end=closed, rng=stream(seed, CITY))
    sources.write(folder, since=end - timedelta(days=days - 1))
    return folder


def found(*, customers: int, stores: int, days: int, seed: int, end: date) -> story.World:
    """Draw goods, shops, members and their fate."""
    last_day = (end - season.EPOCH).days
    first_day = last_day - days + 1
    span = {"first_day": first_day, "last_day": last_day}
    goods = list_goods(stream(seed, GOODS))
    shops = open_shops(stores, **span, rng=stream(seed, SHOPS))
    members = join_members(customers, shops=shops, **span, rng=stream(seed, MEMBERS))
    rng = stream(seed, COMPLAINTS)
    raised = complaints.complain(members, shops, **span, rng=rng)
    over = complaints.leaving_days(raised, customers, never=NEVER, rng=rng)
    leaving = departures(members, shops, over, **span, rng=stream(seed, LEAVING))
    liking = taste(goods)
    shares = np.bincount(members.need, minlength=len(liking)) / customers
    demand = season.demand(goods, first_day, last_day)
    return story.World(
        seed=seed,
        **span,
        goods=goods,
        shops=shops,
        members=members,
        leaving=leaving,
        complaints=complaints.while_customer(raised, leaving.day),
        events=plan_events(
            goods, shops, first_day=first_day, last_day=last_day + PLANNED_AHEAD, rng=stream(seed, EVENTS)
        ),
        rhythm=season.rhythm(first_day, last_day),
        shelf=stock_shelf(goods, taste=liking, demand=demand, shares=shares, first_day=first_day),
    )


def _check(*, customers: int, stores: int, days: int, end: date) -> None:
    """Refuse sizes that make no company."""
    begin = end - timedelta(days=days) if days > 0 else end
    sizes = {"customers": (customers, 1, 20_000_000), "stores": (stores, 2, 5_000), "days": (days, 1, 4_000)}
    wrong = [f"{name} = {value}" for name, (value, low, high) in sizes.items() if not low <= value <= high]
    if not begin.year > FIRST_YEAR or not end.year < LAST_YEAR:
        wrong.append(f"end = {end}")
    if wrong:
        raise ParameterError("simulate.size", values={"given": ", ".join(wrong)})
