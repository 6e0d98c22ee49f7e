"""What runs out, expires, lies: demand, cover, batches, stock-outs and what they lost."""

import importlib

from crmlib.core.lazy import submodules

_FUNCTIONS = {"cover": "days_of_cover", "excess": "days_of_cover"}
__all__ = [
    "advice",
    "books",
    "cover",
    "days_of_cover",
    "demand",
    "ends",
    "excess",
    "expiry",
    "lost_sales",
    "negative_binomial",
    "season",
    "shelf",
    "stockouts",
]

_module, __dir__ = submodules(__name__, __path__, names=_FUNCTIONS)


def __getattr__(name: str) -> object:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    return _module(name)
