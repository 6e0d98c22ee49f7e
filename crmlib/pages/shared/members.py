"""Who is a member, in the words of member systems."""

from __future__ import annotations

from crmlib.kit.words import Words


def tags(words: Words) -> dict[str, tuple[str, ...]]:
    """Words by which member systems mark staff and business cards, for `scoring.cards.sort_cards`."""
    return {kind: tuple(words(f"scoring.tags.{kind}").split(";")) for kind in ("staff", "business")}
