"""Who moved between tiers since the last period; every customer counted once, rows and columns add up.

Rows are where a customer was (a tier of the previous period, ``new`` or ``won_back``), columns where they are now
(a tier, or ``none``: no purchase in the current period), so that

    active_end = active_start + new + won_back - lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.scoring.pyramid import Pyramid, tier_letters

NEW = "new"
WON_BACK = "won_back"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Migration:
    """Movement between two periods.

    Parameters
    ----------
    table : one row per (tier_before, tier_now) cell, empty ones too, without the impossible (new → none): customers,
        net_before_minor, net_now_minor, share_of_row.
    customers : one row per customer of either period: customer_id, tier_before, tier_now, net_before_minor,
        net_now_minor (0 where not bought), change_minor.
    active_start, active_end, new, won_back, lost : customers; the identity above holds exactly.
    """

    table: pl.DataFrame
    customers: pl.DataFrame
    active_start: int
    active_end: int
    new: int
    won_back: int
    lost: int


def migrate(previous: Pyramid | None, current: Pyramid, *, known_before: AnyFrame | None = None) -> Migration:
    """Count the customers who rose, fell, came and went between two pyramids, and their spend.

    Parameters
    ----------
    previous, current : pyramids of the same shares; no previous one where nobody bought in that period.
    known_before : a frame with the `customer_id` of everybody who bought before the previous period began; they are
        won back when they return, all other comers are new. Without it nobody counts as won back.

    Raises
    ------
    ModelError
        `scoring.other_shares` if the two pyramids were cut by different shares.

    Examples
    --------
    >>> from crmlib.scoring.pyramid import pyramid
    >>> before = pyramid(pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [9, 1]}), shares=(5000,))
    >>> now = pyramid(pl.DataFrame({"customer_id": ["b", "c"], "net_minor": [9, 1]}), shares=(5000,))
    >>> flows = migrate(before, now)
    >>> flows.active_start, flows.new, flows.won_back, flows.lost, flows.active_end
    (2, 1, 0, 1, 2)
    """
    if previous is None:
        previous = replace(current, customers=current.customers.clear())
    if previous.shares != current.shares:
        raise ModelError(
            "scoring.other_shares", values={"previous": str(previous.shares), "current": str(current.shares)}
        )
    customers = _pairs(previous, current, known_before)
    letters = tier_letters(len(current.shares) + 1)
    came = customers["tier_before"].is_in([NEW, WON_BACK])
    lost = int((customers["tier_now"] == NONE).sum())
    return Migration(
        table=_cells(customers, letters),
        customers=customers,
        active_start=previous.customers.height,
        active_end=current.customers.height,
        new=int((customers["tier_before"] == NEW).sum()),
        won_back=int(came.sum()) - int((customers["tier_before"] == NEW).sum()),
        lost=lost,
    )


def _pairs(previous: Pyramid, current: Pyramid, known_before: AnyFrame | None) -> pl.DataFrame:
    before = previous.customers.select(
        "customer_id", tier_before=pl.col("tier").cast(pl.String), net_before_minor="net_minor"
    )
    now = current.customers.select("customer_id", tier_now=pl.col("tier").cast(pl.String), net_now_minor="net_minor")
    known = (
        pl.DataFrame({"customer_id": before["customer_id"].clear()})
        if known_before is None
        else to_polars(known_before, needs=["customer_id"], name="known_before").select("customer_id").unique()
    )
    return (
        before.join(now, on="customer_id", how="full", coalesce=True)
        .join(known.with_columns(known=True), on="customer_id", how="left")
        .with_columns(
            tier_before=pl.coalesce(
                "tier_before", pl.when(pl.col("known")).then(pl.lit(WON_BACK)).otherwise(pl.lit(NEW))
            ),
            tier_now=pl.col("tier_now").fill_null(NONE),
            net_before_minor=pl.col("net_before_minor").fill_null(0),
            net_now_minor=pl.col("net_now_minor").fill_null(0),
        )
        .with_columns(change_minor=pl.col("net_now_minor") - pl.col("net_before_minor"))
        .drop("known")
        .sort("customer_id")
    )


def _cells(customers: pl.DataFrame, letters: list[str]) -> pl.DataFrame:
    rows = pl.DataFrame({"tier_before": [*letters, NEW, WON_BACK]})
    columns = pl.DataFrame({"tier_now": [*letters, NONE]})
    counted = customers.group_by("tier_before", "tier_now").agg(
        customers=pl.len().cast(pl.Int64),
        net_before_minor=pl.col("net_before_minor").sum(),
        net_now_minor=pl.col("net_now_minor").sum(),
    )
    return (
        rows.join(columns, how="cross")
        .filter(~(pl.col("tier_before").is_in([NEW, WON_BACK]) & (pl.col("tier_now") == NONE)))
        .join(counted, on=["tier_before", "tier_now"], how="left", maintain_order="left")
        .with_columns(pl.col("customers", "net_before_minor", "net_now_minor").fill_null(0))
        .with_columns(
            share_of_row=pl.when(pl.col("customers").sum().over("tier_before") > 0).then(
                pl.col("customers") / pl.col("customers").sum().over("tier_before")
            )
        )
    )
