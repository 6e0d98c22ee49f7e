"""Sales by store, product and day: what demand, cover and empty shelves are read from."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame
from crmlib.panels import from_cells
from crmlib.panels.engine import lines_of, reduced

SOLD = {
    "store_id": pl.String,
    "product_id": pl.String,
    "day_n": pl.Int32,
    "quantity_milli": pl.Int64,
    "net_minor": pl.Int64,
}


def store_product_day(lines: AnyFrame, *, start: date, end: date) -> pl.DataFrame:
    """Sales of each product in each store on each day, returns taken off; `start` to `end` included.

    Parameters
    ----------
    lines : receipt lines; needs store_id, product_id, day_n, quantity_milli, net_minor. Lines without a store are left
        out: they are of no shelf.

    Returns
    -------
    store_id, product_id, day_n, quantity_milli, net_minor; days without a line have no row.
    """
    needs = ("store_id", "product_id", "day_n", "quantity_milli", "net_minor")
    stored = from_cells.goods(lines)
    if stored is None:
        parts = lines_of(lines, needs=needs, name="receipt_lines").with_columns(lines=nw.lit(1))
    else:
        parts = nw.from_native(stored)
    sold = (
        parts.filter(
            ~nw.col("store_id").is_null(), nw.col("day_n") >= day_number(start), nw.col("day_n") <= day_number(end)
        )
        .group_by("store_id", "product_id", "day_n")
        .agg(nw.col("lines", "quantity_milli", "net_minor").sum())
        .filter(nw.col("lines") > 0)
    )
    return reduced(sold, schema=SOLD, sort=("store_id", "product_id", "day_n"))
