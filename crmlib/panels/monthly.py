"""Panels with a row per member and day, or per receipt and good: made month by month, their ids as places in a list.

Millions of such rows come back, and their ids as texts would be most of them: an Enum holds each text once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

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
    kinds = {column: pl.Categorical(pl.Categories.random()) for column in ids}
    parts = (part(lines, start=first, end=last) for first, last in months(start, end))
    made = pl.concat([panel(month).with_columns(pl.col(c).cast(kind) for c, kind in kinds.items()) for month in parts])
    for column in ids:
        made = made.with_columns(_sorted(made[column]))
    return made


def _sorted(values: pl.Series) -> pl.Series:
    """Categories as an Enum of those that are there, in their order."""
    few = values.drop_nulls().unique()
    names = few.cast(pl.String)
    order = names.arg_sort().to_numpy()
    codes = few.to_physical().to_numpy()
    place = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.uint32)
    place[codes[order]] = np.arange(order.size, dtype=np.uint32)
    found = pl.Series(values.name, place[values.to_physical().fill_null(0).to_numpy()])
    return found.set(values.is_null(), None).cat.to(pl.Enum(names.gather(order)))


def months(start: date, end: date) -> Iterator[tuple[date, date]]:
    """First and last day of each month, the first from `start` and the last to `end` on; at least one."""
    first = start
    while True:
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        yield first, min(end, following - DAY)
        if following > end:
            return
        first = following


def spans(start: date, end: date, most: int) -> Iterator[tuple[date, date]]:
    """First and last day of spans of at most `most` days from `start` to `end`."""
    while start <= end:
        yield start, min(end, start + (most - 1) * DAY)
        start += most * DAY
