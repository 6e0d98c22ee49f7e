"""Customer lifetime value: how much will each customer still buy, with its uncertainty.

One module per model, one verb: `clv.bg_nbd.fit(history)`. The face below is imported when first used; behind it:
`models` (one per module), `estimate` (the climb, its certificate), `forecast` (purchases, money, intervals), `judge`
(back-test, baselines, diagnosis), `seasonal` (along the festival calendar), `exchange` (lifetimes, files), `numerics`.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
