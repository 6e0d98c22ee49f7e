"""Names of codes, and the question to those who called."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.kit.words import Words


def named(words: Words, place: str, code: str | None) -> str:
    """The word for a code (`<place>.<code>`), or the code itself where a source brings its own."""
    if code is None:
        return words("page.none")
    return words.label(f"{place}.{code}") or code


def questions(codes: Sequence[Sequence[str]], words: Words) -> pl.DataFrame:
    """The column to fill in: for each row the reasons it allows, in the words of the page."""
    lists = [[words(f"churn.cause.{c}") for c in allowed] for allowed in codes]
    return pl.DataFrame({"loss_reason": pl.Series(lists, dtype=pl.List(pl.String))})
