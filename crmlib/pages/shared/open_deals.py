"""What open deals bring: one forecast for every page that says what somebody holds."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.cases import forecast

AHEAD, WINDOW = 92, 184
"""Days of the forecast, and days whose ends it learns from: full quarters, since deals close where quotas are due."""


def expected(deals: pl.DataFrame, *, as_of: date, ahead: int = AHEAD, window: int = WINDOW) -> pl.DataFrame:
    """Open deals with the chance of a win and what they bring [minor units], from the log of outcomes on.

    Parameters
    ----------
    deals : the contract's columns. ahead : days of the forecast. window : days learned from.
    """
    known = deals.with_columns(pl.col("outcome").cast(pl.String))
    feed: date | None = known["feed_start"].max()  # type: ignore[assignment]
    made = forecast.expected_wins(known, as_of=as_of, ahead=ahead, window=window, feed_start=feed)
    return made.with_columns(pl.col("expected_minor").fill_null(0))
