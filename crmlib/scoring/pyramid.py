"""Customer pyramid: A = the top 1 % of members by spend, B = up to 5 %, C = up to 20 %, D = the rest.

Cumulative sizes are ``n_k = ceil(p_k n / 10000)`` with ``p`` in whole basis points (a floating-point ceil is one too
high 1,612 times up to n = 200,000); n is all members of the period, those with net <= 0 included. A block of equal
spend that straddles a boundary goes down as a whole, so a tier never exceeds its share (``ties="down"``), or up as a
whole. Net spend <= 0 is always in the last tier and counted apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError, check_choice
from crmlib.core.frames import AnyFrame
from crmlib.core.members import members

Ties = Literal["down", "up"]
Ints: TypeAlias = npt.NDArray[np.int64]

SHARES = (100, 500, 2000)
"""Default cumulative shares in basis points: 1 %, 5 %, 20 %."""
LETTERS = "ABCDEFGHIJ"
NOBODY = np.iinfo(np.int64).max
"""Threshold of a tier that nobody reaches."""


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Tiers of one period.

    Parameters
    ----------
    customers : customer_id, net_minor, margin_minor (if given), tier; in the order of the input.
    tiers : one row per tier, empty ones too: tier, customers, share_customers, net_minor, share_net, margin_minor
        (null where a member's cost is missing), margin_rate (of the members whose costs are known), uncosted (members
        with a missing cost), threshold_minor (the smallest spend in the tiers down to this one, null for the last tier
        and where nobody qualifies), not_positive (members with net <= 0).
    shares : cumulative shares [basis points].
    ties : where a tied block at a boundary went.
    """

    customers: pl.DataFrame
    tiers: pl.DataFrame
    shares: tuple[int, ...]
    ties: Ties

    @property
    def cuts(self) -> tuple[int | None, ...]:
        """Thresholds in minor units, one per share; freeze them to compare the next month with this one."""
        return tuple(self.tiers["threshold_minor"].to_list()[:-1])


def parse_shares(text: str) -> tuple[int, ...]:
    """Cumulative shares in basis points from what a planner types: ``"1/5/20"`` are percentages.

    Raises
    ------
    ModelError
        `scoring.shares` if they are no numbers, do not increase, or do not lie between 0 and 100 %.

    Examples
    --------
    >>> parse_shares("1/5/20"), parse_shares("0.5/2.5")
    ((100, 500, 2000), (50, 250))
    """
    try:
        exact = [Decimal(part.strip().rstrip("%")) * 100 for part in text.split("/")]
    except InvalidOperation:
        raise _shares_error(text) from None
    if any(not share.is_finite() or share != int(share) for share in exact):
        raise _shares_error(text)
    return check_shares(tuple(int(share) for share in exact))


def check_shares(shares: Iterable[int]) -> tuple[int, ...]:
    """Return `shares` if they are whole and increase strictly within (0, 10000) basis points, at most nine of them."""
    given = tuple(shares)
    if any(share != int(share) for share in given):
        raise _shares_error("/".join(f"{share / 100:g}" for share in given))
    whole = tuple(int(share) for share in given)
    if not whole or len(whole) >= len(LETTERS) or any(a >= b for a, b in pairwise((0, *whole, 10_000))):
        raise _shares_error("/".join(f"{share / 100:g}" for share in given))
    return whole


def sizes(n: int, shares: tuple[int, ...] = SHARES) -> tuple[int, ...]:
    """Cumulative sizes n_k = ceil(p_k n / 10000) in integers.

    Examples
    --------
    >>> sizes(23_570)
    (236, 1179, 4714)
    """
    return tuple(-(-share * n // 10_000) for share in shares)


def thresholds(net: Ints, *, shares: tuple[int, ...] = SHARES, ties: Ties = "down") -> Ints:
    """Smallest spend that belongs to the first k tiers, for each k [minor units], shape (len(shares),).

    A tier that nobody reaches has the largest Int64. Thresholds are at least 1: net <= 0 stays in the last tier.

    Parameters
    ----------
    net : spend [minor units], shape (n,).

    Examples
    --------
    >>> thresholds(np.array([50, 40, 40, 10, -5]), shares=(2000, 4000))
    array([50, 50])
    >>> thresholds(np.array([50, 40, 40, 10, -5]), shares=(2000, 4000), ties="up")
    array([50, 40])
    """
    check_choice(ties, get_args(Ties), name="ties")
    shares = check_shares(shares)
    if not net.size:
        return np.full(len(shares), NOBODY, dtype=np.int64)
    positions = np.array([net.size - n_k for n_k in sizes(net.size, shares)])
    at = np.sort(net)[positions]
    cuts = [_whole_block(net, int(b), net.size - int(p), ties=ties) for b, p in zip(at, positions, strict=True)]
    return np.array(cuts, dtype=np.int64)


def assign(net: Ints, cuts: Ints) -> npt.NDArray[np.int8]:
    """Tier of each member, 0 = A; shape (n,). The cuts may be frozen ones of another period.

    Examples
    --------
    >>> assign(np.array([50, 40, 10]), np.array([50, 30]))
    array([0, 1, 2], dtype=int8)
    """
    tier = np.full(net.shape, len(cuts), dtype=np.int8)
    for k, cut in reversed(list(enumerate(cuts))):
        tier[net >= cut] = k
    return tier


def pyramid(
    frame: AnyFrame,
    *,
    shares: tuple[int, ...] = SHARES,
    ties: Ties = "down",
    frozen: Ints | Sequence[int | None] | None = None,
) -> Pyramid:
    """Say who are the A, B, C and D customers, what they buy, and from which spend on a tier begins.

    Parameters
    ----------
    frame : one row per member of the period: customer_id, net_minor and, where costs are known, margin_minor.
    shares : cumulative shares [basis points], increasing.
    frozen : thresholds of an earlier period [minor units] (`Pyramid.cuts`; null = nobody reaches the tier); then sizes
        follow the data instead of the shares.

    Examples
    --------
    >>> year = pl.DataFrame({"customer_id": ["a", "b", "c"], "net_minor": [900, 100, 50]})
    >>> pyramid(year, shares=(3000,)).customers["tier"].to_list()
    ['A', 'B', 'B']
    """
    shares = check_shares(shares)
    table = members(frame, needs=("net_minor",))
    net = table["net_minor"].to_numpy()
    cuts = thresholds(net, shares=shares, ties=ties) if frozen is None else _check_frozen(frozen, shares)
    customers = table.select(
        "customer_id",
        "net_minor",
        *(["margin_minor"] if "margin_minor" in table.columns else []),
        tier=_letters(assign(net, cuts), len(shares) + 1),
    )
    return Pyramid(customers=customers, tiers=tier_table(customers, cuts), shares=shares, ties=ties)


def tier_table(customers: pl.DataFrame, cuts: Ints) -> pl.DataFrame:
    """Count, sales, margin and threshold per tier, one row for each of the ``len(cuts) + 1`` tiers, empty or not."""
    margin = pl.col("margin_minor") if "margin_minor" in customers.columns else pl.lit(None, dtype=pl.Int64)
    letters = tier_letters(len(cuts) + 1)
    found = customers.group_by(pl.col("tier").cast(pl.String)).agg(
        customers=pl.len().cast(pl.Int64),
        net_minor=pl.col("net_minor").sum(),
        margin_minor=pl.when(margin.is_null().any()).then(None).otherwise(margin.sum()),
        known_margin=margin.sum(),
        known_net=pl.when(margin.is_not_null()).then(pl.col("net_minor")).sum(),
        uncosted=margin.is_null().sum().cast(pl.Int64),
        not_positive=(pl.col("net_minor") <= 0).sum().cast(pl.Int64),
    )
    floor = [None if cut == NOBODY else int(cut) for cut in cuts] + [None]
    table = pl.DataFrame({"tier": letters, "threshold_minor": pl.Series(floor, dtype=pl.Int64)})
    total = int(customers["net_minor"].sum())
    return (
        table.join(found, on="tier", how="left", maintain_order="left")
        .with_columns(pl.col("customers", "net_minor", "uncosted", "not_positive").fill_null(0))
        .with_columns(
            share_customers=pl.col("customers") / customers.height,
            share_net=pl.col("net_minor") / total if total > 0 else pl.lit(None, dtype=pl.Float64),
            margin_rate=pl.when(pl.col("known_net") > 0).then(pl.col("known_margin") / pl.col("known_net")),
        )
        .select(
            "tier", "customers", "share_customers", "net_minor", "share_net", "margin_minor", "margin_rate", "uncosted",
            "threshold_minor", "not_positive",
        )
    )  # fmt: skip


def tier_letters(count: int) -> list[str]:
    """Names of `count` tiers, best first.

    Examples
    --------
    >>> tier_letters(4)
    ['A', 'B', 'C', 'D']
    """
    return list(LETTERS[:count])


def _letters(tier: npt.NDArray[np.int8], count: int) -> pl.Series:
    names = tier_letters(count)
    return pl.Series("tier", tier.astype(np.uint32)).replace_strict(
        list(range(count)), names, return_dtype=pl.Enum(names)
    )


def _whole_block(net: Ints, at: int, n_k: int, *, ties: Ties) -> int:
    """Smallest spend of the first k tiers, when the n_k-th largest spend is `at`."""
    straddles = int(np.count_nonzero(net >= at)) > n_k
    if straddles and ties == "down":
        above = net[net > at]
        at = int(above.min()) if above.size else int(NOBODY)
    if at <= 0:
        positive = net[net > 0]
        at = int(positive.min()) if positive.size else int(NOBODY)
    return at


def _check_frozen(frozen: Ints | Sequence[int | None], shares: tuple[int, ...]) -> Ints:
    cuts = [NOBODY if cut is None else int(cut) for cut in frozen]
    if len(cuts) != len(shares) or min(cuts) < 1 or any(a < b for a, b in pairwise(cuts)):
        raise ModelError("scoring.frozen_definition", values={"frozen": len(frozen), "expected": len(shares)})
    return np.array(cuts, dtype=np.int64)


def _shares_error(text: str) -> ModelError:
    return ModelError("scoring.shares", values={"shares": text})
