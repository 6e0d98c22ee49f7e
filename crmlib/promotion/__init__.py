"""What an offer costs, what it brought, what the next one will bring."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
