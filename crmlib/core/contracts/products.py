"""`products`: what is sold, gifts and services marked."""

from __future__ import annotations

import dataframely as dy

from crmlib.core.contracts.base import Contract, Table
from crmlib.core.contracts.receipts import UNITS

PRICE_BANDS = ("low", "mid", "high")


class Products(Table):
    """One row per product."""

    product_id = dy.String(primary_key=True)
    name = dy.String(nullable=True)
    category_1 = dy.String(nullable=True)
    category_2 = dy.String(nullable=True)
    category_3 = dy.String(nullable=True)
    brand = dy.String(nullable=True)
    flavour = dy.String(nullable=True)
    pack = dy.String(nullable=True)
    unit = dy.Enum(UNITS, nullable=False)
    list_minor = dy.Int64(nullable=True, min=0)
    cost_minor = dy.Int64(nullable=True, min=0)
    shelf_life_days = dy.Int32(nullable=True, min=0)
    days_of_use = dy.Int32(nullable=True, min=0)
    price_band = dy.Enum(PRICE_BANDS, nullable=True)
    is_gift = dy.Bool(nullable=False)
    is_service = dy.Bool(nullable=False)
    launched_on = dy.Date(nullable=True)
    delisted_on = dy.Date(nullable=True)
    goes_with = dy.String(nullable=True)
    """Product that is mostly bought along with this one, its complement."""


PRODUCTS = Contract(
    "products",
    Products,
    ("product_id",),
    event="launched_on",
    defaults=(("unit", "piece"), ("is_gift", "false"), ("is_service", "false")),
    ahead=True,
)
