"""Promotions with known effects: where, when, which goods, how deep, and what each truly brings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np

from crmlib.core.calendar import festival_day
from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.goods import Goods
from crmlib.simulate.season import EPOCH
from crmlib.simulate.shops import Shops

MECHANICS = ("rate", "price", "nth_unit", "gift")
MECHANIC_SHARES = (0.5, 0.2, 0.18, 0.12)
DEPTHS = (1000, 1200, 1500, 2000, 2500, 3000)
"""Discount depth in basis points of the list price: 1200 is 8.8 zhe."""
NOT_DONE_SHARE = 0.04
"""Share of the planned stores that do not carry an event out."""
PLANNED_AHEAD = 100
"""Days after the last day seen for which events are already planned."""
WEEKS_ON = 14
"""Days before the last one seen within which an event must have ended to be the one that still runs."""
EVERY_DAYS = 15
"""Mean days between the starts of two ordinary events."""
DIP_SHARE, CANNIBAL_SHARE = 0.18, 0.14
"""Expected dip after the event and loss of its siblings, as shares of the expected gross lift."""
STOCK_DAYS = 150
"""Stock is on record for events of so many days before the last one, and only there shelves may run empty."""
OUT_SHARE = 0.04
"""Share of an event's store-products that run empty before its end."""
REGULAR = ("pastry", "biscuit", "floss", "jerky", "nut", "candy", "preserve", "drink", "loose")
YEARLY = (  # category, festival, first and last day relative to it, depth, lift: the same slot every year
    ("gift_spring", "spring_festival", -24, -3, 1200, 1.45),
    ("nut", "spring_festival", -18, -2, 1500, 1.55),
    ("gift_moon", "mid_autumn", -24, -2, 1500, 1.50),
    ("mooncake", "mid_autumn", -10, 0, 2000, 1.60),
    ("gift_rice", "dragon_boat", -14, -1, 1000, 1.35),
    ("drink", "labour_day", -3, 9, 1500, 1.60),
    ("jerky", "sale_618", -6, 3, 2000, 1.85),
    ("biscuit", "national_day", -3, 8, 1500, 1.65),
    ("nut", "sale_1111", -7, 3, 2500, 2.00),
)


def _nothing() -> Ints:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Event:
    """One promotion and its true effects.

    Attributes
    ----------
    promotion_id : code printed on its lines.
    first, last : first and last day, day numbers, both included.
    planned, stores : flags of the stores in the plan, and of those that carried it out.
    products, siblings : flags of the promoted products, and of the rest of their category.
    depth_bp : discount depth [basis points of the list price]; the price of a gift event is unchanged.
    lift : factor on ordinary demand for the promoted products while it runs.
    dip_days, dip : days after it with less demand, and the share missing on the first of them, falling to 0.
    cannibal : share of the siblings' ordinary demand lost while it runs.
    funding_bp : share of the discount paid by the supplier.
    gift_cost : of one gift [fen], 0 without gifts.
    out_pair, out_day : store-products that run empty (`pair_of`, ascending), and the day whose closing finds none left.
    """

    promotion_id: str
    category: str
    slot: str | None
    mechanic: str
    first: int
    last: int
    planned: Flags
    stores: Flags
    products: Flags
    siblings: Flags
    depth_bp: int
    lift: float
    dip_days: int
    dip: float
    cannibal: float
    funding_bp: int
    gift_cost: int
    out_pair: Ints = field(default_factory=_nothing)
    out_day: Ints = field(default_factory=_nothing)


def pair_of(store: Ints, product: Ints) -> Ints:
    """One number for a store and a product."""
    return np.asarray(store * 100_000 + product, dtype=np.int64)


def last_stocked(event: Event, store: Ints, product: Ints) -> Ints:
    """Last day of the event on which each store still had some of each product, shape of `store`."""
    if not event.out_pair.size:
        return np.full(len(store), event.last, dtype=np.int64)
    pair = pair_of(store, product)
    place = np.minimum(np.searchsorted(event.out_pair, pair), event.out_pair.size - 1)
    return np.where(event.out_pair[place] == pair, event.out_day[place], event.last)


def plan_events(
    goods: Goods, shops: Shops, *, first_day: int, last_day: int, rng: np.random.Generator
) -> tuple[Event, ...]:
    """All events of the days seen, by start; two events never meet on one product in one store."""
    events: list[Event] = []
    busy: dict[str, int] = {}
    for category, slot, first, last, depth, lift in _festive(first_day, last_day):
        stores = _treated(shops, 0.75, rng)
        everything = goods.category == goods.categories.index(category)
        events.append(
            _event(
                goods,
                category,
                slot=slot,
                mechanic="rate",
                first=first,
                last=last,
                stores=stores,
                products=everything,
                depth=depth,
                lift=lift,
                rng=rng,
            )
        )
    fixed = list(events)
    day = first_day + 20
    while day < last_day - 10:
        day += (-day - 3) % 7  # ordinary events run in whole weeks, Monday to Sunday
        last = day + int(rng.choice([6, 13]))
        free = [c for c in REGULAR if busy.get(c, 0) < day and not _meets(fixed, c, day, last + 21)]
        if free:
            event = _ordinary(goods, shops, str(rng.choice(free)), first=day, last=last, rng=rng)
            busy[event.category] = last + event.dip_days + 7
            events.append(event)
        day += int(rng.integers(EVERY_DAYS - 5, EVERY_DAYS + 6))
    events = _running(events, last_day - PLANNED_AHEAD)
    events.sort(key=lambda e: (e.first, e.category))
    since = last_day - PLANNED_AHEAD - STOCK_DAYS
    return tuple(_numbered(_emptied(e, rng) if e.first >= since else e, n) for n, e in enumerate(events, start=1))


def _running(events: list[Event], today: int) -> list[Event]:
    """The events; where none runs on the last day seen, the latest ordinary one goes on till a Sunday after it."""
    before = [e for e in events if e.slot is None and today - WEEKS_ON < e.last < today]
    if not before or any(e.first <= today <= e.last for e in events):
        return events
    latest = max(before, key=lambda e: e.last)
    longer = replace(latest, last=latest.last + 7 * (1 + (today - latest.last) // 7) + 7)
    return [longer if e is latest else e for e in events]


def _emptied(event: Event, rng: np.random.Generator) -> Event:
    """The event with some shelves that run empty in its second half."""
    store, product = (
        axis.ravel()
        for axis in np.meshgrid(*(np.flatnonzero(f) for f in (event.stores, event.products)), indexing="ij")
    )
    empty = rng.random(store.size) < OUT_SHARE
    day = rng.integers((event.first + event.last + 1) // 2, event.last + 1, store.size)
    return replace(event, out_pair=pair_of(store, product)[empty], out_day=day[empty])


def _ordinary(goods: Goods, shops: Shops, category: str, *, first: int, last: int, rng: np.random.Generator) -> Event:
    """An event on some goods of an everyday category in about half of the stores."""
    mine = np.flatnonzero(goods.category == goods.categories.index(category))
    some = rng.choice(mine, size=max(2, round(len(mine) * float(rng.uniform(0.35, 0.7)))), replace=False)
    products = np.zeros(len(goods.category), dtype=np.bool_)
    products[some] = True
    mechanic = str(rng.choice(MECHANICS, p=MECHANIC_SHARES))
    depth = int(rng.choice(DEPTHS))
    lift = 1.0 + 2.6 * (depth / 10_000) ** 0.8 + float(rng.uniform(0.05, 0.35))
    if mechanic == "nth_unit":
        depth, lift = 5000, float(rng.uniform(1.45, 1.9))  # every second unit at half price
    if mechanic == "gift":
        depth, lift = 0, float(rng.uniform(1.15, 1.45))
    share = 1.0 if rng.random() < 0.12 else float(rng.uniform(0.35, 0.65))
    stores = _treated(shops, share, rng)
    return _event(
        goods,
        category,
        slot=None,
        mechanic=mechanic,
        first=first,
        last=last,
        stores=stores,
        products=products,
        depth=depth,
        lift=lift,
        rng=rng,
    )


def _event(
    goods: Goods, category: str, *, slot: str | None, mechanic: str, first: int, last: int,
    stores: Flags, products: Flags, depth: int, lift: float, rng: np.random.Generator,
) -> Event:  # fmt: skip
    """Fill in what follows from the goods: the dip, the loss of siblings, funding, gift cost."""
    same = goods.category == goods.categories.index(category)
    siblings = same & ~products
    ours, theirs = goods.popularity[products].sum(), goods.popularity[siblings].sum()
    dip_days = 10 if slot else int(rng.integers(14, 22))
    gross_days = (lift - 1) * (last - first + 1)
    return Event(
        promotion_id="",
        category=category,
        slot=slot,
        mechanic=mechanic,
        first=first,
        last=last,
        planned=stores,
        stores=stores & (rng.random(len(stores)) >= NOT_DONE_SHARE),
        products=products,
        siblings=siblings,
        depth_bp=depth,
        lift=round(lift, 3),
        dip_days=dip_days,
        dip=round(min(0.8, 2 * DIP_SHARE * gross_days / dip_days), 4),
        cannibal=round(min(0.5, CANNIBAL_SHARE * (lift - 1) * ours / theirs), 4) if theirs else 0.0,
        funding_bp=int(rng.choice([0, 0, 3000, 5000])),
        gift_cost=int(rng.integers(200, 600)) if mechanic == "gift" else 0,
    )


def _treated(shops: Shops, share: float, rng: np.random.Generator) -> Flags:
    """A random share of the stores, at least one."""
    n = len(shops.own)
    chosen = np.zeros(n, dtype=np.bool_)
    chosen[rng.permutation(n)[: max(1, round(share * n))]] = True
    return chosen


def _festive(first_day: int, last_day: int) -> list[tuple[str, str, int, int, int, float]]:
    """Festival events that lie wholly inside the days seen."""
    years = range((EPOCH + timedelta(days=first_day)).year, (EPOCH + timedelta(days=last_day)).year + 1)
    found = []
    for category, festival, begins, ends, depth, lift in YEARLY:
        for year in years:
            day = (festival_day(festival, year) - EPOCH).days
            if first_day + 7 <= day + begins and day + ends <= last_day:
                found.append((category, festival, day + begins, day + ends, depth, lift))
    return found


def _meets(fixed: list[Event], category: str, first: int, last: int) -> bool:
    return any(e.category == category and e.first - 7 <= last and first <= e.last + e.dip_days for e in fixed)


def _numbered(event: Event, number: int) -> Event:
    begins: date = EPOCH + timedelta(days=event.first)
    return replace(event, promotion_id=f"PR{begins:%y%m}{number:03d}")
