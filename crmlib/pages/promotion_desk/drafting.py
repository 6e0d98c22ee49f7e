"""From the form of the desk to an offer in its own terms, and what is left for the server to keep."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from crmlib.kit.words import Words
from crmlib.pages.promotion_desk.parameters import PromotionDesk
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.tried import Tried

SPEND = ("threshold_off", "threshold_rate")
LINE = ("rate", "price")
"""Mechanics on single lines: only these can be limited per member and day."""
WHOLE_DAY = (0, 24)


def offer_of(
    asked: PromotionDesk, *, products: pl.DataFrame, stores: pl.DataFrame, as_of: date, part: bool
) -> Offer | None:
    """The offer of the form, from tomorrow on where no day is given; none where nothing is drafted.

    part : whether `stores` are not all there are: then the offer names them.
    """
    kind = asked.draft
    if kind == "none":
        return None
    first = datetime.combine(asked.draft_first or as_of + timedelta(days=1), time())
    hours = (asked.draft_from_hour, asked.draft_to_hour)
    off = kind == "threshold_off"
    wares = _chosen(products, "category_2", asked.draft_category)
    spared = _chosen(products, "category_3", asked.draft_except)["product_id"] if asked.draft_except else ()
    shops = _chosen(stores, "name", asked.draft_store)
    whole = hours == WHOLE_DAY
    return Offer(
        "draft", kind, first, first + timedelta(days=asked.draft_days), promotion_id="draft",
        from_minute=None if whole else 60 * hours[0], to_minute=None if whole else 60 * hours[1],
        stores=tuple(shops["store_id"].sort()) if part or asked.draft_store else (),
        products=tuple(wares.filter(~pl.col("product_id").is_in(list(spared)))["product_id"].sort()),
        rate_bp=None if off or kind == "price" else 100 * asked.draft_pay,
        price_minor=round(100 * asked.draft_price_yuan) if kind == "price" else None,
        min_units=asked.draft_units if kind in {"nth_unit", "multi_rate"} else None,
        threshold_minor=100 * asked.draft_threshold_yuan if kind in SPEND else 0,
        off_minor=100 * asked.draft_off_yuan if off else None,
        per_full=asked.draft_every and off,
        limit_member_day=asked.draft_limit or None if kind in LINE else None,
    )  # fmt: skip


def _chosen(table: pl.DataFrame, column: str, value: str | None) -> pl.DataFrame:
    return table.filter(pl.col(column) == value) if value else table


def left(offer: Offer, found: Tried | None, *, told: str, category: str | None = None) -> dict[str, Any] | None:
    """What the server keeps of an offer that was priced: its fields, what it costs, its words; none if nothing bought.

    depth_bp : of what the touched goods cost at list price: what such an offer really takes off.
    """
    if found is None or not found.touched:
        return None
    return {
        "offer": asdict(offer), "told": told, "category": category,
        "depth_bp": round(10_000 * found.discount_minor / found.list_minor) if found.list_minor else None,
        **{name: getattr(found, name) for name in ("baskets", "touched", "discount_minor", "margin_minor")},
    }  # fmt: skip


def terms(offer: Offer, words: Words) -> str:
    """The offer in its own terms."""
    form = words.format
    paid = offer.rate_bp or 0
    said = words(
        f"promotion_desk.terms.{offer.mechanic}{'_every' if offer.per_full else ''}",
        paid=f"{paid / 1000:.1f}".rstrip("0").rstrip("."),
        off=form.share(1 - paid / 10_000, digits=0),
        units=form.count(offer.min_units),
        price=form.money_exact(offer.price_minor),
        threshold=form.money(offer.threshold_minor),
        save=form.money(offer.off_minor),
    )
    if offer.from_minute is not None and offer.to_minute is not None:
        hours = {"start": form.count(offer.from_minute // 60), "end": form.count(offer.to_minute // 60)}
        said += words("promotion_desk.terms.hours", **hours)
    if offer.limit_member_day is not None:
        said += words("promotion_desk.terms.limit", units=form.count(offer.limit_member_day))
    return said
