"""Customer lifetime value: how much will each customer still buy, with its uncertainty.

One module per model, one verb: `clv.bg_nbd.fit(history)`. Sub-modules are imported when first used.
"""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
