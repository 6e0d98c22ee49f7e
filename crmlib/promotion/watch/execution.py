"""How well an event was carried out: price at the till against the plan, incidents, order times, feedback."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib import panels
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.offers.offer_check import WHOLE_BP

TOLERANCE_BP = 50
"""A till price within half a percent of the plan's is the plan's (rounding to fen)."""
DONE_SHARE = 0.9
"""A store with at least this share of lines at the planned price carried it out: group prices are the rest."""
GOOD_SCORE = 4
"""Reviews of 4 and 5 stars are good."""
PRICED_BY_LINE = ("rate", "price")
"""Mechanics whose price can be read off a single line."""


def compliance(points: pl.DataFrame, *, depth_bp: int, stores: list[str]) -> pl.DataFrame:
    """Whether the plan's price was seen at the till, store by store (R10: another price is flagged, not corrected).

    Parameters
    ----------
    points : `panels.price_points` of the event's goods in its days.
    depth_bp : planned discount [basis points]. stores : where it was planned.

    Returns
    -------
    store_id, lines, at_plan (share of lines at the planned price), status: done (nine lines in ten), partly, not_done
    (none), silent (no line of these goods: it cannot be said).
    """
    table = points.filter("sale", pl.col("list_minor") > 0)
    due = pl.col("list_minor") * (WHOLE_BP - depth_bp)
    off = (pl.col("net_minor") * WHOLE_BP - due).abs() <= pl.col("list_minor") * TOLERANCE_BP
    sums = table.group_by("store_id").agg(
        pl.col("lines").sum().cast(pl.UInt32), at_plan=pl.col("lines").filter(off).sum() / pl.col("lines").sum()
    )
    found = pl.DataFrame({"store_id": sorted(stores)}).join(sums, on="store_id", how="left", maintain_order="left")
    status = (
        pl.when(pl.col("lines").is_null())
        .then(pl.lit("silent"))
        .when(pl.col("at_plan") >= DONE_SHARE)
        .then(pl.lit("done"))
        .when(pl.col("at_plan") > 0)
        .then(pl.lit("partly"))
        .otherwise(pl.lit("not_done"))
    )
    return found.with_columns(pl.col("lines").fill_null(0), status=status)


def label_compliance(points: pl.DataFrame, *, promotion_id: str, stores: list[str]) -> pl.DataFrame:
    """Whether any till booked the promotion, store by store: for mechanics whose price varies with the basket."""
    booked = pl.col("lines").filter(pl.col("promotion_id") == promotion_id).sum()
    told = pl.col("lines").filter(pl.col("promotion_id").is_not_null()).sum()
    sums = points.group_by("store_id").agg(
        pl.col("lines").sum().cast(pl.UInt32), at_plan=pl.when(told > 0).then(booked / told)
    )
    found = pl.DataFrame({"store_id": sorted(stores)}).join(sums, on="store_id", how="left", maintain_order="left")
    silent, seen = pl.col("lines").is_null(), pl.col("at_plan") > 0
    status = pl.when(silent).then(pl.lit("silent")).when(seen).then(pl.lit("done")).otherwise(pl.lit("not_done"))
    return found.with_columns(pl.col("lines").fill_null(0), status=status)


def order_times(orders: AnyFrame, *, by: str = "promotion_id") -> pl.DataFrame:
    """Order to checkout, by promotion or by store: `by`, orders, open, mean_min, p95_min, max_min [minutes].

    orders : promotion_id, store_id, ordered_at, checked_out_at (null while open).
    """
    table = to_polars(orders, needs=[by, "ordered_at", "checked_out_at"], name="orders")
    minutes = (pl.col("checked_out_at") - pl.col("ordered_at")).dt.total_seconds() / 60
    return (
        table.with_columns(minutes=minutes)
        .group_by(by)
        .agg(
            orders=pl.len(),
            open=pl.col("checked_out_at").is_null().sum(),
            mean_min=pl.col("minutes").mean(),
            p95_min=pl.col("minutes").quantile(0.95, "higher"),
            max_min=pl.col("minutes").max(),
        )
        .sort(by)
    )


def sold_out(lines: AnyFrame, stock: AnyFrame, *, event: dict[str, object]) -> pl.DataFrame:
    """Goods of an event that ran out before its end: store_id, product_id, sold_out_at (their last sale), days_left.

    lines : store_id, product_id, day, sold_at, quantity_milli. stock : store_id, product_id, counted_on, on_hand_milli
    at closing. sold_out_at is null where no sale is on record up to the day of the empty shelf.
    """
    counts = to_polars(stock, needs=["store_id", "product_id", "counted_on", "on_hand_milli"], name="stock")
    first, last = pl.lit(event["first_day"]), pl.lit(event["last_day"])
    empty = _of_event(counts, event).filter(
        pl.col("on_hand_milli") <= 0, pl.col("counted_on") >= first, pl.col("counted_on") < last
    )
    since = empty.group_by("store_id", "product_id").agg(day_out=pl.col("counted_on").min())
    start = event["first_day"]
    assert isinstance(start, date)
    stores, products = _whose(event)
    of_event = panels.part(lines, start=start, stores=stores, products=products)
    at = panels.last_sales(of_event, since).rename({"sold_at": "sold_out_at"})
    joined = since.join(at, on=["store_id", "product_id"], how="left")
    left = (last - pl.col("day_out")).dt.total_days()
    return joined.select("store_id", "product_id", "sold_out_at", days_left=left).sort("store_id", "product_id")


def _of_event(table: pl.DataFrame, event: dict[str, object]) -> pl.DataFrame:
    """Rows of the event's goods in its stores."""
    stores, products = event["stores"], event["products"]
    assert isinstance(stores, list)
    assert isinstance(products, list)
    return table.filter(pl.col("store_id").is_in(stores), pl.col("product_id").is_in(products))


def _whose(event: dict[str, object]) -> tuple[pl.Series, pl.Series]:
    """Stores and products of an event, to narrow lines to."""
    stores, products = event["stores"], event["products"]
    assert isinstance(stores, list)
    assert isinstance(products, list)
    return pl.Series(stores, dtype=pl.String), pl.Series(products, dtype=pl.String)


def notes_summary(notes: AnyFrame) -> pl.DataFrame:
    """Notes by event: promotion_id, incidents, solved, reviews, good_share, competitor.

    notes : promotion_id, kind (incident, feedback, competitor), score (1–5, of feedback), solved (of incidents).
    good_share is null where there is no review.
    """
    table = to_polars(notes, needs=["promotion_id", "kind", "score", "solved"], name="notes")
    kind = pl.col("kind").cast(pl.String)
    incident, review = kind == "incident", (kind == "feedback") & pl.col("score").is_not_null()
    return (
        table.group_by("promotion_id")
        .agg(
            incidents=incident.sum(),
            solved=(incident & pl.col("solved").fill_null(value=False)).sum(),
            reviews=review.sum(),
            good_share=(pl.col("score") >= GOOD_SCORE).filter(review).mean(),
            competitor=(kind == "competitor").sum(),
        )
        .sort("promotion_id")
    )


def notes_of(notes: AnyFrame, promotion_id: str) -> dict[str, object]:
    """`notes_summary` of one promotion; zeros where nothing was written down."""
    found = notes_summary(notes).filter(pl.col("promotion_id") == promotion_id)
    empty: dict[str, object] = {"incidents": 0, "solved": 0, "reviews": 0, "good_share": None, "competitor": 0}
    return dict(found.row(0, named=True)) if found.height else empty


def lessons(past: AnyFrame, *, mechanic: str, category: str | None, slot: str | None, last: int = 3) -> pl.DataFrame:
    """The last like events, for the draft of the next: same category first, then same mechanic or festival.

    past : promotion_id, first_day, mechanic, category, slot and whatever is to be shown (lift, roi, lesson …).
    """
    table = to_polars(past, needs=["promotion_id", "first_day", "mechanic", "category", "slot"], name="past")
    likeness = (
        4 * (pl.col("category").eq_missing(pl.lit(category)).cast(pl.Int8))
        + 2 * (pl.col("mechanic") == mechanic).fill_null(value=False).cast(pl.Int8)
        + (pl.col("slot").eq_missing(pl.lit(slot)) & pl.lit(slot is not None)).cast(pl.Int8)
    )
    ranked = table.with_columns(likeness=likeness).filter(pl.col("likeness") > 0)
    return ranked.sort(["likeness", "first_day", "promotion_id"], descending=[True, True, False]).head(last)


def carried_out(lines: AnyFrame, *, event: dict[str, object]) -> pl.DataFrame:
    """Compliance of one promotion, by price where a line shows it, else by the promotion booked at the till.

    event : promotion_id, mechanic, depth_bp, first_day, last_day, stores, products.
    """
    first, last = event["first_day"], event["last_day"]
    assert isinstance(first, date)
    assert isinstance(last, date)
    stores, products = _whose(event)
    mine = panels.price_points(panels.part(lines, start=first, end=last, stores=stores, products=products))
    if event["mechanic"] in PRICED_BY_LINE:
        return compliance(mine, depth_bp=int(str(event["depth_bp"] or 0)), stores=stores.to_list())
    return label_compliance(mine, promotion_id=str(event["promotion_id"]), stores=stores.to_list())
