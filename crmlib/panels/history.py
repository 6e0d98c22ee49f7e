"""Purchase histories as the lifetime models read them: x, t_x, T and mean spend."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import check_choice
from crmlib.core.frames import AnyFrame
from crmlib.core.money import minor_per_unit
from crmlib.panels.customers import customer_day, customer_summary
from crmlib.panels.handle import part

Unit = Literal["day", "week"]
_DAYS: dict[Unit, int] = {"day": 1, "week": 7}


def purchase_history(
    lines: AnyFrame,
    *,
    period_end: date,
    unit: Unit = "week",
    first_purchase: Literal["include", "drop"] = "include",
    currency: str = "CNY",
) -> pl.DataFrame:
    """Frequency, recency and age of every customer who ever bought, as of the end of `period_end`.

    Parameters
    ----------
    lines : receipt lines or stored customer-days.
    period_end : last day included. Always given, never the latest date found: a quiet week is information.
    unit : unit of t_x and T; weeks are days ÷ 7, not whole weeks (rounding biases the fit).
    first_purchase : whether `spend` counts the first purchase day; ``"drop"`` leaves it null for one-time buyers.

    Returns
    -------
    customer_id; x, repeat purchase days [count]; t_x, first to last purchase day [unit]; T, first purchase day to
    period_end [unit]; spend, mean value of a purchase day [currency units].

    Examples
    --------
    >>> lines = pl.DataFrame({"customer_id": ["a", "a"], "day_n": [0, 14], "quantity_milli": [1000, 1000],
    ...     "net_minor": [500, 700]})
    >>> purchase_history(lines, period_end=date(1970, 1, 22)).row(0)
    ('a', 1, 2.0, 3.0, 6.0)
    """
    check_choice(unit, _DAYS, name="unit")
    days = _DAYS[unit]
    drop = first_purchase == "drop"
    value = pl.col("spend_minor") - pl.col("first_spend_minor") if drop else pl.col("spend_minor")
    count = pl.col("x") if drop else pl.col("purchase_days")
    return (
        customer_summary(lines, period_end=period_end)
        .filter(pl.col("purchase_days") > 0)
        .with_columns(x=(pl.col("purchase_days") - 1).cast(pl.Int64))
        .select(
            "customer_id",
            "x",
            t_x=(pl.col("last_day_n") - pl.col("first_day_n")) / days,
            T=(day_number(period_end) - pl.col("first_day_n")) / days,
            spend=pl.when(count > 0).then(value / count / minor_per_unit(currency)),
        )
    )


def holdout(lines: AnyFrame, *, after: date, until: date) -> pl.DataFrame:
    """What customers did after the calibration period: the days after `after`, up to and including `until`.

    Returns
    -------
    customer_id; purchase_days [count]; spend_minor, value of those days. Customers without a purchase have no row.
    """
    return (
        customer_day(part(lines, start=after + timedelta(days=1)), period_end=until)
        .filter("is_purchase")
        .group_by("customer_id")
        .agg(purchase_days=pl.len().cast(pl.Int32), spend_minor=pl.col("net_minor").sum())
        .sort("customer_id")
    )
