"""`offers`: the rules of a promotion, one by one, as the till needs them."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

MECHANICS = (
    *("rate", "price", "nth_unit", "multi_rate", "pick", "bundle"),
    *("threshold_off", "threshold_rate", "add_on", "coupon", "gift"),
)


class Offers(Table):
    """One row per rule; empty lists mean all (numbers in lists are text). Fields: `promotion.Offer`."""

    offer_id = dy.String(primary_key=True)
    promotion_id = dy.String(nullable=True)
    name = dy.String(nullable=True)
    mechanic = dy.Enum(MECHANICS, nullable=False)
    priority = dy.Int32(nullable=False)
    starts_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    ends_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)
    weekdays = dy.List(dy.String(nullable=False), nullable=False)
    from_minute = dy.Int32(nullable=True, min=0, max=1439)
    to_minute = dy.Int32(nullable=True, min=0, max=1440)
    stores = dy.List(dy.String(nullable=False), nullable=False)
    categories = dy.List(dy.String(nullable=False), nullable=False)
    products = dy.List(dy.String(nullable=False), nullable=False)
    except_products = dy.List(dy.String(nullable=False), nullable=False)
    grades = dy.List(dy.String(nullable=False), nullable=False)
    rate_bp = dy.Int32(nullable=True, min=1, max=9999)
    price_minor = dy.Int64(nullable=True, min=1)
    off_minor = dy.Int64(nullable=True, min=1)
    threshold_minor = dy.Int64(nullable=False, min=0)
    min_units = dy.Int32(nullable=True, min=1)
    per_full = dy.Bool(nullable=False)
    max_times = dy.Int32(nullable=True, min=1)
    cap_minor = dy.Int64(nullable=True, min=1)
    bundle_products = dy.List(dy.String(nullable=False), nullable=False)
    bundle_units = dy.List(dy.String(nullable=False), nullable=False)
    addon_products = dy.List(dy.String(nullable=False), nullable=False)
    gift_product = dy.String(nullable=True)
    gift_units = dy.Int32(nullable=False, min=1)
    gift_cost_minor = dy.Int64(nullable=True, min=0)
    gift_stock = dy.Int64(nullable=True, min=0)
    stack_group = dy.String(nullable=True)
    exclusive = dy.Bool(nullable=False)
    stacks_with = dy.List(dy.String(nullable=False), nullable=False)
    limit_member_day = dy.Int32(nullable=True, min=1)
    limit_total = dy.Int64(nullable=True, min=1)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """An offer ends after it starts."""
        return cls.ends_at.col > cls.starts_at.col

    @dy.rule()
    def gift_has_cost(cls) -> pl.Expr:  # noqa: N805
        """A gift has a product and a cost."""
        return (cls.mechanic.col != "gift") | (
            cls.gift_product.col.is_not_null() & cls.gift_cost_minor.col.is_not_null()
        )


_LISTS = (
    *("weekdays", "stores", "categories", "products", "except_products", "grades"),
    *("bundle_products", "bundle_units", "addon_products", "stacks_with"),
)
OFFERS = Contract(
    "offers",
    Offers,
    ("offer_id",),
    event="starts_at",
    defaults=(
        *((name, "") for name in _LISTS),
        *(
            ("priority", "100"),
            ("threshold_minor", "0"),
            ("gift_units", "1"),
            ("per_full", "false"),
            ("exclusive", "false"),
        ),
    ),
    ahead=True,
)
