from crmlib.movement import apportion as apportion
from crmlib.movement import by_purchase as by_purchase
from crmlib.movement import cohorts as cohorts
from crmlib.movement import cross_shop as cross_shop
from crmlib.movement import gain_loss as gain_loss
from crmlib.movement import levels as levels
from crmlib.movement import new_lapsed as new_lapsed
from crmlib.movement import path as path
from crmlib.movement import periods as periods
from crmlib.movement import revenue_tree as revenue_tree
from crmlib.movement import traits as traits

__all__ = [
    "apportion",
    "by_purchase",
    "cohorts",
    "cross_shop",
    "gain_loss",
    "levels",
    "new_lapsed",
    "path",
    "periods",
    "revenue_tree",
    "traits",
]
