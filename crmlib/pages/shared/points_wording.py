"""Differences of shares in words: 6.9 percentage points are not 6.9 percent."""

from __future__ import annotations

from crmlib.kit.words import Words


def points(share: float | None, words: Words) -> str:
    """A difference of two shares (0 to 1) as percentage points."""
    return words("page.percentage_points", points=words.format.number(None if share is None else 100 * share, digits=1))
