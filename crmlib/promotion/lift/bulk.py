"""Bulk orders: real sales, but no answer to an offer; they are kept out of lifts and plans and booked apart.

One group purchase of forty boxes in a week moves a store's sales more than any promotion does, and would have been
placed anyway: counted as demand it makes bases noisy and lifts too high.
"""

from __future__ import annotations

import polars as pl

from crmlib import panels
from crmlib.core.frames import AnyFrame, to_polars

BULK_UNITS = 10
"""A line of so many pieces or kilograms makes its receipt a bulk order."""
BULK_TAGS = ("group_buyer", "wholesale", "business", "distributor")
"""Cards tagged like this order in bulk, whatever the size of a line."""


def bulk_receipts(lines: AnyFrame, *, customers: AnyFrame | None = None, units: int = BULK_UNITS) -> pl.Series:
    """Receipts (and returns) that are bulk orders: receipt_id, sorted.

    Parameters
    ----------
    lines : receipt_id, customer_id, quantity_milli.
    customers : customer_id, tags (list), if connected. units : pieces or kilograms of a line.

    Examples
    --------
    >>> lines = {"receipt_id": ["a", "b"], "customer_id": [None, None], "quantity_milli": [1000, -12_000]}
    >>> bulk_receipts(pl.DataFrame(lines)).to_list()
    ['b']
    """
    tagged = None
    if customers is not None:
        cards = to_polars(customers, needs=["customer_id", "tags"], name="customers")
        tagged = cards.filter(pl.col("tags").list.eval(pl.element().is_in(BULK_TAGS)).list.any())["customer_id"]
    return panels.bulk_receipts(lines, least_milli=1000 * units, customers=tagged)
