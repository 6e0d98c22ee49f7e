"""What those drawn did in a list's window: who came, what they spent, and what they had spent a year before.

The window is the list's, the same for everybody drawn: from the first day of sending to the last day that counts.
Whoever was contacted later within it has had less time, and whoever was never reached still counts where drawn.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

YEAR = timedelta(days=364)
"""A year of whole weeks."""


def outcomes(
    ids: pl.Series, days: AnyFrame, *, start: date, end: date, hits: pl.DataFrame | None = None
) -> pl.DataFrame:
    """recipient_id, came, net_minor, before_minor of each of `ids`, in order.

    Parameters
    ----------
    days : customer_id, day_n, is_purchase, net_minor: one row per member and day.
    start, end : days that count, both included; `before_minor` is of the same days 364 days earlier.
    hits : recipient_id, day_n of what counts as `came` where that is something else than a purchase (`aims.hits`).

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a", "b"], "day_n": [20_000, 20_000], "is_purchase": [True, False],
    ...                      "net_minor": [500, -200]})
    >>> outcomes(pl.Series(["a", "b", "c"]), days, start=date(2024, 10, 4), end=date(2024, 10, 4)).rows()
    [('a', 1, 500, 0), ('b', 0, -200, 0), ('c', 0, 0, 0)]
    """
    rows = to_polars(days, needs=["customer_id", "day_n", "is_purchase", "net_minor"], name="days")
    mine = rows.filter(pl.col("customer_id").is_in(ids.unique().implode()))
    on = pl.from_epoch("day_n", time_unit="d")
    now, then = on.is_between(start, end), on.is_between(start - YEAR, end - YEAR)
    net = pl.col("net_minor")
    sums = mine.group_by("customer_id").agg(
        came=(now & pl.col("is_purchase")).any().cast(pl.Int64),
        net_minor=net.filter(now).sum(),
        before_minor=net.filter(then).sum(),
    )
    asked = ids.rename("recipient_id").to_frame()
    joined = asked.join(sums, left_on="recipient_id", right_on="customer_id", how="left", maintain_order="left")
    if hits is not None:
        did = hits.filter(pl.col("day_n").cast(pl.Int32).cast(pl.Date).is_between(start, end))["recipient_id"]
        joined = joined.with_columns(came=pl.col("recipient_id").is_in(did.implode()).cast(pl.Int64))
    return joined.with_columns(pl.col("came", "net_minor", "before_minor").fill_null(0))
