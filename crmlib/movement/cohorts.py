"""Cohorts by month of the first purchase, in customers and in money, also by entry store or good.

Months that have not ended are null, never 0. In the data's first months old customers look new: `settled` is False.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.frames import AnyFrame, to_polars, whole

SETTLING_MONTHS = 6


def cohorts(sales: AnyFrame, *, as_of: date, months: int = 12, entry: str | None = None) -> pl.DataFrame:
    """Customers and money of each month's newcomers 0, 1, … `months` months later.

    Parameters
    ----------
    sales : customer_id, day, net_minor, and the column `entry` if named; from the beginning of the data.
    as_of : last day known.
    entry : column (store, good) whose value on the first day splits the cohorts; of several, the one with most money.

    Returns
    -------
    cohort (first day of the month), the column `entry`, newcomers, after [months], customers, share, net_minor,
    per_newcomer_minor, settled; the last four and customers null where month `after` had not ended by `as_of`.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a", "a"], "day": [date(2024, 1, 5), date(2024, 2, 9)],
    ...                      "net_minor": [500, 300]})
    >>> cohorts(days, as_of=date(2024, 3, 15), months=2).select("after", "customers", "net_minor").rows()
    [(0, 1, 500), (1, 1, 300), (2, None, None)]
    """
    as_of = a_day(as_of, name="as_of")
    keys = [entry] if entry else []
    table = to_polars(sales, needs=["customer_id", "day", "net_minor", *keys], name="sales", texts=bool(keys))
    table = whole(table, ["net_minor"], name="sales").filter(
        pl.col("customer_id").is_not_null(), pl.col("day") <= as_of
    )
    ended = as_of.year * 12 + as_of.month - 1 - (0 if date.fromordinal(as_of.toordinal() + 1).day == 1 else 1)
    day = pl.col("day")
    dated = table.with_columns(month=day.dt.year().cast(pl.Int64) * 12 + day.dt.month().cast(pl.Int64) - 1)
    by_month = dated.lazy().group_by("customer_id", "month").agg(pl.col("net_minor").sum()).collect(engine="streaming")
    first = by_month.group_by("customer_id").agg(first=pl.col("month").min())
    if entry:
        first = first.join(_entries(dated, entry), on="customer_id")
    newcomers = first.filter(pl.col("first") <= ended).group_by("first", *keys).agg(newcomers=pl.len().cast(pl.Int64))
    visits = by_month.join(first, on="customer_id").with_columns(after=pl.col("month") - pl.col("first"))
    counted = visits.group_by("first", *keys, "after").agg(
        customers=pl.len().cast(pl.Int64), net_minor=pl.col("net_minor").sum()
    )
    grid = newcomers.join(pl.DataFrame({"after": range(months + 1)}, schema={"after": pl.Int64}), how="cross")
    joined = grid.join(counted, on=["first", *keys, "after"], how="left", nulls_equal=True)
    over = pl.col("first") + pl.col("after") <= ended
    known = [pl.when(over).then(pl.col(c).fill_null(0)).alias(c) for c in ("customers", "net_minor")]
    start = int(dated["month"].min() or 0)  # type: ignore[arg-type]
    return (
        joined.with_columns(known)
        .with_columns(
            cohort=pl.date(pl.col("first") // 12, pl.col("first") % 12 + 1, 1),
            share=pl.col("customers") / pl.col("newcomers"),
            per_newcomer_minor=pl.col("net_minor") / pl.col("newcomers"),
            settled=pl.col("first") >= start + SETTLING_MONTHS,
        )
        .select(
            "cohort", *keys, "newcomers", "after", "customers", "share", "net_minor", "per_newcomer_minor", "settled"
        )
        .sort("cohort", *keys, "after")
    )


def _entries(dated: pl.DataFrame, entry: str) -> pl.DataFrame:
    """The value of `entry` that took most of each customer's first day; ties to the smaller name."""
    on_first = dated.filter(pl.col("day") == pl.col("day").min().over("customer_id"))
    summed = on_first.group_by("customer_id", entry).agg(pl.col("net_minor").sum())
    ordered = summed.sort("customer_id", "net_minor", entry, descending=[False, True, False])
    return ordered.group_by("customer_id", maintain_order=True).agg(pl.col(entry).first())
