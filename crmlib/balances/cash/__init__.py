"""The cash book and cash on its way to the bank."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
