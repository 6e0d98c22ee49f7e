"""Who is leaving, why, and what works against it."""

from crmlib.core.lazy import submodules

__getattr__, __dir__ = submodules(__name__, __path__)
