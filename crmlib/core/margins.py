"""The margin rate of sales whose cost is known in part: one rule for every page that turns sales into margin."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

COST_KNOWN = 0.5
"""From this share of sales with a known cost on, margin is measured; below, only sales are."""


@dataclass(frozen=True, slots=True)
class MarginRate:
    """rate : margin per unit of sales, any sign, none where it cannot be said; known : share of sales with a cost."""

    rate: float | None
    known: float

    @property
    def measured(self) -> bool:
        """Whether the rate may be used for those whose cost is not known."""
        return self.rate is not None and self.known >= COST_KNOWN


def margin_rate(sales: pl.DataFrame) -> MarginRate:
    """Margin over sales where the cost is known, and the share of sales for which it is.

    Parameters
    ----------
    sales : `net_minor`, `margin_minor` (null where a cost is missing); rows without sales do not count.

    Examples
    --------
    >>> margin_rate(pl.DataFrame({"net_minor": [300, 100], "margin_minor": [-60, None]}))
    MarginRate(rate=-0.2, known=0.75)
    >>> margin_rate(pl.DataFrame({"net_minor": [1, 100_000], "margin_minor": [1, None]})).measured
    False
    """
    known = pl.col("margin_minor").is_not_null()
    net, margin = pl.col("net_minor").cast(pl.Int64), pl.col("margin_minor").cast(pl.Int64)
    net_known, earned, size_known, size = sales.select(
        net.filter(known).sum().alias("net_known"),
        margin.sum().alias("earned"),
        net.filter(known).abs().sum().alias("size_known"),
        net.abs().sum().alias("size"),
    ).row(0)
    rate = earned / net_known if net_known > 0 else None
    return MarginRate(rate=rate, known=size_known / size if size else 0.0)
