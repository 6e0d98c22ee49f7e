"""When and why does a customer leave for good? Competing hazards: the earliest cause wins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.members import FESTIVAL_ONLY, MEMBER, Members
from crmlib.simulate.shops import NEVER, Shops

CAUSES = (
    "stays",
    "price",
    "taste",
    "moved",
    "competitor",
    "no_need",
    "store_closed",
    "complaint",
    "new_card",
    "never_bought",
)
STAYS, PRICE, TASTE, MOVED, COMPETITOR, NO_NEED, STORE_CLOSED, COMPLAINT, NEW_CARD, NEVER_BOUGHT = range(len(CAUSES))
YEARLY = (0.10, 0.09, 0.07, 0.0, 0.09)
"""Mean hazard per year of price, taste, moved, competitor, no need; the competitor's comes from the home store."""
FRAILTY_SHAPE = 0.9
"""Gamma shape of the dropout hazard across customers: Pareto/NBD-like lifetimes."""
EARLY = 0.08
"""Share of new members who never come back after their first visit."""
REPLACED_SHARE = 0.5
"""Share of second cards that replace the first: the person stays, the old card falls silent."""
LEAD_SHARE = 0.05
"""Share of new members who took a card, at an event say, and never buy."""
CLOSING_LOSS = 0.55
"""Share of a closing store's members who leave with it."""


@dataclass(frozen=True, slots=True)
class Departures:
    """First day on which each card is no longer used (`NEVER` if later than seen), its cause and its yearly hazard."""

    day: Ints
    cause: Ints
    hazard: Floats


def departures(
    members: Members, shops: Shops, complained: Ints, *, first_day: int, last_day: int, rng: np.random.Generator
) -> Departures:
    """Draw every card's last day from its own hazards.

    Parameters
    ----------
    complained : day on which the card would be given up over a complaint, `NEVER` for most, shape (cards,).
    """
    n = len(members.rate)
    frailty = rng.gamma(FRAILTY_SHAPE, 1 / FRAILTY_SHAPE, n)
    hazards = np.array(YEARLY)[:, None] * np.ones(n)
    hazards[0] *= np.where(members.price_sensitive == 1, 2.2, 0.4)
    hazards[2] *= np.where(members.age <= 1, 2.0, 0.6)
    hazards[1] *= np.where(shops.quality[members.home] < 0.9, 1.8, 0.8)
    hazards[3] += 0.8 * shops.competitor_loss[members.home]
    hazards *= frailty
    begin = np.maximum(members.joined, first_day)
    wait = np.ceil(rng.exponential(365.0 / np.maximum(hazards, 1e-9)))
    start = np.broadcast_to(begin, wait.shape).copy()
    start[3] = np.maximum(begin, shops.competitor[members.home])
    times = np.minimum(start + wait, NEVER)
    first = np.argmin(times, axis=0)
    day, cause = times[first, np.arange(n)].astype(np.int64), first + 1
    at_once = (members.role == MEMBER) & (members.joined >= first_day) & (rng.random(n) < EARLY)
    day, cause = np.where(at_once, begin + 1, day), np.where(at_once, rng.choice([TASTE, NO_NEED], n), cause)
    closes = np.where(rng.random(n) < CLOSING_LOSS, shops.closed[members.home], NEVER)
    day, cause = np.minimum(day, closes), np.where(closes <= day, STORE_CLOSED, cause)
    day, cause = np.minimum(day, complained), np.where(complained < day, COMPLAINT, cause)
    replaced = _replaced(members, rng)
    day, cause = np.minimum(day, replaced), np.where(replaced < day, NEW_CARD, cause)
    lead = (members.role == MEMBER) & (members.joined >= first_day) & (rng.random(n) < LEAD_SHARE)
    day, cause = np.where(lead, members.joined, day), np.where(lead, NEVER_BOUGHT, cause)
    stays = (members.role > FESTIVAL_ONLY) & (cause != STORE_CLOSED)
    day, cause = np.where(stays, NEVER, day), np.where(stays, STAYS, cause)
    unseen = day > last_day
    return Departures(np.where(unseen, NEVER, day), np.where(unseen, STAYS, cause), hazards.sum(axis=0))


def _replaced(members: Members, rng: np.random.Generator) -> Ints:
    """Day on which a card is replaced by a later one of the same person."""
    day = np.full(len(members.person), NEVER, dtype=np.int64)
    second = np.flatnonzero(members.person != np.arange(len(members.person)))
    later = second[members.joined[second] > members.joined[members.person[second]]]
    later = later[rng.random(len(later)) < REPLACED_SHARE]
    np.minimum.at(day, members.person[later], members.joined[later])
    return day
