"""What the churn pages cannot tell: always, and for want of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmlib.kit.finding import Limits
from crmlib.kit.words import Words


def limits(words: Words, report: str, *, always: Sequence[str], missing: Mapping[str, bool]) -> Limits:
    """Sentences `<report>.limits.<key>` for what always holds and for what is missing."""
    keys = [*always, *(key for key, gone in missing.items() if gone)]
    return Limits(tuple(words(f"{report}.limits.{key}") for key in keys))
