"""A bundle as a template: checked against its cost, priced on an order slip to the minor unit, counted in stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from crmlib.core.apportion import largest_remainder
from crmlib.core.errors import ModelError

PRIORITY = 100
"""Priority of a bundle among offers, as the contract of offers has it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One good of a bundle: units ≥ 1, list price and cost of one unit [minor units]."""

    product_id: str
    units: int
    list_minor: int
    cost_minor: int


@dataclass(frozen=True, slots=True)
class Template:
    """A bundle.

    Parameters
    ----------
    bundle_id, version : which.
    parts : its goods.
    price_minor : price of one set, or None with `rate_bp` (share of the list price [basis points]).
    gift : a good given with every set, its list price not charged; None without.
    starts_at, ends_at : validity; stores, channels : where (empty = everywhere).
    floor_margin_bp : least margin of the price [basis points].
    """

    bundle_id: str
    version: int
    parts: tuple[Part, ...]
    starts_at: datetime
    ends_at: datetime
    price_minor: int | None = None
    rate_bp: int | None = None
    gift: Part | None = None
    stores: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    floor_margin_bp: int = 0

    @property
    def list_price_minor(self) -> int:
        """List price of one set [minor units]."""
        return sum(p.units * p.list_minor for p in self.parts)

    @property
    def set_price_minor(self) -> int:
        """Price of one set [minor units]; a rate is rounded half up."""
        if self.price_minor is not None:
            return self.price_minor
        return (self.list_price_minor * (self.rate_bp or 0) + 5_000) // 10_000

    @property
    def cost_minor(self) -> int:
        """Cost of one set with its gift [minor units]."""
        parts = (*self.parts, self.gift) if self.gift else self.parts
        return sum(p.units * p.cost_minor for p in parts)


@dataclass(frozen=True, slots=True)
class SlipLine:
    """One line of an order slip [minor units]; a gift's net is 0."""

    product_id: str
    units: int
    list_minor: int
    discount_minor: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class LiveOffer:
    """What a set of the same goods costs under an offer that runs [minor units]."""

    offer_id: str
    starts_at: datetime
    ends_at: datetime
    stores: tuple[str, ...]
    set_price_minor: int


def check(template: Template, *, live: Sequence[LiveOffer] = ()) -> None:
    """Refuse a template that is incomplete, below cost, or dearer than an offer that runs.

    Raises
    ------
    ModelError
        `baskets.template`, `baskets.below_cost`, `baskets.clash`.
    """
    given = (template.price_minor is None) != (template.rate_bp is None)
    units = [p.units for p in (*template.parts, *([template.gift] if template.gift else []))]
    if not given or not template.parts or min(units) < 1 or template.ends_at <= template.starts_at:
        raise ModelError(
            "baskets.template",
            values={"parts": len(template.parts), "price": template.price_minor, "rate": template.rate_bp},
        )
    price, cost = template.set_price_minor, template.cost_minor
    if (price - cost) * 10_000 < template.floor_margin_bp * price or price < cost:
        raise ModelError("baskets.below_cost", values={"price": f"{price / 100:.2f}", "cost": f"{cost / 100:.2f}"})
    for offer in live:
        if _meets(template, offer) and offer.set_price_minor < price:
            raise ModelError("baskets.clash", values={
                    "offer": offer.offer_id, "start": f"{offer.starts_at:%Y-%m-%d}", "end": f"{offer.ends_at:%Y-%m-%d}",
                })  # fmt: skip


def _meets(template: Template, offer: LiveOffer) -> bool:
    apart = offer.ends_at <= template.starts_at or template.ends_at <= offer.starts_at
    everywhere = not template.stores or not offer.stores
    return not apart and (everywhere or not set(template.stores).isdisjoint(offer.stores))


def offer_row(template: Template) -> dict[str, object]:
    """The row of table `offers` that sells this bundle; columns not named here are null.

    Raises
    ------
    ModelError
        as `check`.
    """
    check(template)
    gift = template.gift
    return {
        "offer_id": f"{template.bundle_id}-v{template.version}", "promotion_id": None, "name": template.bundle_id,
        "mechanic": "bundle", "priority": PRIORITY, "starts_at": template.starts_at, "ends_at": template.ends_at,
        "weekdays": [], "stores": list(template.stores), "categories": [], "products": [], "except_products": [],
        "grades": [], "price_minor": template.set_price_minor, "threshold_minor": 0, "per_full": False,
        "bundle_products": [p.product_id for p in template.parts],
        "bundle_units": [str(p.units) for p in template.parts], "addon_products": [],
        "gift_product": gift.product_id if gift else None, "gift_units": gift.units if gift else 1,
        "gift_cost_minor": gift.units * gift.cost_minor if gift else None, "exclusive": False, "stacks_with": [],
    }  # fmt: skip


def order_slip(template: Template, *, sets: int) -> list[SlipLine]:
    """Lines of `sets` sets; the discount goes over the parts by list price, largest remainder, exact.

    Examples
    --------
    >>> from datetime import UTC
    >>> parts = tuple(Part(p, 1, price, 0) for p, price in (("a", 5900), ("b", 3900), ("c", 2900)))
    >>> when = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    >>> box = Template("B1", 1, parts, *when, price_minor=11_700)
    >>> [line.discount_minor for line in order_slip(box, sets=1)]
    [465, 307, 228]
    """
    lists = [p.units * p.list_minor * sets for p in template.parts]
    discount = sum(lists) - template.set_price_minor * sets
    offs = shared(discount, lists)
    lines = [
        SlipLine(p.product_id, p.units * sets, full, off, full - off)
        for p, full, off in zip(template.parts, lists, offs, strict=True)
    ]
    if template.gift:
        worth = template.gift.units * template.gift.list_minor * sets
        lines.append(SlipLine(template.gift.product_id, template.gift.units * sets, worth, worth, 0))
    return lines


def shared(total: int, weights: Sequence[int]) -> list[int]:
    """`total` over `weights`, whole and exact (`core.apportion.largest_remainder`); to the first where all are 0.

    Examples
    --------
    >>> shared(1000, [59, 39, 29])
    [465, 307, 228]
    """
    if not any(weights):
        return [total, *([0] * (len(weights) - 1))] if weights else []
    shares: list[int] = largest_remainder(np.array(weights), np.array([total]), np.array([0])).tolist()
    return shares


def available_sets(template: Template, stock: Mapping[str, int]) -> int:
    """Sets that can be sold from the units in stock; a gift that is also a part counts twice.

    Examples
    --------
    >>> from datetime import UTC
    >>> parts = (Part("a", 2, 100, 50), Part("b", 1, 100, 50))
    >>> when = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    >>> box = Template("B1", 1, parts, *when, price_minor=250)
    >>> available_sets(box, {"a": 7, "b": 9})
    3
    """
    needs: dict[str, int] = {}
    for part in (*template.parts, *([template.gift] if template.gift else [])):
        needs[part.product_id] = needs.get(part.product_id, 0) + part.units
    return min(max(stock.get(product, 0), 0) // units for product, units in needs.items())
