"""How receipts were paid, by store and day: what a cash book is held against where no list of payments is connected."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels.engine import lines_of, reduced

STORE_DAY_TENDER = {"store_id": pl.String, "day_n": pl.Int32, "tender": pl.String, "net_minor": pl.Int64}


def store_day_tender(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Net sales by store, day and means of payment, `start` to `end` included; a mixed payment is not taken apart.

    Parameters
    ----------
    lines : receipt lines; needs store_id, day_n, tender, net_minor.

    Returns
    -------
    store_id, day_n, tender (null where the till does not say), net_minor.
    """
    rows = lines_of(lines, needs=("store_id", "day_n", "tender", "net_minor"), name="receipt_lines")
    inside = rows.filter(nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end))
    cells = inside.with_columns(tender=nw.col("tender").cast(nw.String)).group_by("store_id", "day_n", "tender")
    return reduced(cells.agg(nw.col("net_minor").sum()), schema=STORE_DAY_TENDER, sort=("store_id", "day_n", "tender"))
