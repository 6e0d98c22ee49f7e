"""Bundles: which goods go together for the same member, what a bundle must convert to pay, and its template.

`pairs` tests pairs within members and marks promotion artefacts; `rules` gives plain lift for shops without cards;
`break_even` ranks pairs by what they must convert; `template` checks a bundle, writes its offer and order slip, and
counts the sets in stock.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
