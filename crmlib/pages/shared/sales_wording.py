"""Small wordings that the sales pages share: names of periods, causes, money on an axis."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

import polars as pl

from crmlib.kit.words import Words


def period_name(span: tuple[date, date], *, words: Words) -> str:
    """A whole month by its name, a day by its date, else from and to."""
    first, last = span
    if first == last:
        return words.format.day(last)
    whole = first.day == 1 and (last.year, last.month) == (first.year, first.month)
    if whole and last.day == monthrange(last.year, last.month)[1]:
        return words.format.month(last)
    return words("page.period", start=words.format.day(first), end=words.format.day(last))


def signed(minor: float | None, *, words: Words) -> str:
    """Money with its sign: a gap."""
    return words.format.gain(minor)


def points(now: float | None, then: float | None, *, words: Words) -> str:
    """The change of a rate in percentage points, signed."""
    return words("page.none") if now is None or then is None else words.format.points(now - then)


def cause(name: str, *, words: Words) -> str:
    """A cause in words."""
    return words(f"sales.cause.{name}")


def largest(parts: pl.DataFrame, *, sign: int = 0) -> tuple[str, int] | None:
    """The largest of the causes (cause, gap_minor), of all of them or of those of a sign; none where all are 0."""
    found = parts.filter(pl.col("gap_minor") * sign > 0) if sign else parts.filter(pl.col("gap_minor") != 0)
    if found.is_empty():
        return None
    row = found.sort(pl.col("gap_minor").abs(), descending=True, maintain_order=True).row(0, named=True)
    return str(row["cause"]), int(row["gap_minor"])
