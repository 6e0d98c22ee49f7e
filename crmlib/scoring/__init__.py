"""What is each customer worth, and which group do they belong to."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
