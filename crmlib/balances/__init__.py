"""What we have, owe and are owed: opening + signed moves by kind = closing, for every book of the company.

`statement` rolls any ledger forward, `ledgers` names those of the lake, `pairing` says what was used of what and how
old the rest is, `ties` and `rules` find where books disagree, `intervals` come from past errors. Subjects:

- `stock`: `season`, `demand`, `cover`, `expiry`, `advice`, `stockouts`, `lost_sales`, `negative_binomial`
- `receivables`: `open_items`, `moves`, `count_back`, `delay`, `roll_rates`, `reminders`
- `liability`: `cohorts`, `ultimate`, `chain_ladder`, `accounting`, `vouchers`, `held`, `cards`
- `cash`: `book`
"""

from crmlib.core.lazy import submodules

__all__ = [
    "cash",
    "intervals",
    "ledgers",
    "liability",
    "pairing",
    "receivables",
    "rules",
    "statement",
    "stock",
    "ties",
]

__getattr__, __dir__ = submodules(__name__, __path__)
