"""How did we sell, why, shall we make it, what earns? A measure over calendar and dimensions, split exactly.

`split` and `margin_split` (module `causes`) take the gap of two periods apart; `growth` (`comparisons`) compares with
the last period, the same dates and the same festival slot; `flags` (`store_weeks`) finds stores with an unusual week.
`targets` splits a year down to persons and months (`crosstable` where rows and columns are both given), `completion`
(`outlook`, from `candidates`) says whether a month will be reached, `people` is the seller's sheet. `goods` ranks what
grows, `ranks` classes it (ABC, XYZ, delisting), `composite` ranks by several figures at once, `price_bands`
is the price ladder, `assortment` measures distribution, `margins` what is left after loss,
`costing` what a good cost (moving average, bundles),
`diversion` finds goods outside their region, `expenses` compares spending with a budget that breathes.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
