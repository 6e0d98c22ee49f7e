"""Bad offers are refused before a basket is priced: every reason with its code, count and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from crmlib.core.errors import ContractError
from crmlib.promotion.offers.offer import Offer, stacks

WHOLE_BP = 10_000
"""The full price in basis points; a rate lies strictly between 0 and this."""

_NEEDS_RATE = {"rate", "nth_unit", "multi_rate", "threshold_rate"}
_NEEDS_PRICE = {"price", "pick", "bundle", "add_on"}
_NEEDS_UNITS = {"nth_unit", "multi_rate", "pick"}


def check_offers(offers: Sequence[Offer], *, products: pl.DataFrame, stores: Iterable[str]) -> None:
    """Refuse offers that cannot be meant.

    Raises
    ------
    ContractError
        promotion.offer_window (end not after start), offer_unknown (product, store or category), offer_rate (outside
        0 to 10), offer_whole (a discount of 100 % or more, or none), offer_gift (gift without cost or product),
        offer_fields (a figure the mechanic needs is missing), offer_limit (a limit where none can be kept),
        offer_repeat (an id twice), offer_order (two exclusive offers on the same goods without an order).
    """
    _refuse(offers, "promotion.offer_window", lambda o: o.ends_at <= o.starts_at)
    _refuse(offers, "promotion.offer_rate", _bad_rate)
    _refuse(offers, "promotion.offer_fields", _lacks_figure)
    _refuse(offers, "promotion.offer_whole", _gives_everything)
    _refuse(offers, "promotion.offer_gift", _gift_without_cost)
    _refuse(offers, "promotion.offer_limit", _bad_limit)
    ids = [o.offer_id for o in offers]
    _refuse(offers, "promotion.offer_repeat", lambda o: ids.count(o.offer_id) > 1)
    unknown = _unknown(products, set(stores))
    _refuse(offers, "promotion.offer_unknown", unknown)
    _check_order(offers)


def _refuse(offers: Sequence[Offer], code: str, bad: Callable[[Offer], bool]) -> None:
    wrong = [o.offer_id for o in offers if bad(o)]
    if wrong:
        raise ContractError(code, values={"count": len(wrong), "offers": len(offers)}, examples=wrong)


def _bad_rate(offer: Offer) -> bool:
    return offer.rate_bp is not None and not 0 < offer.rate_bp < WHOLE_BP


def _lacks_figure(offer: Offer) -> bool:
    spends = offer.mechanic in {"threshold_off", "threshold_rate", "add_on"}
    saves = offer.off_minor is not None or (offer.mechanic == "coupon" and offer.rate_bp is not None)
    return (
        (offer.mechanic in _NEEDS_RATE and offer.rate_bp is None)
        or (offer.mechanic in _NEEDS_PRICE and (offer.price_minor is None or offer.price_minor <= 0))
        or (offer.mechanic in _NEEDS_UNITS and (offer.min_units or 0) < 2)
        or (spends and offer.threshold_minor <= 0)
        or (offer.mechanic in {"threshold_off", "coupon"} and not saves)
        or (offer.mechanic == "bundle" and not _proper_bundle(offer))
        or (offer.mechanic == "add_on" and not offer.addon_products)
        or (offer.mechanic == "gift" and offer.threshold_minor <= 0 and not offer.min_units)
    )


def _proper_bundle(offer: Offer) -> bool:
    parts = offer.bundle_products
    return len(parts) == len(offer.bundle_units) == len(set(parts)) > 0 and all(u > 0 for u in offer.bundle_units)


def _gives_everything(offer: Offer) -> bool:
    off = offer.off_minor
    return off is not None and (off <= 0 or (offer.threshold_minor > 0 and off >= offer.threshold_minor))


def _gift_without_cost(offer: Offer) -> bool:
    if offer.mechanic != "gift":
        return False
    return offer.gift_product is None or offer.gift_cost_minor is None or offer.gift_units <= 0


def _bad_limit(offer: Offer) -> bool:
    limited = offer.limit_member_day is not None or offer.limit_total is not None
    stocked = offer.gift_stock is not None
    return (limited and offer.stage != 1) or ((limited or stocked) and offer.stack_group is not None)


def _unknown(products: pl.DataFrame, stores: set[str]) -> Callable[[Offer], bool]:
    known = set(products["product_id"].to_list())
    levels = [c for c in ("category_1", "category_2", "category_3") if c in products.columns]
    categories = {v for c in levels for v in products[c].drop_nulls().to_list()}

    def bad(offer: Offer) -> bool:
        named = {*offer.products, *offer.except_products, *offer.bundle_products, *offer.addon_products}
        gift = {offer.gift_product} - {None}
        return bool((named | gift) - known or set(offer.stores) - stores or set(offer.categories) - categories)

    return bad


def _check_order(offers: Sequence[Offer]) -> None:
    exclusive = sorted((o for o in offers if o.exclusive), key=lambda o: o.offer_id)
    pairs = [
        f"{a.offer_id}/{b.offer_id}"
        for i, a in enumerate(exclusive)
        for b in exclusive[i + 1 :]
        if a.stage == b.stage and a.priority == b.priority and not _grouped(a, b) and not stacks(a, b) and _meet(a, b)
    ]
    if pairs:
        raise ContractError("promotion.offer_order", values={"count": len(pairs)}, examples=pairs)


def _grouped(a: Offer, b: Offer) -> bool:
    return a.stack_group is not None and a.stack_group == b.stack_group


def _meet(a: Offer, b: Offer) -> bool:
    """Whether two offers can meet on a line, judged by days, stores and (only where both name products) products."""
    in_time = a.starts_at < b.ends_at and b.starts_at < a.ends_at
    in_stores = not a.stores or not b.stores or bool(set(a.stores) & set(b.stores))
    by_name = a.products and b.products and not a.categories and not b.categories
    return in_time and in_stores and (not by_name or bool(set(a.products) & set(b.products)))
