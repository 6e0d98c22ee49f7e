"""The receipt lines behind a figure: what somebody who doubts it looks up at the till."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import EPOCH, day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels.engine import lines_of, reduced

BEHIND = {
    "receipt_id": pl.String,
    "store_id": pl.String,
    "product_id": pl.String,
    "day_n": pl.Int32,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
    "cost_minor": pl.Int64,
}

SHARED = {
    "line_id": pl.String,
    "day_n": pl.Int32,
    "seller": pl.String,
    "staff_id": pl.String,
    "share_bp": pl.Int64,
    "net_minor": pl.Int64,
}


def lines_behind(lines: AnyFrame, keys: pl.DataFrame, *, start: date, end: date) -> pl.DataFrame:
    """The lines of some stores or products, `start` to `end` included; customers are not told.

    Parameters
    ----------
    lines : receipt lines; needs the columns of `BEHIND`. keys : store_id, product_id or both: each row names lines.

    Returns
    -------
    receipt_id, day, store_id, product_id, quantity_milli, net_minor, cost_minor; by day, store and receipt.
    """
    rows = lines_of(lines, needs=tuple(BEHIND), name="receipt_lines")
    rows = rows.filter(nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end))
    for column in keys.columns:
        rows = rows.filter(nw.col(column).is_in(keys[column].drop_nulls().unique().to_list()))
    found = reduced(rows.select(*BEHIND), schema=BEHIND, sort=("day_n", "store_id", "receipt_id", "product_id"))
    found = found.join(keys.unique(), on=keys.columns, how="semi", maintain_order="left")
    day = (pl.lit(EPOCH) + pl.duration(days=pl.col("day_n").cast(pl.Int64))).cast(pl.Date).alias("day")
    return found.select("receipt_id", day, *(c for c in BEHIND if c not in ("receipt_id", "day_n")))


def lines_shared(lines: AnyFrame, credits: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """The lines that several people sold together, a row per person, `start` to `end` included.

    Parameters
    ----------
    lines : receipt lines; needs line_id, day_n, staff_id, net_minor.
    credits : line_id, staff_id, share_bp (contract `line_credits`), on the engine of the lines.

    Returns
    -------
    line_id, day, seller (who rang the line up; null where nobody is noted), staff_id (who is credited), share_bp,
    net_minor of the whole line; by line and person.
    """
    rows = lines_of(lines, needs=("line_id", "day_n", "staff_id", "net_minor"), name="receipt_lines")
    rows = rows.filter(nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end))
    rows = rows.select("line_id", "day_n", "net_minor", seller=nw.col("staff_id"))
    shares = lines_of(credits, needs=("line_id", "staff_id", "share_bp"), name="line_credits")
    shares = shares.select("line_id", "staff_id", "share_bp")
    found = reduced(rows.join(shares, on="line_id", how="inner"), schema=SHARED, sort=("line_id", "staff_id"))
    day = (pl.lit(EPOCH) + pl.duration(days=pl.col("day_n").cast(pl.Int64))).cast(pl.Date).alias("day")
    return found.select("line_id", day, *(c for c in SHARED if c not in ("line_id", "day_n")))
