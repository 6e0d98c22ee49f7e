"""Panels with a row per member and day, or per receipt and good: made month by month, their ids as places in a list.

Millions of such rows come back, and their ids as texts would be most of them: an Enum holds each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.codes import coded
from crmlib.core.frames import AnyFrame
from crmlib.panels.handle import ReceiptLines, part

DAY = timedelta(days=1)


def monthly(
    lines: AnyFrame, panel: Callable[[ReceiptLines], pl.DataFrame], *, start: date, end: date, ids: Sequence[str]
) -> pl.DataFrame:
    """`panel` of the lines of each month from `start` to `end`, both included, one below the other.

    Parameters
    ----------
    panel : of a handle on a month's lines; its rows must depend on no other month.
    ids : its columns of texts to be given back as Enums of all their values, sorted: they sort and compare as the
        texts do, and take 4 bytes a row.
    """
    parts: list[pl.DataFrame] = []
    names: dict[str, list[pl.Series]] = {column: [] for column in ids}
    for first, last in _months(start, end):
        made = panel(part(lines, start=first, end=last))
        for column in ids:
            place, known = coded(made[column])
            names[column].append(known)
            made = made.with_columns(pl.Series(column, place, dtype=pl.Int32))
        parts.append(made)
    for column in ids:
        every = pl.concat(names[column]).unique().sort()
        kind = pl.Enum(every)
        for n, known in enumerate(names[column]):
            parts[n] = parts[n].with_columns(_named(parts[n][column], known, every).cat.to(kind))
    return pl.concat(parts)


def _named(place: pl.Series, known: pl.Series, every: pl.Series) -> pl.Series:
    """Places among `known` (-1: none) as places among `every` (null: none); both lists sorted."""
    found = np.append(every.search_sorted(known).to_numpy(), 0).astype(np.uint32)[place.to_numpy()]
    return pl.Series(place.name, found).set(place < 0, None)


def _months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day of each month, the first from `start` and the last to `end` on; at least one."""
    first = start
    while True:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        yield first, min(end, following - DAY)
        if following > end:
            return
        first = following
