"""Complaints: who raises them, how fast they are solved, who leaves over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.members import CASHIER_CARD, FESTIVAL_ONLY, STAFF, Members
from crmlib.simulate.shops import Shops

PER_VISIT = 0.010
"""Complaints per visit in a store of quality 1."""
PROMISED_DAYS = 3
"""Days within which a complaint is to be solved."""
LEAVES_LATE, LEAVES_IN_TIME = 0.40, 0.06
"""Share of complainants who leave after a late and after a punctual solution."""
OPEN_SHARE = 0.06
"""Share of complaints never solved."""
REASONS = ("stale", "foreign_body", "service", "queue", "price_tag", "packaging", "points")
REASON_SHARES = (0.22, 0.06, 0.22, 0.12, 0.16, 0.12, 0.10)


@dataclass(frozen=True, slots=True)
class Complaints:
    """One entry per complaint: member, day raised, day solved (-1 never), reason, whether the customer leaves."""

    member: Ints
    day: Ints
    solved: Ints
    reason: Ints
    leaves: Flags


def complain(members: Members, shops: Shops, *, first_day: int, last_day: int, rng: np.random.Generator) -> Complaints:
    """Draw all complaints of the days seen; bad stores draw more and solve them later."""
    begin = np.maximum(members.joined, first_day)
    quality = shops.quality[members.home]
    usual = np.isin(members.role, (STAFF, CASHIER_CARD), invert=True) & (members.role <= FESTIVAL_ONLY + 2)
    mean = members.rate * (last_day - begin + 1) * PER_VISIT * (2.1 - quality) ** 2 * usual
    counts = rng.poisson(np.clip(mean, 0, 4))
    member = np.repeat(np.arange(len(counts)), counts)
    n = len(member)
    day = begin[member] + (rng.random(n) * (last_day - begin[member] + 1)).astype(np.int64)
    lag = np.floor(rng.lognormal(0.55, 0.85, n) / quality[member] ** 1.5).astype(np.int64)
    never = rng.random(n) < OPEN_SHARE
    solved = np.where(never | (day + lag > last_day), -1, day + lag)
    late = never | (lag > PROMISED_DAYS)
    leaves = rng.random(n) < np.where(late, LEAVES_LATE, LEAVES_IN_TIME)
    reason = rng.choice(len(REASONS), size=n, p=REASON_SHARES)
    return Complaints(member, day, solved, reason, leaves)


def leaving_days(complaints: Complaints, cards: int, *, never: int, rng: np.random.Generator) -> Ints:
    """First day without the customer for everybody who leaves over a complaint, `never` for the others."""
    gone = np.full(cards, never, dtype=np.int64)
    days = complaints.day + rng.integers(2, 12, len(complaints.day))
    np.minimum.at(gone, complaints.member[complaints.leaves], days[complaints.leaves])
    return gone


def while_customer(complaints: Complaints, gone: Ints) -> Complaints:
    """Only the complaints of people who were still customers on that day."""
    keep = complaints.day < gone[complaints.member]
    c = complaints
    return Complaints(c.member[keep], c.day[keep], c.solved[keep], c.reason[keep], c.leaves[keep])
