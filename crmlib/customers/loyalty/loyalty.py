"""Loyalty and the card: how much is sold on it, who comes back, how wide members buy.

What a member spends elsewhere is not in the tills, so a share of wallet cannot be known from them; the width of the
basket (categories per member) is what the own data can say, and it is named so.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import a_day, day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import purchases
from crmlib.core.proportions import wilson

BACK_DAYS = 90


def card_share(store_day: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Share of sales and receipts on a card, month by month.

    Parameters
    ----------
    store_day : day_n, receipts, net_minor, member_receipts, member_net_minor; one row per store and day.
    start, end : both included.

    Returns
    -------
    month (its first day), net_minor, member_net_minor, share_net (null where nothing was sold), receipts,
    member_receipts, share_receipts, days (with sales). Sorted by month.
    """
    needs = ("day_n", "receipts", "net_minor", "member_receipts", "member_net_minor")
    table = to_polars(store_day, needs=needs, name="store_day")
    start, end = a_day(start, name="start"), a_day(end, name="end")
    return (
        table.with_columns(day=pl.col("day_n").cast(pl.Int32).cast(pl.Date))
        .filter(pl.col("day").is_between(start, end))
        .group_by(month=pl.col("day").dt.truncate("1mo"))
        .agg(
            *(pl.col(c).cast(pl.Int64).sum() for c in needs[1:]),
            days=pl.col("day").n_unique().cast(pl.Int64),
        )
        .with_columns(
            share_net=pl.when(pl.col("net_minor") > 0).then(pl.col("member_net_minor") / pl.col("net_minor")),
            share_receipts=pl.when(pl.col("receipts") > 0).then(pl.col("member_receipts") / pl.col("receipts")),
        )
        .sort("month")
    )


def repeat_rate(customer_day: AnyFrame, *, as_of: date, within: int = BACK_DAYS) -> pl.DataFrame:
    """Of those who came for the first time in a month, how many came again within `within` days.

    Only first purchases at least `within` days before `as_of` are counted: the others have not had the time.

    Parameters
    ----------
    customer_day : customer_id, day_n, is_purchase; one row per customer and day, from the beginning.
    within : days a newcomer has to come back.

    Returns
    -------
    month (of the first purchase), newcomers, came_back, rate, low, high (Wilson, 95 %). Sorted by month.
    """
    today = day_number(as_of, name="as_of")
    who, day = pl.col("customer_id"), pl.col("day_n")
    firsts = (  # in order of customers and days: the next row is the second purchase
        purchases(customer_day, until=today)
        .select(first=day, second=pl.when(who == who.shift(-1)).then(day.shift(-1)), new=who != who.shift(1))
        .filter(pl.col("new").fill_null(value=True), pl.col("first") <= today - within)
    )
    counted = (
        firsts.with_columns(
            month=pl.col("first").cast(pl.Int32).cast(pl.Date).dt.truncate("1mo"),
            back=(pl.col("second") - pl.col("first") <= within).fill_null(value=False),
        )
        .group_by("month")
        .agg(newcomers=pl.len().cast(pl.Int64), came_back=pl.col("back").sum().cast(pl.Int64))
        .sort("month")
    )
    low, high = wilson(counted["came_back"].to_numpy(), counted["newcomers"].to_numpy())
    return counted.with_columns(
        rate=pl.col("came_back") / pl.col("newcomers"), low=pl.Series(low), high=pl.Series(high)
    )


def width(parts: AnyFrame) -> pl.DataFrame:
    """How many categories members buy in, and what those bring who buy in many.

    Parameters
    ----------
    parts : customer_id, part (category), net_minor; sales.

    Returns
    -------
    categories [count, 5 = five or more], customers, share_customers, net_minor, net_per_customer_minor.
    """
    table = to_polars(parts, needs=("customer_id", "part", "net_minor"), name="parts")
    by_customer = (
        table.filter(pl.col("net_minor") > 0)
        .group_by("customer_id")
        .agg(
            categories=pl.col("part").n_unique().cast(pl.Int64).clip(upper_bound=5), net_minor=pl.col("net_minor").sum()
        )
    )
    return (
        by_customer.group_by("categories")
        .agg(customers=pl.len().cast(pl.Int64), net_minor=pl.col("net_minor").sum())
        .sort("categories")
        .with_columns(
            share_customers=pl.col("customers") / pl.col("customers").sum(),
            net_per_customer_minor=pl.col("net_minor") // pl.col("customers"),
        )
    )
