"""What runs out, expires, lies: demand, cover, batches, stock-outs and what they lost."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
