"""What we have, owe and are owed: opening + signed moves by kind = closing, for every book of the company.

`statement` (module `roll_forward`) rolls any ledger forward, `ledgers` names those of the lake, `pair` and `aged`
(`pairing`) say what was used of what and how old the rest is, `tie` (`ties`) and `rules` find where books disagree,
`intervals` come from past errors. Subjects:

- `stock`: `season`, `demand`, `cover` and `excess` (`days_of_cover`), `expiry`, `advice`, `stockouts`, `lost_sales`
- `receivables`: `open_items`, `moves`, `count_back`, `delay`, `roll_rates`, `reminders`
- `liability`: `cohorts`, `ultimate`, `chain_ladder`, `accounting`, `vouchers`, `held`, `cards`
- `cash`: `book`
"""

import importlib

from crmlib.core.lazy import submodules

_FUNCTIONS = {"statement": "roll_forward", "tie": "ties", "pair": "pairing", "aged": "pairing"}
__all__ = [
    "aged",
    "cash",
    "intervals",
    "ledgers",
    "liability",
    "pair",
    "pairing",
    "receivables",
    "roll_forward",
    "rules",
    "statement",
    "stock",
    "tie",
    "ties",
]

_module, __dir__ = submodules(__name__, __path__, names=_FUNCTIONS)


def __getattr__(name: str) -> object:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    return _module(name)
