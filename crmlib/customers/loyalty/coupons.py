"""Coupons that were used: by whom, and whether they would have come without.

Before each use a member has a rhythm, the median gap between the purchase days until then. Who came within one and a
half of it would have come anyway: the coupon brought no visit, at most a larger basket. Who came later may have been
brought back; whether the coupon did it says only a control group.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.customers.loyalty.overdue import BANDS, LEAST_DAYS

GROUPS = ("on_time", "late", "new", "nobody")
"""Came within the own rhythm; later; with too few purchase days before for a rhythm; without a member's card."""
USE = {
    "coupon": pl.String, "group": pl.String, "receipts": pl.Int64, "members": pl.Int64, "net_minor": pl.Int64,
}  # fmt: skip


def coupon_use(used: AnyFrame, customer_day: AnyFrame) -> pl.DataFrame:
    """Receipts with a coupon by coupon and by who used it.

    Parameters
    ----------
    used : coupon (null where the till says only that one was paid with), receipt_id, customer_id (null without a
        member's card), day_n, net_minor.
    customer_day : customer_id, day_n, is_purchase; the whole history.

    Returns
    -------
    coupon, group (`GROUPS`), receipts, members (nobody's: 0), net_minor; by coupon, groups in their order.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a"] * 5, "day_n": [0, 7, 14, 21, 28], "is_purchase": [True] * 5})
    >>> one = {"coupon": ["C"], "receipt_id": ["r"], "customer_id": ["a"], "day_n": [28], "net_minor": [900]}
    >>> coupon_use(pl.DataFrame(one), days).rows()
    [('C', 'on_time', 1, 1, 900)]
    """
    table = to_polars(used, needs=["coupon", "receipt_id", "customer_id", "day_n", "net_minor"], name="used")
    days = to_polars(customer_day, needs=["customer_id", "day_n", "is_purchase"], name="customer_day")
    asked = table.select("customer_id", pl.col("day_n").cast(pl.Int64)).drop_nulls().unique()
    bought = days.filter("is_purchase").select("customer_id", before=pl.col("day_n").cast(pl.Int64)).unique()
    earlier = asked.join(bought, on="customer_id").filter(pl.col("before") < pl.col("day_n"))
    rhythm = (
        earlier.sort("customer_id", "day_n", "before")
        .group_by("customer_id", "day_n")
        .agg(n=pl.len(), usual=pl.col("before").diff().median(), last=pl.col("before").max())
    )
    known = table.with_columns(pl.col("day_n").cast(pl.Int64)).join(rhythm, on=["customer_id", "day_n"], how="left")
    late = pl.col("day_n") - pl.col("last") > BANDS[0] * pl.col("usual")
    group = (
        pl.when(pl.col("customer_id").is_null())
        .then(pl.lit("nobody"))
        .when(pl.col("n").fill_null(0) < LEAST_DAYS)
        .then(pl.lit("new"))
        .when(late)
        .then(pl.lit("late"))
        .otherwise(pl.lit("on_time"))
    )
    made = known.with_columns(group=group).group_by("coupon", "group").agg(
        receipts=pl.col("receipt_id").n_unique().cast(pl.Int64),
        members=pl.col("customer_id").drop_nulls().n_unique().cast(pl.Int64),
        net_minor=pl.col("net_minor").sum(),
    )  # fmt: skip
    order = pl.col("group").replace_strict(dict(zip(GROUPS, range(4), strict=True)), return_dtype=pl.Int64)
    return made.sort("coupon", order, nulls_last=True).select(pl.col(c).cast(t) for c, t in USE.items())
