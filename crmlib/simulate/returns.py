"""Goods brought back: some days later, a few of them months later, always in the store that sold them."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.simulate.draws import Ints
from crmlib.simulate.goods import Goods
from crmlib.simulate.members import Members
from crmlib.simulate.shops import Shops
from crmlib.simulate.trips import is_open

RETURN_SHARE, GIFT_RETURN_SHARE = 0.008, 0.016
LATE_SHARE = 0.08
"""Share of the returns that come 30 to 90 days after the sale."""
NEGATIVE_SHARE = 0.004
"""Share of cards whose only lines are returns of purchases made before the first day."""
NOT_RETURNED_FROM = 6000
"""Lines of more than so many thousandths are bulk and never returned."""


def returned(lines: pl.DataFrame, goods: Goods, *, rng: np.random.Generator) -> pl.DataFrame:
    """The lines that will come back, dated with the day of their return, amounts turned to minus."""
    gift = goods.frame["is_gift"].to_numpy()[lines["product"].to_numpy()]
    share = np.where(gift, GIFT_RETURN_SHARE, RETURN_SHARE)
    small = lines["milli"].to_numpy() <= NOT_RETURNED_FROM
    chosen = lines.filter(pl.Series((rng.random(lines.height) < share) & small))
    n = chosen.height
    lag = np.where(rng.random(n) < LATE_SHARE, rng.integers(30, 91, n), rng.geometric(0.22, n))
    return _turned(chosen, pl.Series(lag), rng)


def before_the_first_day(
    members: Members, goods: Goods, *, first_day: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, Ints]:
    """Returns of purchases that lie before the first day, by members who never buy again; and these members."""
    old = np.flatnonzero((members.joined < first_day - 30) & (members.role == 0))
    who = rng.permutation(old)[: round(NEGATIVE_SHARE * len(members.role))]
    n = len(who)
    product = rng.choice(np.flatnonzero(goods.by_weight == 0), size=n)
    lines = pl.DataFrame(
        {
            "trip": np.arange(n),
            "day": np.full(n, first_day),
            "second": np.full(n, 0),
            "store": members.home[who],
            "member": who,
            "product": product,
            "milli": np.full(n, 1000),
            "list_minor": goods.price[product],
            "net_minor": goods.price[product],
            "event": np.full(n, -1),
        },
        schema_overrides={"trip": pl.Int64, "event": pl.Int64},
    )
    return _turned(lines, pl.Series(rng.integers(0, 20, n)), rng), who


def due(waiting: pl.DataFrame, last: int, shops: Shops) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split the returns that wait into those up to day `last` (in stores open that day) and the rest."""
    now = waiting.filter(pl.col("day") <= last)
    open_then = is_open(shops, now["store"].to_numpy(), now["day"].to_numpy())
    return now.filter(pl.Series(open_then)), waiting.filter(pl.col("day") > last)


def _turned(lines: pl.DataFrame, lag: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """The same goods, later, at another till time, with a minus; each return is a receipt of its own."""
    return lines.with_columns(
        day=pl.col("day") + lag,
        second=pl.Series(rng.integers(9 * 3600, 20 * 3600, lines.height)),
        trip=-1 - pl.int_range(pl.len(), dtype=pl.Int64),
        milli=-pl.col("milli"),
        list_minor=-pl.col("list_minor"),
        net_minor=-pl.col("net_minor"),
    )
