"""The days pass: visits, baskets, promotions, returns, points and campaigns, month by month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import campaigns, exports, points, presence, receipts, response, returns, season, trips
from crmlib.simulate.baskets import Shelf, fill_baskets
from crmlib.simulate.complaints import Complaints
from crmlib.simulate.draws import Floats, stream
from crmlib.simulate.events import STOCK_DAYS, Event
from crmlib.simulate.goods import Goods, festive
from crmlib.simulate.leaving import Departures
from crmlib.simulate.members import DEAL_HUNTER, FESTIVAL_ONLY, MEMBER, Members
from crmlib.simulate.presence import Presence
from crmlib.simulate.shops import Shops

CHUNK_TRIPS = 300_000
"""Visits held in memory at once; with the fixed list of cards it bounds the memory."""
ANONYMOUS_PER_MEMBER = 0.0155
"""Visits without card per day and member of the whole company."""
POOLED = 20_000
"""So many cards at most are in the pool's scheme, whose days of purchase are kept."""
LISTED, LISTED_DAYS = 20_000, 730
"""Members that lists may name, the first ones, and the days of theirs that are kept for it."""
HOUSEHOLDS = (MEMBER, FESTIVAL_ONLY, DEAL_HUNTER)
"""Roles of cards whose visits are a member's."""
TRIPS, RESPONSE, RETURNS, DIRT, CAMPAIGN, POINTS, BEFORE = range(100, 107)


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
    complaints: Complaints
    events: tuple[Event, ...]
    rhythm: Floats
    shelf: Shelf


@dataclass(slots=True)
class Telling:
    """What is carried from one piece of days to the next, and what is collected for the truth."""

    presence: Presence
    waiting: pl.DataFrame
    spent: list[pl.DataFrame] = field(default_factory=list)
    effects: list[pl.DataFrame] = field(default_factory=list)
    sold: list[pl.DataFrame] = field(default_factory=list)
    lists: list[campaigns.Outcome] = field(default_factory=list)
    totals: list[pl.DataFrame] = field(default_factory=list)
    seen: list[pl.DataFrame] = field(default_factory=list)
    visits: list[pl.DataFrame] = field(default_factory=list)
    redeemed: dict[int, int] = field(default_factory=dict)
    """Points used, in fen, by the day on which the month was closed."""
    festive: list[pl.DataFrame] = field(default_factory=list)
    carded: list[pl.DataFrame] = field(default_factory=list)


def tell(world: World, book: receipts.Book, ledger: Path) -> Telling:
    """Let the days pass; receipts go to `book`, points to `ledger`, the rest is returned."""
    before, who = returns.before_the_first_day(
        world.members, world.goods, first_day=world.first_day, rng=stream(world.seed, BEFORE)
    )
    state = Telling(presence.begin(world.leaving), before)
    state.presence.gone[who] = world.first_day
    hunters = response.find_hunters(world.members, len(world.shops.own))
    receipts.open_points(ledger)
    for first, last in chunks(world):
        _campaign(world, state, first)
        lines = _sales(world, state, first, last)
        lines, effects = response.respond(
            lines, world.events, world.members, hunters, goods=world.goods, rng=stream(world.seed, RESPONSE, first)
        )
        presence.note_visits(state.presence, lines)
        bought = lines.filter(pl.col("member").is_between(0, POOLED - 1), pl.col("milli") > 0)
        state.seen.append(bought.select(pl.col("member", "day").cast(pl.Int64)).unique())
        state.effects.append(_summed(effects, world, book.rise_day))
        state.sold.append(_by_day(lines, effects, world))
        lines = _with_returns(world, state, lines, first, last)
        state.totals.append(
            lines.group_by("store", "day").agg(pl.len(), pl.col("milli", "list_minor", "net_minor").sum())
        )
        state.visits.append(_visits(lines, world))
        state.festive.append(_festive(lines, world))
        state.carded.append(_carded(lines, world))
        receipts.write(book, lines, rng=stream(world.seed, DIRT, first))
        _points(world, state, lines, last, ledger)
    for system in exports.SYSTEMS:
        receipts.close(book, system)
    return state


def chunks(world: World) -> Iterator[tuple[int, int]]:
    """First and last day of each piece: whole days, never across a month's end, about `CHUNK_TRIPS` visits."""
    usual = world.members.rate.sum() + ANONYMOUS_PER_MEMBER * len(world.members.rate)
    expected = world.rhythm.max(axis=0) * usual
    first, load = world.first_day, 0.0
    for day in range(world.first_day, world.last_day + 1):
        load += float(expected[day - world.first_day])
        if day == world.last_day or load > CHUNK_TRIPS or _date(day).month != _date(day + 1).month:
            yield first, day
            first, load = day + 1, 0.0


def _sales(world: World, state: Telling, first: int, last: int) -> pl.DataFrame:
    """Lines of the world without promotions and returns."""
    rng = stream(world.seed, TRIPS, first)
    weights = world.rhythm[:, first - world.first_day : last - world.first_day + 1]
    with_card = trips.member_trips(
        world.members, state.presence, shops=world.shops, weights=weights, first_day=first, rng=rng
    )
    per_store = ANONYMOUS_PER_MEMBER * len(world.members.rate) / len(world.shops.size)
    without = trips.anonymous_trips(world.shops, per_day=per_store, weights=weights, first_day=first, rng=rng)
    without = trips.swipe_own_cards(without, world.members, len(world.shops.own))
    return fill_baskets(trips.joined(with_card, without), world.members, world.shelf, rng=rng)


def _with_returns(world: World, state: Telling, lines: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Add the returns due up to `last`; those of these sales wait."""
    coming = returns.returned(lines, world.goods, rng=stream(world.seed, RETURNS, first))
    columns = lines.columns
    waiting = pl.concat([state.waiting.select(columns), coming.select(columns)])
    due, state.waiting = returns.due(waiting, last, world.shops)
    return pl.concat([lines, due])


def _campaign(world: World, state: Telling, first: int) -> None:
    """Start a win-back campaign on the first day of its months."""
    if (
        _date(first).day == 1
        and _date(first).month in campaigns.MONTHS
        and first - world.first_day > campaigns.SILENT_FROM
    ):
        rng = stream(world.seed, CAMPAIGN, first)
        number = len(state.lists) + 1
        state.lists.append(
            campaigns.call(
                number, first, presence=state.presence, leaving=world.leaving, members=world.members, rng=rng
            )
        )


def _points(world: World, state: Telling, lines: pl.DataFrame, last: int, ledger: Path) -> None:
    """Sum the members' spending; close the month on its last day."""
    state.spent.append(lines.filter(pl.col("member") >= 0).group_by("member").agg(pl.col("net_minor").sum()))
    tomorrow = _date(last + 1)
    if tomorrow.day == 1:
        spent = pl.concat(state.spent).group_by("member").agg(pl.col("net_minor").sum()).sort("member")
        state.spent.clear()
        rng = stream(world.seed, POINTS, last)
        entries = points.month_end(spent, state.presence, day=last, year_ends=tomorrow.month == 1, rng=rng)
        state.redeemed[last] = int(entries["cost_minor"].sum())
        receipts.write_points(entries, ledger)


def _summed(effects: pl.DataFrame, world: World, rise_day: int) -> pl.DataFrame:
    """Effects by event, store and kind, with their cost."""
    cost = receipts.line_costs(world.goods, effects, rise_day=rise_day)
    return (
        effects.with_columns(cost_minor=cost)
        .group_by("event", "store", "kind")
        .agg(pl.len().alias("lines"), pl.col("milli", "list_minor", "net_minor", "cost_minor").sum())
    )


def _by_day(lines: pl.DataFrame, effects: pl.DataFrame, world: World) -> pl.DataFrame:
    """Quantity sold by store, product and day, in an event (its index) or not (-1), while stock is on record."""
    keys = ("event", "store", "product", "day")
    since = pl.col("day") > world.last_day - STOCK_DAYS
    promoted = effects.filter(since, pl.col("kind").is_in(response.PROMOTED))
    usual = lines.filter(since, pl.col("event") < 0, pl.col("milli") > 0)
    return pl.concat([t.group_by(keys).agg(pl.col("milli").sum()) for t in (promoted, usual)]).sort(keys)


def _visits(lines: pl.DataFrame, world: World) -> pl.DataFrame:
    """What each of the first members spent on each day of the last two years [fen]."""
    known = pl.col("member").is_between(0, LISTED - 1) & (pl.col("day") > world.last_day - LISTED_DAYS)
    return lines.filter(known).group_by("member", "day").agg(pl.col("net_minor").sum())


def _festive(lines: pl.DataFrame, world: World) -> pl.DataFrame:
    """Quantity of festival goods by store, product and day, returns taken off."""
    keys = ("store", "product", "day")
    mine = lines.filter(pl.col("product").is_in(festive(world.goods)))
    return mine.group_by(keys).agg(pl.col("milli").sum()).sort(keys)


def _carded(lines: pl.DataFrame, world: World) -> pl.DataFrame:
    """store, day, members: how many bought there that day; staff, tills and bulk buyers are none."""
    mine = np.flatnonzero(np.isin(world.members.role, HOUSEHOLDS))
    bought = lines.filter(pl.col("milli") > 0, pl.col("member").is_in(mine))
    return bought.group_by("store", "day").agg(members=pl.col("member").n_unique()).sort("store", "day")


def _date(day: int) -> date:
    return season.EPOCH + timedelta(days=day)
