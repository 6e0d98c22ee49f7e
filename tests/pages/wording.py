"""What tests of several pages' findings have in common."""

from __future__ import annotations

import re
import string
from datetime import date

import polars as pl

from crmlib.kit.words import Words


def says(words: Words, key: str, headline: str) -> bool:
    """Whether the headline was made from the sentence `key`: its fixed words stand in it, in order."""
    pattern = ""
    for fixed, name, form, _ in string.Formatter().parse(words.sentence(key)):
        plural = (form or "").removeprefix("plural:") if (form or "").startswith("plural:") else ""
        chosen = "|".join(re.escape(one) for one in plural.split("|")) if plural else ".*"
        beside = re.sub(r"^\\ |\\ $", " ?", re.escape(fixed))  # Chinese closes up beside Chinese
        pattern += beside + (f"(?:{chosen})" if name else "")
    return re.search(pattern, headline, flags=re.DOTALL) is not None


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
