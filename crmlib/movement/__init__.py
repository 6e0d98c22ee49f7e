"""How customers move: where the change came from and went to, who is new or gone, which sets they share.

`gain_loss` splits the change of sales between two `periods` exactly and names only net flows beyond their noise;
`new_lapsed`, `levels`, `cohorts` and `by_purchase` say who they are; `cross_shop` shows 2–12 sets as a partition;
`path` follows first, second and third trips; `traits` orders what decides the choice on a shelf; `revenue_tree` splits
revenue into members, trips, units and price. `apportion` shares out whole units.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
