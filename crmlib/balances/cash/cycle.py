"""The cash cycle: days from paying for goods to being paid for them, each part counted back through its own flow."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from crmlib.balances.receivables.count_back import days_outstanding
from crmlib.core.frames import AnyFrame, timed, to_polars

PARTS = ("stock", "receivable", "payable")


def part(name: str, amount: int, flow: AnyFrame, *, as_of: date) -> tuple[str, int, float | None]:
    """One part of the cycle: its name, its amount [minor units], its days (none: the flow does not reach back so far).

    Parameters
    ----------
    amount : what lies, is owed to us or is owed by us at the close of `as_of`.
    flow : day, amount_minor: cost of goods sold for stock, sales on account for receivables, deliveries for payables.
    """
    rows = timed(flow, at="day", needs=["amount_minor"], name=name).with_columns(pl.col("day").cast(pl.Date))
    by_day = rows.group_by("day").agg(pl.col("amount_minor").sum())
    first = by_day["day"].min()
    if not isinstance(first, date) or first > as_of:
        return name, amount, None
    span = pl.DataFrame({"day": pl.date_range(first, as_of, eager=True)})
    daily = span.join(by_day, on="day", how="left", maintain_order="left")["amount_minor"].fill_null(0)
    days = days_outstanding(float(amount), daily.to_numpy().astype(float))
    return name, amount, days if np.isfinite(days) else None


def owed_by_terms(purchases: AnyFrame, suppliers: AnyFrame, *, as_of: date) -> int:
    """What deliveries not yet due cost: received up to `as_of`, due (by the supplier's terms) after it [minor units].

    Parameters
    ----------
    purchases : supplier_id, received_on, price_minor. suppliers : supplier_id, terms_days; none means due at once.
    """
    rows = to_polars(purchases, needs=["supplier_id", "received_on", "price_minor"], name="purchases")
    terms = to_polars(suppliers, needs=["terms_days"], key="supplier_id", name="suppliers")
    both = rows.join(terms.select("supplier_id", "terms_days"), on="supplier_id", how="left")
    due = pl.col("received_on") + pl.duration(days=pl.col("terms_days").fill_null(0))
    return int(both.filter(pl.col("received_on") <= as_of, due > as_of)["price_minor"].sum())


def cycle(parts: list[tuple[str, int, float | None]]) -> tuple[pl.DataFrame, float | None]:
    """The parts as a frame (cycle_part, amount_minor, cycle_days) and their sum, payables less; none if one is unknown.

    Examples
    --------
    >>> cycle([("stock", 100, 40.0), ("receivable", 50, 45.0), ("payable", 30, 30.0)])[1]
    55.0
    """
    schema = {"cycle_part": pl.String, "amount_minor": pl.Int64, "cycle_days": pl.Float64}
    table = pl.DataFrame(parts, schema=schema, orient="row")
    known = {name: days for name, _, days in parts}
    if any(known.get(name) is None for name in PARTS):
        return table, None
    sign = {"stock": 1, "receivable": 1, "payable": -1}
    return table, float(sum(sign[name] * (known[name] or 0.0) for name in PARTS))


def received(purchases: AnyFrame) -> pl.DataFrame:
    """Deliveries as a flow: day, amount_minor."""
    rows = to_polars(purchases, needs=["received_on", "price_minor"], name="purchases").drop_nulls("received_on")
    return rows.select(day="received_on", amount_minor="price_minor")


def sold_at_cost(days: pl.DataFrame) -> pl.DataFrame:
    """Cost of goods sold as a flow: day, amount_minor. days : panel `store_day`."""
    day = pl.lit(date(1970, 1, 1)) + pl.duration(days=pl.col("day_n").cast(pl.Int64))
    return days.select(day=day.cast(pl.Date), amount_minor=pl.col("cost_minor").fill_null(0))
