"""How many come again after their first, second, … purchase, among whom that can be known.

Only purchases with `horizon_days` of follow-up count: whoever bought last week has not left, and counting the open gap
as a loss makes every recent customer one.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import wilson


def by_purchase(days: AnyFrame, *, as_of: date, horizon_days: int, most: int = 10) -> pl.DataFrame:
    """Share that bought again within the horizon, by number of the purchase.

    Parameters
    ----------
    days : customer_id, day: one row or more per customer and day of purchase, from the beginning of the data.
    as_of : last day known.
    most : the last number told; later purchases are left out.

    Returns
    -------
    purchase (1, 2, …), customers, back, share, low, high (Wilson, 95 %); numbers that nobody could be followed from
    are not there.

    Examples
    --------
    >>> seen = pl.DataFrame({"customer_id": ["a", "a", "b"],
    ...                      "day": [date(2024, 1, 1), date(2024, 1, 20), date(2024, 1, 3)]})
    >>> by_purchase(seen, as_of=date(2024, 3, 1), horizon_days=30).select("purchase", "customers", "back").rows()
    [(1, 2, 1), (2, 1, 0)]
    """
    until = a_day(as_of, name="as_of") - timedelta(days=horizon_days)
    table = to_polars(days, needs=["customer_id", "day"], name="days").select("customer_id", "day").drop_nulls()
    own = table.filter(pl.col("day") <= as_of).unique().sort("customer_id", "day")
    after = pl.col("day").shift(-1).over("customer_id") - pl.col("day")
    numbered = own.with_columns(
        purchase=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("customer_id"),
        back=(after <= timedelta(days=horizon_days)).fill_null(value=False),
    )
    counted = (
        numbered.filter(pl.col("day") <= until, pl.col("purchase") <= most)
        .group_by("purchase")
        .agg(customers=pl.len().cast(pl.Int64), back=pl.col("back").sum().cast(pl.Int64))
        .sort("purchase")
    )
    low, high = wilson(counted["back"].to_numpy(), np.maximum(counted["customers"].to_numpy(), 1))
    return counted.with_columns(
        share=pl.col("back") / pl.col("customers"), low=pl.Series(low, dtype=pl.Float64),
        high=pl.Series(high, dtype=pl.Float64),
    )  # fmt: skip
