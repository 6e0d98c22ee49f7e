"""Who is a customer on which day: the one thing that changes while the days pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.leaving import Departures
from crmlib.simulate.shops import NEVER


@dataclass(frozen=True, slots=True)
class Presence:
    """Arrays of shape (cards,), written to as the days pass (day numbers, `NEVER` for never).

    Attributes
    ----------
    gone : first day without the customer.
    back, gone_again : first day after a win-back, first day without after it.
    last_visit : last day with a receipt so far, -1 before the first.
    points : balance of the points account.
    """

    gone: Ints
    back: Ints
    gone_again: Ints
    last_visit: Ints
    points: Ints


def begin(leaving: Departures) -> Presence:
    """Everybody as fate has it, nobody won back yet."""
    n = len(leaving.day)
    never = np.full(n, NEVER, dtype=np.int64)
    return Presence(
        leaving.day.copy(), never, never.copy(), np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int64)
    )


def is_there(presence: Presence, member: Ints, day: Ints) -> Flags:
    """Whether the member is a customer on that day (not before joining: that is checked apart)."""
    there: Flags = (day < presence.gone[member]) | (
        (day >= presence.back[member]) & (day < presence.gone_again[member])
    )
    return there


def note_visits(presence: Presence, lines: pl.DataFrame) -> None:
    """Remember each member's last visit."""
    visits = lines.filter(pl.col("member") >= 0, pl.col("milli") > 0).group_by("member").agg(pl.col("day").max())
    presence.last_visit[visits["member"].to_numpy()] = visits["day"].to_numpy()
