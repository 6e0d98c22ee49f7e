"""Festival buyers are not lost between festivals: who buys only at festivals, and when the next one ends.

The calendar is given as a frame of windows: `slot` (e.g. spring_festival), `starts_on`, `ends_on` (days included).
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.calendar import festival_day
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars

MIN_OCCASIONS = 2
"""Festivals somebody must have bought at, and at nothing else, to be called a festival buyer."""
GRACE_DAYS = 28
"""Days after the end of the next same slot before such a buyer counts as late."""
WINDOW = ("slot", "starts_on", "ends_on")
PEAK_SLOTS = ("spring_festival", "mid_autumn")
OPENS, CLOSES = -30, 7
"""Days before and after a festival in which its buyers come."""


def peak_windows(*, first: date, last: date) -> pl.DataFrame:
    """Windows of the two lunar peaks from the retail calendar, a year beyond `last` included.

    Examples
    --------
    >>> peak_windows(first=date(2026, 1, 1), last=date(2026, 6, 30)).row(0)
    ('spring_festival', datetime.date(2026, 1, 18), datetime.date(2026, 2, 24))
    """
    peaks = [(s, festival_day(s, year)) for year in range(first.year, last.year + 2) for s in PEAK_SLOTS]
    rows = [(slot, day + timedelta(days=OPENS), day + timedelta(days=CLOSES)) for slot, day in peaks]
    schema = {"slot": pl.String, "starts_on": pl.Date, "ends_on": pl.Date}
    return pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("ends_on") >= first).sort("starts_on")


def windows(calendar: AnyFrame) -> pl.DataFrame:
    """Festival windows with day numbers: slot, start_n, end_n, sorted by start.

    Examples
    --------
    >>> autumn = pl.DataFrame({"slot": ["mid_autumn"], "starts_on": [date(1970, 1, 3)], "ends_on": [date(1970, 1, 5)]})
    >>> windows(autumn).row(0)
    ('mid_autumn', 2, 4)
    """
    frame = to_polars(calendar, needs=WINDOW, name="festival calendar")
    days = [
        pl.col(c).cast(pl.Date).cast(pl.Int32).alias(n) for c, n in (("starts_on", "start_n"), ("ends_on", "end_n"))
    ]
    return frame.select(pl.col("slot").cast(pl.String), *days).sort("start_n", "slot")


def mark(days: pl.DataFrame, calendar: AnyFrame) -> pl.DataFrame:
    """Add `slot` and `occasion` (the window's first day) to customer-days; null outside every window."""
    spans = windows(calendar).with_columns(pl.int_ranges("start_n", pl.col("end_n") + 1).alias("day_n"))
    by_day = spans.explode("day_n", empty_as_null=True, keep_nulls=True).unique(
        "day_n", keep="first", maintain_order=True
    )
    lookup = by_day.select(pl.col("day_n").cast(pl.Int32), "slot", pl.col("start_n").alias("occasion"))
    return days.join(lookup, on="day_n", how="left", maintain_order="left")


def festival_share(trips: pl.DataFrame, calendar: AnyFrame) -> pl.DataFrame:
    """Share of each customer's trips that fall into festival windows: customer_id, festival_share."""
    marked = mark(trips.select("customer_id", "day_n"), calendar)
    return marked.group_by("customer_id").agg(pl.col("slot").is_not_null().mean().alias("festival_share"))


def festival_buyers(trips: pl.DataFrame, calendar: AnyFrame, *, t0: date) -> pl.DataFrame:
    """Customers who bought only at festivals (at least `MIN_OCCASIONS`), with the day they become late.

    Returns customer_id, due_n: 28 days after the end of the next window of a slot of theirs that starts after their
    last trip. Who has no such window in the calendar is left out: nothing is known about their next chance.
    """
    cut = day_number(t0)
    marked = mark(trips.filter(pl.col("day_n") <= cut).select("customer_id", "day_n"), calendar)
    others = (
        marked.filter(pl.col("slot").is_null()).select("customer_id").unique()
    )  # nearly everybody: no list of theirs
    only = marked.join(others, on="customer_id", how="anti").group_by("customer_id").agg(
        pl.col("occasion").n_unique().alias("occasions"),
        pl.col("day_n").max().alias("last_n"),
        pl.col("slot").unique().alias("slot"),
    )  # fmt: skip
    buyers = only.filter(pl.col("occasions") >= MIN_OCCASIONS).explode("slot", empty_as_null=True, keep_nulls=True)
    ahead = buyers.join(windows(calendar), on="slot").filter(pl.col("start_n") > pl.col("last_n"))
    return (
        ahead.group_by("customer_id")
        .agg((pl.col("end_n").sort_by("start_n").first() + GRACE_DAYS).alias("due_n"))
        .sort("customer_id")
    )
