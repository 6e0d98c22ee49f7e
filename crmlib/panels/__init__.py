"""Receipt lines become the few reductions that models read; the only code that touches every line.

Each panel is written once, in Narwhals, and runs where the lines are: Polars (lazy, streaming), DuckDB, or any other
engine that Narwhals knows. The reduction comes back as an eager Polars frame with the panel's own column types and
order, so that the same lines give the same bytes on every engine.
"""

from crmlib.panels.customers import customer_day, customer_period, customer_summary
from crmlib.panels.history import holdout, purchase_history
from crmlib.panels.rfm import rfm_cuts
from crmlib.panels.sales import product_period, store_day_cube
from crmlib.panels.stock import store_product_day
from crmlib.panels.stores import flows, store_day
from crmlib.panels.weeks import store_product_week

__all__ = [
    "customer_day",
    "customer_period",
    "customer_summary",
    "flows",
    "holdout",
    "product_period",
    "purchase_history",
    "rfm_cuts",
    "store_day",
    "store_day_cube",
    "store_product_day",
    "store_product_week",
]
