"""crmlib: from raw retail exports to findings that a planner can act on."""

from __future__ import annotations

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "charts",
    "churn",
    "clv",
    "core",
    "data",
    "findings",
    "panels",
    "promotion",
    "report",
    "run",
    "scoring",
    "simulate",
    "sites",
    "tables",
    "text",
]


def __getattr__(name: str) -> ModuleType:
    """Import a sub-package on first use: `import crmlib` itself stays cheap."""
    if name in __all__:
        return importlib.import_module(f"crmlib.{name}")
    raise AttributeError(f"module 'crmlib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
