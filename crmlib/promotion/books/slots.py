"""Same slot: an event beside its like of the last time round (descriptive: never called lift).

A partner has the same festival (days counted from its lunar date), the same mechanic and category, and lies one
festival before; outside festivals, the same mechanic and category about a year earlier. Without a partner the answer
is null with a reason, never 0 (R15). Stores are like for like: only those that sold in both.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib import panels
from crmlib.core.calendar import lunar_aligned
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.books.gap import gap_split

WITHIN_DAYS = 14
"""A partner starts at most so many days from the aligned date."""
_KEYS = ("promotion_id", "mechanic", "category", "slot", "first_day", "last_day")


def partners(promotions: AnyFrame) -> pl.DataFrame:
    """Partner of every promotion: promotion_id, partner_id, aligned_day, reason (null if there is one).

    promotions : promotion_id, mechanic, category, slot, first_day, last_day. Reasons: ``no_earlier_slot`` (same
        festival and goods were not promoted last time), ``other_mechanic`` (they were, but by another mechanic),
        ``no_like`` (outside festivals: nothing alike about a year ago).
    """
    table = to_polars(promotions, needs=_KEYS, name="promotions").sort("first_day", "promotion_id")
    rows = table.select(_KEYS).to_dicts()
    found = [(r["promotion_id"], *_partner(r, rows)) for r in rows]
    schema = {"promotion_id": pl.String(), "partner_id": pl.String(), "aligned_day": pl.Date(), "reason": pl.String()}
    return pl.DataFrame(found, schema=schema, orient="row").sort("promotion_id")


def _partner(row: dict[str, object], rows: list[dict[str, object]]) -> tuple[str | None, date, str | None]:
    first = row["first_day"]
    assert isinstance(first, date)
    aligned = lunar_aligned(first)
    near = [
        r
        for r in rows
        if r["category"] == row["category"]
        and r["slot"] == row["slot"]
        and abs(_days(r["first_day"], aligned)) <= WITHIN_DAYS
    ]
    alike = [r for r in near if r["mechanic"] == row["mechanic"]]
    if alike:
        best = min(alike, key=lambda r: (abs(_days(r["first_day"], aligned)), str(r["promotion_id"])))
        return str(best["promotion_id"]), aligned, None
    if near:
        return None, aligned, "other_mechanic"
    return None, aligned, "no_earlier_slot" if row["slot"] else "no_like"


def _days(day: object, other: date) -> int:
    assert isinstance(day, date)
    return (day - other).days


def same_slot_gap(
    lines: AnyFrame, *, event: dict[str, object], partner: dict[str, object] | None
) -> pl.DataFrame | None:
    """Gap between an event and its partner, split into causes, in the stores that sold in both; None without partner.

    event, partner : first_day, last_day, products (list; empty = those sold under the promotion).
    """
    if partner is None:
        return None
    now, then = (_within(lines, e) for e in (event, partner))
    here, there = panels.stores_of(now), panels.stores_of(then)
    shared = here.filter(here.is_in(there.implode()))
    return gap_split(panels.part(now, stores=shared), panels.part(then, stores=shared))


def _within(lines: AnyFrame, event: dict[str, object]) -> panels.ReceiptLines:
    first, last, products = event["first_day"], event["last_day"], event.get("products")
    assert isinstance(first, date)
    assert isinstance(last, date)
    goods = pl.Series(products, dtype=pl.String) if isinstance(products, list) and products else None
    return panels.part(lines, start=first, end=last, products=goods)


def year_on_year(event: dict[str, object]) -> dict[str, object]:
    """The same dates a year before, as a partner (52 weeks back, so that weekdays agree)."""
    first, last = event["first_day"], event["last_day"]
    assert isinstance(first, date)
    assert isinstance(last, date)
    back = timedelta(weeks=52)
    return {**event, "first_day": first - back, "last_day": last - back}


def partner_of(
    event: dict[str, object], events: pl.DataFrame, found: pl.DataFrame
) -> tuple[dict[str, object] | None, str | None]:
    """Row of an event's partner, or None and the reason; `found` as `partners` gives it."""
    row = found.filter(pl.col("promotion_id") == event["promotion_id"]).row(0, named=True)
    mate = events.filter(pl.col("promotion_id") == row["partner_id"]) if row["partner_id"] else events.clear()
    return (mate.row(0, named=True), None) if mate.height else (None, row["reason"] or "no_like")
