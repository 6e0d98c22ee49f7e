"""How a receipt is paid: points and stored value are tender, they change no price."""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.offers.offer_check import WHOLE_BP


def settle(receipts: AnyFrame, *, point_minor: int, points_cap_bp: int = WHOLE_BP) -> pl.DataFrame:
    """Split what each receipt owes into points, stored value and cash: points first, whole points only.

    Parameters
    ----------
    receipts : net_minor (owed), points (offered by the customer), stored_minor (balance offered); ≥ 0.
    point_minor : worth of one point [minor units].
    points_cap_bp : largest share of a receipt that points may pay [basis points].

    Returns
    -------
    The frame with points_used, points_minor, stored_used_minor, cash_minor; the last three add up to net_minor.

    Examples
    --------
    >>> owed = pl.DataFrame({"net_minor": [1000], "points": [700], "stored_minor": [300]})
    >>> settle(owed, point_minor=1, points_cap_bp=5000).select("points_minor", "stored_used_minor", "cash_minor").row(0)
    (500, 300, 200)
    """
    table = to_polars(receipts, needs=["net_minor", "points", "stored_minor"], name="receipts")
    by_cap = pl.col("net_minor") * points_cap_bp // WHOLE_BP // point_minor
    table = table.with_columns(points_used=pl.min_horizontal(pl.col("points"), by_cap))
    table = table.with_columns(points_minor=pl.col("points_used") * point_minor)
    left = pl.col("net_minor") - pl.col("points_minor")
    table = table.with_columns(stored_used_minor=pl.min_horizontal(pl.col("stored_minor"), left))
    return table.with_columns(cash_minor=left - pl.col("stored_used_minor"))
