from crmlib.sales import assortment as assortment
from crmlib.sales import causes as causes
from crmlib.sales import composite as composite
from crmlib.sales import costing as costing
from crmlib.sales import diversion as diversion
from crmlib.sales import expenses as expenses
from crmlib.sales import goods as goods
from crmlib.sales import margins as margins
from crmlib.sales import people as people
from crmlib.sales import price_bands as price_bands
from crmlib.sales import ranks as ranks
from crmlib.sales import targets as targets
from crmlib.sales.causes import margin_split as margin_split
from crmlib.sales.causes import split as split
from crmlib.sales.comparisons import growth as growth
from crmlib.sales.outlook import completion as completion
from crmlib.sales.store_weeks import flags as flags

__all__ = [
    "assortment",
    "causes",
    "completion",
    "composite",
    "costing",
    "diversion",
    "expenses",
    "flags",
    "goods",
    "growth",
    "margin_split",
    "margins",
    "people",
    "price_bands",
    "ranks",
    "split",
    "targets",
]
