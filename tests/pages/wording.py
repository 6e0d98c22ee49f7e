"""What tests of several pages' findings have in common."""

from __future__ import annotations

import string
from datetime import date

import polars as pl

from crmlib.kit.words import Words
from crmlib.kit.words.sentences import _table


def says(words: Words, key: str, headline: str) -> bool:
    """Whether the headline was made from the sentence `key`: its fixed words stand in it, in order."""
    at = 0
    template = words(key, **{name: "\0" for name in _fields(words, key)})
    for piece in template.split("\0"):
        found = headline.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _fields(words: Words, key: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(_table(words.language)[key]) if name]


def months(shares: list[float]) -> pl.DataFrame:
    n = len(shares)
    return pl.DataFrame(
        {
            "month": [date(2025, k + 1, 1) for k in range(n)], "net_minor": [1_000] * n,
            "member_net_minor": [int(1_000 * s) for s in shares], "receipts": [100] * n,
            "member_receipts": [int(100 * s) for s in shares], "days": [30] * n, "share_net": shares,
            "share_receipts": shares,
        }
    )  # fmt: skip
