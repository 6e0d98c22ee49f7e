"""What promotions do to sales: extra units, dips, losses of siblings, halo; every unit of it is counted.

The lines that come in are the world without promotions. Those of an event's goods in its stores are kept and priced
down (base), some are added (extra), some of the days after are taken out (dip), some of its siblings are taken out
(cannibalised), and new visits bring what goes with the goods (halo). Where a shelf runs empty, what would have been
sold after is taken out again (lost; not counted as base or extra). Staff and group buyers take the price where it is
better than their own, but buy no more for it (unmoved). The truth is the count of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.simulate.baskets import line_total
from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.events import Event, last_stocked
from crmlib.simulate.goods import Goods
from crmlib.simulate.members import CASHIER_CARD, DEAL_HUNTER, FESTIVAL_ONLY, GROUP_BUYER, MEMBER, STAFF, Members

NEW_VISIT_SHARE = 0.3
"""Share of the extra lines bought on a visit made for the offer; the others go into baskets bought anyway."""
HALO_LINES = 0.5
"""Mean lines of what goes with the goods on a visit made for the offer."""
KINDS = ("base", "unmoved", "extra", "dip", "cannibalised", "halo", "lost")
BASE, UNMOVED, EXTRA, DIP, CANNIBALISED, HALO, LOST = KINDS
PROMOTED = (BASE, UNMOVED, EXTRA)
"""Kinds of lines sold at the event's price."""
TALLY = ("event", "store", "kind")


@dataclass(frozen=True, slots=True)
class Hunters:
    """Members who come for offers: indices sorted by home store, and where each store's begin, shape (stores + 1,)."""

    member: Ints
    begins: Ints


def find_hunters(members: Members, stores: int) -> Hunters:
    """Deal hunters by home store."""
    mine = np.flatnonzero(members.role == DEAL_HUNTER)
    order = mine[np.argsort(members.home[mine], kind="stable")]
    return Hunters(order, np.searchsorted(members.home[order], np.arange(stores + 1)))


def respond(
    lines: pl.DataFrame,
    events: Sequence[Event],
    members: Members,
    hunters: Hunters,
    *,
    goods: Goods,
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Apply all events to the lines of whole days; the lines that result, and the lines of each kind of effect.

    Returns
    -------
    lines with a column event (index, -1 for none), and the effects: event, store, kind, milli, list_minor, net_minor,
    product, day (`list_minor` of a lost line is what it would have cost).
    """
    lines = lines.with_columns(event=pl.lit(-1, dtype=pl.Int64))
    effects = [lines.clear().with_columns(kind=pl.lit("")).select(_EFFECT)]
    if lines.is_empty():
        return lines, effects[0]
    first, last = int(lines["day"].min()), int(lines["day"].max())  # type: ignore[arg-type]
    for place, event in enumerate(events):
        if event.first <= last and first <= event.last + event.dip_days:
            lines, seen = _apply(lines, place, events, members, hunters, goods=goods, rng=rng)
            effects += seen
    return lines, pl.concat(effects)


_EFFECT = ("event", "store", "kind", "product", "day", "member", "milli", "list_minor", "net_minor")


def _apply(
    lines: pl.DataFrame,
    place: int,
    events: Sequence[Event],
    members: Members,
    hunters: Hunters,
    *,
    goods: Goods,
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    event = events[place]
    store, product, day, member = (lines[c].to_numpy() for c in ("store", "product", "day", "member"))
    ordinary = _ordinary(members, member) & event.stores[store] & (lines["event"].to_numpy() < 0)
    running = (day >= event.first) & (day <= event.last)
    after = (day > event.last) & (day <= event.last + event.dip_days)
    left = 1 - (day - event.last - 1) / max(event.dip_days, 1)
    chance = rng.random(len(day))
    dip = ordinary & event.products[product] & after & (chance < event.dip * left)
    lost = ordinary & event.siblings[product] & running & (chance < event.cannibal)
    base = ordinary & event.products[product] & running
    unmoved = _unmoved(lines, event, members) & event.products[product] & running
    extra, visits = _added(lines, np.flatnonzero(base), event, members, hunters, rng=rng)
    extra = extra.filter(_stocked(extra, event))
    halo = _brought(visits, goods, events[:place], rng=rng)
    free = lines["event"].to_numpy() < 0
    empty = event.stores[store] & event.products[product] & running & free & ~_stocked(lines, event).to_numpy()
    base, unmoved = base & ~empty, unmoved & ~empty
    touched = lines.with_columns(event=pl.when(pl.Series(base | unmoved)).then(place).otherwise("event"))
    seen = [
        _seen(frame, place, kind)
        for frame, kind in (
            (_priced(touched.filter(pl.Series(base)), event), BASE),
            (_priced(touched.filter(pl.Series(unmoved)), event), UNMOVED),
            (_priced(extra, event), EXTRA),
            (lines.filter(pl.Series(dip)), DIP),
            (lines.filter(pl.Series(lost)), CANNIBALISED),
            (halo, HALO),
            (lines.filter(pl.Series(empty)), LOST),
        )
    ]
    kept = touched.filter(pl.Series(~(dip | lost | empty)))
    promoted = pl.concat(
        [kept.filter(pl.col("event") == place), extra.with_columns(event=pl.lit(place, dtype=pl.Int64))]
    )
    others = kept.filter(pl.col("event") != place)
    return pl.concat([others, _priced(promoted, event), halo]), seen


def _added(
    lines: pl.DataFrame, base: Ints, event: Event, members: Members, hunters: Hunters, *, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Extra lines of the promoted goods, put into other baskets or onto new visits; and those on new visits."""
    source = np.repeat(base, rng.poisson(event.lift - 1.0, len(base)))
    day, store = lines["day"].to_numpy(), lines["store"].to_numpy()
    cell = day * 100_000 + store
    order = np.argsort(cell, kind="stable")
    begins = np.searchsorted(cell[order], cell[source], side="left")
    counts = np.searchsorted(cell[order], cell[source], side="right") - begins
    one, other = (order[begins + (rng.random(len(source)) * counts).astype(np.int64)] for _ in range(2))
    keen = members.price_sensitive[np.maximum(lines["member"].to_numpy(), 0)] * (lines["member"].to_numpy() >= 0)
    ordinary = _ordinary(members, lines["member"].to_numpy())
    host = np.where((keen[other] > keen[one]) & ordinary[other] | ~ordinary[one], other, one)
    host = np.where(ordinary[host], host, source)
    new = rng.random(len(source)) < NEW_VISIT_SHARE
    fresh = int(lines["trip"].max()) + 1 + np.cumsum(new) - 1  # type: ignore[arg-type]
    trip = np.where(new, fresh, lines["trip"].to_numpy()[host])
    second = np.where(new, rng.integers(9 * 3600, 20 * 3600, len(source)), lines["second"].to_numpy()[host])
    buyer = np.where(
        new, _visitors(members, hunters, store[source], day[source], rng), lines["member"].to_numpy()[host]
    )
    milli = lines["milli"].to_numpy()[source]
    extra = lines[source].with_columns(
        trip=pl.Series(trip), second=pl.Series(second), member=pl.Series(buyer), milli=pl.Series(milli)
    )
    return extra, extra.filter(pl.Series(new))


def _stocked(lines: pl.DataFrame, event: Event) -> pl.Series:
    """Whether the shelf was not yet empty."""
    left = last_stocked(event, lines["store"].to_numpy(), lines["product"].to_numpy())
    return pl.Series(lines["day"].to_numpy() <= left)


def _brought(visits: pl.DataFrame, goods: Goods, earlier: Sequence[Event], *, rng: np.random.Generator) -> pl.DataFrame:
    """Lines of what goes with the goods on visits made for the offer, at list price.

    Nothing is added to the goods of an earlier event of the list while it runs: its own lines are counted already.
    """
    source = np.repeat(np.arange(visits.height), rng.poisson(HALO_LINES, visits.height))
    lines = visits[source]
    partner = goods.partner[lines["product"].to_numpy()]
    milli = np.where(goods.by_weight[partner] == 1, 500, 1000)
    listed = line_total(goods.price[partner], milli)
    lines = lines.with_columns(
        product=pl.Series(partner), milli=pl.Series(milli), list_minor=pl.Series(listed), net_minor=pl.Series(listed)
    )
    store, day = lines["store"].to_numpy(), lines["day"].to_numpy()
    free = partner >= 0
    for other in earlier:
        free &= ~(other.products[partner] & other.stores[store] & (day >= other.first) & (day <= other.last))
    return lines.filter(pl.Series(free))


def _visitors(members: Members, hunters: Hunters, store: Ints, day: Ints, rng: np.random.Generator) -> Ints:
    """Who comes for the offer: a deal hunter of that store half of the time, else somebody without a card."""
    begins = hunters.begins[store]
    count = hunters.begins[store + 1] - begins
    place = begins + (rng.random(len(store)) * count).astype(np.int64)
    known = (count > 0) & (rng.random(len(store)) < 0.5)
    if not len(hunters.member):
        return np.full(len(store), -1, dtype=np.int64)
    who = hunters.member[np.minimum(place, len(hunters.member) - 1)]
    return np.where(known & (members.joined[who] <= day), who, -1)


def _ordinary(members: Members, member: Ints) -> Flags:
    """Customers whom offers move: not staff, wholesalers and group buyers, who have prices of their own."""
    role = members.role[np.maximum(member, 0)]
    usual = (role == MEMBER) | (role == FESTIVAL_ONLY) | (role == DEAL_HUNTER) | (role == CASHIER_CARD)
    moved: Flags = (member < 0) | usual
    return moved


def _unmoved(lines: pl.DataFrame, event: Event, members: Members) -> Flags:
    """Lines of staff and group buyers in the event's stores for which its price is no worse than their own."""
    member = lines["member"].to_numpy()
    others = (member >= 0) & np.isin(members.role[np.maximum(member, 0)], (STAFF, GROUP_BUYER))
    better = (_priced(lines, event)["net_minor"] <= lines["net_minor"]).to_numpy()
    free = lines["event"].to_numpy() < 0
    taken: Flags = others & better & free & event.stores[lines["store"].to_numpy()]
    return taken


def _priced(lines: pl.DataFrame, event: Event) -> pl.DataFrame:
    """Net amounts at the event's price, rounded half up to the fen at the line."""
    listed, off = pl.col("list_minor"), event.depth_bp
    if event.mechanic == "nth_unit":  # every second unit of a line
        pairs = pl.col("milli") // 2000
        unit = pl.when(pl.col("milli") > 0).then(listed * 1000 // pl.col("milli")).otherwise(0)
        return lines.with_columns(net_minor=listed - pairs * (unit * off // 10_000))
    return lines.with_columns(net_minor=(listed * (10_000 - off) + 5_000) // 10_000)


def _seen(lines: pl.DataFrame, place: int, kind: str) -> pl.DataFrame:
    return lines.with_columns(event=pl.lit(place, dtype=pl.Int64), kind=pl.lit(kind)).select(_EFFECT)
