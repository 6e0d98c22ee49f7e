"""The points account: earned by the month, redeemed by some, expiring at the end of the year."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.simulate.presence import Presence

REDEEM_FROM = 300
"""Points at which a member may redeem; 100 points are worth 1 yuan."""
REDEEM_SHARE, EXPIRE_SHARE = 0.10, 0.35
FEN_PER_100 = 100


def month_end(
    spent: pl.DataFrame, presence: Presence, *, day: int, year_ends: bool, rng: np.random.Generator
) -> pl.DataFrame:
    """Entries of one month, the balances in `presence` moved along: member, day, kind, points, cost_minor.

    Parameters
    ----------
    spent : member, net_minor of the month; returns make it smaller, a negative sum is taken back.
    day : last day of the month.
    """
    earned = spent.select("member", points=(pl.col("net_minor") / 100).floor().cast(pl.Int64)).filter(
        pl.col("points") != 0
    )
    presence.points[earned["member"].to_numpy()] += earned["points"].to_numpy()
    balance = presence.points
    rich = np.flatnonzero(balance >= REDEEM_FROM)
    rich = rich[rng.random(len(rich)) < REDEEM_SHARE]
    used = balance[rich] // 100 * 100
    presence.points[rich] -= used
    entries = [
        _entries(earned["member"].to_numpy(), earned["points"].to_numpy(), "earn"),
        _entries(rich, -used, "redeem"),
    ]
    if year_ends:
        left = np.flatnonzero(balance > 0)
        left = left[rng.random(len(left)) < EXPIRE_SHARE]
        entries.append(_entries(left, -balance[left], "expire"))
        presence.points[left] = 0
    cost = pl.when(pl.col("kind") == "redeem").then(-pl.col("points") * FEN_PER_100 // 100)
    return pl.concat(entries).with_columns(day=pl.lit(day, dtype=pl.Int64), cost_minor=cost).sort("member", "kind")


def _entries(member: np.ndarray, points: np.ndarray, kind: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"member": member, "points": points}, schema={"member": pl.Int64, "points": pl.Int64}
    ).with_columns(kind=pl.lit(kind))
