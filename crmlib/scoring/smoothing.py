"""Hysteresis: a member leaves a tier only when spend falls clearly below its threshold, so that tiers do not flicker.

Rising is immediate; falling waits until spend is below ``keep`` times the threshold of the tier held. Shares are
exact for the raw tier only; both tiers are reported.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.scoring.pyramid import NOBODY, Ints, Pyramid, tier_letters

KEEP = 9_000
"""Leave a tier only below 90 % of its threshold [basis points]."""


def hold(net: Ints, *, raw: npt.NDArray[np.int8], held: npt.NDArray[np.int8], cuts: Ints, keep: int = KEEP) -> Ints:
    """Smoothed tier of each member, 0 = best; shape (n,).

    Parameters
    ----------
    net : spend of the period [minor units], shape (n,).
    raw, held : tier by this period's thresholds, and the smoothed tier of the last period (-1 = none); shape (n,).
    cuts : thresholds of this period [minor units], one per tier but the last.
    keep : share of its threshold above which the held tier stays [basis points].

    Examples
    --------
    >>> tiers = dict(raw=np.array([1, 1, 0], np.int8), held=np.array([0, 0, 1], np.int8))
    >>> hold(np.array([95, 89, 120]), **tiers, cuts=np.array([100])).tolist()
    [0, 1, 0]
    """
    if not len(cuts):
        return raw.astype(np.int64)
    floor = np.where(cuts == NOBODY, NOBODY, -(-cuts * keep // 10_000))
    reachable = (held >= 0) & (held < len(cuts))
    needed = floor[np.clip(held, 0, len(cuts) - 1)]
    stays = reachable & (held < raw) & (net >= needed)
    return np.where(stays, held, raw).astype(np.int64)


def smooth(current: Pyramid, *, last: AnyFrame | None = None, keep: int = KEEP) -> pl.DataFrame:
    """Raw and smoothed tier per member: customer_id, net_minor, tier, tier_smoothed.

    Parameters
    ----------
    current : this period's pyramid.
    last : customer_id and tier_smoothed of the last report (`score_state`); without it both tiers agree.

    Examples
    --------
    >>> from crmlib.scoring.pyramid import pyramid
    >>> now = pyramid(pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [100, 95]}), shares=(5000,))
    >>> last = pl.DataFrame({"customer_id": ["b"], "tier_smoothed": ["A"]})
    >>> smooth(now, last=last)["tier_smoothed"].to_list()
    ['A', 'A']
    """
    letters = tier_letters(len(current.shares) + 1)
    table = current.customers.select("customer_id", "net_minor", pl.col("tier").cast(pl.String))
    if last is None:
        return table.with_columns(tier_smoothed="tier")
    held_frame = to_polars(last, needs=["tier_smoothed"], name="last", key="customer_id").select(
        "customer_id", "tier_smoothed"
    )
    joined = table.join(held_frame, on="customer_id", how="left", maintain_order="left")
    order = {letter: k for k, letter in enumerate(letters)}
    raw = joined["tier"].replace_strict(order, return_dtype=pl.Int8).to_numpy()
    held = joined["tier_smoothed"].replace_strict(order, default=-1, return_dtype=pl.Int8).to_numpy()
    cuts = np.array([NOBODY if cut is None else cut for cut in current.cuts], dtype=np.int64)
    held = np.where(held < 0, -1, held).astype(np.int8)
    smoothed = hold(joined["net_minor"].to_numpy(), raw=raw, held=held, cuts=cuts, keep=keep)
    return table.with_columns(tier_smoothed=pl.Series([letters[k] for k in smoothed], dtype=pl.String))
