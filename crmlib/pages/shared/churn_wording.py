"""Names of codes, the question to those who called, and what must be said beside money at risk."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.churn.last_test import Reserve
from crmlib.kit.finding import Status
from crmlib.kit.words import Words

MATTERS = 0.1
"""From this far off on, money at risk is not written without what came of such risks."""


def named(words: Words, place: str, code: str | None) -> str:
    """The word for a code (`<place>.<code>`), or the code itself where a source brings its own."""
    if code is None:
        return words("page.none")
    return words.label(f"{place}.{code}") or code


def questions(codes: Sequence[Sequence[str]], words: Words) -> pl.DataFrame:
    """The column to fill in: for each row the reasons it allows, in the words of the page."""
    lists = [[words(f"churn.cause.{c}") for c in allowed] for allowed in codes]
    return pl.DataFrame({"loss_reason": pl.Series(lists, dtype=pl.List(pl.String))})


def means_in_words(means: pl.Series, words: Words) -> pl.Series:
    """By which means, in the words that every list uses."""
    return pl.Series("means", [words(f"churn.means.{m}") for m in means], dtype=pl.String)


def reserve(found: Reserve | None, status: Status, *, words: Words) -> tuple[str, str]:
    """What must be said beside money at risk, and how it is: the sentence, and high, low, slight, good or untested.

    Parameters
    ----------
    found : the money as written and by what came of such risks at the last test; none where no test has closed.
    status : of the calibration check on the same page.
    """
    if found is None:
        return words("churn.reserve.untested"), "untested"
    off = found.seen / found.written - 1 if found.written else 0.0
    kind = "high" if off <= -MATTERS else "low" if off >= MATTERS else "slight" if status != "ok" else "good"
    return words(f"churn.reserve.{kind}", seen=words.format.money(found.seen)), kind
