"""What we have, owe and are owed: opening + signed moves by kind = closing, for every book of the company.

`statement` (module `roll_forward`) rolls any ledger forward, `ledgers` names those of the lake, `pair` and `aged`
(`pairing`) say what was used of what and how old the rest is, `tie` (`ties`) and `rules` find where books disagree,
`intervals` come from past errors. Subjects:

- `stock`: `season`, `demand`, `cover` and `excess` (`days_of_cover`), `expiry`, `advice`, `stockouts`, `lost_sales`
- `receivables`: `open_items`, `moves`, `count_back`, `delay`, `roll_rates`, `reminders`
- `liability`: `cohorts`, `ultimate`, `chain_ladder`, `accounting`, `vouchers`, `held`, `cards`
- `cash`: `book`
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
