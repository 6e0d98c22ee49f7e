"""High, medium, low, zero: 20 %, 30 % and 50 % of the buyers by spend, equals never parted.

Boundaries are ⌈p·n⌉ of the customers with spend > 0; a block of equal spend across a boundary goes down as a whole, so
no level exceeds its share. Ranking with the customer's number as tie-break parts equals (1,021 of 4,168 customers of
one real shop).
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars, whole

LEVELS = ("high", "medium", "low", "zero")
SHARES_BP = (2000, 5000)
"""Cumulative shares of high and of high + medium [basis points]."""


def levels(customers: AnyFrame) -> pl.DataFrame:
    """`customers` with `level`, in the order of the input; spend ≤ 0 is `zero`.

    Parameters
    ----------
    customers : customer_id, net_minor; one row per customer.

    Examples
    --------
    >>> levels(pl.DataFrame({"customer_id": list("abcde"), "net_minor": [9, 9, 5, 1, 0]}))["level"].to_list()
    ['medium', 'medium', 'low', 'low', 'zero']
    """
    frame = to_polars(customers, needs=["net_minor"], name="customers", key="customer_id")
    frame = whole(frame, ["net_minor"], name="customers")
    net = pl.col("net_minor")
    buyers = (net > 0).sum()
    at_least = (-net).rank("max").over(net > 0)  # how many spend as much or more
    high, medium = ((buyers * share + 9_999) // 10_000 for share in SHARES_BP)
    level = (
        pl.when(net.is_null() | (net <= 0)).then(pl.lit("zero"))
        .when(at_least <= high).then(pl.lit("high"))
        .when(at_least <= medium).then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
    )  # fmt: skip
    return frame.with_columns(level=level.cast(pl.Enum(LEVELS)))
