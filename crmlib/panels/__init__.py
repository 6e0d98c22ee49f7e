"""Receipt lines become the few reductions that models read; the only code that touches a line.

Each panel is written once, in Narwhals, and runs where the lines are: Polars (lazy, streaming), DuckDB, or any other
engine that Narwhals knows. The reduction comes back as an eager Polars frame with the panel's own column types and
order, so that the same lines give the same bytes on every engine.

A page has a handle on its lines, `page.lines`, which panels accept and nobody else can read; `part` narrows it.
"""

from crmlib.panels.behind import lines_behind, lines_shared
from crmlib.panels.customers import customer_day, customer_period, customer_span, customer_summary
from crmlib.panels.feeds import (
    costed_sums,
    day_cards,
    day_sums,
    feed_days,
    goods_sums,
    ids,
    missing_fields,
    span,
    values_of,
)
from crmlib.panels.handle import ReceiptLines, part
from crmlib.panels.history import holdout, purchase_history
from crmlib.panels.promotions import (
    bulk_receipts,
    goods_sold,
    last_sales,
    offer_days,
    price_points,
    product_day,
    promotion_goods,
    promotion_money,
    sales_cells,
    stores_of,
    taken_receipts,
    traffic,
    whole_baskets,
)
from crmlib.panels.rfm import rfm_cuts
from crmlib.panels.sales import product_period, store_day_cube, store_day_money
from crmlib.panels.stock import store_product_day
from crmlib.panels.stores import flows, store_day
from crmlib.panels.tenders import store_day_tender
from crmlib.panels.visits import (
    customer_margin,
    goods_bought,
    goods_days,
    last_goods,
    last_receipts,
    member_days,
    member_goods,
    open_days,
    visit_days,
)
from crmlib.panels.weeks import store_product_week

__all__ = [
    "ReceiptLines",
    "bulk_receipts",
    "costed_sums",
    "customer_day",
    "customer_margin",
    "customer_period",
    "customer_span",
    "customer_summary",
    "day_cards",
    "day_sums",
    "feed_days",
    "flows",
    "goods_bought",
    "goods_days",
    "goods_sold",
    "goods_sums",
    "holdout",
    "ids",
    "last_goods",
    "last_receipts",
    "last_sales",
    "lines_behind",
    "lines_shared",
    "member_days",
    "member_goods",
    "missing_fields",
    "offer_days",
    "open_days",
    "part",
    "price_points",
    "product_day",
    "product_period",
    "promotion_goods",
    "promotion_money",
    "purchase_history",
    "rfm_cuts",
    "sales_cells",
    "span",
    "store_day",
    "store_day_cube",
    "store_day_money",
    "store_day_tender",
    "store_product_day",
    "store_product_week",
    "stores_of",
    "taken_receipts",
    "traffic",
    "values_of",
    "visit_days",
    "whole_baskets",
]
