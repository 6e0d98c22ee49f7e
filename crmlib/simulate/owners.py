"""Which adviser looks after whom, and how a leaver's members are handed over."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.simulate.draws import Ints
from crmlib.simulate.members import STAFF
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.story import World

ADVISERS = 4
"""Per region, numbered from 1; the last of them leaves, and the others take over the members in turn."""
LEAVES_AT, NEXT_REGION = 0.55, 0.05
"""Share of the time seen after which the first region's leaver goes, and by how much later the next region's."""


def leaving_day(world: World, region: Ints) -> Ints:
    """First day without the leaver of each region, shape of `region`."""
    share = np.minimum(LEAVES_AT + NEXT_REGION * region, 0.9)
    days: Ints = (world.first_day + (world.last_day - world.first_day) * share).astype(np.int64)
    return days


def number(world: World, member: Ints, *, day: Ints | int) -> Ints:
    """The adviser of each member on a day, as a number that `code` writes, shape of `member`."""
    home = world.members.home[member]
    region = world.shops.region[home]
    first = home % ADVISERS + 1
    gone = (first == ADVISERS) & (leaving_day(world, region) <= day)
    return np.where(gone, member % (ADVISERS - 1) + 1, first) + (region + 1) * 100


def code(numbers: Ints) -> pl.Series:
    """Staff numbers as they stand in every list."""
    return pl.select(pl.format("G{}", pl.Series(numbers))).to_series()


def history(world: World) -> pl.DataFrame:
    """Every assignment with its first day: customer_id, staff_id, starts_on; the chain's own staff have nobody."""
    member = np.flatnonzero(world.members.role != STAFF)
    joined = world.members.joined[member]
    leaves = leaving_day(world, world.shops.region[world.members.home[member]])
    before, after = number(world, member, day=joined), number(world, member, day=world.last_day)
    moved = before != after
    rows = pl.DataFrame(
        {
            "customer_id": card_numbers(pl.Series(np.append(member, member[moved]))),
            "staff_id": code(np.append(before, after[moved])),
            "starts_on": pl.Series(np.append(joined, leaves[moved])).cast(pl.Int32).cast(pl.Date),
        }
    )
    return rows.sort("customer_id", "starts_on")
