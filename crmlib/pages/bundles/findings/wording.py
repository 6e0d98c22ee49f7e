"""What a bundle is called."""

from __future__ import annotations

from collections.abc import Mapping

from crmlib.kit.words import Words


def pair_of(row: Mapping[str, object], names: Mapping[str, str], words: Words) -> str:
    """The two goods of a row (left, right) by name, by number where they have none."""
    left, right = (names.get(str(row[side]), str(row[side])) for side in ("left", "right"))
    return words("bundles.pair", left=left, right=right)
