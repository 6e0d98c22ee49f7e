"""When and where does somebody buy? Poisson visits of members and passers-by, chunk by chunk of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.simulate.draws import Flags, Floats, Ints
from crmlib.simulate.members import CASHIER_CARD, FESTIVAL_ONLY, MEMBER, Members
from crmlib.simulate.presence import Presence, is_there
from crmlib.simulate.shops import Shops

AWAY_SHARE = 0.14
"""Share of visits to a store other than the home store."""
MOVES_ON = 0.35
"""Share of visits that go to the next store when the wanted one is shut."""
ANONYMOUS = -1


@dataclass(frozen=True, slots=True)
class Trips:
    """Visits, one per entry: day number, member (-1 without card) and store."""

    day: Ints
    member: Ints
    store: Ints


def member_trips(
    members: Members, presence: Presence, *, shops: Shops, weights: Floats, first_day: int, rng: np.random.Generator
) -> Trips:
    """Visits of card holders in the days of `weights`, a Poisson process per member thinned by joining and leaving.

    Parameters
    ----------
    presence : who is still a customer, or again.
    weights : weight of each day and rhythm, shape (4, days), first column is `first_day`.
    """
    last_day = first_day + weights.shape[1] - 1
    kind = np.where(members.role == FESTIVAL_ONLY, 3, members.motive)
    alive = (members.joined <= last_day) & ((presence.gone > first_day) | (presence.back <= last_day))
    days, who = [], []
    for k in range(len(weights)):
        pool = np.flatnonzero(alive & (kind == k))
        reach = np.cumsum(members.rate[pool])
        if not len(reach):
            continue
        counts = rng.poisson(weights[k] * reach[-1])
        place = np.searchsorted(reach, rng.random(int(counts.sum())) * reach[-1], side="right")
        days.append(np.repeat(np.arange(first_day, last_day + 1), counts))
        who.append(pool[np.minimum(place, len(pool) - 1)])
    fresh = np.flatnonzero((members.joined >= first_day) & (members.joined <= last_day) & (members.role == MEMBER))
    day = np.concatenate([*days, members.joined[fresh]])
    member = np.concatenate([*who, fresh])
    active = (day >= members.joined[member]) & is_there(presence, member, day)
    day, member = day[active], member[active]
    store = members.home[member]
    away = rng.random(len(store)) < AWAY_SHARE
    store = np.where(away, shops.neighbours[store, rng.integers(0, shops.neighbours.shape[1], len(store))], store)
    return _open_only(Trips(day, member, store), shops, rng)


def anonymous_trips(
    shops: Shops, *, per_day: float, weights: Floats, first_day: int, rng: np.random.Generator
) -> Trips:
    """Visits without a card: each store its own Poisson traffic, by size and quality."""
    mix = 0.85 * weights[0] + 0.15 * weights[1]
    rate = per_day * (shops.size * shops.quality)[:, None] * mix[None, :]
    counts = rng.poisson(rate).ravel()
    days = weights.shape[1]
    cell = np.repeat(np.arange(len(counts)), counts)
    trips = Trips(first_day + cell % days, np.full(len(cell), ANONYMOUS), cell // days)
    return _open_only(trips, shops, rng)


def swipe_own_cards(trips: Trips, members: Members, stores: int) -> Trips:
    """On one day of five the owner of a cashier's card swipes it for everybody who has none."""
    card = np.full(stores, ANONYMOUS, dtype=np.int64)
    cards = np.flatnonzero(members.role == CASHIER_CARD)
    card[members.home[cards]] = cards
    duty = (trips.day * 7 + trips.store * 3) % 5 == 0
    swiped = duty & (members.joined[card[trips.store]] <= trips.day)
    return Trips(trips.day, np.where(swiped, card[trips.store], trips.member), trips.store)


def joined(one: Trips, other: Trips) -> Trips:
    """Both."""
    return Trips(
        np.concatenate([one.day, other.day]),
        np.concatenate([one.member, other.member]),
        np.concatenate([one.store, other.store]),
    )


def is_open(shops: Shops, store: Ints, day: Ints) -> Flags:
    """Whether the store sells on that day."""
    shut = (day >= shops.shut_from[store]) & (day <= shops.shut_to[store])
    is_there: Flags = (day >= shops.opened[store]) & (day < shops.closed[store]) & ~shut
    return is_there


def _open_only(trips: Trips, shops: Shops, rng: np.random.Generator) -> Trips:
    """Drop visits lost to shut stores and competitors; some of those before a shut door go to the next store."""
    day, store = trips.day, trips.store
    shut = ~is_open(shops, store, day)
    moves = shut & (rng.random(len(day)) < MOVES_ON) & (trips.member >= 0)
    store = np.where(moves, shops.neighbours[store, 0], store)
    lost = (day >= shops.competitor[store]) & (rng.random(len(day)) < shops.competitor_loss[store])
    keep = is_open(shops, store, day) & ~lost
    return Trips(day[keep], trips.member[keep], store[keep])
