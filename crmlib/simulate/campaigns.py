"""Win-back campaigns: who is on the list, who is held out by lot, and whom the offer truly brings back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.leaving import COMPLAINT, MOVED, STORE_CLOSED, Departures
from crmlib.simulate.members import DEAL_HUNTER, FESTIVAL_ONLY, Members
from crmlib.simulate.presence import Presence
from crmlib.simulate.shops import NEVER

MONTHS = (3, 6, 8, 11)
"""Months on whose first day a campaign starts."""
SILENT_FROM, SILENT_TO = 90, 300
"""Days since the last visit that put a member on the list."""
LIST_SHARE = 0.06
"""Longest list, as a share of all cards."""
HOLDOUT_SHARE = 0.15
REACHED_SHARE = 0.8
WON_BACK, WON_BACK_HARD = 0.22, 0.05
"""Share of the reached and truly lost who come back; the second for those who moved, complained or lost their store."""
STAYS_DAYS = 240.0
"""Mean days a won-back customer stays."""
COUPON, CALL_COST = 15_00, 1_50


@dataclass(frozen=True, slots=True)
class Outcome:
    """One entry per listed member: campaign number, day, member, held out, reached, truly lost, won back (truth)."""

    campaign: Ints
    day: Ints
    member: Ints
    held_out: Flags
    reached: Flags
    lost: Flags
    won_back: Flags


def call(
    number: int, day: int, *, presence: Presence, leaving: Departures, members: Members, rng: np.random.Generator
) -> Outcome:
    """Draw the list of one campaign, part it by lot, and bring some of the reached back (in `presence`)."""
    silent = day - presence.last_visit
    listed = (presence.last_visit >= 0) & (silent >= SILENT_FROM) & (silent <= SILENT_TO)
    listed &= (members.role != FESTIVAL_ONLY) & (members.role < DEAL_HUNTER)
    who = rng.permutation(np.flatnonzero(listed))[: max(1, round(LIST_SHARE * len(listed)))]
    n = len(who)
    held_out = np.arange(n) < np.ceil(HOLDOUT_SHARE * n)  # the order is random: a lot of exact size
    reached = ~held_out & (rng.random(n) < REACHED_SHARE)
    lost = (presence.gone[who] <= day) & (presence.back[who] == NEVER)
    hard = np.isin(leaving.cause[who], (MOVED, COMPLAINT, STORE_CLOSED))
    won = reached & lost & (rng.random(n) < np.where(hard, WON_BACK_HARD, WON_BACK))
    back = day + 2 + rng.geometric(0.12, n)
    stay = np.ceil(rng.exponential(STAYS_DAYS, n)).astype(np.int64)
    presence.back[who[won]] = back[won]
    presence.gone_again[who[won]] = (back + stay)[won]
    order = np.argsort(who, kind="stable")
    full = np.full(n, number, dtype=np.int64)
    return Outcome(full, np.full(n, day), who[order], held_out[order], reached[order], lost[order], won[order])
