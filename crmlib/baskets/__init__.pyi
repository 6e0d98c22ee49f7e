from crmlib.baskets import break_even as break_even
from crmlib.baskets import pairs as pairs
from crmlib.baskets import rules as rules
from crmlib.baskets import template as template
from crmlib.baskets.break_even import uptake as uptake
from crmlib.baskets.pairs import Pairs as Pairs
from crmlib.baskets.template import Part as Part
from crmlib.baskets.template import Template as Template
from crmlib.baskets.template import available_sets as available_sets
from crmlib.baskets.template import order_slip as order_slip

__all__ = [
    "Pairs",
    "Part",
    "Template",
    "available_sets",
    "break_even",
    "order_slip",
    "pairs",
    "rules",
    "template",
    "uptake",
]
