"""What is owed in points, vouchers, cards and goods, and when it will be drawn."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
