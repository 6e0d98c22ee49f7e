"""How did we sell, why, shall we make it, what earns? A measure over calendar and dimensions, split exactly.

`split` and `margin_split` (module `causes`) take the gap of two periods apart; `growth` (`comparisons`) compares with
the last period, the same dates and the same festival slot; `flags` (`store_weeks`) finds stores with an unusual week.
`targets` splits a year down to persons and months (`crosstable` where rows and columns are both given), `completion`
(`outlook`, from `candidates`) says whether a month will be reached, `people` is the seller's sheet. `goods` ranks what
grows, `ranks` classes it (ABC, XYZ, delisting), `assortment` measures distribution, `margins` what is left after loss,
`costing` what a good cost (moving average, bundles),
`diversion` finds goods outside their region, `expenses` compares spending with a budget that breathes.
"""

from __future__ import annotations

import importlib

from crmlib.core.lazy import submodules

_FUNCTIONS = {
    "split": "causes",
    "margin_split": "causes",
    "growth": "comparisons",
    "flags": "store_weeks",
    "completion": "outlook",
}
__all__ = [
    "assortment", "causes", "completion", "costing", "diversion", "expenses", "flags", "goods", "growth",
    "margin_split", "margins", "people", "ranks", "split", "targets",
]  # fmt: skip
_module, __dir__ = submodules(__name__, __path__, names=_FUNCTIONS)


def __getattr__(name: str) -> object:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    return _module(name)
