"""Customer lifetime value: how much will each customer still buy, with its uncertainty.

One module per model, one verb: `clv.bg_nbd.fit(history)`. Sub-modules are imported when first used.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "backtest",
    "baselines",
    "bg_bb",
    "bg_nbd",
    "bridge",
    "calendar_grid",
    "gamma_gamma",
    "ggom_nbd",
    "history",
    "horizon",
    "intervals",
    "mbg_nbd",
    "nbd",
    "pareto_nbd",
    "pareto_nbd_calendar",
    "portfolio",
    "posterior",
    "predict",
    "sbg",
    "store",
    "value",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"crmlib.clv.{name}")
    raise AttributeError(f"module 'crmlib.clv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
