"""The words of heads (`words.toml`, `presets.toml`) and how a head is compared with them."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

TABLES = ("receipt_lines", "customers", "products", "stores")
UNIT = re.compile(r"[(\uff08\[].*?[)\uff09\]]")
LATIN_ACCENT = re.compile("([a-z])[\u0300-\u036f]+")


@cache
def words() -> dict[str, Any]:
    """The words of heads, by table and column."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


@cache
def systems() -> dict[str, Any]:
    """Exports of shop systems, by the heads that only they have."""
    return tomllib.loads(Path(__file__).with_name("presets.toml").read_text(encoding="utf-8"))


@cache
def simplified() -> dict[int, int]:
    """Characters of heads that are written otherwise in Hong Kong and Taiwan."""
    both = words()["characters"]
    return str.maketrans(both["traditional"], both["simplified"])


def plain(head: str) -> str:
    """A head in lower case, without unit, blanks, signs and accents; traditional characters as simplified ones.

    Examples
    --------
    >>> plain("Line Total (USD)"), plain("customer_id"), plain("(code)"), plain("N\u00b0 client")
    ('linetotal', 'customerid', 'code', 'nclient')
    """
    without = UNIT.sub("", head)
    bare = re.sub(r"[\s_\-./#:\uff1a*'\"()\uff08\uff09\xb0\xba]+", "", without if without.strip() else head).lower()
    apart = unicodedata.normalize("NFD", bare)
    return unicodedata.normalize("NFC", LATIN_ACCENT.sub(r"\1", apart)).translate(simplified())


def system_of(heads: Sequence[str]) -> str:
    """The shop system whose export it is: the one of which most heads are there."""
    present = {plain(h) for h in heads}
    fit = {
        name: sum(plain(w) in present for known in one["columns"].values() for w in known)
        for name, one in systems().items()
        if all(any(plain(w) in present for w in either) for either in one["heads"])
    }
    return max(fit, key=lambda name: fit[name]) if fit else ""


@cache
def vocabulary() -> frozenset[str]:
    """All words of heads, of whatever table."""
    of_tables = [
        known
        for table in TABLES
        for part in (words()[table], words()[table].get("parts", {}))
        for known in part.values()
        if isinstance(known, list)
    ]
    of_systems = [known for one in systems().values() for known in one["columns"].values()]
    return frozenset(plain(word) for known in (*of_tables, *of_systems) for word in known)
